"""What a user waits for, and what it takes: first rows, cached sets, memory, pace.

Each function gives the lines of the table of `throughput.py` for it: what, target, found.
"""

from __future__ import annotations

from runs import environment, median, most_mb, run
from soak import soak

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


def pace(config: str, count: int) -> list[Line]:
    """CPU a row of the first and of the last thousand rows of one worker, and its memory."""
    found = soak(config, count, recycle=count + 1, trace=False)
    if found.failures:
        raise SystemExit(f"{config}: {found.failures[0]}")
    early, late = found.cpu_ms(0, 1_000), found.cpu_ms(count - 1_000, count)
    what = f"`{config}`: CPU ms a row, last 1,000 of {count:,} beside the first"
    told = f"{late:.2f} beside {early:.2f}: {100 * (late / early - 1):+.1f} %"
    kept = f"{found.tenth_mb(1):.0f} MB, {found.tenth_mb(9):.0f} MB"
    return [
        (what, "within 5 %", told),
        (f"`{config}`: memory, second and last tenth of that run, one worker", "flat", kept),
    ]
