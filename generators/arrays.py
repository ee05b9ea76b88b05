"""Programs on whole arrays: the sampler of kernels whose values have a rank and a shape."""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation
from generators.program import Interval, Param, Program
from generators.sampling import Sampler
from generators.streams import Stream
from generators.tables import JAX, OPERATIONS
from generators.witnesses import same

SAMPLES = 2  # witnesses: whole arrays, of which two differ where anything does
LARGEST = 4096  # elements; larger values are cut before the next operation
_HALF = 3e4  # beyond this float16 would overflow
_LEADING = (2, 3, 4)
_FIRST = {1: (16, 32, 64, 128), 2: (4, 8, 12, 16, 24)}
_LAST = (4, 8, 12, 16, 32)
_TILE = (8, 16)
_CUT = {1: 64, 2: 16, 3: 12, 4: 8, 5: 4}  # what each axis is cut to, by rank
_LEAST = 4  # extent of an axis that a row names: indices up to three point into it
_EVEN = 4  # what the extents of several such axes are divisible by: rows take blocks of them
_BATCH = "bh"  # unless it is of a batch or of heads
_DEFINITE = {
    "tile": "tile_spd",
    "jax": "gram_ridge",
}  # what makes a positive definite matrix of an array
_FREE = (4, 8, 16)  # of an axis that an operation brings with it
_DTYPES = ("float32",) * 6 + ("float64", "bfloat16", "float16")


