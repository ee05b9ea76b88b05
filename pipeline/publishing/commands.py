"""The commands that publish a dataset, and that make published rows again."""

from __future__ import annotations

import shlex
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from huggingface_hub.utils import disable_progress_bars, logging

from jit_synthesis import CONFIGS, SPLITS, JitSynthesisConfig
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
from pipeline.publishing.folders import Folder
from pipeline.publishing.hub import Hub
from pipeline.publishing.publish import publish as publish_to
from pipeline.publishing.publish import publish_gathered
from pipeline.publishing.remaking import remake
from pipeline.publishing.retrying import Patience
from pipeline.run_options import ShardRows, Test, Train, Validation, run_config, run_words
from pipeline.scale.gathering import gathered
from pipeline.scale.store import Store
from pipeline.shards import SHARD_ROWS
from pipeline.verify_report import print_differences


def publish(
    context: typer.Context,
    repo: Annotated[str, typer.Argument(help="The dataset's name on the Hub: me/jit-kernels.")],
    configs: Annotated[
        str, typer.Option(help=f"Configs to publish, as in warp,jax: of {', '.join(CONFIGS)}.")
    ] = ",".join(CONFIGS),
    count: Train = 1500,
    validation: Validation = None,
    test: Test = None,
    extended: Extended = False,
    categories: Categories = None,
    seed: Seed = 0,
    preamble: Preamble = False,
    verify: Verify = None,
    min_verified: MinVerified = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Publish the shards of this gathered folder or URL.",
            show_default="make them",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Write the repository to this folder.", show_default="upload it"),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    revision: Annotated[str, typer.Option(help="The branch to publish on.")] = "main",
    shard_rows: ShardRows = SHARD_ROWS,
    workers: Workers = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away a half-done run of other options.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace other rows of these configs, and a README.md."),
    ] = False,
) -> None:
    """Publish configs as a dataset that loads without this code, with a card made from it.

    Shards are made, sent to a branch of their own and removed here as they are done; the last
    commit shows them all, with the card. After a stop, even by kill -9, the same command goes on:
    nothing finished is made or sent again. Configs that are not named stay as they are; other rows
    of those that are, and a README.md that is not ours, are replaced only with --overwrite. The
    token is where `hf auth login` or HF_TOKEN put it.
    Needs: pip install "jit-synthesis\\[publish]"

    jit-synthesis publish me/jit-kernels --configs warp,jax --count 100000 --verify gradient

    jit-synthesis publish me/jit-kernels --count 500 --to kernels
    """
    options = {"extended": extended, "categories": categories, "seed": seed, "verify": verify}
    options |= {"min_verified": min_verified}
    if source is None:
        found = None
        chosen = [
            run_config(
                name,
                count,
                validation,
                test,
                **options,
                **({"preamble": True} if preamble and name in ("warp", "paired") else {}),
            )
            for name in _names(configs)
        ]
    else:
        _check_alone(context)
        found = gathered(Store(source))
        chosen, shard_rows = [found.run.config], found.run.manifest["shard_rows"]
    patience = Patience(repo, told=lambda line: err.print(line, markup=False))
    if to is None:
        target: Any = Hub(repo, revision=revision, private=private, patience=patience)
    elif private or revision != "main":
        raise ValueError("--private and --revision are the Hub's: leave them out with --to")
    else:
        target = Folder(to)
    disable_progress_bars()  # the Hub's own: there is one bar, and what it warns of is seen to
    logging.set_verbosity_error()
    bar = Bar(f"{repo}", sum(config.count(split) for config in chosen for split in SPLITS))
    again = partial(_command, repo, shard_rows)
    how: dict[str, Any] = {"workers": workers, "restart": restart, "overwrite": overwrite}
    how["progress"] = bar.add
    start = time.monotonic()
    with bar if err.is_terminal else nullcontext():
        try:
            if found:
                done = publish_gathered(target, repo, found, again, **how)
            else:
                how["say"] = lambda line: bar.console.print(line, markup=False)
                done = publish_to(target, repo, chosen, again, shard_rows=shard_rows, **how)
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


def _names(names: str) -> list[str]:
    """The configs of a list of names, each once."""
    listed = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not listed:
        raise ValueError(f"--configs is empty: choose from {', '.join(CONFIGS)}")
    return listed


def _check_alone(context: typer.Context) -> None:
    """Refuse, with ValueError, options that say what rows to make beside those that are made."""
    own = {"context", "repo", "source", "to", "private", "revision", "workers"}
    own |= {"restart", "overwrite"}
    for name in context.params.keys() - own:
        given = context.get_parameter_source(name)
        if given is not None and given.name == "COMMANDLINE":
            flag = f"--{name.replace('_', '-')}"
            raise ValueError(f"--from takes rows as they were made: leave {flag} out")


def _command(repo: str, shard_rows: int, config: JitSynthesisConfig) -> str:
    """The command that makes one config of a published dataset again."""
    words = ["jit-synthesis", "publish", repo, "--configs", config.name]
    return shlex.join([*words, *run_words(config, shard_rows)])


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
