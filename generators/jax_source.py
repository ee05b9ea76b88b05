"""Programs written as JAX functions: whole arrays at once, one axis of the index space each."""

from __future__ import annotations

import re

from generators import cores
from generators.jax_access import JaxAccess
from generators.kernel import Argument
from generators.names import BODIES, ROUNDS, STATES
from generators.program import (
    Apply,
    Branch,
    Cell,
    Core,
    Gather,
    Loop,
    Neighbor,
    Param,
    Program,
    Reduce,
    Statement,
)
from generators.spellings import ATOM, SUM, Spelling
from generators.streams import Stream
from generators.tables import JAX
from generators.writer import signature

_NESTED = 24  # an operand of a block longer than this is given a name
_UNROLLED = 4  # a loop of up to so many rounds may be written as a Python loop
_ANNOTATED = {"i": "int", "f": "float"}


class JaxWriter(JaxAccess):
    """Writes a program as one function of arrays."""

    spellings = JAX

    def __init__(self, program: Program, draw: Stream, names: Stream):
        super().__init__(program, draw, names)
        weights = {
            id_: weight.stem
            for s in program.statements
            if isinstance(s, Core)
            for id_, weight in zip(
                s.args[1:], cores.FAMILIES[s.family][s.variant].weights, strict=True
            )
        }
        for p in program.params:
            if p.id in weights:
                self.known[p.id] = self.names.reserve(weights[p.id])
            elif program.category == "attention" and p is program.params[0]:
                self.known[p.id] = self.names.reserve("query")
            else:
                self.known[p.id] = self.title(p)
        self.titles = {p.id: self.known[p.id] for p in program.params}

    def number(self, value: float) -> str:
        """Write a literal; JAX gives it the type of its neighbours."""
        return repr(value)

    # -- statements -----------------------------------------------------------------------------

    def write(self, statements: tuple[Statement, ...]) -> None:
        """Write statements in order."""
        for statement in statements:
            match statement:
                case Apply():
                    self.apply(statement)
                case Branch():
                    self.branch(statement)
                case Loop():
                    self.loop(statement)
                case Reduce():
                    self.reduce(statement)
                case Core():
                    self.core(statement)
                case Neighbor():
                    self.neighbor(statement)
                case Gather():
                    self.gather(statement)
                case Cell():
                    self.cell(statement)

    def branch(self, s: Branch) -> None:
        """Write both sides, then a choice between them element by element."""
        self.note("branch")
        self.write(s.then.statements)
        self.write(s.orelse.statements)
        right = "{1!}" if s.right is not None else "{#0}"
        spelling = Spelling(f"jnp.where({{0!}} {s.compare} {right}, {{2}}, {{3}})")
        # The comparison stands first in the text: what it reads must have a name by now.
        args = (s.left, s.left if s.right is None else s.right, s.then.value, s.orelse.value)
        for value in args[:2]:
            self.name(value)
        self.hold(s.id, (self.fill(spelling, args, (s.literal,)), ATOM))

    def zeros(self) -> str:
        """Write a start at zero in the shape of the whole index space."""
        whole = next(p for p in self.program.params if p.axes == self.program.space)
        return f"jnp.zeros_like({self.titles[whole.id]})"

    def loop(self, s: Loop) -> None:
        """Write a ``fori_loop`` with its body as a nested function, or a short Python loop."""
        self.note("loop")
        start = self.zeros() if s.start is None else self.name(s.start)
        self.flush()
        state, k = self.names.pick(STATES), self.names.pick(ROUNDS)
        self.known[s.state] = state
        if s.index is not None:
            self.known[s.index] = k
        if s.trip <= _UNROLLED and self.draw.chance(0.4):
            self.line(f"{state} = {start}")
            self.line(f"for {k} in range({s.trip}):")
            self.known[s.id] = state
            self.round(s, state, f"{state} = ")
            return
        body = self.names.pick(BODIES)
        if self.lines:
            self.lines.append("")
        self.line(f"def {body}({k}, {state}):")
        self.round(s, state, "return ")
        self.lines.append("")
        call = f"jax.lax.fori_loop(0, {s.trip}, {body}, {start})"
        self.hold(s.id, (call, ATOM), name=True)

    def round(self, s: Loop, state: str, lead: str) -> None:
        """Write the body of a loop, one level deeper."""
        self.depth += 1
        self.write(s.body.statements)
        [value] = self.take(s.body.value)
        self.flush()
        if s.update == "max":
            self.line(f"{lead}jnp.maximum({state}, {value[0]})")
        else:
            self.line(f"{lead}{self.compound(state, s.update, s.factor, value)}")
        self.depth -= 1

    def reduce(self, s: Reduce) -> None:
        """Write a reduction over one axis, or over all of them."""
        self.note(f"reduce_{s.how}")
        self.write(s.body.statements)
        axis = ", axis=1" if s.over else ""
        spelling = Spelling(f"jnp.{s.how}({{0}}{axis})")
        self.hold(s.id, (self.fill(spelling, (s.body.value,), ()), ATOM))

    def core(self, s: Core) -> None:
        """Write a block of the ML table: its lines, the last of which is the value."""
        self.note(s.family)
        row = cores.FAMILIES[s.family][s.variant]
        *before, last = row.lines
        held = dict(self.waiting).get(s.args[0], ("", 0))[0]
        if before or last.count("{x}") > 1 or len(held) > _NESTED:
            self.name(s.args[0])
        [x] = self.take(s.args[0])
        alone = re.search(r"[(,] ?\{x\}[,)]", last)
        slots = {"{x}": self.bracket(x, 0 if alone else ATOM)}
        slots |= {f"{{{c}}}": self.titles[a] for c, a in zip("abcd", s.args[1:], strict=False)}
        slots |= {f"{{t{n}}}": self.names.reserve(t) for n, t in enumerate(row.locals)}
        slots |= {f"{{#{n}}}": self.number(v) for n, v in enumerate(s.literals)}
        if before:
            self.flush()
        for text in before:
            self.line(_replace(text, slots))
        self.hold(s.id, (_replace(last, slots), SUM))

    # -- the function ---------------------------------------------------------------------------

    def kernel(self, decorator: str = "") -> tuple[str, tuple[Argument, ...]]:
        """Return the function's source and its arguments in call order."""
        program = self.program
        self.write(program.statements)
        if program.stores:
            results = self.shared()
        else:
            results = [text for text, _ in self.take(*program.outputs)]
        self.flush()
        self.line(f"return {', '.join(results)}")
        # Without annotations a single number reads like an array.
        annotated = program.category == "scalar_array" or self.draw.chance(0.25)
        header = [
            f"{self.titles[p.id]}: {self.annotation(p)}" if annotated else self.titles[p.id]
            for p in program.params
        ]
        body = self.lines
        if self.draw.chance(0.3):
            body = [f'    """{self.describe()}"""', *body]
        text = "\n".join([*signature(decorator, self.names.kernel, header), *body, ""])
        return text, tuple(self.argument(p) for p in program.params)

    def annotation(self, param: Param) -> str:
        """Write a parameter's type."""
        return _ANNOTATED[param.type] if not param.axes else "jax.Array"

    def argument(self, param: Param) -> Argument:
        """Return what the row says of a parameter."""
        shape = tuple(self.extents[a] for a in param.axes)
        if param.type == "v":
            shape += (self.program.width,)
        dtype = "int32" if param.type == "i" else self.program.dtype
        return Argument(self.titles[param.id], "input", dtype, shape, *param.interval)


def _replace(text: str, slots: dict[str, str]) -> str:
    for slot, value in slots.items():
        text = text.replace(slot, value)
    return text