class Arrays(Sampler):
    """Builds a program whose parameters are whole arrays; types are a letter and a rank."""

    def __init__(self, language: str, category: str, stream: Stream):
        super().__init__(language, category, stream)
        self.shapes: dict[int, tuple[int, ...]] = {}
        self.tiles = language == "tile"
        self.wide = False

    def begin(self, type_: str, first: Operation) -> int:
        """Make the parameter that a kernel starts from, in a shape that its first row takes."""
        rank = int(type_[1:])
        if self.tiles:
            shape = tuple(self.draw.choice(_TILE) for _ in range(rank))
            return self.array(type_[0], shape, ANY)
        last = self.draw.choice(_LAST if rank > 1 else _FIRST[1])
        middle = (self.draw.choice(_FIRST[2]),) if rank > 1 else ()
        leading = tuple(self.draw.choice(_LEADING) for _ in range(rank - 2))
        shape = (*leading, *middle, last)[:rank]
        return self.array(type_[0], self._wanted(first, shape) if first.dims else shape, ANY)

    def array(
        self, kind: str, shape: tuple[int, ...], domain: Interval, stem: str = "",
        exact: bool = False,
    ) -> int:  # fmt: skip
        """Make a parameter of a shape."""
        interval = domain if exact else self.interval(kind, domain)
        seen = self._typical(kind, interval, (SAMPLES, *shape))
        if kind == "c":
            seen = seen + 1j * self._typical(kind, interval, (SAMPLES, *shape))
        id_ = self._value(f"{kind}{len(shape)}", interval, seen)
        self.shapes[id_] = shape
        self.params.append(Param(id_, self.types[id_], (), interval, shape, stem))
        return id_

    def flat(self, value: int) -> bool:
        """Tell whether a value is one number in all its places, or in all samples if it is one."""
        seen = self.witnesses[value]
        return same(seen) if seen[0].size == 1 else any(same(sample) for sample in seen)

    # -- operations -----------------------------------------------------------------------------

    def size(self, row: Operation, args: tuple[int, ...]) -> int | dict[str, int]:
        """Return the extents of the row's axes."""
        return row.extents([self.shapes[a] for a in args]) if row.dims else 0

    def evaluate(
        self, row: Operation, args: tuple[int, ...], literals: tuple, interval: Interval
    ) -> int:
        """Make the value of an operation; its shape is that of what the reference gives."""
        seen = []
        for sample in range(SAMPLES):
            given = [self.witnesses[a][sample] for a in args]
            found = row.reference(*given, *literals, *self._index(row, given))
            seen.append(self._cast(row.result, found))
        id_ = self._value(f"{row.result}{seen[0].ndim}", interval, np.array(seen))
        self.shapes[id_] = seen[0].shape
        self.wide |= row.wide
        return id_

    def _index(self, row: Operation, given: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        if not row.indexed:
            return ()
        return (np.arange(given[0].size).reshape(given[0].shape),)

    def places(self, row: Operation, main: int) -> list[int]:
        """Return the arguments at which the value at hand may stand: where it fixes the axes."""
        kind = self.types[main][0]
        return [0] if row.dims else [i for i in row.places if row.args[i] == kind]

    def prepare(self, row: Operation, main: int) -> int:
        """Cut a value that has grown, and fill its last axis up to what the row asks for."""
        shape = self.shapes[main]
        if self.tiles:
            return main
        wanted = shape
        if math.prod(shape) > LARGEST and self.types[main][0] in "fi":
            wanted = tuple(min(extent, _CUT[len(shape)]) for extent in shape)
        wanted = self._wanted(row, wanted) if row.dims else wanted
        lacking = -wanted[-1] % row.multiple if wanted else 0
        wanted = (*wanted[:-1], wanted[-1] + lacking) if lacking else wanted
        if wanted == shape:
            return main
        kind = self.types[main][0]
        guard = "guard_spread" if kind == "f" and shape[-1] == 1 else f"guard_resize_{kind}"
        return self.apply(guard, main, literals=wanted)

    def _wanted(self, row: Operation, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape nearest to a value's that the row's first argument may have."""
        _, axes = row.shapes[0]
        own = shape[len(shape) - len(axes) :]
        extents = {}
        for axis, extent in zip(axes, own, strict=True):
            if axis not in _BATCH:
                extent = max(extent, _LEAST)
                extent += -extent % _EVEN if len(axes) > 1 else 0
            extents[axis] = min(extent, extents.get(axis, extent))
        return (
            *shape[: len(shape) - len(axes)],
            *(int(axis) if axis.isdigit() else extents[axis] for axis in axes),
        )

    def operand(
        self, row: Operation, place: int, args: list[int], main: int, taken: set[int], fresh: bool
    ) -> int:
        """Choose an operand whose shape goes with that of the value at hand."""
        kind = row.args[place]
        side = row.sides[place - 1] if 0 < place <= len(row.sides) else None
        shape = self._shape(row, place, args, main)
        if kind == "k":
            held = [p.id for p in self.params if p.type == "k0"]
            return held[0] if held else self.array("k", (), (0, 1000), "seed", exact=True)
        if side is not None:
            return self.array(kind, shape, side.interval, side.stem, exact=True)
        type_ = f"{kind}{len(shape)}"

        def usable(id_: int) -> bool:
            fits = id_ not in taken and self.types[id_] == type_ and self.shapes[id_] == shape
            return fits and (kind != "i" or iv.inside(self.ranges[id_], row.domains[place]))

        earlier = [v for v in self.scope if usable(v)]
        if kind == "p" and not earlier:
            return self._definite(shape)
        params = [p.id for p in self.params if usable(p.id) and not p.stem]
        if not fresh and earlier and (kind in "pc" or self.draw.chance(0.4)):
            return self.draw.choice(earlier[-4:])
        if not fresh and params and self.draw.chance(0.5):
            return self.draw.choice(params)
        return self.array(kind, shape, row.domains[place])

    def _definite(self, shape: tuple[int, ...]) -> int:
        """Make a positive definite matrix of an array."""
        op = _DEFINITE["tile" if self.tiles else "jax"]
        row = OPERATIONS[op]
        half = self.array("f", (*shape[:-1], 8), row.domains[0])
        half = self.fit(half, row.domains[0])
        return self.apply(op, half, literals=self._literals(row, [half]))

    def _shape(self, row: Operation, place: int, args: list[int], main: int) -> tuple[int, ...]:
        """Return the shape of an operand: what the row's axes say, else one that broadcasts.

        Functions of `jax.lax` do not broadcast.
        """
        shape = self.shapes[main]
        if not row.dims:
            strict = not self.tiles and "jax.lax." in JAX[row.name].template
            if not shape or strict or self.draw.chance(0.6):
                return shape
            kept = shape[self.draw.between(0, len(shape)) :]
            return tuple(1 if self.draw.chance(0.15) else extent for extent in kept)
        known = row.extents([self.shapes[a] for a in args[:place]])
        leading, axes = row.shapes[place]
        for axis in axes:
            if not axis.isdigit() and axis not in known:
                known[axis] = self.draw.choice(_TILE if self.tiles else _FREE)
        first = shape[: len(shape) - len(row.shapes[0][1])] if leading else ()
        return (*first, *(int(a) if a.isdigit() else known[a] for a in axes))

    def _merges(self, rest: tuple[str, ...]) -> bool:
        """One strand only: what an operand's shape must be is known when it is asked for."""
        return False

    # -- the program ----------------------------------------------------------------------------

    def finish(self, outputs: tuple[int, ...], space: tuple[str, ...] = ()) -> Program:
        """Return the program, of 16-bit floats only where nothing in it is too wide for them."""
        dtype = self.draw.choice(_DTYPES)
        if self.single or (self.tiles and dtype.endswith("16")):
            dtype = "float32"
        largest = max(
            (iv.magnitude(r) for v, r in self.ranges.items() if self.types[v][0] in "fc"),
            default=0.0,
        )
        complexes = any(t[0] in "cp" for t in self.types.values())
        if dtype.endswith("16") and (self.wide or complexes or largest > _HALF):
            dtype = "float32"
        # JAX has 64 bits only where an input has them.
        doubles = any(p.type[0] in "fc" for p in self.params) or self.signed == "int64"
        if dtype == "float64" and not doubles:
            dtype = "float32"
        return Program(
            self.category, dtype, 0, (), (), tuple(self.params), tuple(self.statements), outputs,
            self.differentiable, signed=self.signed, unsigned=self.unsigned,
            shapes=tuple(self.shapes.items()),
        )  # fmt: skip
