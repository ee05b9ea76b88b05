"""What variety there is in what is generated, without compiling: a Markdown table a config.

``python benchmarks/diversity.py --count 100000``; with ``--fingerprints 1000000`` it also counts
that many fingerprints of one config in this process and tells the memory it took.
"""

from __future__ import annotations

import argparse
import ast
import platform
import re
import resource
import statistics
import time
from collections import Counter

from generators import LANGUAGES, generate

FUNCTION = re.compile(r"\b(?:jnp|jax|wp)(?:\.[A-Za-z_]\w*)+")


def depth(node: ast.AST) -> int:
    """Return how deep statements and expressions nest."""
    return 1 + max((depth(child) for child in ast.iter_child_nodes(node)), default=0)


def public(names: Counter) -> list[str]:
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


def percentiles(values: list[int]) -> str:
    """Return the least, the 10th, 50th and 90th percentile, and the greatest."""
    cuts = statistics.quantiles(values, n=10)
    return f"{min(values)} / {cuts[0]:.0f} / {statistics.median(values):.0f} / {cuts[-1]:.0f} / {max(values)}"  # noqa: E501


def survey(language: str, count: int, seed: int) -> list[tuple[str, str]]:
    """Return (what, found) of the first ``count`` rows of a config."""
    whole, masked, plain = set(), set(), 0
    operations, dtypes, ranks, called, kinds = (Counter() for _ in range(5))
    lines, depths = [], []
    start = time.process_time()
    for index in range(count):
        kernel = generate(language, seed, index, extended=True)
        whole.add(kernel.fingerprint)
        masked.add(kernel.structure)
        operations.update(kernel.operations)
        kinds[kernel.category] += 1
        for argument in kernel.arguments:
            if argument.role == "launch":
                continue
            dtypes[argument.dtype] += 1
            ranks[len(argument.shape)] += 1
        plain += kernel.differentiable
        lines.append(kernel.python.count("\n"))
        if index % 10 == 0:  # parsing again costs more than generating
            tree = ast.parse(kernel.python)
            depths.append(depth(tree))
            called.update(FUNCTION.findall(kernel.python))
    spent = (time.process_time() - start) / count * 1e3
    library = public(called)
    common = ", ".join(f"{name} {n / count:.1%}" for name, n in operations.most_common(5))
    rare = ", ".join(f"{name} {n / count:.2%}" for name, n in operations.most_common()[-3:])
    return [
        ("distinct after renaming", f"{len(whole)} ({len(whole) / count:.2%})"),
        ("distinct after masking constants too", f"{len(masked)} ({len(masked) / count:.2%})"),
        ("operations and blocks used", str(len(operations))),
        ("most frequent, rows with it", common),
        ("least frequent, rows with it", rare),
        ("library functions called", str(len(library))),
        ("lines, min / 10 % / median / 90 % / max", percentiles(lines)),
        ("depth of the syntax tree, the same", percentiles(depths)),
        ("categories, fewest and most rows", f"{min(kinds.values())}, {max(kinds.values())}"),
        ("dtypes of arguments", ", ".join(f"{d} {n}" for d, n in dtypes.most_common())),
        ("ranks of arguments", ", ".join(f"{r}: {n}" for r, n in sorted(ranks.items()))),
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
