"""From a word to a program: what the index did not fix is drawn from the index's own stream.

The builder below wires each operation to values in scope, adds the guards that keep every
argument in its domain, and makes parameters as they are needed, so none is ever unused. Beside
its interval, which is proven, each value has a few witnesses, which are only typical: literals
are put among them, so that branches go both ways and nothing comes out constant.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from generators import cores
from generators import intervals as iv
from generators.operations import ANY, COMPARISONS, LINEAR, OPERATIONS, Operation
from generators.program import (
    Apply,
    Block,
    Branch,
    Core,
    Interval,
    Loop,
    Param,
    Program,
    Reduce,
    Statement,
    walk,
)
from generators.reference import run_loop
from generators.streams import Stream

Axes = tuple[str, ...]
Word = tuple[str, ...]

_DOMAINS: tuple[Interval, ...] = (
    (-1.0, 1.0), (-2.0, 2.0), (-3.0, 3.0), (0.0, 1.0), (0.1, 2.0), (0.5, 4.0), (-0.5, 1.5),
    (0.25, 3.0), (-4.0, 1.0),
)  # fmt: skip
_EXTENTS = {
    1: ((32, 48, 64, 100, 128, 200, 256, 512, 1000, 1024),),
    2: ((8, 12, 16, 32, 40, 64), (8, 16, 24, 32, 50, 64)),
    3: ((2, 4, 6, 8), (4, 8, 12, 16), (4, 8, 10, 16)),
}
_STATE_STEP = 1.5  # the most that one round of a loop adds to its state
_WITNESSES = 8
_TRIES = 4  # second operands tried where the first makes the result constant


class Sampler:
    """Builds one program; each method that adds a statement returns the id of its value."""

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
        self.scalars = category == "scalar_array"
        # the axes of a parameter that the category cannot do without, until it is made
        self.lacks: Axes | None = () if self.scalars else None
        # Warp's backward pass leaves dynamic loops out where it computes the forward values
        # again: what depends on a loop's result has a wrong value there, harmless only as long as
        # no adjoint reads it (found in 1.19: tests/test_pairs.py).
        self.stale: set[int] = set()
        self.differentiable = True

    # -- values ---------------------------------------------------------------------------------

    def _value(self, type_: str, interval: Interval, witnesses: np.ndarray) -> int:
        id_ = len(self.types)
        self.types[id_] = type_
        self.ranges[id_] = interval
        # Witnesses of a reduction or a block are guesses: the interval is what is known.
        self.witnesses[id_] = np.clip(witnesses, *interval)
        return id_

    def _spread(self, interval: Interval, *more: int) -> np.ndarray:
        count = _WITNESSES * math.prod(more)
        drawn = [self.draw.uniform(*interval) for _ in range(count)]
        return np.array(drawn).reshape(_WITNESSES, *more)

    def flat(self, value: int) -> bool:
        """Tell whether a value's witnesses are all the same."""
        seen = self.witnesses[value]
        return bool(np.ptp(seen) <= 1e-6 * max(1.0, float(np.abs(seen).max())))

    def among(self, value: int, low: float, high: float) -> float:
        """Draw a literal between two quantiles of a value's witnesses."""
        return self.draw.literal(*map(float, np.quantile(self.witnesses[value], (low, high))))

    def space(self, axes: Axes, extents: dict[str, int]) -> None:
        """Enter an index space: parameters made from now on are indexed by its axes."""
        self.axes = axes
        self.extents |= extents
        self.scope = []

    def param(self, type_: str, axes: Axes | None = None, domain: Interval = ANY) -> int:
        """Make a parameter whose interval lies in ``domain`` if one of the usual ones does."""
        fitting = [d for d in _DOMAINS if iv.inside(d, domain)] or list(_DOMAINS)
        interval = self.draw.choice(fitting)
        if axes is None:
            axes = self.axes
            if len(axes) > 1 and type_ == "f" and self.draw.chance(0.25):
                axes = axes[self.draw.between(1, len(axes) - 1) :]
        return self.weight(type_, axes, interval)

    def weight(self, type_: str, axes: Axes, interval: Interval) -> int:
        """Make a parameter of exactly this type, shape and interval."""
        more = (self.width,) if type_ == "v" else ()
        seen = self._spread(interval, *more)
        id_ = self._value(type_, interval, seen if axes else np.full_like(seen, seen[0]))
        self.params.append(Param(id_, type_, axes, interval))
        return id_

    def apply(self, op: str, *args: int, literals: tuple[float, ...] = ()) -> int:
        """Add an operation on values that are within its domains."""
        row = OPERATIONS[op]
        points = [(value, value) for value in literals]
        interval = row.range_of(self.width, *[self.ranges[a] for a in args], *points)
        seen = row.reference(*[self.witnesses[a] for a in args], *literals)
        id_ = self._value(row.result, interval, seen)
        if self.stale.intersection(args):
            self.stale.add(id_)
            self.differentiable &= op in LINEAR
        self.statements.append(Apply(id_, op, args, literals))
        return id_

    # -- guards ---------------------------------------------------------------------------------

    def _shrink(self, value: int, bound: float) -> int:
        factor = bound / iv.magnitude(self.ranges[value])
        digits = 1 - math.floor(math.log10(factor))
        factor = math.floor(factor * 10**digits) / 10**digits
        op = "guard_vscale" if self.types[value] == "v" else "guard_scale"
        return self.apply(op, value, literals=(factor,))

    def fit(self, value: int, domain: Interval, active: Interval | None = None) -> int:
        """Return the value, guarded where its interval leaves the domain."""
        low, high = domain
        reach = iv.magnitude(self.ranges[value])
        if not iv.inside(self.ranges[value], domain):
            if low > 0:
                if reach > 0.9 * high:
                    value = self._shrink(value, 0.8 * high)
                if self.ranges[value][0] < low:
                    value = self.apply(
                        "guard_positive", value, literals=(self.draw.literal(max(low, 0.1), 0.9),)
                    )
            else:
                bound = min(-low, high)
                if reach > 25 * bound and self.types[value] == "f":
                    value = self.apply("guard_squash", value)
                if iv.magnitude(self.ranges[value]) > bound:
                    value = self._shrink(value, bound)
        if active is not None and self.witnesses[value].max() <= active[0] + 0.05:
            shift = round(0.2 - float(np.median(self.witnesses[value])), 2)
            value = self.apply("guard_shift", value, literals=(shift,))
        return value

    # -- operations of a word -------------------------------------------------------------------

    def _side(self, type_: str, domain: Interval, taken: set[int], fresh: bool = False) -> int:
        """Choose a second operand: an earlier value, a parameter, or a new parameter."""

        def usable(id_: int) -> bool:
            return self.types[id_] == type_ and id_ not in taken

        params = [
            p.id
            for p in self.params
            if usable(p.id) and p.axes == self.axes[len(self.axes) - len(p.axes) :]
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

    def operate(self, op: str, main: int, side: int | None = None) -> int:
        """Apply an operation of the word to the value at hand, choosing its other operands."""
        row = OPERATIONS[op]
        places = [i for i, t in enumerate(row.args) if t == self.types[main]]
        at = self.draw.choice(places)
        avoid = {main}
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            args: list[int] = [-1] * len(row.args)
            args[at] = main
            given = side
            mark, made, lacks = len(self.statements), len(self.params), self.lacks
            for i in range(len(args)):
                if i == at:
                    continue
                if given is not None and row.args[i] == self.types[given]:
                    args[i], given = given, None
                else:
                    args[i] = self._side(row.args[i], row.domains[i], {*avoid, *args}, last)
            fitted = [
                self.fit(a, domain, row.active) for a, domain in zip(args, row.domains, strict=True)
            ]
            value = self.apply(op, *fitted, literals=self._literals(row, fitted))
            if last or len(args) == 1 or not self.flat(value):
                break
            del self.statements[mark:], self.params[made:]
            self.lacks = lacks
            avoid.update(args)
        self.scope.append(value)
        return value

    def _literals(self, row: Operation, args: list[int]) -> tuple[float, ...]:
        if row.name == "clamp":
            return self.among(args[0], 0.05, 0.3), self.among(args[0], 0.7, 0.95)
        return tuple(self.draw.literal(*b) for b in row.literals)

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
            all(set(op.args + op.result) == {"f"} for op in ops)
            and any(len(op.args) > 1 for op in ops[1:])
            and len(ops[0].args) == 1
        )

    # -- regions --------------------------------------------------------------------------------

    def region(self, build: Callable[[], int]) -> Block:
        """Collect what ``build`` adds into a block of its own; its values go out of scope."""
        outer, scope = self.statements, list(self.scope)
        self.statements = []
        value = build()
        block = Block(tuple(self.statements), value)
        self.statements, self.scope = outer, scope
        return block

    def branch(
        self, on: int, start: int, then: Callable[[int], int], orelse: Callable[[int], int]
    ) -> int:
        """Add a branch on a comparison of ``on`` with a parameter, or a literal in its midst.

        Both sides begin with ``start``, unless they would then come out the same.
        """
        literal = self.among(on, 0.3, 0.7)
        right = None
        compare = self.draw.choice(tuple(COMPARISONS))
        seen = COMPARISONS[compare](self.witnesses[on], literal)
        if self.draw.chance(0.3):
            others = [p.id for p in self.params if p.id != on and p.type == "f"]
            other = self.draw.choice(others) if others else on
            against = COMPARISONS[compare](self.witnesses[on], self.witnesses[other])
            if against.any() and not against.all():
                right, seen = other, against
        first = self.region(lambda: then(start))
        for attempt in range(_TRIES):
            made = len(self.params)
            begin = self._side("f", ANY, {start}) if attempt else start
            second = self.region(functools.partial(orelse, begin))
            same = np.array_equal(self.witnesses[first.value], self.witnesses[second.value])
            if not same or attempt == _TRIES - 1:
                break
            del self.params[made:]
        blocks = first, second
        interval = iv.hull(self.ranges[blocks[0].value], self.ranges[blocks[1].value])
        sides = [self.witnesses[b.value] for b in blocks]
        id_ = self._value("f", interval, np.where(seen, *sides))
        self.differentiable &= not self.stale & {on, right}
        if self.stale & {block.value for block in blocks}:
            self.stale.add(id_)
        self.statements.append(Branch(id_, compare, on, right, literal, *blocks))
        self.scope.append(id_)
        return id_

    def loop(self, start: int | None, body: Callable[[int, int | None], int]) -> int:
        """Add a loop; ``body`` is given the index and, where it may use it, the state."""
        # Warp replays a dynamic loop's body backwards but not its state: the adjoint holds only
        # where the state is added to and not otherwise read (Warp docs, "Dynamic Loops").
        dynamic = self.language == "warp" and self.draw.chance(0.4)
        trip = self.draw.between(4, 24) if dynamic else self.draw.between(2, 8)
        update = self.draw.choice(("add", "add", "decay", "max"))
        factor = self.draw.literal(0.5, 0.95)
        grown = trip * _STATE_STEP
        first = self.params[0].id  # what it starts from if nothing comes of its start
        initial = self.ranges[start if start is not None else first]
        interval = iv.add(iv.hull(initial, (0.0, 0.0)), (-grown, grown))
        before = self.witnesses[start] if start is not None else np.zeros(_WITNESSES)
        state = self._value("f", interval, before + self._spread((-0.5 * trip, 0.5 * trip)))
        index = self._value("f", (0.0, trip - 1.0), np.floor(self._spread((0.0, float(trip)))))
        reads_state = not dynamic and self.draw.chance(0.5)

        def bounded() -> int:
            value = body(index, state if reads_state else None)
            return self.fit(value, (-_STATE_STEP, _STATE_STEP))

        block = self.region(bounded)
        used = any(index in s.args for s in walk(block.statements) if isinstance(s, Apply))
        plain = update == "add" and not reads_state
        self.differentiable &= plain or not (dynamic or start in self.stale)
        shown = index if used else None
        loop = Loop(-1, state, shown, start, trip, update, factor, block, dynamic)
        seen = run_loop(loop, self.witnesses)
        if np.ptp(seen) == 0:  # nothing multiplied is nothing, and a maximum may never move
            loop = replace(loop, update="add", start=first if start is None else start)
            seen = run_loop(loop, self.witnesses)
        id_ = self._value("f", interval, seen)
        self.statements.append(replace(loop, id=id_))
        self.scope.append(id_)
        if dynamic or start in self.stale:
            self.stale.add(id_)
        return id_

    def reduce(self, how: str, over: str | None, body: Callable[[], int]) -> int:
        """Add a reduction of the body's value over an axis, or over the whole space."""
        block = self.region(body)
        low, high = self.ranges[block.value]
        count = self.extents[over] if over else 1
        if how == "sum":
            low, high = min(low, low * count), max(high, high * count)
        elif how != "mean" and over:
            # Warp writes a loop that overwrites its state, which the adjoint does not replay.
            self.differentiable &= self.language == "jax"
        id_ = self._value("f", (low, high), self._reduced(how, count, block.value))
        self.statements.append(Reduce(id_, how, over, block))
        if over and self.language != "jax":
            self.stale.add(id_)
        return id_

    def _reduced(self, how: str, count: int, value: int) -> np.ndarray:
        """Return witnesses of a reduction of ``count`` independent draws like the given ones."""
        seen = self.witnesses[value]
        if how in ("max", "min"):
            return getattr(np, how)(seen) + 0.05 * (seen - seen.mean())
        mean = seen.mean() + (seen - seen.mean()) / math.sqrt(count)
        return mean * count if how == "sum" else mean

    def core(self, family: str, variant: int, x: int) -> int:
        """Add a machine-learning block on ``x`` and its weights."""
        row = cores.FAMILIES[family][variant]
        weights = [self.weight(w.type, w.axes, w.interval) for w in row.weights]
        x = self.fit(x, (-20.0, 20.0))
        literals = tuple(self.draw.literal(*b) for b in row.literals)
        interval = cores.bound(family, variant, self.ranges[x], self.extents)
        typical = min(1.0, interval[1])
        id_ = self._value("f", interval, self._spread((-typical, typical)))
        self.statements.append(Core(id_, family, variant, (x, *weights), literals))
        return id_

    def finish(self, outputs: tuple[int, ...], space: Axes) -> Program:
        """Return the program."""
        dtype = "float64" if self.draw.chance(0.2) else "float32"
        return Program(
            self.category, dtype, self.width, space, tuple(sorted(self.extents.items())),
            tuple(self.params), tuple(self.statements), outputs, self.differentiable,
        )  # fmt: skip

    def extents_for(self, rank: int) -> dict[str, int]:
        """Draw the extents of a space of the given rank, axes named i, j, k."""
        return {a: self.draw.choice(c) for a, c in zip("ijk", _EXTENTS[rank], strict=False)}
