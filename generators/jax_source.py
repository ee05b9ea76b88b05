"""Programs written as JAX functions: whole arrays at once, one axis of the index space each."""

from __future__ import annotations

from functools import cache, cached_property

from generators import outline
from generators.jax_access import JaxAccess
from generators.kernel import Argument
from generators.names import BODIES, ROUNDS, STATES
from generators.program import (
    Apply,
    Branch,
    Cell,
    Gather,
    Loop,
    Neighbor,
    Param,
    Program,
    Reduce,
    Statement,
)
from generators.spellings import ATOM, Spelling
from generators.streams import Stream
from generators.tables import JAX, OPERATIONS
from generators.writer import spaced

_UNROLLED = 4  # a loop of up to so many rounds may be written as a Python loop
_ANNOTATED = {"k": "int", "i": "int", "u": "int", "f": "float", "b": "bool", "c": "complex"}


@cache
def _where(compare: str, literal: bool) -> Spelling:
    right = "{#0}" if literal else "{1!}"
    return Spelling(f"jnp.where({{0!}} {compare} {right}, {{2}}, {{3}})")


@cache
def _reduced(how: str, rows: bool) -> Spelling:
    return Spelling(f"jnp.{how}({{0}}{', axis=1' if rows else ''})")


class JaxWriter(JaxAccess):
    """Writes a program as one function of arrays."""

    spellings = JAX

    def __init__(self, program: Program, draw: Stream, names: Stream):
        super().__init__(program, draw, names)
        for p in program.params:
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
        spelling = _where(s.compare, s.right is None)
        # The comparison stands first in the text: what it reads must have a name by now.
        args = (s.left, s.left if s.right is None else s.right, s.then.value, s.orelse.value)
        for value in args[:2]:
            self.name(value)
        self.hold(s.id, (self.fill(spelling, args, {"#0": self.number(s.literal)}), ATOM))

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
        spelling = _reduced(s.how, bool(s.over))
        self.hold(s.id, (self.fill(spelling, (s.body.value,), {}), ATOM))

    def helper_form(self, name: str, run: outline.Run) -> tuple[list[str], str]:
        """Return the decorators of a helper function and how it is called."""
        choice = self.draw.below(10)
        if choice < 2:
            return [("@jax.jit", "@jax.checkpoint")[choice]], name
        if choice < 4:
            return [], (f"jax.jit({name})", f"jax.checkpoint({name})")[choice - 2]
        if choice < 7 and self.mappable(run):
            return (["@jax.vmap"], name) if choice == 4 else ([], f"jax.vmap({name})")
        return [], name

    def mappable(self, run: outline.Run) -> bool:
        """Tell whether what a helper reads has one leading axis, along which it can be mapped."""
        whole = {p.id for p in self.program.params if p.axes == self.program.space}
        for s in self.program.statements:
            if not isinstance(s, Apply) or OPERATIONS[s.op].dims:
                break
            if set(s.args) & whole:
                whole.add(s.id)
        return bool(self.program.space) and not self.nested and set(run.reads) <= whole

    # -- the function ---------------------------------------------------------------------------

    def kernel(self, decorator: str = "") -> tuple[str, tuple[Argument, ...]]:
        """Return the function's source and its arguments in call order."""
        program = self.program
        outline.body(self, program.statements, self.later())
        if program.stores:
            results = self.shared()
        else:
            results = [text for text, _ in self.take(*program.outputs)]
        self.flush()
        if not self.lines:  # a kernel is never one line alone
            for place, text in enumerate(results):
                results[place] = self.names.local()
                self.line(f"{results[place]} = {text}")
        self.remark("result")
        self.line(f"return {', '.join(results)}")
        # Without annotations a single number reads like an array.
        annotated = program.category == "scalar_array" or self.draw.chance(0.25)
        header = [
            f"{self.titles[p.id]}: {self.annotation(p)}" if annotated else self.titles[p.id]
            for p in program.params
        ]
        text = self.text(decorator, header, spaced(self.lines))
        return text, tuple(self.argument(p) for p in program.params)

    def annotation(self, param: Param) -> str:
        """Write a parameter's type."""
        return "jax.Array" if param.axes or param.shape else _ANNOTATED[param.type[0]]

    def argument(self, param: Param) -> Argument:
        """Return what the row says of a parameter."""
        shape = param.shape or tuple(self.extents[a] for a in param.axes)
        if param.type == "v":
            shape += (self.program.width,)
        dtype = self.dtypes[param.type[0]]
        return Argument(self.titles[param.id], "input", dtype, shape, *param.interval)

    @property
    def dtypes(self) -> dict[str, str]:
        """The NumPy name of each kind's type."""
        p = self.program
        wide = "complex128" if p.dtype == "float64" else "complex64"
        return dict.fromkeys("fvp", p.dtype) | {
            **{"i": p.signed, "u": p.unsigned, "b": "bool", "k": "int32", "c": wide},
        }

    def slots(self, statement: Apply) -> dict[str, str]:
        """Return what the named slots stand for, types and a guard's shape among them."""
        found, literals = super().slots(statement), statement.literals
        shape = ", ".join(map(str, literals))
        found["shape"] = f"({shape},)" if len(literals) == 1 else f"({shape})"
        found["last"] = str(literals[-1]) if literals else ""
        return found

    @cached_property
    def words(self) -> dict[str, str]:
        """What the slots stand for that are the same in the whole kernel, types among them."""
        p = self.program
        types = {"float": p.dtype, "int": p.signed, "uint": p.unsigned}
        return super().words | {name: f"jnp.{dtype}" for name, dtype in types.items()}
