"""The product of generation: a kernel's source text with everything a row says about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """One argument of a kernel, in call order.

    ``dtype`` is a NumPy name ("float32", "int32", …) or a Warp vector of float32 ("vec2", "vec3",
    "vec4"), whose components are not part of ``shape``. ``shape`` is ``()`` for a scalar. Inputs
    are meant to be drawn uniformly from [``low``, ``high``]; outputs start filled with ``low``.
    """

    name: str
    role: str  # "input", or "output" for an array that a Warp kernel writes
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
