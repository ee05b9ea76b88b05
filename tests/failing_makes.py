"""A stand-in for the compile whose attempts die, and take their node along, as often as one wants.

The rest is as it is: the engine, its worker processes, the store, the Parquet files. Run as a
script inside a cluster's cell it has every shard made: the driver of the simulation.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from extractors import Extracted, Job
from extractors.outcomes import COLUMNS
from jit_synthesis import JitSynthesisConfig
from pipeline.scale.engines import Failure, choose_engine
from pipeline.scale.engines import Job as Work
from pipeline.scale.store import Store, make_one
from pipeline.shards import Shard, run_of

ROWS = 4  # a shard; the run has nothing but train
ATTEMPTS = "attempts.txt"  # a line each: shard, how often before, what becomes of it


class Canned:
    """A compiler that says of each kernel what its name is."""

    def extract(self, jobs: Sequence[Job]) -> list[Extracted]:
        return [Extracted(dict.fromkeys(COLUMNS[job.language], job.name)) for job in jobs]

    def each(self, function: Callable[..., Any], tasks: Sequence[Any]) -> list[Any]:
        raise NotImplementedError


def fate(seed: int, shard: Shard, attempt: int, rates: tuple[float, float]) -> str:
    """What becomes of an attempt, always the same: "dies", "node dies" or "done"."""
    drawn = random.Random(f"{seed} {shard.path} {attempt}").random()
    if drawn < rates[0]:
        return "dies"
    return "node dies" if drawn < sum(rates) else "done"


def make(
    config: JitSynthesisConfig,
    shard: Shard,
    store: Store,
    compiler: Any,
    *,
    folder: str,
    rates: tuple[float, float],
    **how: Any,
) -> dict[str, Any]:
    """As `make_one`, unless it is the attempt's fate to die."""
    told = Path(folder) / ATTEMPTS
    before = sum(line.startswith(f"{shard.number} ") for line in told.read_text().splitlines())
    found = fate(config.seed, shard, before, rates)
    with told.open("a") as file:  # short lines, each in one write: they do not mix
        file.write(f"{shard.number} {before} {found}\n")
    if found != "done":
        # In the middle: half a shard is on the disk.
        half = threading.Timer(0.02, die, (found == "node dies",))
        half.start()
        make_one(config, shard, store, Slow())
    return make_one(config, shard, store, Canned(), **how)


class Slow(Canned):
    """One that never gives the second half."""

    def extract(self, jobs: Sequence[Job]) -> list[Extracted]:
        threading.Event().wait()
        raise AssertionError


def die(with_node: bool) -> None:
    """End this process as the system would; or its node, but never the head's."""
    raylet = psutil.Process().parent()
    assert raylet is not None
    if with_node and "--head" not in raylet.cmdline():
        for process in [raylet, *raylet.children(recursive=True)]:
            if process.pid != os.getpid():
                process.kill()
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: str, shards: str, worker_rate: str, node_rate: str, address: str) -> None:
    """Have all shards made, and print what failed as JSON."""
    config = JitSynthesisConfig("warp", num_train=ROWS * int(shards), num_validation=0, num_test=0)
    run = run_of(config, ROWS)
    store = Store(f"{folder}/run")
    store.open(run.manifest)
    failures: list[str] = []

    def tell(shard: Shard, found: Any) -> None:
        if isinstance(found, Failure):
            failures.append(f"{shard.path}: {found.reason}")

    doing = partial(make, folder=folder, rates=(float(worker_rate), float(node_rate)))
    work = Work(run.config, run.manifest, store.url, doing)
    choose_engine("ray", address=address).run(work, run.shards, tell)
    print(json.dumps(failures))


if __name__ == "__main__":
    from failing_makes import main as imported  # what is pickled must have this module's name

    imported(*sys.argv[1:])
