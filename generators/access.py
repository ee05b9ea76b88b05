"""Kernels that read beyond their own point, or write where other points write too.

A stencil reads an array's values near the point, a gather reads where an index array points, a
scatter joins its values to slots that several points share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from generators.kinds import Shape
from generators.program import Cell, Gather, Interval, Neighbor, Param, Program, Store
from generators.sampling import Sampler
from generators.wiring import TRIES, Axes, Word

Parts = tuple[Word, ...]
_OFFSETS = (-1, -1, 1, 1, -2, 2)
_BOUNDARIES = ("clamp", "clamp", "wrap", "wrap", "zero")
_TABLES = (16, 24, 50, 64, 100, 128, 200)
_SLOTS = (4, 5, 8, 10, 16, 20, 32)
_RANKS = (1, 1, 1, 2, 2, 3)


class AccessSampler(Sampler):
    """A sampler whose second operands come from elsewhere in the arrays now and then."""

    boundary = "clamp"
    due = 0  # as many values from elsewhere are owed before other operands are taken

    def enter(self, ranks: tuple[int, ...] = _RANKS) -> Axes:
        """Enter an index space of a rank drawn from these."""
        rank = self.draw.choice(ranks)
        axes = tuple("ijk"[:rank])
        self.space(axes, self.extents_for(rank))
        return axes

    def _side(self, type_: str, domain: Interval, taken: set[int], fresh: bool = False) -> int:
        if type_ == "f" and self.category in ("stencil", "gather"):
            made = sum(isinstance(s, Neighbor | Gather) for s in self.statements)
            if made < self.due or (made < 6 and self.draw.chance(0.5)):
                near = self.category == "stencil"
                found = self.near(domain, fresh) if near else self.lookup(self.axes, False)
                if found not in taken:
                    return found
        return super()._side(type_, domain, taken, fresh)

    # -- neighbours -----------------------------------------------------------------------------

    def near(self, domain: Interval, fresh: bool = False) -> int:
        """Return an array's value near the point, mostly of an array that is read already."""
        arrays = [p for p in self.params if p.type == "f" and p.axes]
        if fresh or (len(arrays) < 4 and self.draw.chance(0.2)):
            made = self.param("f", None, domain)
            arrays = [p for p in self.params if p.id == made]
        return self.neighbor(self.draw.choice(arrays))

    def neighbor(self, param: Param) -> int:
        """Add a neighbour of a parameter, or return one that is there already."""
        known = {
            (s.param, s.offsets, s.boundary): s.id
            for s in self.statements
            if isinstance(s, Neighbor)
        }
        for _ in range(TRIES):
            axis = self.draw.below(len(param.axes))
            offsets = [0] * len(param.axes)
            offsets[axis] = self.draw.choice(_OFFSETS)
            if len(offsets) > 1 and self.draw.chance(0.15):  # a diagonal
                offsets[axis - 1] = self.draw.choice((-1, 1))
            boundary = self.boundary if self.draw.chance(0.9) else self.draw.choice(_BOUNDARIES)
            key = (param.id, tuple(offsets), boundary)
            if key not in known:
                break
        else:
            return known[key]
        low, high = param.interval
        interval = (min(low, 0.0), max(high, 0.0)) if boundary == "zero" else param.interval
        id_ = self._value("f", interval, self._spread(param.interval))
        self.statements.append(Neighbor(id_, *key))
        return id_

    # -- lookups --------------------------------------------------------------------------------

    def index(self, axes: Axes, size: int) -> int:
        """Make an integer parameter that points into ``size`` places."""
        interval = (0.0, size - 1.0)
        id_ = self._value("i", interval, np.floor(self._spread((0.0, float(size)))))
        self.params.append(Param(id_, "i", axes, interval))
        return id_

    def lookup(self, axes: Axes, whole: bool) -> int:
        """Add a value read through an index array; a ``whole`` one is indexed by all the axes."""
        used = {s.index: s.param for s in self.statements if isinstance(s, Gather)}
        tables = {p.id: p for p in self.params}
        if used and self.draw.chance(0.7):  # another array at the same places
            index = self.draw.choice(list(used))
            first, *_ = tables[used[index]].axes
            axes = tables[index].axes
        else:
            place = 0 if whole else self.draw.below(len(axes))
            axes = axes[place:]
            if place == 0 and self.draw.chance(0.5):
                axes = axes[:1]  # rows are looked up
            first = "pq"[min(1, len(used))]
            if len(axes) == 1 and self.draw.chance(0.4):
                first = axes[0]  # the array is as long as the space: points look at each other
            elif first not in self.extents:
                self.extents[first] = self.draw.choice(_TABLES)
            index = self.index(axes, self.extents[first])
        rest = self.axes[self.axes.index(axes[-1]) + 1 :]
        fitting = [p.id for p in self.params if p.type == "f" and p.axes == (first, *rest)]
        if not fitting or (len(fitting) < 3 and self.draw.chance(0.6)):
            fitting = [self.param("f", (first, *rest))]
        table = self.draw.choice(fitting)
        for s in self.statements:
            if isinstance(s, Gather) and (s.param, s.index) == (table, index):
                return s.id
        interval = self.ranges[table]
        id_ = self._value("f", interval, self._spread(interval))
        self.statements.append(Gather(id_, table, index))
        return id_

    # -- shared slots ---------------------------------------------------------------------------

    def slots(self, axes: Axes) -> tuple[int, int]:
        """Return an integer that picks a slot, and how many slots there are."""
        size = self.draw.choice(_SLOTS)
        if self.draw.chance(0.7):
            return self.index(axes[:1] if self.draw.chance(0.5) else axes, size), size
        value = self.param("f", axes)
        low, high = self.ranges[value]
        id_ = self._value("i", (0.0, size - 1.0), np.floor(self._spread((0.0, float(size)))))
        scale = round(size / (high - low), 3)
        self.statements.append(Cell(id_, value, low, scale, size))
        return id_, size

    def store(self, value: int, index: int, size: int) -> Store:
        """Return how points share an output: sums more often than the largest or smallest."""
        how = self.draw.choice(("add", "add", "add", "sub", "max", "min"))
        fill, seen = 0.0, self.told(value)
        if how in ("max", "min") and np.sum(seen == getattr(seen, how)()) > 1:
            how = "add"  # what a clamp cuts off has the same extreme in every slot
        if how in ("max", "min"):
            fill = round(float(seen.min()) - 1.0 if how == "max" else float(seen.max()) + 1.0, 1)
        return Store(how, index, size, fill)


