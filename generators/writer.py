"""What both languages share in writing a program: naming values and nesting expressions.

Reading a text from left to right, innermost call first, meets the operations in the order of
the program. That order is what tells two kernels apart, so an expression is nested only where
nesting keeps it: a value waits until the operation that reads it, and is given a name when
anything would overtake it.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Self

from generators.manner import CONSTANTS, Manner
from generators.names import BINS, INDICES, Names
from generators.program import (
    Apply,
    Cell,
    Gather,
    Param,
    Program,
    Statement,
    Whole,
)
from generators.spellings import ANY_SLOT, ATOM, SUM, Spelling, stands
from generators.streams import Stream
from generators.tables import OPERATIONS

Expression = tuple[str, float]  # the text and how tightly it binds
_LONGEST = 64
_WIDEST = 84
_LINE = 96
_AUGMENTED = {f"{{0}} {sign} {{1!}}": f"{sign}=" for sign in "+-*/"}


class Writer:
    """Writes the body of one kernel; a language says how it spells what is not an operation."""

    spellings: dict[str, Spelling]

    def __init__(self, program: Program, draw: Stream, names: Stream):
        self.program = program
        self.draw = draw
        self.names = Names(names)
        self.lines: list[str] = []
        self.helpers: list[list[str]] = []  # functions before the kernel, each its lines
        self.depth = 1
        self.nested = False  # whether this is a function that the kernel calls
        self.known: dict[int, str] = {}  # what a named value or a parameter is written as
        self.waiting: list[tuple[int, Expression]] = []
        self.accesses: dict[int, str] = {}  # those of ``known`` that are read where they are used
        self.uses = program.uses
        self.types = {p.id: p.type for p in program.params}
        self.pointers = {store.index for store in program.stores}
        for s in program.every:
            if isinstance(s, Apply):
                self.types[s.id] = OPERATIONS[s.op].result
                if s.op in self.spellings and self.spellings[s.op].fixed:
                    self.names.avoid(self.spellings[s.op].fixed)
                continue
            self.types[s.id] = _type_of(s)
            if isinstance(s, Gather):
                self.pointers.add(s.index)
        self.nesting = draw.choice((0.25, 0.5, 0.8, 0.95))
        self.extents = dict(program.extents)
        self.shapes = dict(program.shapes)
        self.used: list[str] = []  # operations in order of appearance
        self.habits = Manner(draw)
        self.constants: list[str] = []  # assignments before all else
        self.owned: dict[int, int] = {}  # the depth at which a value was given its own name

    def title(self, param: Param) -> str:
        """Name a parameter by what it is for."""
        if param.stem:
            return self.names.reserve(param.stem)
        if any(store.index == param.id for store in self.program.stores):
            return self.names.pick(BINS)
        if param.id in self.pointers:
            return self.names.pick(INDICES)
        return self.names.param(param.type[0], scalar=not (param.axes or param.shape))

    def later(self) -> tuple[int, ...]:
        """Return what is read after the last statement."""
        program = self.program
        return (*program.outputs, *(v for store in program.stores for v in store.reads))

    # -- what a language provides ---------------------------------------------------------------

    def number(self, value: float) -> str:
        """Write a literal of the program's float type."""
        raise NotImplementedError

    def write(self, statements: tuple[Statement, ...]) -> None:
        """Write statements in order."""
        raise NotImplementedError

    def parameter(self, name: str, id_: int) -> str:
        """Write a helper function's parameter for a value."""
        return name

    def helper_form(self, name: str, run: object) -> tuple[list[str], str]:
        """Return the decorators of a helper function and how it is called."""
        return [], name

    def child(self) -> Self:
        """Return a writer of a helper function's body: its own lines and names, all else shared."""
        inner = copy.copy(self)
        inner.names = self.names.scope()
        inner.lines, inner.depth, inner.known, inner.waiting = [], 1, {}, []
        inner.owned, inner.nested = {}, True
        return inner

    # -- lines ----------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Add a line at the present depth, a call that is too long broken after its bracket."""
        self.lines.extend(wrapped(text, "    " * self.depth))

    def note(self, operation: str) -> None:
        """Record an operation for the row's column of that name."""
        if operation not in self.used:
            self.used.append(operation)

    # -- expressions ----------------------------------------------------------------------------

    def flush(self) -> None:
        """Give every waiting value a name, in order."""
        for id_, (text, _) in self.waiting:
            self.assign_local(id_, text)
        self.waiting.clear()

    def assign_local(self, id_: int, text: str) -> None:
        """Give a value a name of its own."""
        self.known[id_] = self.names.local()
        self.owned[id_] = self.depth
        self.line(f"{self.known[id_]} = {text}")

    def remark(self, kind: str) -> None:
        """Add a comment on what comes next, if this kernel has comments."""
        text = self.habits.remark(kind)
        if text:
            self.line(text)

    def hold(self, id_: int, expression: Expression, name: bool = False) -> None:
        """Let a value wait for its reader, or name it now."""
        once = self.uses.get(id_) == 1
        if once and not name and len(expression[0]) < _LONGEST and self.draw.chance(self.nesting):
            self.waiting.append((id_, expression))
            return
        self.flush()
        self.assign_local(id_, expression[0])

    def take(self, *ids: int) -> list[Expression]:
        """Return how to write the values read here, in reading order; those nested are used up."""
        if not self.waiting:
            return [(self.known[i], ATOM) for i in ids]
        held = [id_ for id_, _ in self.waiting]
        wanted = [id_ for id_ in ids if id_ in held]
        if wanted and (held[-len(wanted) :] != wanted or len(set(wanted)) < len(wanted)):
            self.flush()
            wanted = []
        nested = dict(self.waiting[len(held) - len(wanted) :])
        del self.waiting[len(held) - len(wanted) :]
        return [nested[i] if i in nested else (self.known[i], ATOM) for i in ids]

    def name(self, id_: int) -> str:
        """Return a name for a value, so that it can be read more than once."""
        if any(id_ == held for held, _ in self.waiting):
            self.flush()
        return self.known[id_]

    def slots(self, statement: Apply) -> dict[str, str]:
        """Return what the named slots of a spelling stand for, operands left out."""
        found = dict(self.words)
        for n, value in enumerate(statement.literals):
            found[f"#{n}"] = self.literal(statement, value)
        row = OPERATIONS[statement.op]
        if row.dims:
            extents = row.extents([self.shapes[a] for a in statement.args])
            found.update((f"@{axis}", str(extent)) for axis, extent in extents.items())
        return found

    @cached_property
    def words(self) -> dict[str, str]:
        """What the slots stand for that are the same in the whole kernel."""
        return {"one": self.number(1.0), "zero": self.number(0.0)}

    def literal(self, statement: Apply, value: float) -> str:
        """Write a literal: a whole number as such, any other in the program's float type."""
        if isinstance(value, int):
            return repr(value)
        if not self.habits.named():
            return self.number(value)
        name = self.names.outside(CONSTANTS)
        self.constants.append(f"{name} = {self.constant(value)}")
        return name

    def constant(self, value: float) -> str:
        """Write the value of a named constant."""
        return self.number(value)

    def fill(self, spelling: Spelling, args: tuple[int, ...], slots: dict[str, str]) -> str:
        """Write a spelling with its operands, parenthesised where they bind too loosely.

        Its lines and its helper are written at once, and what they read is named before.
        """
        for place in range(len(args)) if spelling.lines else spelling.repeated:
            self.name(args[place])
        once = spelling.order
        if self.waiting or self.accesses:
            waiting = {id_: len(text) for id_, (text, _) in self.waiting}
            read = sum(len(self.accesses.get(args[p], "")) for p in once)
            if len(spelling.template) + read + sum(waiting.get(args[p], 0) for p in once) > _WIDEST:
                self.flush()
        if spelling.lines:
            self.flush()
        operands = dict(zip(once, self.take(*[args[place] for place in once]), strict=True))
        if len(operands) < len(args):
            operands |= {n: (self.known[a], ATOM) for n, a in enumerate(args) if n not in operands}
        for n, stem in enumerate(spelling.helpers):
            slots[f"h{n}"] = self.names.reserve(stem)
        for n, stem in enumerate(spelling.locals):
            if f"{{t{n}}}" in spelling.text:
                slots[f"t{n}"] = self.names.reserve(stem)

        def slot(name: str, marks: str) -> str:
            if not name.isdigit():
                return slots[name]
            text, binds = operands[int(name)]
            if binds == ATOM:
                return text
            needed = (0 if spelling.binds == ATOM else spelling.binds) + len(marks)
            needed = ATOM if marks == "!!" else needed
            whole = binds >= needed and stands(spelling.template, name, operands[int(name)])
            return text if whole else f"({text})"

        def filled(line: str) -> str:
            return ANY_SLOT.sub(lambda match: slot(*match.groups()), line)

        if spelling.helper:
            self.helpers.append([filled(line) for line in spelling.helper])
        for line in spelling.lines:
            self.line(filled(line))
        first, *rest = spelling.pieces
        for name, marks, text in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
            first += slot(name, marks) + text
        return first

    def apply(self, statement: Apply) -> None:
        """Write an operation."""
        spelling = self.spellings[statement.op]
        if not statement.op.startswith("guard_"):
            self.note(statement.op)
        if self.augment(statement, spelling):
            return
        worded = spelling.worded or statement.literals
        text = self.fill(spelling, statement.args, self.slots(statement) if worded else {})
        self.hold(statement.id, (text, spelling.binds))

    def augment(self, statement: Apply, spelling: Spelling) -> bool:
        """Write ``x += y`` where the value at hand has a name nobody else reads; tell if so."""
        sign = _AUGMENTED.get(spelling.template)
        main, *others = statement.args
        if (
            not sign
            or not self.habits.augments
            or self.owned.get(main) != self.depth
            or self.uses.get(main) != 1
            or main in others
            or self.types[main] != self.types[statement.id]
        ):
            return False
        [(text, _)] = self.take(*others)
        self.flush()
        self.known[statement.id] = self.known[main]
        self.owned[statement.id] = self.depth
        self.line(f"{self.known[main]} {sign} {text}")
        return True

    def bracket(self, expression: Expression, needed: float) -> str:
        """Write an expression where an operand of at least this strength is needed."""
        text, binds = expression
        return text if binds >= needed else f"({text})"

    def compound(self, left: str, update: str, factor: float, expression: Expression) -> str:
        """Write the value that a loop's state takes: "add", "decay"."""
        joined = self.bracket(expression, SUM + 1)
        return (
            f"{self.number(factor)} * {left} + {joined}"
            if update == "decay"
            else (f"{left} + {joined}")
        )

    def before(self) -> list[str]:
        """Return the helpers' lines and what parts them from the kernel."""
        parts = [[*self.constants, ""]] if self.constants and self.helpers else []
        parts += [[*self.constants, "", ""]] if self.constants and not self.helpers else []
        return [line for part in (*parts, *([*h, "", ""] for h in self.helpers)) for line in part]

    def text(self, decorator: str, header: list[str], body: list[str]) -> str:
        """Return the whole text: what stands before the kernel, its head, and its body."""
        if self.draw.chance(0.3):
            body = [f'    """{self.describe()}"""', *body]
        lines = [*signature(decorator, self.names.kernel, header), *body, ""]
        return "\n".join([*self.before(), *lines])

    def describe(self) -> str:
        """Return a docstring that is true of the kernel."""
        names = [name for name in self.used if name != self.program.category]
        shown = [_WORDS.get(name, name.replace("_", " ")) for name in names]
        title = _TITLES.get(self.program.category, self.program.category.capitalize())
        for count in range(min(len(shown), 4), -1, -1):
            more = " and more" if 0 < count < len(shown) else ""
            text = f"{title}: {', '.join(shown[:count])}{more}" if count else title
            if len(text) < _WIDEST:
                break
        return f"{text}."


