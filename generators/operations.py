"""What an operation is: one row that says all that is independent of a language.

A row states its signature, the domain of every argument, the range of its result, its literal
constants, and a NumPy reference that is evaluated in float64. The rows stand in
`generators.tables`, and beside them how each is spelled. An argument outside its domain is never
filtered afterwards: the sampler puts a guard operation in front of it.

Types are one letter:

- everywhere: ``f`` the program's float, ``i`` a small signed integer, ``u`` an unsigned integer
  that wraps around, ``b`` a truth value, ``k`` a seed (one int32 for the whole kernel);
- of one thread (Warp): ``v`` a vector and ``m`` a square matrix of the program's width, ``q`` a
  quaternion (x, y, z, w), ``t`` a transformation (7 numbers), ``s`` a spatial vector (6), ``S`` a
  spatial matrix (6 by 6);
- of whole arrays (JAX, and Warp's tiles): ``c`` complex numbers, ``p`` a symmetric positive
  definite matrix.

A row without ``dims`` is elementwise: its reference takes arrays of any one shape, and on whole
arrays its operands broadcast. ``dims`` makes it an operation on whole arrays, spelled like an
einsum: ``"...nd,dk->...nk"`` names the axes of each argument and of the result, ``...`` stands for
any leading axes, a digit for an axis of that extent. The first argument is then the value at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from generators import intervals as iv
from generators.program import Interval

ANY: Interval = (-iv.LIMIT, iv.LIMIT)
POSITIVE: Interval = (0.05, iv.LIMIT)
DIVISOR: Interval = (0.2, iv.LIMIT)
UNIT: Interval = (-0.95, 0.95)
SMALL: Interval = (-120, 120)  # of a signed integer: it fits every width
WRAPPING: Interval = (0, 2**64)  # of an unsigned integer: whatever its width holds


@dataclass(frozen=True)
class Side:
    """An argument that is always a parameter of its own: its name's stem and its interval."""

    stem: str
    interval: Interval = (-0.5, 0.5)


@dataclass(frozen=True)
class Operation:
    """One operation: ``args`` and ``result`` are type letters, ``domains`` an interval each.

    ``range`` maps the intervals of the arguments, then those of the literals, to that of the
    result, which holds for every component; a ``sized`` one is first given the program's width,
    or, where the row has ``dims``, a dictionary of the extents of its axes. ``literals`` are the
    intervals that the literals are drawn from: whole numbers where both ends are ints.

    ``reference`` takes the arguments and the literals. Without ``dims`` an argument has any number
    of leading axes before the components of its type; with ``dims`` it has exactly its axes. An
    ``indexed`` row's reference is given the number of the thread or element last.
    """

    name: str
    args: str
    result: str
    domains: tuple[Interval, ...]
    range: Callable
    reference: Callable
    literals: tuple[Interval, ...] = ()
    active: Interval | None = None  # where it is not flat: the argument must reach into it
    sized: bool = False
    guard: bool = False  # never drawn, put where an argument would leave its domain
    width: int | None = None  # the only vector width it is defined for
    dims: str = ""
    sides: tuple[Side | None, ...] = ()  # for the arguments after the first
    family: str = ""  # the category it marks; rows without one are at home everywhere
    differentiable: bool = True  # False: its adjoint is zero, missing, or wrong in Warp or JAX
    linear: bool = False  # with constant factors: its adjoint needs no value of its arguments
    weight: int = 1  # 2: common, drawn in more of the places
    indexed: bool = False
    multiple: int = 1  # what the last axis of the first argument must be divisible by
    wide: bool = False  # not in 16 bits: the library has no such kernel or it loses all digits

    @cached_property
    def shapes(self) -> tuple[tuple[bool, str], ...]:
        """(has leading axes, its own axes) of each argument, then of the result, from ``dims``."""
        specs = self.dims.replace("->", ",").split(",")
        return tuple((s.startswith("..."), s.removeprefix("...")) for s in specs)

    single: bool = False  # in 32 bits only: the library's function is written for them

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The arguments where a value at hand may stand: those that are not always parameters."""
        fixed = [n for n, side in enumerate(self.sides, 1) if side is not None]
        return tuple(n for n, kind in enumerate(self.args) if n not in fixed and kind != "k")

    @cached_property
    def plain(self) -> bool:
        """Whether floats are all that it takes and gives."""
        return set(self.args + self.result) == {"f"}

    def extents(self, given: Sequence[tuple[int, ...]]) -> dict[str, int]:
        """Return the extent of each axis of ``dims`` from the shapes of the first arguments.

        Raises ValueError where the shapes do not fit together.
        """
        found: dict[str, int] = {}
        first = given[0][: len(given[0]) - len(self.shapes[0][1])]
        for (leading, axes), shape in zip(self.shapes, given, strict=False):
            cut = max(len(shape) - len(axes), 0)
            fits = len(shape) >= len(axes) and shape[:cut] == (first if leading else ())
            for axis, extent in zip(axes, shape[cut:], strict=False):
                wanted = int(axis) if axis.isdigit() else found.setdefault(axis, extent)
                fits = fits and wanted == extent
            if not fits:
                raise ValueError(f"{self.name} takes {self.dims}, not {list(given)}")
        return found

    def range_of(self, size: int | dict[str, int], *intervals: Interval) -> Interval:
        """Return the interval of the result, given the width or the extents by axis."""
        return self.range(size)(*intervals) if self.sized else self.range(*intervals)
