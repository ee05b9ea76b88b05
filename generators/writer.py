"""What both languages share in writing a program: naming values and nesting expressions.

Reading a text from left to right, innermost call first, meets the operations in the order of
the program. That order is what tells two kernels apart, so an expression is nested only where
nesting keeps it: a value waits until the operation that reads it, and is given a name when
anything would overtake it.
"""

from __future__ import annotations

from generators.names import BINS, Names
from generators.program import Apply, Param, Program, use_counts
from generators.spellings import ATOM, SLOT, SUM, Spelling
from generators.streams import Stream

Expression = tuple[str, int]  # the text and how tightly it binds
_LONGEST = 64
_WIDEST = 84
_LINE = 96


class Writer:
    """Writes the body of one kernel; a language says how it spells what is not an operation."""

    spellings: dict[str, Spelling]

    def __init__(self, program: Program, draw: Stream, names: Stream):
        self.program = program
        self.draw = draw
        self.names = Names(names)
        self.lines: list[str] = []
        self.depth = 1
        self.known: dict[int, str] = {}  # what a named value or a parameter is written as
        self.waiting: list[tuple[int, Expression]] = []
        self.accesses: dict[int, str] = {}  # those of ``known`` that are read where they are used
        self.uses = use_counts(program)
        self.nesting = draw.choice((0.25, 0.5, 0.8, 0.95))
        self.extents = dict(program.extents)
        self.used: list[str] = []  # operations in order of appearance

    def title(self, param: Param) -> str:
        """Name a parameter by what it is for."""
        if any(store.index == param.id for store in self.program.stores):
            return self.names.pick(BINS)
        return self.names.param(param.type, scalar=not param.axes)

    # -- what a language provides ---------------------------------------------------------------

    def number(self, value: float) -> str:
        """Write a literal of the program's float type."""
        raise NotImplementedError

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
            self.known[id_] = self.names.local()
            self.line(f"{self.known[id_]} = {text}")
        self.waiting.clear()

    def hold(self, id_: int, expression: Expression, name: bool = False) -> None:
        """Let a value wait for its reader, or name it now."""
        once = self.uses.get(id_) == 1
        if once and not name and len(expression[0]) < _LONGEST and self.draw.chance(self.nesting):
            self.waiting.append((id_, expression))
            return
        self.flush()
        self.known[id_] = self.names.local()
        self.line(f"{self.known[id_]} = {expression[0]}")

    def take(self, *ids: int) -> list[Expression]:
        """Return how to write the values read here, in reading order; those nested are used up."""
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

    def fill(self, spelling: Spelling, args: tuple[int, ...], literals: tuple[float, ...]) -> str:
        """Write a spelling with its operands, parenthesised where they bind too loosely."""
        repeated = spelling.repeated()
        for place in repeated:
            self.name(args[place])
        order = [int(s) for s in spelling.slots() if not s.startswith("#")]
        once = list(dict.fromkeys(order))
        waiting = {id_: len(text) for id_, (text, _) in self.waiting}
        read = sum(len(self.accesses.get(args[p], "")) for p in once)
        if len(spelling.template) + read + sum(waiting.get(args[p], 0) for p in once) > _WIDEST:
            self.flush()
        operands = dict(zip(once, self.take(*[args[place] for place in once]), strict=True))

        def slot(match) -> str:
            name, marks = match.groups()
            if name.startswith("#"):
                return self.number(literals[int(name[1:])])
            text, binds = operands[int(name)]
            needed = (0 if spelling.binds == ATOM else spelling.binds) + len(marks)
            needed = ATOM if marks == "!!" else needed
            return text if binds >= needed else f"({text})"

        text = spelling.template.replace("{one}", self.number(1.0))
        return SLOT.sub(slot, text.replace("{zero}", self.number(0.0)))

    def apply(self, statement: Apply) -> None:
        """Write an operation."""
        spelling = self.spellings[statement.op]
        if not statement.op.startswith("guard_"):
            self.note(statement.op)
        text = self.fill(spelling, statement.args, statement.literals)
        self.hold(statement.id, (text, spelling.binds))

    def bracket(self, expression: Expression, needed: int) -> str:
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
    """Return the line, or three and more where it is too long and ends with a call."""
    if len(margin + text) <= _LINE or not text.endswith(")"):
        return [margin + text]
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
        body = [more + piece.strip() for piece in pieces]
        body[-1] += ","
    return [margin + text[: start + 1], *body, margin + ")"]


def _closing(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return -1


def signature(decorator: str, name: str, arguments: list[str]) -> list[str]:
    """Write a function's head on one line, or on one line an argument where it is too long."""
    lines = [decorator] if decorator else []
    one = f"def {name}({', '.join(arguments)}):"
    if len(one) <= 96:
        return [*lines, one]
    return [*lines, f"def {name}(", *(f"    {a}," for a in arguments), "):"]