def _type_of(statement: Statement) -> str:
    """Return the type of a value that is not an operation's."""
    if isinstance(statement, Whole):
        return statement.type
    return "i" if isinstance(statement, Cell) else "f"


# What a docstring calls an operation whose own name says little.
_WORDS = {
    "vadd": "sum", "vsub": "difference", "vmul": "componentwise product", "vneg": "negation",
    "vscale": "scaling", "vdiv": "division by a number", "length_sq": "squared length",
    "add": "sum", "sub": "difference", "mul": "product", "div": "quotient", "neg": "negation",
    "min": "minimum", "max": "maximum", "abs": "absolute value", "pow": "constant power",
    "reduce_sum": "total", "reduce_mean": "mean", "reduce_max": "largest value",
    "reduce_min": "smallest value", "scale": "constant factor", "sqrt": "square root",
    "cbrt": "cube root", "lerp": "interpolation", "offset": "constant offset",
    "neighbor": "nearby values", "gather": "lookup", "cell": "cell of a value",
    "scatter_add": "sum by slot", "scatter_sub": "difference by slot",
    "scatter_max": "largest by slot", "scatter_min": "smallest by slot",
    "whole": "whole number", "atomic_and": "common bits", "atomic_or": "union of bits",
    "atomic_xor": "parity of bits", "atomic_add": "shared sum", "atomic_sub": "shared difference",
    "atomic_max": "shared maximum", "atomic_min": "shared minimum", "atomic_exch": "shared flag",
    "atomic_cas": "flag set once", "guard": "condition",
}  # fmt: skip
_TITLES = {
    "elementwise": "Combine arrays element by element",
    "scalar_array": "Combine arrays with single numbers",
    "unary": "Map each element",
    "branch": "Choose a formula for each element",
    "loop": "Accumulate over rounds",
    "reduction": "Reduce the elements",
    "vector": "Vector arithmetic",
    "multi_statement": "Two results for each element",
    "nested_branch": "Choose among three formulas",
    "compound": "Loop and branch",
    "stencil": "Combine neighboring values",
    "gather": "Look values up by index",
    "scatter": "Accumulate into slots",
    "control": "Loop with control flow",
    "atomic": "Update shared state",
    "matmul": "Matrix product",
    "batchnorm": "Batch normalization",
    "layernorm": "Layer normalization",
    "gelu": "GELU activation",
    "conv": "Convolution",
}


