"""The operations: one row each, in the one table that says what a program may do.

A row states its signature, the domain of every argument, the range of its result, its literal
constants, and a NumPy reference that is evaluated in float64. How an operation is spelled stands
in `generators.spellings`. An argument outside its domain is never filtered afterwards: the
sampler puts a guard operation in front of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from generators import intervals as iv
from generators.program import Interval

ANY: Interval = (-iv.LIMIT, iv.LIMIT)
POSITIVE: Interval = (0.05, iv.LIMIT)
DIVISOR: Interval = (0.2, iv.LIMIT)
UNIT: Interval = (-0.95, 0.95)


@dataclass(frozen=True)
class Operation:
    """One operation: ``args`` and ``result`` are type letters ("f" float, "v" vector).

    ``range`` maps the intervals of the arguments, then those of the literals, to that of the
    result; a ``sized`` one is first given the vector width. ``literals`` are the intervals that the
    literals are drawn from. ``active`` is where the operation
    is not flat: the argument must reach into it. ``guard`` rows are never drawn.
    """

    name: str
    args: str
    result: str
    domains: tuple[Interval, ...]
    range: Callable
    reference: Callable
    literals: tuple[Interval, ...] = ()
    active: Interval | None = None
    sized: bool = False
    guard: bool = False
    width: int | None = None  # the only vector width it is defined for

    def range_of(self, width: int, *intervals: Interval) -> Interval:
        """Return the interval of the result; vector intervals hold for every component."""
        return self.range(width)(*intervals) if self.sized else self.range(*intervals)


def _norm(a: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(a * a, axis=-1))


def _sigmoid(a: float) -> float:
    return 1.0 / (1.0 + math.exp(-a))


def _softplus(a: float) -> float:
    return math.log1p(math.exp(a))


_erf = np.vectorize(math.erf, otypes=[float])
_erfc = np.vectorize(math.erfc, otypes=[float])

_ROWS = (
    # scalar functions of one value
    Operation("sin", "f", "f", (ANY,), iv.always(-1, 1), np.sin),
    Operation("cos", "f", "f", (ANY,), iv.always(-1, 1), np.cos),
    Operation("tan", "f", "f", ((-1.2, 1.2),), iv.rising(math.tan), np.tan),
    Operation("asin", "f", "f", (UNIT,), iv.rising(math.asin), np.arcsin),
    Operation("acos", "f", "f", (UNIT,), iv.falling(math.acos), np.arccos),
    Operation("atan", "f", "f", (ANY,), iv.rising(math.atan), np.arctan),
    Operation("sinh", "f", "f", ((-3.0, 3.0),), iv.rising(math.sinh), np.sinh),
    Operation("cosh", "f", "f", ((-3.0, 3.0),), iv.even(math.cosh), np.cosh),
    Operation("tanh", "f", "f", ((-8.0, 8.0),), iv.rising(math.tanh), np.tanh),
    Operation("exp", "f", "f", ((-8.0, 4.0),), iv.rising(math.exp), np.exp),
    Operation("log", "f", "f", (POSITIVE,), iv.rising(math.log), np.log),
    Operation("log2", "f", "f", (POSITIVE,), iv.rising(math.log2), np.log2),
    Operation("log10", "f", "f", (POSITIVE,), iv.rising(math.log10), np.log10),
    Operation("sqrt", "f", "f", (POSITIVE,), iv.rising(math.sqrt), np.sqrt),
    Operation("cbrt", "f", "f", (POSITIVE,), iv.rising(math.cbrt), np.cbrt),
    Operation("abs", "f", "f", (ANY,), iv.absolute, np.abs),
    Operation("neg", "f", "f", (ANY,), iv.falling(lambda x: -x), np.negative),
    Operation("erf", "f", "f", ((-3.0, 3.0),), iv.rising(math.erf), _erf),
    Operation("erfc", "f", "f", ((-3.0, 3.0),), iv.falling(math.erfc), _erfc),
    Operation("radians", "f", "f", (ANY,), iv.rising(math.radians), np.radians),
    Operation(
        "sigmoid", "f", "f", ((-8.0, 8.0),), iv.rising(_sigmoid), lambda a: 1 / (1 + np.exp(-a))
    ),
    Operation(
        "softplus", "f", "f", ((-8.0, 8.0),), iv.rising(_softplus), lambda a: np.log1p(np.exp(a))
    ),
    Operation(
        "relu", "f", "f", (ANY,), iv.rising(lambda x: max(x, 0.0)), lambda a: np.maximum(a, 0),
        active=(0.0, iv.LIMIT),
    ),
    # one value and constants
    Operation("scale", "f", "f", (ANY,), iv.mul, lambda a, c: c * a, ((0.1, 3.0),)),
    Operation("offset", "f", "f", (ANY,), iv.sub, lambda a, c: a - c, ((0.1, 2.0),)),
    Operation(
        "reciprocal", "f", "f", (DIVISOR,), lambda a, c: iv.div(c, a), lambda a, c: c / a,
        ((0.5, 2.0),),
    ),
    Operation("pow", "f", "f", ((0.05, 10.0),), iv.power, np.power, ((0.4, 2.6),)),
    Operation(
        "clamp", "f", "f", (ANY,), lambda a, low, high: (low[0], high[1]), np.clip,
        ((-1.0, 0.0), (0.0, 1.0)),  # placed among the values at hand instead
    ),
    # two and three values
    Operation("add", "ff", "f", (ANY, ANY), iv.add, np.add),
    Operation("sub", "ff", "f", (ANY, ANY), iv.sub, np.subtract),
    Operation("mul", "ff", "f", (ANY, ANY), iv.mul, np.multiply),
    Operation("div", "ff", "f", (ANY, DIVISOR), iv.div, np.divide),
    Operation("min", "ff", "f", (ANY, ANY), iv.minimum, np.minimum),
    Operation("max", "ff", "f", (ANY, ANY), iv.maximum, np.maximum),
    Operation("power", "ff", "f", ((0.05, 10.0), (-2.0, 2.0)), iv.power, np.power),
    Operation("atan2", "ff", "f", (ANY, DIVISOR), iv.always(-math.pi / 2, math.pi / 2), np.arctan2),
    Operation(
        "lerp", "fff", "f", (ANY, ANY, (-1.0, 1.0)), iv.lerp, lambda a, b, t: (1 - t) * a + t * b
    ),
    # vectors
    Operation("vadd", "vv", "v", (ANY, ANY), iv.add, np.add),
    Operation("vsub", "vv", "v", (ANY, ANY), iv.sub, np.subtract),
    Operation("vmul", "vv", "v", (ANY, ANY), iv.mul, np.multiply),
    Operation("vneg", "v", "v", (ANY,), iv.falling(lambda x: -x), np.negative),
    Operation("vscale", "vf", "v", (ANY, ANY), iv.mul, lambda a, s: a * s[..., None]),
    Operation("vdiv", "vf", "v", (ANY, DIVISOR), iv.div, lambda a, s: a / s[..., None]),
    Operation(
        "cross", "vv", "v", (ANY, ANY), lambda a, b: iv.sub(iv.mul(a, b), iv.mul(a, b)), np.cross,
        width=3,
    ),
    Operation(
        "normalize", "v", "v", (ANY,), iv.always(-1, 1),
        lambda a: a / _norm(a)[..., None],
    ),
    Operation("dot", "vv", "f", (ANY, ANY), iv.dot, lambda a, b: np.sum(a * b, -1), sized=True),
    Operation("length", "v", "f", (ANY,), iv.length, _norm, sized=True),
    Operation(
        "length_sq", "v", "f", (ANY,), lambda n: lambda a: (0.0, n * iv.magnitude(a) ** 2),
        lambda a: np.sum(a * a, axis=-1), sized=True,
    ),
    # guards: never drawn, put where an argument would leave its domain
    Operation(
        "guard_positive", "f", "f", (ANY,), lambda a, c: iv.add(iv.absolute(a), c),
        lambda a, c: np.abs(a) + c, guard=True,
    ),
    Operation("guard_scale", "f", "f", (ANY,), iv.mul, lambda a, c: a * c, guard=True),
    Operation("guard_shift", "f", "f", (ANY,), iv.add, lambda a, c: a + c, guard=True),
    Operation(
        "guard_squash", "f", "f", (ANY,), iv.rising(lambda x: x / (1.0 + abs(x))),
        lambda a: a / (1.0 + np.abs(a)), guard=True,
    ),
    Operation("guard_vscale", "v", "v", (ANY,), iv.mul, lambda a, c: a * c, guard=True),
)  # fmt: skip

# What is linear in its arguments, with constant factors: its adjoint does not need their values.
LINEAR = frozenset(
    {
        *("add", "sub", "neg", "scale", "offset", "radians", "vadd", "vsub", "vneg"),
        *("guard_scale", "guard_shift", "guard_vscale"),
    }
)
OPERATIONS: dict[str, Operation] = {row.name: row for row in _ROWS}
COMPARISONS: dict[str, Callable] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
