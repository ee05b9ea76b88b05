"""Warp: loops that end early, skip rounds, count otherwise, or run over an array."""

from __future__ import annotations

from generators.names import COUNTS, ROUNDS, STATES
from generators.program import Gather, Loop, walk
from generators.writer import Expression, Writer


class WarpControl(Writer):
    """The part of a Warp writer that spells loops which are not plain."""

    titles: dict[int, str]
    trips: list[tuple[str, int]]
    whole: dict[int, str]
    scalar: str

    def start(self, value: float = 0.0) -> str:
        """Write what a variable starts from."""
        raise NotImplementedError

    def advance(self, state: str, update: str, factor: float, value: Expression) -> None:
        """Write how a loop's state takes a round's value."""
        raise NotImplementedError

    def rounds(self, s: Loop) -> None:
        """Write a loop with its head, what is skipped, and where it ends."""
        self.note("while" if s.form == "while" else "loop")
        start = self.start() if s.start is None else self.name(s.start)
        self.flush()
        state, k = self.names.pick(STATES), self.names.pick(ROUNDS)
        self.known[s.state] = self.known[s.id] = state
        if s.index is not None:
            self.known[s.index] = f"{self.scalar}({k})"
            self.whole[s.index] = k
        self.line(f"{state} = {start}")
        raised = s.form == "while" and s.skip is not None  # before a round can be skipped
        self.head(s, k, raised)
        self.depth += 1
        if raised:
            self.line(f"{k} += 1")
        if s.skip and s.skip.every:
            self.note("continue")
            self.line(f"if {k} % {s.skip.every} == {s.skip.rest}:")
            self.line("    continue")
        self.write(s.body.statements)
        if s.skip and not s.skip.every:
            self.note("continue")
            value = self.name(s.body.value)
            self.line(f"if {value} {s.skip.compare} {self.number(s.skip.literal)}:")
            self.line("    continue")
        [value] = self.take(s.body.value)
        self.flush()
        self.advance(state, s.update, s.factor, value)
        if s.until:
            self.note("break")
            self.line(f"if {state} {s.until[0]} {self.number(s.until[1])}:")
            self.line("    break")
        if s.form == "while" and not raised:
            self.line(f"{k} += {s.step}")
        self.depth -= 1

    def head(self, s: Loop, k: str, raised: bool) -> None:
        """Write the line that a loop begins with."""
        if s.form == "array":
            [table] = {
                t.param
                for t in walk(s.body.statements)
                if isinstance(t, Gather) and t.index == s.index
            }
            self.line(f"for {k} in range({self.titles[table]}.shape[0]):")
            return
        stop = s.first + s.step * s.trip if s.step < 0 else s.first + s.step * (s.trip - 1) + 1
        bounds = {"first": s.first, "stop": stop - 1 if raised else stop}
        texts = {end: str(value) for end, value in bounds.items()}
        if s.dynamic:
            end = "stop" if s.step > 0 else "first"
            texts[end] = self.names.pick(COUNTS)
            self.trips.append((texts[end], bounds[end]))
        if s.form == "while":
            self.line(f"{k} = int({0 if raised else s.first})")
            self.line(f"while {k} < {texts['stop']}:")
        elif s.step != 1:
            self.line(f"for {k} in range({texts['first']}, {texts['stop']}, {s.step}):")
        elif s.first:
            self.line(f"for {k} in range({texts['first']}, {texts['stop']}):")
        else:
            self.line(f"for {k} in range({texts['stop']}):")