def wrapped(text: str, margin: str) -> list[str]:
    """Return the line, or three and more where it is too long: a call or a sum taken apart."""
    if len(margin + text) <= _LINE:
        return [margin + text]
    lines = _call(text, margin) if text.endswith(")") else []
    if lines and max(map(len, lines)) <= _LINE:
        return lines
    lead, equals, value = text.partition(" = ")
    if not equals:
        lead, equals, value = text.partition("return ")
    pieces = next((p for signs in ("+-", "*/@") if len(p := _terms(value, signs)) > 1), [])
    if not pieces:
        return lines or [margin + text]
    inner = [line for piece in pieces for line in wrapped(piece, margin + "    ")]
    return [f"{margin}{lead}{equals}(", *inner, f"{margin})"]


def _terms(text: str, signs: str) -> list[str]:
    """Split an expression before the operators that stand in no bracket."""
    pieces, depth, words = [""], 0, text.split(" ")
    for place, word in enumerate(words):
        if depth == 0 and word in signs and 0 < place < len(words) - 1:
            pieces.append(word)
        else:
            pieces[-1] += f" {word}" if pieces[-1] else word
        depth += sum(word.count(c) for c in "([{") - sum(word.count(c) for c in ")]}")
    return pieces


def _call(text: str, margin: str) -> list[str]:
    opened = [i for i, c in enumerate(text) if c == "("]
    start = next(i for i in opened if _closing(text, i) == len(text) - 1)
    inner, pieces, depth = text[start + 1 : -1], [""], 0
    for c in inner:
        depth += (c in "([{") - (c in ")]}")
        pieces[-1] += c
        if c == "," and depth == 0:
            pieces.append("")
    more = margin + "    "
    body = [more + inner]
    called = start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_")
    if len(body[0]) > _LINE and called:
        body = [line for piece in pieces for line in wrapped(piece.strip(), more)]
        body[-1] += ","
    return [margin + text[: start + 1], *body, margin + ")"]


def _closing(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return -1


def spaced(lines: list[str]) -> list[str]:
    """Put a blank line before and after each function within a function."""
    found: list[str] = []
    inside: int | None = None  # how far the function's head is indented
    for line in lines:
        margin = len(line) - len(line.lstrip())
        head = line.lstrip().startswith("def ")
        over = inside is not None and line.strip() != "" and margin <= inside
        if ((head and inside is None) or over) and found and found[-1]:
            found.append("")
        if over:
            inside = None
        if head and inside is None:
            inside = margin
        found.append(line)
    return found


def signature(decorator: str, name: str, arguments: list[str]) -> list[str]:
    """Write a function's head on one line, or on one line an argument where it is too long."""
    lines = [decorator] if decorator else []
    one = f"def {name}({', '.join(arguments)}):"
    if len(one) <= 96:
        return [*lines, one]
    return [*lines, f"def {name}(", *(f"    {a}," for a in arguments), "):"]
