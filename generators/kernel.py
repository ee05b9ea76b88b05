"""The product of generation: a kernel's source text with everything a row says about it."""

from __future__ import annotations

from dataclasses import dataclass


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
        found = []
        for argument in self.arguments:
            if argument.role == "input":
                dtype, width = _component(argument.dtype)
                found.append((dtype, argument.shape + width))
        return tuple(found)


def _component(dtype: str) -> tuple[str, tuple[int, ...]]:
    if not dtype.startswith("vec"):
        return dtype, ()
    return ("float64" if dtype.endswith("d") else "float32"), (int(dtype[3]),)
