"""Warp kernels whose outputs are shared state: counters, flags, bit sets, extremes, whole sums.

Whatever the threads' order, the outcome is the same: only joins that commute are drawn, and a flag
is set to one number by all. What an atomic returns depends on the order and is never read.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from generators.access import AccessSampler
from generators.kinds import Shape
from generators.program import Cell, Program, Store, Whole
from generators.tables import COMPARISONS
from generators.wiring import Word

Parts = tuple[Word, ...]
Guard = tuple[str, int, float]
_SLOTS = (4, 5, 8, 10, 16, 20, 32)
_SIGNED = ("add", "sub", "max", "min", "xor")
_ALONE = ("count", "count", "flag", "histogram", "float", "whole", "whole", "bits", "float")


_SECOND = ("float", "whole", "bits")


class AtomicSampler(AccessSampler):
    """A sampler of what points share."""

    def guard(self, value: int) -> Guard:
        """Return a condition that some of the points meet."""
        return self.draw.choice(tuple(COMPARISONS)), value, self.among(value, 0.25, 0.75)

    def whole(self, form: str, type_: str, value: int | None) -> int:
        """Add a whole number made of a value, or the number one."""
        if value is not None:
            value = self.fit(value, (-100.0, 100.0))
        scale = 1.0 if value is None else self.draw.literal(5.0, 40.0)
        seen = np.full(1, scale) if value is None else np.trunc(self.told(value) * scale)
        id_ = self._value(type_, (-(2.0**31), 2.0**32), seen)
        self.statements.append(Whole(id_, type_, form, value, scale))
        return id_

    held: tuple[int | None, int] | None = None

    def place(self, many: bool) -> tuple[int | None, int]:
        """Return what picks a slot, and how many there are: now and then all share one.

        ``many`` keeps flags and bits from being set in each of them.
        """
        if self.held is None or (many and self.held[1] < 100) or self.draw.chance(0.4):
            self.held = self._place(many)
        return self.held

    def _place(self, many: bool) -> tuple[int | None, int]:
        if self.draw.chance(0.4) and not many:
            return None, 1
        axes = self.axes[:1] if self.draw.chance(0.5) else self.axes
        points = math.prod(self.extents[a] for a in axes)
        sizes = [s for s in (100, 128, 200, 256, 500, 1000, 2000) if s >= points // 2][:3]
        size = self.draw.choice(sizes or (2000,)) if many else self.draw.choice(_SLOTS)
        return self.index(axes, size), size

    def cells(self, value: int) -> tuple[int, int]:
        """Return which cell a value lies in, most values in one of their own, and how many."""
        size = self.draw.choice(_SLOTS)
        low, high = (round(float(q), 2) for q in np.quantile(self.told(value), (0.05, 0.95)))
        scale = round(size / max(high - low, 0.01), 3)
        id_ = self._value("i", (0.0, size - 1.0), np.zeros(1))
        self.statements.append(Cell(id_, value, low, scale, size))
        return id_, size

    def share(self, kind: str, value: int, guard: Guard | None) -> tuple[int, Store]:
        """Return an output and how it is shared."""
        if kind == "histogram":
            index, size = self.cells(value)
            return self.whole("number", "i", None), Store("add", index, size)
        index, size = self.place(kind in ("flag", "bits"))
        type_ = self.draw.choice("iiu")
        if kind == "count":
            how = self.draw.choice(("add", "add", "add", "sub"))
            return self.whole("number", "i", None), Store(how, index, size, 0.0, guard)
        if kind == "flag":
            how = self.draw.choice(("exch", "cas", "max", "or"))
            return self.whole("number", "i", None), Store(how, index, size, 0.0, guard)
        if kind == "bits":
            form, how = self.draw.choice((("bit", "or"), ("bit", "xor"), ("hole", "and")))
            fill = 0.0 if how != "and" else -1.0 if type_ == "i" else 2.0**32 - 1
            return self.whole(form, type_, value), Store(how, index, size, fill, guard)
        if kind == "whole":
            how = self.draw.choice(("add", "sub", "xor") if type_ == "u" else _SIGNED)
            output = self.whole("round", type_, value)
        else:
            how, output = self.draw.choice(("add", "add", "sub", "max", "min")), value
        seen = self.told(output)
        if how in ("max", "min") and np.sum(seen == getattr(seen, how)()) > 1:
            how = "add"  # as in a scatter
        fill = {"max": float(seen.min()) - 1.0, "min": float(seen.max()) + 1.0}.get(how, 0.0)
        fill = round(fill, 0 if kind == "whole" else 1)
        return output, Store(how, index, size, fill, guard)


def build(s: AtomicSampler, shape: Shape, parts: Parts) -> Program:
    """Return a program with one shared output, or with two under one condition."""
    axes = s.enter((1, 1, 1, 1, 2, 2))
    value = s.chain(parts[0], s.param("f", axes))
    if shape.tag == "one":
        kind = s.draw.choice(_ALONE)
        guarded = kind in ("count", "flag", "float") or (kind == "whole" and s.draw.chance(0.4))
        shares = [s.share(kind, value, s.guard(value) if guarded else None)]
    else:
        other = s.chain(parts[1], value if s.draw.chance(0.4) else s.param("f", axes))
        guard = s.guard(value)
        kinds = s.draw.choice(("count", "flag", "float", "whole")), s.draw.choice(_SECOND)
        shares = [s.share(k, v, guard) for k, v in zip(kinds, (value, other), strict=True)]
    outputs = tuple(output for output, _ in shares)
    stores = tuple(store for _, store in shares)
    s.differentiable &= any(s.types[output] == "f" for output in outputs)
    return replace(s.finish(outputs, axes), stores=stores)
