"""Many shards on a cluster whose workers and nodes die all the time: what that costs."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from failing_makes import ATTEMPTS, ROWS
from ray_cluster import ADDRESS, Cluster

from jit_synthesis import JitSynthesisConfig
from pipeline.scale.store import Store
from pipeline.shards import run_of

DRIVER = Path(__file__).with_name("failing_makes.py")


@dataclass(frozen=True)
class Simulated:
    """Of how many shards how many are there whole, and what it took.

    ``attempts`` counts them by how they ended: "done", "dies", "node dies"; one that its node's
    death ended before its own is "done" here, and stands there once more.
    """

    shards: int
    there: int
    others: int  # files that are none of the run's
    failures: list[str]
    attempts: Counter[str]
    most: int  # attempts of one shard
    seconds: float


def simulate(cluster: Cluster, folder: Path, shards: int, rates: tuple[float, float]) -> Simulated:
    """Have shards made where attempts die, alone or with their node, as often as ``rates`` says.

    A node that died is replaced. The cluster's nodes are those it has.
    """
    folder.mkdir()
    (folder / ATTEMPTS).touch()
    nodes = len(cluster.raylets())
    start = time.monotonic()
    words = [str(folder), str(shards), *map(str, rates), ADDRESS]
    driver = cluster.python(DRIVER, *words)
    while driver.poll() is None:
        if len(cluster.raylets()) < nodes:
            cluster.add_node()
        time.sleep(0.2)
    out, said = driver.communicate()
    assert driver.returncode == 0, said
    seconds = time.monotonic() - start
    config = JitSynthesisConfig("warp", num_train=ROWS * shards, num_validation=0, num_test=0)
    run = run_of(config, ROWS)
    store = Store(str(folder / "run"))
    store.tidy()
    lines = [line.split(" ", 2) for line in (folder / ATTEMPTS).read_text().splitlines()]
    return Simulated(
        shards,
        len(store.records(run.shards, deep=True)),
        len([path for path in (folder / "run").rglob("*") if path.is_file()]) - 2 * shards - 1,
        json.loads(out),
        Counter(fate for _, _, fate in lines),
        max(Counter(shard for shard, _, _ in lines).values()),
        seconds,
    )
