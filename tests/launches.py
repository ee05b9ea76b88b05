"""What tests have a worker do with compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from extractors.outcomes import one_line
from extractors.warp_codegen import running
from generators import Argument, Subject
from generators.program import Program
from verification import checks
from verification.expected import Expected
from verification.jax_launch import JaxRun
from verification.values import wide
from verification.warp_launch import WarpRun

PRODUCT = """
@wp.kernel
def product(x: wp.array2d(dtype=float), n: int, out: wp.array(dtype=float)):
    i = wp.tid()
    s = float(1.0)
    for k in range({}):
        s = s * x[i, k]
    out[i] = s
"""
ARGUMENTS = (
    Argument("x", "input", "float32", (4, 3), 0.5, 1.5),
    Argument("n", "input", "int32", (), 3, 3),
    Argument("out", "output", "float32", (4,), 0.0, 0.0),
    Argument("launch", "launch", "int32", (4,), 0.0, 0.0),
)


class Products(Expected):
    """The reference of ``PRODUCT``, which no program says."""

    def outputs(self, values, number=0):
        return [np.prod(wide(values[0]), axis=1)]


def slopes_of_products(rounds: Sequence[str], deadline_s: float) -> list[str]:
    """What is said of the adjoint of a product over so many rounds of a loop, as a text."""
    nothing = Program("loop", "float32", 3, ("i",), (("i", 4),), (), (), (), True)
    expected = Products(Subject(nothing, ARGUMENTS, ()))
    with running([(PRODUCT.format(text), "product") for text in rounds], "cpu") as kernels:
        return [
            checks.gradient(WarpRun(kernel), expected, np.random.default_rng(1))
            for kernel in kernels
        ]


def launched(tasks: Sequence[tuple], deadline_s: float) -> list:
    """Outputs of (language, text, name, arguments, values), and the gradient of their sum."""
    return [_launched(*task) for task in tasks]


def _launched(language: str, text: str, name: str, arguments: tuple, values: list) -> tuple | str:
    try:
        if language == "jax":
            return _both(JaxRun(text, name, arguments), arguments, values)
        with running([(text, name)], "cpu") as [kernel]:
            return _both(WarpRun(kernel), arguments, values)
    except Exception as error:  # noqa: BLE001  told to the test
        return one_line(error)


def _both(run: checks.Run, arguments: tuple, values: list) -> tuple:
    outputs = run.outputs(arguments, values)
    ones = [np.ones_like(out) if out.dtype.kind == "f" else None for out in outputs]
    return outputs, run.gradients(arguments, values, ones)
