"""Rows a second and CPU seconds a row, beside the plain method, same kernels, in turns.

Each measurement is a process of its own, run to its end, worker processes included. A short and
a long run are subtracted, so that imports and start-up cancel out; medians over the rounds.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import extractors

HERE = Path(__file__).parent
SIZES = {
    "warp": (100, 700),
    "jax": (20, 90),
    "stablehlo": (20, 120),
    "paired": (20, 90),
}  # rows, short and long


def run(script: str, config: str, count: int) -> tuple[float, float]:
    """Return wall and CPU seconds of a whole run and of all that it started."""
    command = [sys.executable, str(HERE / script), config, str(count)]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def marginal(script: str, config: str) -> tuple[float, float]:
    """Return wall and CPU seconds that one more row costs."""
    short, long = SIZES[config]
    few, many = run(script, config, short), run(script, config, long)
    wall, cpu = ((b - a) / (long - short) for a, b in zip(few, many, strict=True))
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--configs", default=",".join(SIZES), help="which (default: all)")
    rounds, configs = (given := parser.parse_args()).rounds, given.configs.split(",")
    versions = {k: v for c in ("warp", "jax") for k, v in extractors.toolchain(c).items()}
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    print(f"{platform.machine()}, {os.cpu_count()} cores, {told}; medians of {rounds}\n")
    print("| config | method | rows/s, one worker | wall ms a row | CPU ms a row | CPU ratio |")
    print("|---|---|---|---|---|---|")
    for config in configs:
        found = {"plain": [], "ours": []}
        for _ in range(rounds):
            for method, times in found.items():
                times.append(marginal(f"{method}.py", config))
        pairs = zip(found["ours"], found["plain"], strict=True)
        ratio = statistics.median(ours[1] / plain[1] for ours, plain in pairs)
        for method, times in found.items():
            wall, cpu = (statistics.median(t[i] for t in times) for i in (0, 1))
            shown = f"{ratio:.2f}" if method == "ours" else "1"
            print(
                f"| {config} | {method} | {1 / wall:.0f} | {wall * 1e3:.1f} | {cpu * 1e3:.1f} "
                f"| {shown} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
