"""The options that say what a run of shards is, for all commands that make or name one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from jit_synthesis import CONFIGS, JitSynthesisConfig
from pipeline.shards import SHARD_ROWS
from verification import differing

Config = Annotated[str, typer.Option(help=f"One of {', '.join(CONFIGS)}.")]
Train = Annotated[int, typer.Option(help="Rows of train of each config.")]
Validation = Annotated[
    int | None, typer.Option(help="Rows of validation.", show_default="a tenth of --count")
]
Test = Annotated[int | None, typer.Option(help="Rows of test.", show_default="a tenth of --count")]
ShardRows = Annotated[int, typer.Option(help="Rows of a Parquet file.")]


def run_config(
    name: str, count: int, validation: int | None, test: int | None, **options: Any
) -> JitSynthesisConfig:
    """The config of a run; ValueError names a bad value and the choices.

    ``options`` are fields of JitSynthesisConfig. A split that is not told has a tenth of ``count``.
    """
    if count < 1:
        raise ValueError(f"count={count} must be 1 or more")
    return JitSynthesisConfig(
        name,
        num_train=count,
        num_validation=count // 10 if validation is None else validation,
        num_test=count // 10 if test is None else test,
        **options,
    )


def run_words(config: JitSynthesisConfig, shard_rows: int = SHARD_ROWS) -> list[str]:
    """The options that make the shards of a config again, the name of the config left out."""
    words = ["--count", str(config.num_train), "--validation", str(config.num_validation)]
    words += ["--test", str(config.num_test), "--seed", str(config.seed)]
    for option, value in differing(config).items():
        flag = f"--{option.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    if shard_rows != SHARD_ROWS:
        words += ["--shard-rows", str(shard_rows)]
    return words
