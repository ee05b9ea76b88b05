"""Regions and whole programs: what is built on top of wired operations."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from generators import intervals as iv
from generators.operations import ANY
from generators.program import STATE_STEP, Apply, Block, Branch, Loop, Program, Reduce, walk
from generators.reference import run_loop
from generators.tables import COMPARISONS
from generators.wiring import TRIES, WITNESSES, Axes, Wiring

_EXTENTS = {
    1: ((32, 48, 64, 100, 128, 200, 256, 512, 1000, 1024),),
    2: ((8, 12, 16, 32, 40, 64), (8, 16, 24, 32, 50, 64)),
    3: ((2, 4, 6, 8), (4, 8, 12, 16), (4, 8, 10, 16)),
    4: ((2, 3, 4), (2, 4, 6), (4, 6, 8), (4, 8, 12)),
}


class Sampler(Wiring):
    """Builds one program; each method that adds a statement returns the id of its value."""

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
        for attempt in range(TRIES):
            made = len(self.params)
            begin = self._side("f", ANY, {start}) if attempt else start
            second = self.region(functools.partial(orelse, begin))
            same = np.array_equal(self.witnesses[first.value], self.witnesses[second.value])
            if not same or attempt == TRIES - 1:
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
        grown = trip * STATE_STEP
        first = self.params[0].id  # what it starts from if nothing comes of its start
        initial = self.ranges[start if start is not None else first]
        interval = iv.add(iv.hull(initial, (0.0, 0.0)), (-grown, grown))
        before = self.witnesses[start] if start is not None else np.zeros(WITNESSES)
        state = self._value("f", interval, before + self._spread((-0.5 * trip, 0.5 * trip)))
        index = self._value("f", (0.0, trip - 1.0), np.floor(self._spread((0.0, float(trip)))))
        reads_state = not dynamic and self.draw.chance(0.5)

        def bounded() -> int:
            value = body(index, state if reads_state else None)
            return self.fit(value, (-STATE_STEP, STATE_STEP))

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

    def finish(self, outputs: tuple[int, ...], space: Axes) -> Program:
        """Return the program."""
        dtype = "float64" if self.draw.chance(0.2) and not self.single else "float32"
        return Program(
            self.category, dtype, self.width, space, tuple(sorted(self.extents.items())),
            tuple(self.params), tuple(self.statements), outputs, self.differentiable,
            signed=self.signed, unsigned=self.unsigned,
        )  # fmt: skip

    def extents_for(self, rank: int) -> dict[str, int]:
        """Draw the extents of a space of the given rank, axes named i, j, k, l."""
        return {a: self.draw.choice(c) for a, c in zip("ijkl", _EXTENTS[rank], strict=False)}
