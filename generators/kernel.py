"""The product of generation: a kernel's source text with everything a row says about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from generators.program import Program


@dataclass(frozen=True)
class Argument:
    """One argument of a kernel, in call order.

    ``dtype`` is a NumPy name ("float32", "int32", …) or a type of Warp ("vec3", "mat33d", "quat",
    "transform", …), whose components are not part of ``shape``. ``shape`` is ``()`` for a scalar.
    Inputs are meant to be drawn uniformly from [``low``, ``high``], whole numbers with both ends;
    outputs start filled with ``low``. A field of a struct is named after it, as in "params.gain".

    Last of a Warp kernel's stands its launch: ``shape`` is the launch dimension, ``low`` the number
    of threads in a block where that matters (kernels on tiles: ``wp.launch_tiled``), else 0.
    """

    name: str
    role: str  # "input", "output" for an array that a Warp kernel writes, or "launch"
    dtype: str
    shape: tuple[int, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Kernel:
    """A generated kernel: its Python source and what is known of it before compiling."""

    name: str
    python: str
    category: str
    type: str
    arguments: tuple[Argument, ...]
    operations: tuple[str, ...]
    differentiable: bool
    fingerprint: str
    structure: str
    twin: str = ""  # of a pair: the same program as a JAX function of the same name

    def inputs(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return (dtype, shape) of each input as JAX takes it, a vector's width as last axis."""
        return specs(self.arguments)


def specs(arguments: Sequence[Argument]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return (dtype, shape) of each input as JAX takes it, a vector's width as last axis."""
    found = []
    for argument in arguments:
        if argument.role == "input":
            dtype, parts = component(argument.dtype)
            found.append((dtype, argument.shape + parts))
    return tuple(found)


@dataclass(frozen=True)
class Subject:
    """What a kernel's text is meant to compute, at certain sizes of its arrays.

    ``arguments`` are the kernel's, with those sizes; ``params`` names the program's parameter that
    each ``input`` stands for, in their order. How often a loop goes round, last, is none.
    """

    program: Program
    arguments: tuple[Argument, ...]
    params: tuple[int, ...]


_WARP_TYPE = re.compile(r"(vec|mat|quat|transform|spatial_vector|spatial_matrix)(\d*)([dfh]?)")
_COMPONENTS = {"quat": (4,), "transform": (7,), "spatial_vector": (6,), "spatial_matrix": (6, 6)}
_SCALARS = {"d": "float64", "h": "float16"}


def component(dtype: str) -> tuple[str, tuple[int, ...]]:
    """Return the NumPy name of the numbers that a dtype is made of, and their shape in a value.

    "vec3d" is ("float64", (3,)); a NumPy name is itself, with ().
    """
    found = _WARP_TYPE.fullmatch(dtype)
    if not found:
        return dtype, ()
    kind, width, scalar = found.groups()
    shape = _COMPONENTS.get(kind) or tuple(map(int, width))
    return _SCALARS.get(scalar, "float32"), shape
