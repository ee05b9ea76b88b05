"""What comes out of the compilers: the share extracted at the first try, built-ins and opcodes.

``python benchmarks/compiled.py --count 2000`` compiles the first rows of each config, all kernel
types, and prints a Markdown table: how many were extracted without a second try, every rejection
with its reason, the built-ins that Warp's code generator called and the HLO opcodes in the texts.
"""

from __future__ import annotations

import argparse
from collections import Counter

from rich.progress import track

from extractors import Job, extract_job
from extractors.outcomes import Rejected
from generators import generate
from pipeline.card.statistics import OPCODE


def count_builtins(found: Counter) -> None:
    """Count each built-in from now on that Warp's code generator adds a call of."""
    import warp._src.codegen as codegen
    import warp._src.context as context

    original = codegen.Adjoint.add_call

    def counted(adjoint, func, *args, **kwargs):
        if func.key in context.builtin_functions:
            found[func.key] += 1
        return original(adjoint, func, *args, **kwargs)

    codegen.Adjoint.add_call = counted


def compiled(language: str, count: int, seed: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Return (what, found) of the first ``count`` rows of a config, and its rejections."""
    builtins, opcodes, rejected = Counter(), Counter(), []
    if language in ("warp", "paired"):
        count_builtins(builtins)
    for index in track(range(count), description=language, transient=True):
        kernel = generate(language, seed, index, extended=True)
        job = Job(language, kernel.python, kernel.name, kernel.inputs(), twin=kernel.twin)
        outcome = extract_job(job)
        if isinstance(outcome, Rejected):
            rejected.append(f"{language} {index} ({kernel.category}): {outcome.reason}")
            continue
        for column, text in outcome.texts.items():
            if column.startswith("hlo"):
                opcodes.update(OPCODE.findall(text))
    share = 1 - len(rejected) / count
    return [
        ("rows compiled", f"{count:,}"),
        ("extracted at the first try", f"{share:.2%}"),
        ("built-ins of Warp called", str(len(builtins)) if builtins else ""),
        ("opcodes of HLO seen", str(len(opcodes)) if opcodes else ""),
        ("rarest opcodes", ", ".join(f"{o} {n}" for o, n in opcodes.most_common()[-5:])),
    ], rejected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="rows a config")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--configs", default="warp,jax,paired")
    given = parser.parse_args()
    configs = given.configs.split(",")
    found = [compiled(config, given.count, given.seed) for config in configs]
    print("|" + "|".join(["", *configs]) + "|\n" + "|---" * (len(configs) + 1) + "|")
    for lines in zip(*(table for table, _ in found), strict=True):
        print("|" + "|".join([lines[0][0], *(value for _, value in lines)]) + "|")
    for _, rejected in found:
        print("\n".join(rejected))


if __name__ == "__main__":
    main()
