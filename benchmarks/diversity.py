"""What variety there is in what is generated, without compiling: a Markdown table a config.

``python benchmarks/diversity.py --count 100000``; with ``--fingerprints 1000000`` it also counts
that many fingerprints of one config in this process and tells the memory it took.
"""

from __future__ import annotations

import argparse
import platform
import resource
import time
from collections.abc import Iterable, Mapping
from typing import Any

from generators import LANGUAGES, Kernel, generate
from pipeline.card.statistics import Statistics, ordered, quantiles
from verification import TIERS
from verification.rows import sources


def public(names: Iterable[str]) -> list[str]:
    """Return the names that are functions of the libraries: of Warp, or of JAX's public modules.

    Of JAX count `jax.numpy`, `jax.lax`, `jax.nn` and `jax.scipy`, whatever lies below them.
    """
    import jax
    import warp as wp

    found = []
    for name in names:
        root, *path = name.split(".")
        value = {"jnp": jax.numpy, "jax": jax, "wp": wp}[root]
        for part in path:
            value = getattr(value, part, None)
        counted = root != "jax" or path[0] in ("lax", "nn", "scipy")
        if counted and callable(value) and not isinstance(value, type):
            found.append(name)
    return found


def percentiles(counts: Mapping[str, int]) -> str:
    """Return the least, the 10th, 50th and 90th percentile, and the greatest."""
    return " / ".join(map(str, quantiles(counts, 0, 0.1, 0.5, 0.9, 1)))


def as_row(language: str, index: int, kernel: Kernel) -> dict[str, Any]:
    """Return what is known of a row before anything is compiled."""
    return {
        "id": index,
        **dict(zip(sources(language), (kernel.python, kernel.twin), strict=False)),
        "category": kernel.category,
        "inputs": [vars(argument) for argument in kernel.arguments],
        "operations": kernel.operations,
        "differentiable": kernel.differentiable,
        "verified": "extracted",
    }


def survey(language: str, count: int, seed: int) -> list[tuple[str, str]]:
    """Return (what, found) of the first ``count`` rows of a config."""
    whole, masked, counted = set(), set(), Statistics()
    start = time.process_time()
    for index in range(count):
        kernel = generate(language, seed, index, extended=True)
        whole.add(kernel.fingerprint)
        masked.add(kernel.structure)
        counted.add(as_row(language, index, kernel))
    spent = (time.process_time() - start) / count * 1e3
    told = counted.told()
    first = sources(language)[0]
    operations = ordered(told["operations"]["rows"])
    kinds = [sum(n for tier, n in c.items() if tier in TIERS) for c in told["categories"].values()]
    plain = sum(c.get("differentiable", 0) for c in told["categories"].values())
    dtypes, ranks = told["arguments"]["dtype"], told["arguments"]["rank"]
    common = ", ".join(f"{name} {n / count:.1%}" for name, n in operations[:5])
    rare = ", ".join(f"{name} {n / count:.2%}" for name, n in operations[-3:])
    library = public({name for names in told["names"].values() for name in names})
    return [
        ("distinct after renaming", f"{len(whole)} ({len(whole) / count:.2%})"),
        ("distinct after masking constants too", f"{len(masked)} ({len(masked) / count:.2%})"),
        ("operations and blocks used", str(len(operations))),
        ("most frequent, rows with it", common),
        ("least frequent, rows with it", rare),
        ("library functions called", str(len(library))),
        ("lines, min / 10 % / median / 90 % / max", percentiles(told["lines"][first])),
        ("depth of the syntax tree, the same", percentiles(told["depths"][first])),
        ("categories, fewest and most rows", f"{min(kinds)}, {max(kinds)}"),
        ("dtypes of arguments", ", ".join(f"{d} {n}" for d, n in ordered(dtypes))),
        ("ranks of arguments", ", ".join(f"{r}: {n}" for r, n in ranks.items())),
        ("differentiable", f"{plain / count:.1%}"),
        ("CPU ms a kernel, this survey's own work in it", f"{spent:.2f}"),
    ]


def count_fingerprints(language: str, count: int, seed: int) -> str:
    """Return how many of ``count`` fingerprints are distinct, and this process's peak memory."""
    seen = {bytes.fromhex(generate(language, seed, i).fingerprint) for i in range(count)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{len(seen)} of {count} fingerprints of {language} distinct, peak {peak:.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="rows a config")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--configs", default="warp,jax,paired", help=f"of {', '.join(LANGUAGES)}")
    parser.add_argument("--fingerprints", type=int, default=0, help="so many of warp as well")
    given = parser.parse_args()
    configs = given.configs.split(",")
    found = [survey(config, given.count, given.seed) for config in configs]
    print(f"{given.count} rows a config, seed {given.seed}, Python {platform.python_version()}\n")
    print("|" + "|".join(["", *configs]) + "|\n" + "|---" * (len(configs) + 1) + "|")
    for lines in zip(*found, strict=True):
        print("|" + "|".join([lines[0][0], *(value for _, value in lines)]) + "|")
    if given.fingerprints:
        print("\n" + count_fingerprints("warp", given.fingerprints, given.seed))


if __name__ == "__main__":
    main()
