"""What a user waits for, and what it takes: first rows, cached sets, memory, pace.

Each function gives the lines of the table of `throughput.py` for it: what, target, found.
"""

from __future__ import annotations

from runs import environment, median, most_mb, ratio, run
from soak import soak, tree_cpu_s

from extractors import Extractor
from jit_synthesis import JitSynthesisConfig, rows

Line = tuple[str, str, str]
STREAM = """
import jit_synthesis
from datasets import load_dataset
next(iter(load_dataset("jit_synthesis", {config!r}, split="train", streaming=True)))["python"]
"""
CACHED = """
import jit_synthesis
from datasets import load_dataset
load_dataset("jit_synthesis", {config!r}, num_train=64, num_validation=0, num_test=0)
"""
SHARED = """
import jit_synthesis
from datasets import load_dataset
load_dataset("jit_synthesis", {config!r}, num_train=400, num_validation=0, num_test=0, num_proc=2)
"""
PACE_ROUNDS, PACE_ROWS = 11, 96
FIRST_S = {"warp": 5, "jax": 6}


def first_rows(rounds: int) -> list[Line]:
    """Seconds from the start of Python to the first streamed row, files in the disk's cache."""
    found = []
    with environment() as variables:
        for config, limit in FIRST_S.items():
            words = ["-c", STREAM.format(config=config)]
            run(words, variables)
            wall = median([run(words, variables).wall for _ in range(rounds)])
            what = f"`{config}`: first row when streaming, from the start of Python"
            found.append((what, f"under {limit} s", f"{wall:.1f} s"))
    return found


def cached(rounds: int) -> list[Line]:
    """Seconds that loading a cached config takes beyond importing datasets."""
    found = []
    with environment() as variables:
        for config in FIRST_S:
            words = ["-c", CACHED.format(config=config)]
            run(words, variables)
            more = [
                run(words, variables).wall - run(["-c", "import datasets"], variables).wall
                for _ in range(rounds)
            ]
            what = f"`{config}`: `load_dataset` of a cached config, beyond `import datasets`"
            found.append((what, "under 2 s", f"{median(more):.1f} s"))
    return found


def memory() -> list[Line]:
    """MB of a worker and of all processes of ``num_proc=2``."""
    found = []
    for config in FIRST_S:
        with environment() as variables:
            one, whole = most_mb(["-c", SHARED.format(config=config)], variables)
        what = f"`{config}`: memory with `num_proc=2`, largest process and all together"
        found.append((what, "1 GB, 3 GB", f"{one / 1e3:.2f} GB, {whole / 1e3:.2f} GB"))
    return found


def _cpu_ms(config: str, start: int, count: int, worker: Extractor) -> float:
    """CPU ms a row of some rows, of this process and all workers."""
    before = tree_cpu_s()
    for _ in rows(JitSynthesisConfig(config), "train", start, start + count, compiler=worker):
        pass
    return (tree_cpu_s() - before) / count * 1e3


def pace(config: str, count: int) -> list[Line]:
    """CPU a row of a worker that has made ``count`` rows beside one that has made 1,000; memory.

    Both make the same rows after that, in turns: later rows are not of the same size as earlier
    ones, and the machine is not as quick at all times.
    """
    old, young = [], []

    def compare(worker: Extractor) -> None:
        with Extractor(config, recycle=count) as other:
            _cpu_ms(config, 0, 1_000, other)
            for low in range(count, count + PACE_ROUNDS * PACE_ROWS, PACE_ROWS):
                old.append(_cpu_ms(config, low, PACE_ROWS, worker))
                young.append(_cpu_ms(config, low, PACE_ROWS, other))

    found = soak(config, count, recycle=2 * count, trace=False, then=compare)
    if found.failures:
        raise SystemExit(f"{config}: {found.failures[0]}")
    what = f"`{config}`: CPU a row after {count:,} rows, beside after 1,000, in turns"
    more = 100 * (ratio(old, young) - 1)
    told = f"{more:+.1f} %: {median(old):.1f} ms beside {median(young):.1f} ms"
    kept = f"{found.tenth_mb(1):.0f} MB, {found.tenth_mb(9):.0f} MB"
    return [
        (what, "within 5 %", told),
        (f"`{config}`: memory, second and last tenth of that run, one worker", "flat", kept),
    ]
