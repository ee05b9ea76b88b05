"""Engines: what has many shards made, each once, on this machine or on many.

A shard is a function of (config, shard), and its making is idempotent, so an engine has only to
have each made somewhere, again where that failed, and to say what became of it.
"""

from __future__ import annotations

import errno
import os
import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import extractors
from extractors.outcomes import one_line
from extractors.workers import Stopped
from jit_synthesis import JitSynthesisConfig
from pipeline.crew import Hand, check_workers, share_out
from pipeline.publishing.retrying import UnreachableError
from pipeline.scale.store import Store, make_one
from pipeline.shards import Shard

ENGINES = ("local", "ray")
# Of a shard whose making raised; what a worker or a node dies of is the engine's to count.
TRIES = 2

Record = dict[str, Any]
Make = Callable[..., Record]  # with the arguments of `pipeline.scale.store.make_one`


@dataclass(frozen=True)
class Failure:
    """Why there is no shard, in one line, and what to count that under.

    ``of_store``: the run folder cannot be written or does not answer, which all shards will meet.
    """

    reason: str
    kind: str
    of_store: bool = False


Tell = Callable[[Shard, "Record | Failure"], None]


@dataclass(frozen=True)
class Job:
    """What any process needs to make shards of a run; ``make`` is an importable function."""

    config: JitSynthesisConfig
    manifest: Mapping[str, Any]
    url: str
    make: Make = make_one

    def attempt(self, shard: Shard, compiler: extractors.Extractor, **how: Any) -> Record | Failure:
        """Make a shard here; what that raises is tried once more, then told.

        No second try where another would come to the same: bad values, a full disk.
        """
        error: Exception | None = None
        for _ in range(TRIES):
            try:
                return self.make(self.config, shard, Store(self.url), compiler, **how)
            except Stopped:
                raise
            except Exception as raised:  # noqa: BLE001 - counted and told, the others go on
                error = raised
                if isinstance(error, ValueError) or _disk_is_full(error):
                    break
        assert error is not None
        return failure(error, shard, Store(self.url))


class Engine(Protocol):
    """What runs a job's shards."""

    def check(self) -> None:
        """Refuse, with ValueError, an engine that cannot be had, before anything is begun."""
        ...

    def run(self, job: Job, shards: Sequence[Shard], tell: Tell) -> None:
        """Have each shard made, and tell of each, in this thread, its record or its failure.

        What ``tell`` raises ends the run, as Ctrl-C does; finished shards stay. ValueError, in one
        line, when the engine cannot be had.
        """
        ...


class Local:
    """Threads of this process, each with a worker process that compiles for it."""

    def __init__(self, workers: int | None = None) -> None:
        check_workers(workers)
        self.workers = workers

    def check(self) -> None:
        """As `Engine` says: it is always there."""

    def run(self, job: Job, shards: Sequence[Shard], tell: Tell) -> None:
        """As `Engine` says."""
        done: queue.SimpleQueue[tuple[Shard, Record | Failure]] = queue.SimpleQueue()

        def make(shard: Shard, hand: Hand) -> None:
            done.put((shard, job.attempt(shard, hand.compiler, stop=hand.stop)))
            hand.tell(0, 0)  # wakes the main thread

        def look(rows: int, rejections: int) -> None:
            while not done.empty():
                tell(*done.get())

        share_out(job.config, shards, make, workers=self.workers, progress=look)


def choose_engine(
    name: str,
    *,
    address: str | None = None,
    workers: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Engine:
    """The engine of a name; ValueError for an unknown one, and for options it does not have.

    ``say`` is told, a line each, what a user should know while it runs.
    """
    check_workers(workers)
    if name == "ray":
        from pipeline.scale.ray_engine import Ray

        return Ray(address, workers, say)
    if name != "local":
        raise ValueError(f"unknown engine {name!r}: choose from {', '.join(ENGINES)}")
    if address is not None:
        raise ValueError("--address is a cluster's: add --engine ray, or leave it out")
    return Local(workers)


def failure(error: BaseException, shard: Shard, store: Store) -> Failure:
    """What an exception says of a shard, whose name is left out where reasons are counted."""
    name, reason = type(error).__name__, one_line(error)
    kind = reason.replace(shard.path, "…").replace(shard.record, "…")
    of_store = isinstance(error, UnreachableError)
    if isinstance(error, OSError) and error.errno is not None:
        kind = f"{name}: {os.strerror(error.errno)}"
        reason = f"{kind} ({error.filename})" if error.filename else kind
        of_store |= store.local and str(error.filename).startswith(f"{store.root}/")
    return Failure(reason, kind, of_store)


def _disk_is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
