"""Loops that Warp alone has: ``while``, early ends, skipped rounds, other steps, nesting, arrays.

What Warp 1.19 differentiates was found by running it (tests/test_pairs.py): rounds may be skipped
and numbered in any way, but a loop with ``break`` has a wrong adjoint, static or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from generators import intervals as iv
from generators.kinds import Shape
from generators.program import (
    STATE_STEP,
    Gather,
    Loop,
    Program,
    Skip,
    operands,
    walk,
)
from generators.reference import run_loop
from generators.sampling import Sampler
from generators.wiring import WITNESSES, Word
from generators.witnesses import median, numbers, quantiles

Parts = tuple[Word, ...]
Body = Callable[[int, int | None], int]
_ARRAYS = (4, 5, 6, 8, 10, 12, 16)


@dataclass(frozen=True)
class Plan:
    """How a loop is to run, before its literals are known."""

    form: str
    trip: int
    dynamic: bool = False
    first: int = 0
    step: int = 1
    ends: bool = False  # early
    skips: str = ""  # "round" or "value"


class ControlSampler(Sampler):
    """A sampler of loops of every form."""

    def plan(self) -> Plan:
        """Draw a loop's form, one that a plain loop does not have."""
        form = self.draw.choice(("while", "while", "for", "for", "for", "array"))
        ends = self.draw.chance(0.2)
        skips = self.draw.choice(("round", "value")) if self.draw.chance(0.4) else ""
        if form == "array":
            trip = self.draw.choice(_ARRAYS)
            self.extents["p"] = trip
            return Plan(form, trip, True, 0, 1, ends, skips)
        if form == "while":
            trip, first, step = self.draw.between(3, 16), 0, self.draw.choice((1, 1, 1, 2))
            if skips:  # the number is raised before a round can be skipped
                first, step = 1, 1
            return Plan(form, trip, self.draw.chance(0.6), first, step, ends, skips)
        # A remainder of a number that is known when Warp unrolls the loop may not compile.
        dynamic = skips == "round" or self.draw.chance(0.4)
        trip = self.draw.between(4, 16) if dynamic else self.draw.between(2, 8)
        steps = ((1, 1), (2, 1), (0, 2), (1, 2), (0, 3), (trip, -1))
        first, step = self.draw.choice(steps)
        if (ends or skips) and self.draw.chance(0.6):
            first, step = 0, 1
        return Plan(form, trip, dynamic, first, step, ends, skips)

    def rounds(self, plan: Plan, start: int | None, body: Body, nested: bool = False) -> int:
        """Add a loop; ``body`` is given the round's number and the state if it may read it.

        It ends early if nothing else tells it from a plain one, unless it is ``nested``.
        """
        seen_late = plan.dynamic or plan.form != "for" or plan.ends  # the compiler cannot unroll it
        # where the state is only added to, a loop that is not unrolled has a gradient too
        sums = ("add",) * (7 if seen_late else 2)
        update = self.draw.choice((*sums, "decay", "max"))
        factor = self.draw.literal(0.5, 0.95)
        grown = plan.trip * STATE_STEP
        first = self.params[0].id
        initial = self.ranges[start if start is not None else first]
        interval = iv.add(iv.hull(initial, (0.0, 0.0)), (-grown, grown))
        before = self.witnesses[start] if start is not None else np.zeros(WITNESSES)
        near = 0.5 * plan.trip
        state = self._value("f", interval, before + self._spread((-near, near)))
        last = plan.first + plan.step * (plan.trip - 1)
        numbers = float(min(plan.first, last)), float(max(plan.first, last))
        index = self._value("f", numbers, np.floor(self._spread(numbers)))
        reads_state = not seen_late and self.draw.chance(0.4)

        def bounded() -> int:
            value = body(index, state if reads_state else None)
            return self.fit(value, (-STATE_STEP, STATE_STEP))

        block = self.region(bounded)
        used = any(index in operands(s) for s in walk(block.statements))
        loop = Loop(
            -1, state, index if used else None, start, plan.trip, update, factor, block,
            plan.dynamic, plan.form, plan.first, plan.step,
        )  # fmt: skip
        loop = self._skipped(loop, plan)
        if plan.ends or (loop.plain and not nested):
            loop = self._ended(loop, plan)
        seen = run_loop(loop, self.witnesses)
        if np.ptp(seen) == 0:
            loop = replace(loop, update="add", start=first if start is None else start)
            seen = run_loop(loop, self.witnesses)
        plain = loop.update == "add" and not reads_state
        self.differentiable &= not loop.until
        self.differentiable &= plain or not (seen_late or loop.start in self.stale)
        id_ = self._value("f", interval, seen)
        self.statements.append(replace(loop, id=id_))
        self.scope.append(id_)
        if seen_late or loop.start in self.stale:
            self.stale.add(id_)
        return id_

    def _skipped(self, loop: Loop, plan: Plan) -> Loop:
        value = loop.body.value
        if plan.skips == "round":
            every = self.draw.choice((2, 3, 4))
            return replace(loop, skip=Skip(every, self.draw.below(every)))
        if plan.skips == "value" and not self.flat(value):
            literal = self.among(value, 0.25, 0.6)
            return replace(loop, skip=Skip(0, 0, self.draw.choice(("<", "<", ">")), literal))
        return loop

    def _ended(self, loop: Loop, plan: Plan) -> Loop:
        half = run_loop(replace(loop, trip=max(1, plan.trip // 2)), self.witnesses)
        whole = run_loop(loop, self.witnesses)
        compare = ">" if median(whole) >= median(half) else "<"
        told = numbers(half, self.ranges[loop.state])
        literal = self.draw.literal(*quantiles(told, 0.3, 0.7))
        return replace(loop, until=(compare, literal))

    def array(self, index: int) -> int:
        """Add a read of an array at the place that a loop has reached."""
        table = self.param("f", ("p",))
        id_ = self._value("f", self.ranges[table], self._spread(self.ranges[table]))
        self.statements.append(Gather(id_, table, index))
        return id_


def build(s: ControlSampler, shape: Shape, parts: Parts) -> Program:
    """Return a program with one loop of its own kind, or with one loop inside another."""
    rank = s.draw.choice((1, 1, 1, 2, 2, 3))
    axes = tuple("ijk"[:rank])
    s.space(axes, s.extents_for(rank))
    before, inside, *between, after = parts
    x = s.param("f", axes)
    start = s.chain(before, x) if before else None

    def other(index: int, state: int | None) -> int:
        return state if state is not None and s.draw.chance(0.6) else index

    if not between:
        plan = s.plan()

        def once(index: int, state: int | None) -> int:
            side = s.array(index) if plan.form == "array" else other(index, state)
            return s.chain(inside, x, side)

        return s.finish((s.chain(after, s.rounds(plan, start, once)),), axes)

    def outer(index: int, state: int | None) -> int:
        def inner(number: int, held: int | None) -> int:
            return s.chain(inside, x, s.draw.choice((index, other(number, held))))

        plan = Plan("for", s.draw.between(2, 4), first=s.draw.choice((0, 0, 1)))
        return s.chain(between[0], s.rounds(plan, state, inner, nested=True))

    plan = Plan("for", s.draw.between(2, 5), s.draw.chance(0.25), s.draw.choice((0, 0, 0, 1)))
    return s.finish((s.chain(after, s.rounds(plan, start, outer, nested=True)),), axes)
