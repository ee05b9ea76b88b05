"""What rows cost, beside the plain method and the targets: writes the table of the README.

Each measurement is a process of its own, run to its end, worker processes included. A short and
a long run are subtracted, so that imports and start-up cancel out. The sides of a comparison run
in turns, and the ratio is the median of the ratios round by round: it holds on a machine that
does other things as well. What each part found is kept in `results.json`; ``--only`` measures some
anew, and the table is that of all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import starts
from identical import differing
from runs import HERE, Cost, environment, median, ratio, run
from starts import Line

import extractors
from generators import generate

README, RESULTS = HERE.parent / "README.md", HERE / "results.json"
MARK, END = "<!-- bench -->", "<!-- end bench -->"
# Rows of the short and of the long run.
ROWS = {"warp": (100, 700), "jax": (20, 90), "stablehlo": (20, 120), "paired": (20, 90)}
TARGETS = {"warp": 0.60, "jax": 0.40}
VERIFIED = {"warp": (16, 64), "jax": (16, 48)}
PARALLEL = {"warp": (256, 2560), "jax": (128, 512)}


def marginal(words: Sequence[str], counts: tuple[int, int]) -> Cost:
    """What one more row costs; ``words`` holds "COUNT" where the number of rows goes."""
    with environment() as variables, tempfile.TemporaryDirectory() as folder:
        found = []
        for count in counts:
            there = {"COUNT": str(count), "OUTPUT": f"{folder}/{count}.jsonl"}
            found.append(run([there.get(word, word) for word in words], variables))
    few, many = found
    return many.less(few, counts[1] - counts[0])


def in_turns(sides: dict[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Costs of each side, measured in turns."""
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            found[name].append(measure())
    return found


def script(name: str, config: str, *more: str) -> list[str]:
    """The words that run a script of this folder for a config."""
    return [str(HERE / name), config, "COUNT", *more]


def rows_beside_plain(rounds: int) -> list[Line]:
    """CPU of a row beside the plain method's, and what of it is generation."""
    lines = []
    for config, counts in ROWS.items():
        sides = {
            "plain": lambda c=config, n=counts: marginal(script("plain.py", c), n),
            "ours": lambda c=config, n=counts: marginal(script("ours.py", c), n),
        }
        found = in_turns(sides, rounds)
        cpu = {side: [cost.cpu for cost in costs] for side, costs in found.items()}
        wall = {side: median([cost.wall for cost in costs]) for side, costs in found.items()}
        told = (
            f"**{ratio(cpu['ours'], cpu['plain']):.2f}**: {median(cpu['ours']) * 1e3:.1f} ms "
            f"beside {median(cpu['plain']) * 1e3:.1f} ms; {1 / wall['ours']:.0f} rows/s "
            f"beside {1 / wall['plain']:.0f}"
        )
        limit = TARGETS.get(config)
        what = f"`{config}`: CPU a row, beside the plain method"
        lines.append((what, f"at most {limit:.2f}" if limit else "", told))
        if config == "jax":
            share = generation_ms(config) / (median(cpu["ours"]) * 1e3)
            told = f"{100 * share:.1f} %"
            lines.append((f"`{config}`: generation's share of it", "at most 5 %", told))
    return lines


def generation_ms(config: str, count: int = 500) -> float:
    """CPU ms that generating a kernel takes."""
    for index in range(50):
        generate(config, 0, index)
    start = time.process_time()
    for index in range(50, 50 + count):
        generate(config, 0, index)
    return (time.process_time() - start) / count * 1e3


def same_texts(count: int) -> list[Line]:
    """Whether texts are those of the plain method."""
    return [
        (
            f"`{config}`: kernels whose texts are those of the plain method",
            f"{count} of {count}" if config in TARGETS else "",
            f"{count - differing(config, count)} of {count}",
        )
        for config in ROWS
    ]


