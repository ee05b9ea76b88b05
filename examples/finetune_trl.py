"""Fine-tune a chat model to translate kernels, with TRL's SFTTrainer, from a stream of rows.

    python examples/finetune_trl.py --data me/jit-kernels --config warp
    python examples/finetune_trl.py --config jax --completion hlo_optimized

A row becomes a question of the user and an answer of the assistant, and the loss counts the answer
alone. Ends with 1 if the loss on validation rows did not fall.
"""

from __future__ import annotations

import argparse
import sys
import tempfile

import tiny
import torch
from datasets import IterableDataset
from trl import SFTConfig, SFTTrainer

# What stands between generation and endgeneration is what assistant_only_loss counts: the answer
# and the token that ends it.
CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>"
    "{% if message.role == 'assistant' %}"
    "{% generation %}{{ message.content + eos_token }}{% endgeneration %}"
    "{% else %}{{ message.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def chats(rows: IterableDataset, prompt: str, completion: str) -> IterableDataset:
    """Rows of the dataset as conversations: column ``prompt`` asked, column ``completion`` told."""

    def chat(row: dict[str, str]) -> dict[str, list[dict[str, str]]]:
        question = f"Translate this kernel from {prompt} to {completion}:\n\n{row[prompt]}"
        return {
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "content": row[completion]},
            ]
        }

    return rows.map(chat, remove_columns=list({prompt, completion}))


def make_trainer(chosen: argparse.Namespace, folder: str) -> SFTTrainer:
    """Load rows, model and tokenizer; ``folder`` is where the trainer may write."""
    train, validation = tiny.splits(chosen)
    model, tokenizer = tiny.model_and_tokenizer(chosen, train)
    tokenizer.chat_template = tokenizer.chat_template or CHAT
    return SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=folder,
            assistant_only_loss=True,
            max_length=chosen.max_length,
            max_steps=chosen.steps,  # a stream has no length, so steps say when to stop
            per_device_train_batch_size=chosen.batch,
            per_device_eval_batch_size=chosen.batch,
            learning_rate=chosen.lr,
            warmup_steps=0.1,
            bf16=torch.cuda.is_available(),
            activation_checkpointing=bool(chosen.model),  # saves memory; a tiny model has enough
            logging_steps=0.25,  # of all steps
            logging_first_step=True,
            save_strategy="no",
            dataloader_pin_memory=torch.cuda.is_available(),
            report_to="none",
            disable_tqdm=True,
            seed=chosen.seed,
        ),
        train_dataset=chats(train, chosen.prompt, chosen.completion),
        eval_dataset=chats(validation, chosen.prompt, chosen.completion),
        processing_class=tokenizer,
    )


if __name__ == "__main__":
    chosen = tiny.options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        try:
            trainer = make_trainer(chosen, folder)
        except (ImportError, OSError, ValueError) as error:
            sys.exit(f"error: {str(error).splitlines()[0]}")
        if not tiny.train_and_compare(trainer, chosen.output):
            sys.exit("error: the loss on validation rows did not fall")
