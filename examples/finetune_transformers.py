"""Fine-tune a causal language model to translate kernels, with transformers, from a stream of rows.

    python examples/finetune_transformers.py --data me/jit-kernels --config warp
    python examples/finetune_transformers.py --config jax --completion hlo_optimized

A row becomes a prompt and a completion, and the loss counts the completion alone. Ends with 1 if
the loss on validation rows did not fall.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from typing import Any

import tiny
import torch
from datasets import IterableDataset
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments


def pairs(rows: IterableDataset, prompt: str, completion: str) -> IterableDataset:
    """Rows of the dataset as prompt and completion: columns ``prompt`` to ``completion``."""

    def pair(row: dict[str, str]) -> dict[str, str]:
        return {
            "prompt": f"# {prompt}\n{row[prompt]}\n# {completion}\n",
            "completion": row[completion],
        }

    return rows.map(pair, remove_columns=list({prompt, completion}))


def encode(pair: dict[str, str], tokenizer: Any, length: int) -> dict[str, list[int]]:
    """Token ids of both texts in turn, cut at ``length``; the labels are -100, which no loss
    counts, on the prompt."""
    prompt = tokenizer(pair["prompt"])["input_ids"]
    completion = tokenizer(pair["completion"], add_special_tokens=False)["input_ids"]
    completion = [*completion, tokenizer.eos_token_id]
    labels = [-100] * len(prompt) + completion
    return {"input_ids": (prompt + completion)[:length], "labels": labels[:length]}


def tokens(rows: IterableDataset, tokenizer: Any, chosen: argparse.Namespace) -> IterableDataset:
    """What the trainer reads; a row of whose completion nothing is left is left out."""
    options = {"tokenizer": tokenizer, "length": chosen.max_length}
    return (
        pairs(rows, chosen.prompt, chosen.completion)
        .map(encode, fn_kwargs=options, remove_columns=["prompt", "completion"])
        .filter(lambda row: row["labels"][-1] != -100)
    )


def make_trainer(chosen: argparse.Namespace, folder: str) -> Trainer:
    """Load rows, model and tokenizer; ``folder`` is where the trainer may write."""
    train, validation = tiny.splits(chosen)
    model, tokenizer = tiny.model_and_tokenizer(chosen, train)
    return Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=folder,
            max_steps=chosen.steps,  # a stream has no length, so steps say when to stop
            per_device_train_batch_size=chosen.batch,
            per_device_eval_batch_size=chosen.batch,
            learning_rate=chosen.lr,
            warmup_steps=0.1,
            logging_steps=0.25,  # of all steps
            logging_first_step=True,
            save_strategy="no",
            dataloader_pin_memory=torch.cuda.is_available(),
            report_to="none",
            disable_tqdm=True,
            seed=chosen.seed,
        ),
        train_dataset=tokens(train, tokenizer, chosen),
        eval_dataset=tokens(validation, tokenizer, chosen),
        data_collator=DataCollatorForSeq2Seq(tokenizer),  # pads the labels with -100
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