def two_workers(rounds: int) -> list[Line]:
    """Rows a second with two workers beside one."""
    lines = []
    for config, counts in PARALLEL.items():

        def export(workers: str, config: str = config, counts: tuple = counts) -> Cost:
            words = ["-m", "pipeline", config, "--count", "COUNT", "--output", "OUTPUT"]
            return marginal([*words, "--workers", workers], counts)

        found = in_turns({n: lambda n=n: export(n) for n in ("1", "2")}, rounds)
        wall = {side: [cost.wall for cost in costs] for side, costs in found.items()}
        rates = " beside ".join(f"{1 / median(wall[side]):.0f} rows/s" for side in ("2", "1"))
        told = f"**{ratio(wall['1'], wall['2']):.2f}** times: {rates}"
        lines.append((f"`{config}`: two workers beside one", "at least 1.8 times", told))
    return lines


def verification(rounds: int) -> list[Line]:
    """Rows a second and core up to the tier "gradient", beside one kernel a module."""
    lines = []
    for config, counts in VERIFIED.items():
        sides = {
            "alone": lambda c=config, n=counts: marginal(script("one_by_one.py", c), n),
            "ours": lambda c=config, n=counts: marginal(script("ours.py", c, "gradient"), n),
        }
        found = in_turns(sides, rounds)
        cpu = {side: [cost.cpu for cost in costs] for side, costs in found.items()}
        told = (
            f"**{ratio(cpu['alone'], cpu['ours']):.1f}** times: {1 / median(cpu['ours']):.1f} "
            f"rows/s and core beside {1 / median(cpu['alone']):.1f}"
        )
        what = f'`{config}`: `verify="gradient"` beside one kernel a module, as compilers are set'
        lines.append((what, "at least 3 times", told))
    return lines


def machine() -> str:
    """The machine and the versions."""
    versions = {k: v for c in ("warp", "jax") for k, v in extractors.toolchain(c).items()}
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return f"{platform.machine()}, {os.cpu_count()} cores, {told}"


def table(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The lines of all parts as Markdown, with the machines and how often each was measured."""
    machines = ", ".join(sorted({part["machine"] for part in parts.values()}))
    rounds = sorted({part["rounds"] for part in parts.values()})
    head = f"{machines}; medians of {' or '.join(map(str, rounds))} rounds."
    lines = [line for part in parts.values() for line in part["lines"]]
    rows = ["| | target | found |", "|---|---|---|", *(f"| {' | '.join(line)} |" for line in lines)]
    return "\n".join([head, "", *rows])


def write(found: str, readme: Path = README) -> None:
    """Put the table between its marks in the README."""
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARK)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{readme.name} lacks {MARK} and {END}")
    readme.write_text(f"{before}{MARK}\n{found}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--identical", type=int, default=500, help="kernels to compare (500)")
    parser.add_argument("--pace", default="warp=20000,jax=20000", help="rows of the long runs")
    parts = ("plain", "identical", "workers", "verify", "starts", "memory", "pace")
    parser.add_argument("--only", default=",".join(parts), help=f"parts of {', '.join(parts)}")
    given = parser.parse_args()
    # As in a worker of ours: XLA prints loops cut by the number of cores.
    os.environ.update(JAX_PLATFORMS="cpu", PJRT_NPROC="1")
    measures: dict[str, Callable[[], list[Line]]] = {
        "plain": lambda: rows_beside_plain(given.rounds),
        "identical": lambda: same_texts(given.identical),
        "workers": lambda: two_workers(given.rounds),
        "verify": lambda: verification(given.rounds),
        "starts": lambda: starts.first_rows(given.rounds) + starts.cached(given.rounds),
        "memory": starts.memory,
        "pace": lambda: [
            line
            for config, _, count in (pair.partition("=") for pair in given.pace.split(","))
            for line in starts.pace(config, int(count))
        ],
    }
    chosen = given.only.split(",")
    unknown = [name for name in chosen if name not in measures]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}: choose from {', '.join(parts)}")
    for name in chosen:
        found = measures[name]()
        for line in found:
            print(" | ".join(line), file=sys.stderr, flush=True)
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        kept[name] = {"rounds": given.rounds, "machine": machine(), "lines": found}
        in_order = {name: kept[name] for name in parts if name in kept}
        RESULTS.write_text(json.dumps(in_order, indent=1, ensure_ascii=False) + "\n")
    whole = table(json.loads(RESULTS.read_text()))
    print(whole)
    write(whole)


if __name__ == "__main__":
    main()
