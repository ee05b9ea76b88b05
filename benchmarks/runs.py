"""Costs of whole runs: wall and CPU seconds of a process and all that it started, memory."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parent
SAMPLE_S = 0.1


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    wall: float
    cpu: float

    def less(self, other: Cost, rows: int) -> Cost:
        """What one of ``rows`` more costs than the other run did."""
        return Cost((self.wall - other.wall) / rows, (self.cpu - other.cpu) / rows)


@contextlib.contextmanager
def environment() -> Iterator[dict[str, str]]:
    """The environment of a run: this code, caches of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield os.environ | {"PYTHONPATH": str(HERE.parent), "HF_HOME": folder}


def run(words: Sequence[str], variables: dict[str, str]) -> Cost:
    """What running Python with these words costs, to its end."""
    command = [sys.executable, *words]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=variables, cwd=HERE.parent)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime)


def most_mb(words: Sequence[str], variables: dict[str, str]) -> tuple[float, float]:
    """Most memory of one process, and of all together, of a run; in MB, shared pages divided."""
    command = [sys.executable, *words]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, env=variables, cwd=HERE.parent)
    one = whole = 0.0
    while process.poll() is None:
        found = []
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):  # it has just ended
                found.append(each.memory_full_info().pss / 1e6)
        one, whole = max([one, *found]), max(whole, sum(found))
        time.sleep(SAMPLE_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return one, whole


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of ratios round by round, which a machine that slows down does not move."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))
