"""A long run of rows in one process and its worker: does anything fail, does memory grow?

``python benchmarks/soak.py --warp 20000 --jax 3000`` prints a Markdown table. Memory is that of
the whole process tree, sampled at each hundredth of the rows. Exit code 1 when something failed,
or when the mean of the last tenth is over 50 MB above that of the second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from extractors import Extractor
from jit_synthesis import JitSynthesisConfig
from verification import Rejection, rows

GROWTH_MB = 50.0
SAMPLES = 100
COLUMNS = (
    *("config", "rows", "failures", "rejected", "minutes", "CPU minutes"),
    *("MB, second tenth", "MB, last tenth", "difference", "most"),
)


def tree_mb() -> float:
    """Resident memory of this process and of all that descend from it, in MB.

    A page that two of them share counts twice. Shares of it would change with what else runs.
    """
    total = 0
    this = psutil.Process()
    for process in [this, *this.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):  # it has just ended
            total += process.memory_info().rss
    return total / 1e6


def tree_cpu_s() -> float:
    """CPU seconds of this process and all that descends from it, ended workers included."""
    this = psutil.Process()
    total = sum(this.cpu_times()[:4])
    for process in this.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


@dataclass
class Soak:
    """What one config's run came to."""

    config: str
    rows: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    error: str = ""
    minutes: float = 0.0
    cpu_minutes: float = 0.0
    memory_mb: list[float] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """Kernels that cost a worker, by death, hang or memory, and what broke the run off."""
        lost = [f"{r.reason} ({r.repro})" for r in self.rejections if r.stage == "worker"]
        return lost + [self.error] * bool(self.error)

    def tenth_mb(self, number: int) -> float:
        """Mean of the samples of the first (0) to the last (9) tenth."""
        size = len(self.memory_mb) / 10
        chosen = self.memory_mb[round(size * number) : round(size * (number + 1))]
        return statistics.mean(chosen) if chosen else 0.0

    @property
    def growth_mb(self) -> float:
        """From the second tenth to the last."""
        return self.tenth_mb(9) - self.tenth_mb(1)

    def cells(self) -> tuple[str, ...]:
        """The row of the table, in the order of COLUMNS."""
        rejected = sum(r.stage != "worker" for r in self.rejections)
        return (
            *(self.config, f"{self.rows:,}", f"{len(self.failures)}", f"{rejected}"),
            *(f"{self.minutes:.1f}", f"{self.cpu_minutes:.1f}"),
            *(f"{self.tenth_mb(1):.0f}", f"{self.tenth_mb(9):.0f}", f"{self.growth_mb:+.0f}"),
            f"{max(self.memory_mb, default=0):.0f}",
        )


def soak(
    config: str,
    count: int,
    recycle: int,
    trace: bool,
    then: Callable[[Extractor], None] = lambda worker: None,
) -> Soak:
    """Make ``count`` rows of ``config`` as everyone does, and watch; ``then`` gets the worker."""
    found = Soak(config)
    start, cpu = time.monotonic(), sum(os.times()[:4])
    every = max(count // SAMPLES, 1)
    options = JitSynthesisConfig(config, num_train=count)
    try:
        with Extractor(config, recycle=recycle) as worker:
            made = rows(
                options, "train", 0, count, compiler=worker, on_reject=found.rejections.append
            )
            for row in made:
                if row["id"] != found.rows:
                    raise RuntimeError(f"row {row['id']} came where {found.rows} should")
                found.rows += 1
                if found.rows % every == 0:
                    found.memory_mb.append(tree_mb())
                    if trace:
                        print(f"{config} {found.rows} {found.memory_mb[-1]:.0f}", file=sys.stderr)
            then(worker)
    except Exception as error:  # noqa: BLE001  it is counted and told
        found.error = f"{type(error).__name__}: {error}"
    found.minutes = (time.monotonic() - start) / 60
    found.cpu_minutes = (sum(os.times()[:4]) - cpu) / 60  # the worker's count once it has ended
    return found


def table_row(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warp", type=int, default=20_000, help="rows of it (default 20000)")
    parser.add_argument("--jax", type=int, default=3_000, help="rows of it (default 3000)")
    parser.add_argument("--stablehlo", type=int, default=0, help="rows of it (default 0)")
    parser.add_argument("--paired", type=int, default=0, help="rows of it (default 0)")
    parser.add_argument("--recycle", type=int, default=2_000, help="kernels a worker (2000)")
    parser.add_argument("--trace", action="store_true", help="each sample on stderr")
    given = vars(parser.parse_args(arguments))
    recycle, trace = given.pop("recycle"), given.pop("trace")
    print(table_row(COLUMNS), table_row(["---"] * len(COLUMNS)), sep="\n", flush=True)
    bad = []
    for config, count in given.items():
        if not count:
            continue
        found = soak(config, count, recycle, trace)
        print(table_row(found.cells()), flush=True)
        bad += [f"{config}: {failure}" for failure in found.failures]
        if found.growth_mb > GROWTH_MB:  # the first tenth is for warming up
            bad.append(f"{config}: memory grew by {found.growth_mb:.0f} MB")
    for line in bad:
        print(line, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
