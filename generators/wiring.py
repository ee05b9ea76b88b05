"""From a word to a program: what the index did not fix is drawn from the index's own stream.

The builder below wires each operation to values in scope, adds the guards that keep every
argument in its domain, and makes parameters as they are needed, so none is ever unused. Beside
its interval, which is proven, each value has a few witnesses, which are only typical: literals
are put among them, so that branches go both ways and nothing comes out constant.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation
from generators.program import (
    Apply,
    Interval,
    Param,
    Statement,
)
from generators.reference import cast
from generators.streams import Stream
from generators.tables import OPERATIONS
from generators.witnesses import median, numbers, quantiles, same

Axes = tuple[str, ...]
Word = tuple[str, ...]

_DOMAINS: tuple[Interval, ...] = (
    (-1.0, 1.0), (-2.0, 2.0), (-3.0, 3.0), (0.0, 1.0), (0.1, 2.0), (0.5, 4.0), (-0.5, 1.5),
    (0.25, 3.0), (-4.0, 1.0),
)  # fmt: skip
_WHOLE: tuple[Interval, ...] = ((0, 9), (-8, 8), (1, 12), (0, 100), (-50, 50), (-100, 100))
_SIGNED = ("int8", "int16", "int32", "int32", "int64")  # of kernels about integers
WITNESSES = 8
TRIES = 4  # second operands tried where the first makes the result constant
_STEPS = (0.0, 0.5, 1.0)  # where functions that go in steps have one


@lru_cache(maxsize=1 << 10)
def _fitting(whole: bool, domain: Interval) -> tuple[Interval, ...]:
    return tuple(d for d in (_WHOLE if whole else _DOMAINS) if iv.inside(d, domain))


class Wiring:
    """The values of a program in the making, and the operations that join them."""

    def __init__(self, language: str, category: str, stream: Stream):
        self.language = language
        self.category = category
        self.draw = stream
        self.params: list[Param] = []
        self.statements: list[Statement] = []
        self.types: dict[int, str] = {}
        self.ranges: dict[int, Interval] = {}
        self.witnesses: dict[int, np.ndarray] = {}
        self.axes: Axes = ()
        self.extents: dict[str, int] = {}
        self.scope: list[int] = []  # values that an operation may reuse, the newest last
        self.width = 3
        self.signed = stream.choice(_SIGNED) if category == "integer" else "int32"
        self.unsigned = f"u{self.signed}"
        self.single = False
        self.scalars = category == "scalar_array"
        # the axes of a parameter that the category cannot do without, until it is made
        self.lacks: Axes | None = () if self.scalars else None
        # Warp's backward pass leaves dynamic loops out where it computes the forward values
        # again: what depends on a loop's result has a wrong value there, harmless only as long as
        # no adjoint reads it (found in 1.19: tests/test_pairs.py).
        self.stale: set[int] = set()
        self.differentiable = True

    # -- values ---------------------------------------------------------------------------------

    def components(self, type_: str) -> tuple[int, ...]:
        """Return the shape of one value of a type."""
        w = self.width
        return {"v": (w,), "m": (w, w), "q": (4,), "t": (7,), "s": (6,), "S": (6, 6)}.get(type_, ())

    def _value(self, type_: str, interval: Interval, witnesses: np.ndarray) -> int:
        id_ = len(self.types)
        self.types[id_] = type_
        self.ranges[id_] = interval
        # Witnesses of a reduction or a block are guesses: the interval is what is known.
        real = witnesses.dtype == np.float64
        self.witnesses[id_] = witnesses.clip(*interval) if real else witnesses
        return id_

    def _spread(self, interval: Interval, *more: int) -> np.ndarray:
        return self.draw.floats(*interval, (WITNESSES, *more))

    def _typical(self, kind: str, interval: Interval, shape: tuple[int, ...]) -> np.ndarray:
        """Draw witnesses of a kind: floats, or integers and truth values in their own dtypes."""
        if kind not in "iubk":
            return self.draw.floats(*interval, shape)
        low, high = map(int, interval)
        whole = np.floor(self.draw.floats(low, high + 1, shape))
        if kind == "b":
            return whole > 0
        return whole.astype({"i": self.signed, "u": self.unsigned, "k": "int64"}[kind])

    def flat(self, value: int) -> bool:
        """Tell whether a value's witnesses are all the same, or one is a vector of no length."""
        seen = self.witnesses[value]
        if self.types[value] in ("v", "q", "s") and np.abs(seen).max(axis=-1).min() < 1e-9:
            return True  # no direction to normalize
        return same(seen)

    def among(self, value: int, low: float, high: float) -> float:
        """Draw a literal between two quantiles of a value's witnesses."""
        return self.draw.literal(*quantiles(self.told(value), low, high))

    def told(self, value: int) -> np.ndarray:
        """Return what numbers may be made of: a value's witnesses, without those that are none."""
        return numbers(self.witnesses[value], self.ranges[value])

    def space(self, axes: Axes, extents: dict[str, int]) -> None:
        """Enter an index space: parameters made from now on are indexed by its axes."""
        self.axes = axes
        self.extents |= extents
        self.scope = []

    def interval(self, kind: str, domain: Interval) -> Interval:
        """Draw what a parameter holds: one of the usual intervals that lie in its domain."""
        if kind in "bk":
            return (0, 1) if kind == "b" else (0, 1000)
        if kind == "u":
            return (0, min(2**32 - 1, int(np.iinfo(self.unsigned).max)))
        fitting = _fitting(kind == "i", domain)
        if kind == "i" and not fitting:
            return (math.ceil(domain[0]), math.floor(domain[1]))
        return self.draw.choice(fitting or _DOMAINS)

    def param(self, type_: str, axes: Axes | None = None, domain: Interval = ANY) -> int:
        """Make a parameter whose interval lies in ``domain`` if one of the usual ones does."""
        interval = self.interval(type_, domain)
        if axes is None:
            axes = self.axes if type_ != "k" else ()
            if len(axes) > 1 and type_ == "f" and self.draw.chance(0.25):
                axes = axes[self.draw.between(1, len(axes) - 1) :]
        return self.weight(type_, axes, interval)

    def weight(self, type_: str, axes: Axes, interval: Interval, stem: str = "") -> int:
        """Make a parameter of exactly this type, shape and interval."""
        seen = self._typical(type_, interval, (WITNESSES, *self.components(type_)))
        id_ = self._value(type_, interval, seen if axes else np.full_like(seen, seen[0]))
        self.params.append(Param(id_, type_, axes, interval, stem=stem))
        return id_

    def apply(self, op: str, *args: int, literals: tuple[float, ...] = ()) -> int:
        """Add an operation on values that are within its domains."""
        row = OPERATIONS[op]
        points = [(value, value) for value in literals]
        interval = row.range_of(self.size(row, args), *[self.ranges[a] for a in args], *points)
        id_ = self.evaluate(row, args, literals, interval)
        if self.stale and self.stale.intersection(args):
            self.stale.add(id_)
            self.differentiable &= row.linear
        self.differentiable &= row.differentiable
        self.single |= row.single
        self.statements.append(Apply(id_, op, args, literals))
        return id_

    def size(self, row: Operation, args: tuple[int, ...]) -> int | dict[str, int]:
        """Return what the range of a ``sized`` row is given."""
        return self.width

    def evaluate(
        self, row: Operation, args: tuple[int, ...], literals: tuple, interval: Interval
    ) -> int:
        """Make the value of an operation, its witnesses by the row's reference."""
        more = (np.arange(WITNESSES),) if row.indexed else ()
        seen = row.reference(*[self.witnesses[a] for a in args], *literals, *more)
        return self._value(row.result, interval, self._cast(row.result, seen))

    def _cast(self, kind: str, seen: np.ndarray) -> np.ndarray:
        """Return witnesses in the dtype of their kind."""
        return cast(kind, seen, self.signed, self.unsigned)

    # -- guards ---------------------------------------------------------------------------------

    def _shrink(self, value: int, bound: float) -> int:
        factor = bound / iv.magnitude(self.ranges[value])
        digits = 1 - math.floor(math.log10(factor))
        factor = math.floor(factor * 10**digits) / 10**digits
        kind = self.types[value][0]
        op = "guard_scale" if kind == "f" else f"guard_scale_{kind}"
        return self.apply(op, value, literals=(factor,))

    def fit(self, value: int, domain: Interval, active: Interval | None = None) -> int:
        """Return the value, guarded where its interval leaves the domain."""
        low, high = domain
        if active is not None:
            seen = self.witnesses[value]
            aim = 0.2 if seen.max() <= active[0] + 0.05 else -0.2
            if aim > 0 or seen.min() >= active[1] - 0.05:
                shift = round(aim - median(seen), 2)
                value = self.apply("guard_shift", value, literals=(shift,))
        kind = self.types[value][0]
        if kind == "i":
            return self._whole(value, domain)
        if kind in "ubkp" or iv.inside(self.ranges[value], domain):
            return value
        reach = iv.magnitude(self.ranges[value])
        if low > 0:
            least = max(low, min(0.1, 0.5 * high))
            shift = self.draw.literal(least, min(max(0.9, least), least + 0.4 * (high - least)))
            if reach > 0.9 * (high - shift):
                value = self._shrink(value, 0.8 * (high - shift))
            if self.ranges[value][0] < low:
                value = self.apply("guard_positive", value, literals=(shift,))
        else:
            bound = min(-low, high)
            if reach > 25 * bound and kind == "f":
                value = self.apply("guard_squash", value)
            if iv.magnitude(self.ranges[value]) > bound:
                value = self._shrink(value, bound)
        return value

    def _whole(self, value: int, domain: Interval) -> int:
        """Return an integer, guarded by a mask or a remainder where it could leave the domain."""
        low, high = map(int, domain)
        if iv.inside(self.ranges[value], domain):
            return value
        if low >= 0 or self.language == "tile":
            bound = high if low >= 0 else min(-low, high)
            mask = (1 << ((bound + 1).bit_length() - 1)) - 1
            return self.apply("guard_mask", value, literals=(mask,))
        return self.apply("guard_wrap", value, literals=(min(-low, high) + 1,))

    # -- operations of a word -------------------------------------------------------------------

    def places(self, row: Operation, main: int) -> list[int]:
        """Return the arguments of a row at which the value at hand may stand."""
        return [i for i in row.places if row.args[i] == self.types[main]]

    def operand(
        self, row: Operation, place: int, args: list[int], main: int, taken: set[int], fresh: bool
    ) -> int:
        """Choose an operand beside the value at hand, ``fresh`` where it must be a new one.

        ``args`` are the operands chosen so far, those before ``place`` among them.
        """
        kind = row.args[place]
        side = row.sides[place - 1] if 0 < place <= len(row.sides) else None
        if side is not None:
            return self.weight(kind, () if kind == "k" else self.axes, side.interval, side.stem)
        return self._side(kind, row.domains[place], taken, fresh)

    def _side(self, type_: str, domain: Interval, taken: set[int], fresh: bool = False) -> int:
        """Choose a second operand: an earlier value, a parameter, or a new parameter."""

        def usable(id_: int) -> bool:
            return self.types[id_] == type_ and id_ not in taken

        params = [
            p.id
            for p in self.params
            if usable(p.id) and not p.stem and p.axes == self.axes[len(self.axes) - len(p.axes) :]
        ]
        earlier = [v for v in self.scope if usable(v)]
        if type_ == "f" and self.lacks is not None:
            axes, self.lacks = self.lacks, None
            return self.param(type_, axes, domain)
        if fresh:
            return self.param(type_, None, domain)
        if earlier and self.draw.chance(0.35):
            return self.draw.choice(earlier[-4:])
        if not params or (len(self.params) < 6 and self.draw.chance(0.5 / len(self.params))):
            scalar = type_ == "f" and self.scalars and self.draw.chance(0.5)
            return self.param(type_, () if scalar else None, domain)
        return self.draw.choice(params)

    def prepare(self, row: Operation, main: int) -> int:
        """Return the value at hand in a shape that the row can take."""
        return main

    def operate(self, op: str, main: int, side: int | None = None) -> int:
        """Apply an operation of the word to the value at hand, choosing its other operands."""
        row = OPERATIONS[op]
        at = self.draw.choice(self.places(row, main))
        main = self.prepare(row, main)
        avoid = {main}
        differentiable = self.differentiable
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            args: list[int] = [-1] * len(row.args)
            given = side
            mark, made, lacks = len(self.statements), len(self.params), self.lacks
            args[at] = self._centered(main, attempt) if len(args) == 1 else main
            for i in range(len(args)):
                if i == at:
                    continue
                if given is not None and row.args[i] == self.types[given]:
                    args[i], given = given, None
                else:
                    args[i] = self.operand(row, i, args, main, {*avoid, *args}, last)
            fitted = [
                self.fit(a, domain, row.active) for a, domain in zip(args, row.domains, strict=True)
            ]
            value = self.apply(op, *fitted, literals=self._literals(row, fitted))
            fixed = len(args) == 1 and (self.types[main][0] != "f" or self.flat(main))
            if last or fixed or not self.flat(value):
                break
            del self.statements[mark:], self.params[made:]
            self.lacks, self.differentiable = lacks, differentiable
            avoid.update(args)
        self.scope.append(value)
        return value

    def _centered(self, value: int, attempt: int) -> int:
        """Return a float, shifted after the first attempt: about where a function has a step."""
        if not attempt:
            return value
        shift = round(_STEPS[attempt - 1] - median(self.witnesses[value]), 3)
        return self.apply("guard_shift", value, literals=(shift,)) if shift else value

    def _literals(self, row: Operation, args: list[int]) -> tuple[float, ...]:
        if not row.literals:
            return ()
        if row.name == "clamp":
            return self.among(args[0], 0.05, 0.3), self.among(args[0], 0.7, 0.95)
        return tuple(
            self.draw.between(low, high)
            if isinstance(low, int) and isinstance(high, int)
            else self.draw.literal(low, high)
            for low, high in row.literals
        )

    def chain(self, word: Word, value: int, first_side: int | None = None) -> int:
        """Apply a word to a value; now and then a second strand begins and is merged later."""
        held: int | None = None
        for place, op in enumerate(word):
            row = OPERATIONS[op]
            side = None
            if place == 0 and first_side is not None:
                side = first_side
            elif held is not None and row.args.count("f") > 1:
                side, held = held, None
            elif (
                held is None
                and self.lacks is None
                and place
                and self._merges(word[place:])
                and self.draw.chance(0.3)
            ):
                held = value
                value = self._side("f", row.domains[0], {value})
            value = self.operate(op, value, side)
        return value

    def _merges(self, rest: Word) -> bool:
        """Tell whether a strand begun here meets an operation that takes it in."""
        ops = [OPERATIONS[name] for name in rest]
        return (
            len(ops[0].args) == 1
            and any(len(op.args) > 1 for op in ops)
            and all(op.plain for op in ops)
        )
