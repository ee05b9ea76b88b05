"""The commands that make a run folder without an engine: one shard a job, then gathered."""

from __future__ import annotations

import json
import shlex
import time
from contextlib import nullcontext
from itertools import groupby
from pathlib import PurePath
from typing import Annotated, Any

import typer

import extractors
from jit_synthesis import SPLITS
from pipeline.options import AsJson, Categories, Extended, MinVerified, Preamble, Seed, Verify
from pipeline.progress import Bar, InterruptedRun, err
from pipeline.run_options import (
    Config,
    ShardRows,
    Test,
    Train,
    Validation,
    run_config,
    run_words,
)
from pipeline.scale.gathering import Fault, Looked, gather, run_in
from pipeline.scale.store import MISSING, Store, make_one
from pipeline.shards import SHARD_ROWS, Run, run_of

Url = Annotated[
    str, typer.Option("--output", help="The run folder: a path, or a URL as s3://bucket/run.")
]


def shard(
    config: Config,
    output: Annotated[
        str | None,
        typer.Option(help="The run folder: a path, or a URL as s3://bucket/run."),
    ] = None,
    index: Annotated[int | None, typer.Option(help="Which shard of the run, from 0 on.")] = None,
    how_many: Annotated[
        bool, typer.Option("--how-many", help="Make nothing: print how many shards the run has.")
    ] = False,
    count: Train = 1500,
    validation: Validation = None,
    test: Test = None,
    extended: Extended = False,
    categories: Categories = None,
    seed: Seed = 0,
    preamble: Preamble = False,
    verify: Verify = None,
    min_verified: MinVerified = None,
    shard_rows: ShardRows = SHARD_ROWS,
    again: Annotated[
        bool, typer.Option("--again", help="Make it even if it stands there whole.")
    ] = False,
) -> None:
    """Make one shard of a run: a job of an array. Exit code 0 also when it was there already.

    A run is a config in shards of --shard-rows rows, those of train first, then of validation and
    of test. Every job gets the same options and another index, on any machine that sees the
    folder; nothing has a shard's name before it is whole. `gather` says what is missing.

    jit-synthesis shard --config jax --count 100000 --how-many

    jit-synthesis shard --config jax --count 100000 --output /shared/jax --index 17

    jit-synthesis shard --config warp --count 100000 --output s3://bucket/warp --index 0
    """
    chosen = run_config(
        config,
        count,
        validation,
        test,
        extended=extended,
        categories=categories,
        seed=seed,
        preamble=preamble,
        verify=verify,
        min_verified=min_verified,
    )
    run = run_of(chosen, shard_rows)
    if how_many:
        print(len(run.shards))
        return
    if output is None or index is None:
        raise ValueError("--output and --index say which shard is made, and where")
    if not 0 <= index < len(run.shards):
        raise ValueError(
            f"index={index} is none of the {len(run.shards)} shards: 0 to {len(run.shards) - 1}"
        )
    extractors.check_toolchain(config)
    store = Store(output)
    store.open(run.manifest)
    wanted = run.shards[index]
    start, rows = time.monotonic(), wanted.rows
    told = f"{store.url}/{wanted.path}: {rows:,} rows"
    if not again and store.finished(wanted, deep=True):
        err.print(f"{told}, there already", markup=False)
        return
    bar = Bar(wanted.path, rows)
    with bar if err.is_terminal else nullcontext():
        try:
            made = make_one(chosen, wanted, store, again=True, progress=bar.add)
        except KeyboardInterrupt:
            bar.stop()
            raise InterruptedRun("nothing of the shard is kept") from None
    seconds = time.monotonic() - start
    err.print(
        f"{told}, {seconds:.1f} s, {replaced(made)} kernels rejected and replaced", markup=False
    )


def replaced(record: dict[str, Any]) -> int:
    """Kernels of a shard that others took the place of."""
    return sum(reason["count"] for reason in record["yield"]["reasons"] if not reason["kept"])


def gather_folder(
    url: Annotated[str, typer.Argument(help="The run folder: a path, or a URL.")],
    repo: Annotated[
        str | None,
        typer.Option(help="The dataset's name in the card.", show_default="the folder's name"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See a run folder through, and write yield, summaries, sample and card once it is whole.

    Every shard must be there once, with the checksum in its record, the schema, the rows of its
    place, and no fingerprint that another row has. Otherwise the exit code is 1: stderr says what
    is wrong, and stdout has the commands that make shards again, one a line. A file that is none
    of the run's is for you to remove.

    jit-synthesis gather /shared/jax

    jit-synthesis gather s3://bucket/warp --json
    """
    store = Store(url)
    run = run_in(store)
    name = repo or PurePath(store.root).name
    start = time.monotonic()
    bar = Bar(store.url, sum(map(run.config.count, SPLITS)), "wrong")
    with bar if err.is_terminal else nullcontext():
        try:
            found = gather(
                store,
                name,
                remaking(name, run),
                progress=bar.add,
                say=lambda line: bar.console.print(line, markup=False),
            )
        except KeyboardInterrupt:
            bar.stop()
            raise InterruptedRun("the same command begins anew") from None
    if as_json:
        print(json.dumps(_told(store, found), ensure_ascii=False))
    if found.faults:
        _complain(store, found, commands=not as_json)
        raise typer.Exit(1)
    err.print(
        f"{store.url}: whole, {len(run.shards):,} shards, {found.totals.rows:,} rows, all "
        f"fingerprints distinct ({time.monotonic() - start:.0f} s)",
        markup=False,
    )


def remaking(repo: str, run: Run) -> str:
    """The command that makes a whole run again, without an engine."""
    words = ["jit-synthesis", "publish", repo, "--configs", run.config.name]
    return shlex.join([*words, *run_words(run.config, run.manifest["shard_rows"])])


def mending(store: Store, run: Run, fault: Fault) -> str:
    """The command that makes a shard which is missing or damaged; none for a foreign file."""
    if fault.index is None:
        return ""
    words = ["jit-synthesis", "shard", "--config", run.config.name]
    words += run_words(run.config, run.manifest["shard_rows"])
    words += ["--output", store.url, "--index", str(fault.index)]
    return shlex.join([*words, *(["--again"] if fault.reason != MISSING else [])])


def _told(store: Store, found: Looked) -> dict:
    return {
        "url": store.url,
        "config": found.run.config.name,
        "whole": not found.faults,
        "shards": len(found.run.shards),
        "rows": found.totals.rows,
        "faults": [
            {
                "path": fault.path,
                "index": fault.index,
                "reason": fault.reason,
                "command": mending(store, found.run, fault),
            }
            for fault in found.faults
        ],
    }


def _complain(store: Store, found: Looked, commands: bool) -> None:
    """Say what is wrong: missing shards together, and what is damaged one by one."""
    shards, missing = found.run.shards, [f for f in found.faults if f.reason == MISSING]
    for fault in found.faults:
        if fault.reason != MISSING:
            at = "" if fault.index is None else f" (index {fault.index})"
            err.print(f"{store.url}/{fault.path}{at}: {fault.reason}", markup=False)
        if commands and (command := mending(store, found.run, fault)):
            print(command)
    if missing:
        at = ranges([f.index for f in missing if f.index is not None])
        err.print(
            f"{store.url}: {len(missing):,} of {len(shards):,} shards are missing, index {at}",
            markup=False,
        )


def ranges(numbers: list[int]) -> str:
    """Rising numbers in short, as job arrays take them: 0,4-7."""
    runs = (list(run) for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]))
    ends = ((run[0][1], run[-1][1]) for run in runs)
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ends)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(shard)
    app.command("gather")(gather_folder)