def _stencil(s: AccessSampler, shape: Shape, parts: Parts) -> Program:
    axes = s.enter()
    s.boundary = s.draw.choice(_BOUNDARIES)
    start = s.param("f", axes)
    s.due = 1
    if s.draw.chance(0.4):
        start = s.neighbor(s.params[0])
        s.due = 2
    return s.finish((s.chain(parts[0], start),), axes)


def _gather(s: AccessSampler, shape: Shape, parts: Parts) -> Program:
    axes = s.enter()
    value = s.chain(parts[0], s.lookup(axes, True))
    return s.finish((value,), axes)


def _scatter(s: AccessSampler, shape: Shape, parts: Parts) -> Program:
    axes = s.enter((1, 1, 1, 1, 2, 2))
    values = [s.chain(parts[0], s.param("f", axes))]
    if shape.tag == "two":
        values.append(s.chain(parts[1], values[0] if s.draw.chance(0.6) else s.param("f", axes)))
    index, size = s.slots(axes)
    stores = tuple(s.store(value, index, size) for value in values)
    return replace(s.finish(tuple(values), axes), stores=stores)


BUILDERS: dict[str, Callable[[AccessSampler, Shape, Parts], Program]] = {
    "stencil": _stencil,
    "gather": _gather,
    "scatter": _scatter,
}
