"""Interval arithmetic: what keeps generated programs finite by construction, not by filtering."""

from __future__ import annotations

import math
from collections.abc import Callable

from generators.program import Interval

Range = Callable[..., Interval]

LIMIT = 1e3  # no value of a program grows beyond this on its declared inputs


def magnitude(a: Interval) -> float:
    """Return the largest absolute value in the interval."""
    return max(abs(a[0]), abs(a[1]))


def inside(a: Interval, b: Interval) -> bool:
    """Tell whether ``a`` lies within ``b``, up to rounding."""
    if b[0] <= a[0] and a[1] <= b[1]:
        return True
    slack = 1e-9 * max(1.0, magnitude(b))
    return a[0] >= b[0] - slack and a[1] <= b[1] + slack


def hull(a: Interval, b: Interval) -> Interval:
    """Return the smallest interval that holds both."""
    return min(a[0], b[0]), max(a[1], b[1])


def always(low: float, high: float) -> Range:
    """Make the range of a function that is bounded whatever it is given."""
    return lambda *_: (low, high)


def rising(f: Callable[[float], float]) -> Range:
    """Make the range of a function that grows with its argument."""
    return lambda a: (f(a[0]), f(a[1]))


def falling(f: Callable[[float], float]) -> Range:
    """Make the range of a function that shrinks as its argument grows."""
    return lambda a: (f(a[1]), f(a[0]))


def add(a: Interval, b: Interval) -> Interval:
    """Return the range of x + y."""
    return a[0] + b[0], a[1] + b[1]


def sub(a: Interval, b: Interval) -> Interval:
    """Return the range of x - y."""
    return a[0] - b[1], a[1] - b[0]


def mul(a: Interval, b: Interval) -> Interval:
    """Return the range of x * y."""
    products = [x * y for x in a for y in b]
    return min(products), max(products)


def div(a: Interval, b: Interval) -> Interval:
    """Return the range of x / y, where y stays positive."""
    return mul(a, (1.0 / b[1], 1.0 / b[0]))


def minimum(a: Interval, b: Interval) -> Interval:
    """Return the range of min(x, y)."""
    return min(a[0], b[0]), min(a[1], b[1])


def maximum(a: Interval, b: Interval) -> Interval:
    """Return the range of max(x, y)."""
    return max(a[0], b[0]), max(a[1], b[1])


def absolute(a: Interval) -> Interval:
    """Return the range of |x|."""
    low = 0.0 if a[0] <= 0.0 <= a[1] else min(abs(a[0]), abs(a[1]))
    return low, magnitude(a)


def even(f: Callable[[float], float]) -> Range:
    """Make the range of an even function that grows with |x|."""
    return lambda a: (f(absolute(a)[0]), f(absolute(a)[1]))


def power(a: Interval, b: Interval) -> Interval:
    """Return the range of x ** y, where x stays positive."""
    corners = [x**y for x in a for y in b]
    return min(corners), max(corners)


def lerp(a: Interval, b: Interval, t: Interval) -> Interval:
    """Return the range of (1 - t) * a + t * b."""
    return add(mul((1.0 - t[1], 1.0 - t[0]), a), mul(t, b))


def dot(width: int) -> Range:
    """Make the range of the inner product of two vectors of ``width`` components."""

    def of(a: Interval, b: Interval) -> Interval:
        low, high = mul(a, b)
        return width * low, width * high

    return of


def length(width: int) -> Range:
    """Make the range of the Euclidean norm of a vector of ``width`` components."""
    return lambda a: (0.0, math.sqrt(width) * magnitude(a))


def same(a: Interval, *_: Interval) -> Interval:
    """Return the range of what only moves, repeats or picks the elements of its first argument."""
    return a


def within(f: Callable[..., float]) -> Callable[[dict[str, int]], Range]:
    """Make the symmetric range of what is at most ``f`` of the extents and the magnitudes."""

    def sized(n: dict[str, int]) -> Range:
        def of(*a: Interval) -> Interval:
            high = f(n, *map(magnitude, a))
            return -high, high

        return of

    return sized
