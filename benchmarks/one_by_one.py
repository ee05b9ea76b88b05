"""Verification of one kernel a module: ``python benchmarks/one_by_one.py CONFIG COUNT``.

The same rows and the same checks up to the tier "gradient", but each kernel of Warp is a module of
its own and each function of JAX an executable of its own, lowered in a context of its own and built
with the compilers' own settings, as one would by hand. A function is compiled once for its text and
its run all the same. Prints the characters in the rows.
"""

from __future__ import annotations

import sys

from extractors import Extractor
from jit_synthesis import JitSynthesisConfig, rows


def as_by_hand() -> None:
    """In the worker: take back what is done to share and to shorten compiling."""
    from extractors import jax_compiler
    from verification.jax_launch import JaxRun

    jax_compiler.COMPILER_OPTIONS.clear()
    jax_compiler.TO_RUN.clear()
    jax_compiler.take_long_way()
    JaxRun.expect = lambda *_: None
    if "warp" in sys.modules:
        sys.modules["warp"].set_module_options = lambda *_, **__: None


class OneByOne(Extractor):
    """A worker that gets a kernel at a time."""

    def each(self, function, tasks):
        if self._pool is None:
            import one_by_one  # by a name that the worker can import

            self.call(one_by_one.as_by_hand, (), 60)
        return [super(OneByOne, self).each(function, [task])[0] for task in tasks]


def main() -> None:
    config, count = sys.argv[1], int(sys.argv[2])
    options = JitSynthesisConfig(config, num_train=count, verify="gradient")
    total = 0
    with OneByOne(config, deadline_s=600) as worker:
        for row in rows(options, "train", 0, count, compiler=worker):
            total += sum(len(value) for value in row.values() if isinstance(value, str))
    print(total)


if __name__ == "__main__":
    main()
