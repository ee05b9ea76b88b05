"""What both scripts share: their options, the rows to stream, and a tokenizer and a model so small
that two cores train them in a minute. Nothing is downloaded but what --data and --model name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from datasets import IterableDataset, load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    set_seed,
)

MADE_HERE = "jit_synthesis"  # rows made while they are read, if that package is installed
VALIDATION = 32  # rows to evaluate on


def positive_number(text: str) -> int:
    """The number that ``text`` is; argparse tells the ValueError if it is none above 0."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def options(description: str) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", default=MADE_HERE, help="Hub repository, folder or file (default: made here)")
    add("--config", help="the dataset's config (default: its own default)")
    add("--prompt", default="python", help="column to translate from (default: %(default)s)")
    add("--completion", default="cuda", help="column to translate to (default: %(default)s)")
    add("--model", help="a pretrained model, by name or folder (default: a tiny untrained one)")
    add("--steps", type=positive_number, default=40, help="batches (default: %(default)s)")
    add("--batch", type=positive_number, default=8, help="rows a batch (default: %(default)s)")
    add("--max-length", type=positive_number, default=384, help="tokens (default: %(default)s)")
    add("--lr", type=float, help="learning rate (default: 3e-3, or 2e-5 with --model)")
    add("--seed", type=int, default=0, help="of rows and weights (default: %(default)s)")
    add("--output", type=Path, help="folder to save the model in (default: not saved)")
    chosen = parser.parse_args()
    if chosen.lr is None:
        chosen.lr = 2e-5 if chosen.model else 3e-3
    return chosen


def splits(chosen: argparse.Namespace) -> tuple[IterableDataset, IterableDataset]:
    """Stream the two columns of the train and the validation split; ValueError if one lacks."""
    if chosen.data == MADE_HERE:
        try:
            import jit_synthesis  # noqa: F401  (load_dataset finds it by name from here on)
        except ImportError as error:
            raise ValueError(f"no rows can be made here, {error}: give --data") from error
        loaded = load_dataset(
            MADE_HERE, chosen.config, streaming=True, seed=chosen.seed, num_train=512
        )
    elif Path(chosen.data).is_file():  # one split alone: its first rows are kept for validation
        rows = load_dataset("parquet", data_files=chosen.data, split="train", streaming=True)
        loaded = {"train": rows.skip(VALIDATION), "validation": rows.take(VALIDATION)}
    else:
        loaded = load_dataset(chosen.data, chosen.config, streaming=True)
    for split in ("train", "validation"):
        if split not in loaded:
            raise ValueError(f"{chosen.data} has no split {split!r}, only {', '.join(loaded)}")
    first = next(iter(loaded["train"]))
    for column in (chosen.prompt, chosen.completion):
        if not first.get(column):
            filled = ", ".join(name for name, value in first.items() if value)
            raise ValueError(f"no text in column {column!r} of {chosen.data}, only in {filled}")
    both = [chosen.prompt, chosen.completion]
    train, validation = (loaded[split].select_columns(both) for split in ("train", "validation"))
    return train, validation.take(VALIDATION)


def model_and_tokenizer(
    chosen: argparse.Namespace, train: IterableDataset
) -> tuple[Any, PreTrainedTokenizerFast]:
    """The pretrained pair that --model names, or a tiny one whose tokenizer learns from ``train``.

    Raises OSError or ValueError if --model cannot be loaded.
    """
    set_seed(chosen.seed)
    if chosen.model:
        tokenizer = AutoTokenizer.from_pretrained(chosen.model)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return AutoModelForCausalLM.from_pretrained(chosen.model), tokenizer
    # On busy cores two threads wait for each other: 2.2 s a batch where one takes 0.3 s.
    torch.set_num_threads(1)
    tokenizer = train_tokenizer(text for row in train.take(64) for text in row.values())
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=chosen.max_length,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config), tokenizer


def train_tokenizer(texts: Iterable[str], size: int = 2048) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE of at most ``size`` tokens; it can spell any text."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<pad>", "<eos>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>", eos_token="<eos>")


def train_and_compare(trainer: Trainer, output: Path | None) -> bool:
    """Train, print the losses before and after, and say whether that on validation rows fell."""
    fitting = sum(1 for _ in trainer.eval_dataset)
    print(f"validation on {fitting} rows whose prompt is shorter than --max-length")
    if not fitting:
        sys.exit("error: a row cut there leaves nothing of any completion: raise --max-length")
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    after = trainer.evaluate()["eval_loss"]
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    print(f"training loss    first {losses[0]:.3f}  last {losses[-1]:.3f}")
    print(f"validation loss before {before:.3f} after {after:.3f}")
    if output:
        trainer.save_model(str(output))
    return after < before
