"""The commands that publish a dataset, and that make published rows again."""

from __future__ import annotations

import shlex
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from huggingface_hub.utils import disable_progress_bars

from jit_synthesis import CONFIGS, SPLITS, JitSynthesisConfig
from pipeline.folders import Folder
from pipeline.hub import Hub
from pipeline.options import (
    AsJson,
    Categories,
    Extended,
    MinVerified,
    Preamble,
    Seed,
    Verify,
    Workers,
)
from pipeline.progress import Bar, InterruptedRun, err
from pipeline.publishing import publish as publish_to
from pipeline.remaking import remake
from pipeline.retrying import Patience
from pipeline.shards import SHARD_ROWS
from pipeline.verify_report import print_differences
from verification import differing


def publish(
    repo: Annotated[str, typer.Argument(help="The dataset's name on the Hub: me/jit-kernels.")],
    configs: Annotated[
        str, typer.Option(help=f"Configs to publish, as in warp,jax: of {', '.join(CONFIGS)}.")
    ] = ",".join(CONFIGS),
    count: Annotated[int, typer.Option(help="Rows of train of each config.")] = 1500,
    validation: Annotated[
        int | None, typer.Option(help="Rows of validation.", show_default="a tenth of --count")
    ] = None,
    test: Annotated[
        int | None, typer.Option(help="Rows of test.", show_default="a tenth of --count")
    ] = None,
    extended: Extended = False,
    categories: Categories = None,
    seed: Seed = 0,
    preamble: Preamble = False,
    verify: Verify = None,
    min_verified: MinVerified = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Write the repository to this folder.", show_default="upload it"),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    revision: Annotated[str, typer.Option(help="The branch to publish on.")] = "main",
    shard_rows: Annotated[int, typer.Option(help="Rows of a Parquet file.")] = SHARD_ROWS,
    workers: Workers = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away a half-done run of other options.")
    ] = False,
) -> None:
    """Publish configs as a dataset that loads without this code, with a card made from it.

    Shards are made, sent to a branch of their own and removed here as they are done; the last
    commit shows them all, with the card. After a stop, even by kill -9, the same command goes on:
    nothing finished is made or sent again. The token is where `hf auth login` or HF_TOKEN put it.
    Needs: pip install "jit-synthesis\\[publish]"

    jit-synthesis publish me/jit-kernels --configs warp,jax --count 100000 --verify gradient

    jit-synthesis publish me/jit-kernels --count 500 --to kernels
    """
    if count < 1:
        raise ValueError(f"count={count} must be 1 or more")
    tenth = count // 10
    counts = (count, tenth if validation is None else validation, tenth if test is None else test)
    options = {"extended": extended, "categories": categories, "seed": seed, "verify": verify}
    options |= {"min_verified": min_verified}
    chosen = _configs(configs, preamble, dict(zip(SPLITS, counts, strict=True)), options)
    patience = Patience(repo, told=lambda line: err.print(line, markup=False))
    if to is None:
        target: Any = Hub(repo, revision=revision, private=private, patience=patience)
    elif private or revision != "main":
        raise ValueError("--private and --revision are the Hub's: leave them out with --to")
    else:
        target = Folder(to)
    disable_progress_bars()  # the Hub's own: there is one bar
    words = [f"--{split} {rows}" for split, rows in zip(SPLITS[1:], counts[1:], strict=True)]
    total = sum(counts) * len(chosen)
    bar = Bar(f"{repo}", total)
    start = time.monotonic()
    with bar if err.is_terminal else nullcontext():
        try:
            done = publish_to(
                target,
                repo,
                chosen,
                lambda config: _command(repo, config, " ".join(words), shard_rows),
                shard_rows=shard_rows,
                workers=workers,
                restart=restart,
                progress=bar.add,
                say=lambda line: bar.console.print(line, markup=False),
            )
        except KeyboardInterrupt:
            patience.stop.set()
            bar.stop()
            raise InterruptedRun("finished shards are kept, the same command goes on") from None
    for name in done.already:
        err.print(f"{name}: published already, just so; nothing to do", markup=False)
    for name, rows in done.rows.items():
        err.print(f"{name}: {rows:,} rows", markup=False)
    if done.rows:
        kept = f", {done.resumed:,} rows from an earlier run" if done.resumed else ""
        err.print(f"{done.where} ({time.monotonic() - start:.0f} s{kept})", markup=False)


def _configs(
    names: str, preamble: bool, counts: dict[str, int], options: dict[str, Any]
) -> list[JitSynthesisConfig]:
    """The configs of a list of names, each once; ValueError for an unknown one."""
    listed = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not listed:
        raise ValueError(f"--configs is empty: choose from {', '.join(CONFIGS)}")
    of_splits: dict[str, Any] = {f"num_{split}": rows for split, rows in counts.items()}
    of_warp: dict[str, Any] = {"preamble": True} if preamble else {}
    return [
        JitSynthesisConfig(
            name, **of_splits, **options, **(of_warp if name in ("warp", "paired") else {})
        )
        for name in listed
    ]


def _command(repo: str, config: JitSynthesisConfig, splits: str, shard_rows: int) -> str:
    """The command that makes one config of a published dataset again."""
    words = ["jit-synthesis", "publish", repo, "--configs", config.name]
    words += ["--count", str(config.num_train), *splits.split(), "--seed", str(config.seed)]
    for option, value in differing(config).items():
        flag = f"--{option.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    if shard_rows != SHARD_ROWS:
        words += ["--shard-rows", str(shard_rows)]
    return shlex.join(words)


def regenerate(
    dataset: Annotated[
        str, typer.Argument(help="A dataset on the Hub, a folder, or a file of rows.")
    ],
    rows: Annotated[int, typer.Option(help="How many rows to draw.")] = 50,
    config: Annotated[
        str | None,
        typer.Option(help=f"One config: {', '.join(CONFIGS)}.", show_default="all that are there"),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="A branch or commit of it.", show_default="the newest")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which rows are drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make published rows again from their row_key and compare every column, byte for byte.

    Nothing of the dataset is run: only what its row_key names is generated, compiled and verified
    anew. Exit code 1 and a table where rows differ; 2 where other compilers made them.

    jit-synthesis regenerate me/jit-kernels --rows 50

    jit-synthesis regenerate data/warp.parquet --rows 5
    """
    if config is not None and config not in CONFIGS:
        raise ValueError(f"unknown config {config!r}: choose from {', '.join(CONFIGS)}")
    bar = Bar(dataset, rows, "differ")
    with bar if err.is_terminal else nullcontext():
        try:
            done = remake(
                dataset, rows, revision=revision, config=config, seed=seed, progress=bar.add
            )
        except KeyboardInterrupt:
            bar.stop()
            raise InterruptedRun("nothing is said of the dataset") from None
    for note in done.notes:
        err.print(note, markup=False)
    print_differences(done.differences, as_json)
    failed = len({found.row for found in done.differences})
    told = f"{failed} differ" if failed else "all the same, byte for byte"
    err.print(f"{done.rows} rows made again: {told}", markup=False)
    if failed:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(publish)
    app.command()(regenerate)
