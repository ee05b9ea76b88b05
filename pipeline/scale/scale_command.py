"""The command that has a run's shards made by an engine."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Annotated, Any

import typer

import extractors
from pipeline.options import Categories, Extended, MinVerified, Preamble, Seed, Verify
from pipeline.progress import Bar, InterruptedRun, err
from pipeline.publishing.retrying import UnreachableError
from pipeline.run_options import Config, ShardRows, Test, Train, Validation, run_config
from pipeline.scale.engines import ENGINES, Failure, Job, choose_engine
from pipeline.scale.gathering import Fault
from pipeline.scale.shard_commands import Url, mending, replaced
from pipeline.scale.store import MISSING, Store
from pipeline.shards import SHARD_ROWS, Run, Shard, run_of

HOPELESS = 32  # shards that fail one after the other, until no more are begun
OF_STORE = 8  # as many of them a failure is that all shards will meet
COMMANDS = 10  # shown of those that make failed shards
LINE_S, FIRST_S = 60.0, 10.0  # between lines of progress without a terminal; until the first


class HopelessError(Exception):
    """One shard after the other fails."""


class Tally:
    """What becomes of shards, shown as it does: rows, pace, failures by reason."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar
        self.failures: dict[Shard, Failure] = {}
        self.made = 0  # rows
        self.start = time.monotonic()
        self._kinds: Counter[str] = Counter()
        self._in_a_row = 0
        self._told = self.start - LINE_S + FIRST_S

    def add(self, shard: Shard, found: dict[str, Any] | Failure) -> None:
        """Count a shard; HopelessError when one after the other fails."""
        if isinstance(found, Failure):
            self.failures[shard] = found
            self._in_a_row += OF_STORE if found.of_store else 1
            self._kinds[found.kind] += 1
            if self._kinds[found.kind] == 1:
                self.bar.console.print(f"{shard.path}: {found.reason}", markup=False)
            self.bar.update(self.bar.shown, told=f", {self.failed()}")
        else:
            self._in_a_row = 0
            self.made += found["rows"]
            self.bar.add(found["rows"], replaced(found))
        if not err.is_terminal and time.monotonic() > self._told + LINE_S:
            self._told = time.monotonic()
            task = self.bar.tasks[0]
            told = (
                f"{task.completed:,.0f} rows, {task.remaining:,.0f} left, {self.pace():.1f} rows/s"
            )
            err.print(f"{told}, {self.failed()}" if self.failures else told, markup=False)
        if self._in_a_row >= HOPELESS:
            raise HopelessError

    def failed(self) -> str:
        """Shards that failed, by reason."""
        told = "; ".join(f"{count} {kind}" for kind, count in self._kinds.most_common())
        return f"{len(self.failures)} shards failed: {told}"

    def pace(self) -> float:
        """Rows a second of this run."""
        return self.made / max(time.monotonic() - self.start, 1e-9)


def scale(
    config: Config,
    output: Url,
    count: Train = 1500,
    validation: Validation = None,
    test: Test = None,
    engine: Annotated[str, typer.Option(help=f"One of {', '.join(ENGINES)}.")] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="ray: a cluster with a node on this machine, auto or HOST:PORT.",
            show_default="the cores of this machine",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Shards made at once.", show_default="one a core of all machines"),
    ] = None,
    extended: Extended = False,
    categories: Categories = None,
    seed: Seed = 0,
    preamble: Preamble = False,
    verify: Verify = None,
    min_verified: MinVerified = None,
    shard_rows: ShardRows = SHARD_ROWS,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart",
            help="Throw away another run's shards that are there, and what `gather` wrote of it.",
        ),
    ] = False,
) -> None:
    """Have the shards of a config made, on this machine or on a Ray cluster.

    Finished shards stay, whatever happens: after a stop, even by kill -9, the same command makes
    those that are missing. A shard that cannot be made is told, and the others go on; exit code 1
    then. `jit-synthesis gather` comes next. Needs, for --engine ray: pip install
    "jit-synthesis\\[scale]"

    jit-synthesis scale --config jax --count 100000 --output jax-rows

    jit-synthesis scale --config jax --count 10000000 --output s3://bucket/jax --engine ray
    """
    options = {"extended": extended, "categories": categories, "seed": seed, "verify": verify}
    options |= {"min_verified": min_verified, "preamble": preamble}
    run = run_of(run_config(config, count, validation, test, **options), shard_rows)
    extractors.check_toolchain(config)
    chosen = choose_engine(
        engine,
        address=address,
        workers=workers,
        say=lambda line: bar.console.print(line, markup=False),
    )
    chosen.check()
    store = Store(output)
    store.open(run.manifest, restart)
    missing = store.missing(run.shards)
    rows = _rows(run.shards)
    left = "{task.remaining:,.0f} left{task.fields[told]}"
    bar = Bar(config, rows, "replaced", left)
    kept = rows - _rows(missing)
    bar.add(kept, 0)
    tally = Tally(bar)
    with bar if err.is_terminal else nullcontext():
        try:
            if missing:
                chosen.run(Job(run.config, run.manifest, store.url), missing, tally.add)
        except KeyboardInterrupt:
            bar.stop()
            made = f"{tally.made + kept:,} or more"
            with suppress(UnreachableError):  # by now more are made than we were told, maybe
                made = f"{rows - _rows(store.missing(run.shards, deep=False)):,}"
            told = f"{made} of {rows:,} rows are kept, the same command goes on"
            raise InterruptedRun(told) from None
        except HopelessError:
            err.print("one shard after the other failed: no more are begun", markup=False)
    _tell(run, store, tally, kept)


def _rows(shards: Sequence[Shard]) -> int:
    return sum(shard.rows for shard in shards)


def _tell(run: Run, store: Store, tally: Tally, kept: int) -> None:
    """The last lines; exit code 1 where shards failed."""
    earlier = f", {kept:,} of them from an earlier run" if kept else ""
    seconds = time.monotonic() - tally.start
    err.print(
        f"{store.url}: {tally.made + kept:,} rows{earlier}, {seconds:.0f} s, "
        f"{tally.pace():.1f} rows/s",
        markup=False,
    )
    if not tally.failures:
        err.print(f"next: {shlex.join(['jit-synthesis', 'gather', store.url])}", markup=False)
        return
    err.print(f"{tally.failed()}; the same command tries them again, or one by one:", markup=False)
    numbers = {shard: number for number, shard in enumerate(run.shards)}
    for shard, found in list(tally.failures.items())[:COMMANDS]:
        command = mending(store, run, Fault(shard.path, MISSING, numbers[shard]))
        err.print(f"{shard.path}: {found.reason}: {command}", markup=False)
    if (more := len(tally.failures) - COMMANDS) > 0:
        err.print(f"and {more:,} more", markup=False)
    raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(scale)
