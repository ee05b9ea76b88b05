"""Are the texts those of the plain method? ``python benchmarks/identical.py --count 500``.

Compares the first kernels of a config: ours, from a worker, with what a file, an import and the
code generator's calls give, but for what names that file: metadata of HLO; in Warp's texts the
file's name, line numbers, which its import moves, and the hashes of modules and structs.
Exit code 1 when a text differs.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import plain

from extractors import Extracted, Extractor, Job, translation_unit
from generators import Argument, generate

CONFIGS = ("warp", "jax", "stablehlo", "paired")
_PLACE = re.compile(r"^// .*:\d+\n", re.MULTILINE)
_LINE = re.compile(r"<L \d+>")
_HASH = re.compile(r"(?<=[A-Za-z0-9])_[0-9a-f]{8}\b")


def unnamed(text: str) -> str:
    """A text of Warp's without what a file is called and where in it a line stands."""
    return _HASH.sub("", _LINE.sub("", _PLACE.sub("", text)))


def plain_texts(config: str, kernel, number: int, folder: Path) -> list[str]:
    """The plain method's texts, in the order of our columns."""
    if config == "warp":
        from warp._src import context

        context.function_key_counts = {}  # Warp numbers functions of one name across the process
        return [unnamed(text) for text in plain.warp_texts(kernel, number, folder)]
    if config == "jax":
        return plain.jax_texts(kernel, number, folder, plain.unplaced)
    if config == "stablehlo":
        return plain.stablehlo_texts(kernel, number, folder, plain.unplaced)
    arguments = [Argument("", "input", dtype, shape, 0, 0) for dtype, shape in kernel.inputs()]
    twin = replace(kernel, python=kernel.twin, arguments=tuple(arguments))
    return [
        *plain_texts("warp", kernel, number, folder),
        *plain_texts("jax", twin, 10**6 + number, folder),
    ]


def our_texts(config: str, outcome: Extracted) -> list[str]:
    """Our texts, to compare with those."""
    found = []
    for column, text in outcome.texts.items():
        if config in ("warp", "paired") and column in ("cpp", "cuda"):
            device = "cpu" if column == "cpp" else "cuda"
            text = unnamed(translation_unit(text, device))
        found.append(text)
    return found


def differing(config: str, count: int, show: bool = False) -> int:
    """How many of the first kernels of a config have a text that differs."""
    kernels = [generate(config, plain.SEED, index) for index in range(count)]
    mode = "forward" if config == "stablehlo" else "both"
    jobs = [Job(config, k.python, k.name, k.inputs(), mode=mode, twin=k.twin) for k in kernels]
    bad = 0
    with Extractor(config) as worker, tempfile.TemporaryDirectory() as folder:
        for number, (kernel, outcome) in enumerate(zip(kernels, worker.extract(jobs), strict=True)):
            # Warp keeps all kernels of one module's name together: no two configs share one.
            name = number + 10**7 * CONFIGS.index(config)
            wanted = plain_texts(config, kernel, name, Path(folder))
            ours = our_texts(config, outcome) if isinstance(outcome, Extracted) else [str(outcome)]
            if ours == wanted:
                continue
            bad += 1
            if show:
                for one, other in zip(wanted, ours, strict=False):
                    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), n=0)
                    print(number, *list(lines)[:12], sep="\n")
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="kernels of each (default 500)")
    parser.add_argument("--configs", default=",".join(CONFIGS), help="which (default: all)")
    parser.add_argument("--show", action="store_true", help="print the first lines that differ")
    given = parser.parse_args()
    # As in a worker of ours: XLA prints loops cut by the number of cores.
    os.environ.update(JAX_PLATFORMS="cpu", PJRT_NPROC="1")
    total = 0
    for config in given.configs.split(","):
        bad = differing(config, given.count, given.show)
        print(f"{config}: {given.count - bad} of {given.count} kernels have identical texts")
        total += bad
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
