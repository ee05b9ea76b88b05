"""The program model: frozen, printable data in structured SSA form, free of any language.

A value is an integer id. Types are the letters of `generators.operations`. A program describes
what happens at one point of an index space; Warp spells it for one thread, JAX for whole arrays at
once. A program without a space works on whole arrays instead: its types are a letter and a rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Interval = tuple[float, float]
STATE_STEP = 1.5  # the most that one round of a loop adds to its state


@dataclass(frozen=True)
class Param:
    """An input. ``axes`` names the dimensions that index it, () for a scalar argument.

    ``shape`` is that of a whole array. ``stem`` is what it is called, empty where anything does.
    """

    id: int
    type: str
    axes: tuple[str, ...]
    interval: Interval
    shape: tuple[int, ...] = ()
    stem: str = ""


@dataclass(frozen=True)
class Apply:
    """One operation of the table on earlier values, with its literal constants."""

    id: int
    op: str
    args: tuple[int, ...]
    literals: tuple[float, ...] = ()


@dataclass(frozen=True)
class Block:
    """Statements in order and the value they yield."""

    statements: tuple[Statement, ...]
    value: int


@dataclass(frozen=True)
class Branch:
    """The value of ``then`` where ``left <compare> right`` holds, that of ``orelse`` elsewhere.

    ``right`` is a value id, or None where the comparison is with ``literal``.
    """

    id: int
    compare: str
    left: int
    right: int | None
    literal: float
    then: Block
    orelse: Block


@dataclass(frozen=True)
class Skip:
    """When a round of a loop leaves the state as it is.

    By its number, where ``index % every == rest``; or, with ``every`` 0, by the body's value,
    where ``value <compare> literal``.
    """

    every: int
    rest: int = 0
    compare: str = "<"
    literal: float = 0.0


@dataclass(frozen=True)
class Loop:
    """A loop of ``trip`` rounds carrying ``state``, which ``update`` joins with the body's value.

    ``update`` is "add" (state + value), "decay" (factor * state + value) or "max". ``start`` is a
    value id, or None for zero. ``index`` is the id by which the body knows the round as a float,
    or None. ``dynamic`` means that the compiler does not see the trip count (Warp only).

    The rounds are numbered from ``first`` by ``step``. ``form`` is "for", "while", or "array",
    a loop over all places of the array that the body looks up. ``until`` is a comparison and a
    literal: the loop ends with the round after which they hold of the state.
    """

    id: int
    state: int
    index: int | None
    start: int | None
    trip: int
    update: str
    factor: float
    body: Block
    dynamic: bool = False
    form: str = "for"
    first: int = 0
    step: int = 1
    until: tuple[str, float] | None = None
    skip: Skip | None = None

    @property
    def plain(self) -> bool:
        """Tell whether all rounds are run, numbered from zero, by ``for``."""
        numbered = self.form == "for" and self.first == 0 and self.step == 1
        return numbered and self.until is None and self.skip is None


@dataclass(frozen=True)
class Reduce:
    """The sum, mean, max or min of a block's value along the axis ``over``.

    With ``over`` None it runs over the whole index space and ends the program.
    """

    id: int
    how: str
    over: str | None
    body: Block


@dataclass(frozen=True)
class Neighbor:
    """An array parameter's value near this point: ``offsets`` along each of its axes.

    Beyond the edge stands the edge's own value ("clamp"), that of the other side ("wrap"), or
    "zero".
    """

    id: int
    param: int
    offsets: tuple[int, ...]
    boundary: str


@dataclass(frozen=True)
class Gather:
    """What an array parameter holds where the integer ``index`` points along its first axis.

    Its other axes, if any, are indexed by this point.
    """

    id: int
    param: int
    index: int


@dataclass(frozen=True)
class Cell:
    """A whole number: which of ``size`` equal cells above ``low`` a value lies in.

    What lies below is in the first cell, what lies above in the last.
    """

    id: int
    value: int
    low: float
    scale: float
    size: int


@dataclass(frozen=True)
class Whole:
    """A whole number, signed (``type`` "i") or not ("u"), of 32 bits.

    ``form`` is "number" (``scale`` itself), "round" (``scale * value`` without its fraction), or,
    of the last four binary digits of that, "bit" (this bit alone) or "hole" (all others).
    """

    id: int
    type: str
    form: str
    value: int | None
    scale: float


Statement = Apply | Branch | Loop | Reduce | Neighbor | Gather | Cell | Whole


@dataclass(frozen=True)
class Store:
    """How an output is kept that has ``size`` slots which points share, not a value a point.

    Every point joins its value to the slot of its ``index`` by ``how``: "add", "sub", "max" or
    "min"; whole numbers also by "and", "or", "xor", and a number that is the same for all by
    "exch" and by "cas", which sets a slot that holds ``fill``. The axes of ``index`` lead the
    program's space; those that follow are the output's too. Without an index there is one slot.
    ``fill`` is what a slot holds before. With a ``guard`` (comparison, value, literal) only those
    points take part for which it holds. None of it depends on the order of the points.
    """

    how: str
    index: int | None
    size: int
    fill: float = 0.0
    guard: tuple[str, int, float] | None = None

    @property
    def reads(self) -> tuple[int, ...]:
        """The ids that it reads beside the output's value."""
        index = () if self.index is None else (self.index,)
        return index if self.guard is None else (*index, self.guard[1])


@dataclass(frozen=True)
class Program:
    """A typed kernel: ``outputs`` are the ids of the values it gives, in order."""

    category: str
    dtype: str  # of its floats
    width: int  # of its vectors and square matrices
    space: tuple[str, ...]
    extents: tuple[tuple[str, int], ...]
    params: tuple[Param, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[int, ...]
    differentiable: bool
    stores: tuple[Store, ...] = ()  # one an output where points share it, else none
    signed: str = "int32"  # the dtype of its integers
    unsigned: str = "uint32"
    shapes: tuple[tuple[int, tuple[int, ...]], ...] = ()  # of the values, on whole arrays

    @cached_property
    def every(self) -> tuple[Statement, ...]:
        """Every statement, nested ones before the one that holds them."""
        return tuple(walk(self.statements))

    @cached_property
    def uses(self) -> dict[int, int]:
        """How often each value id is read, by yields and outputs too."""
        reads = [value for s in self.every for value in operands(s)]
        inner = [s for s in self.every if type(s) is not Apply]
        reads += [block.value for s in inner for block in blocks_of(s)]
        reads += [*self.outputs, *(value for store in self.stores for value in store.reads)]
        counts: dict[int, int] = {}
        for value in reads:
            counts[value] = counts.get(value, 0) + 1
        return counts


def blocks_of(statement: Statement) -> tuple[Block, ...]:
    """Return the nested blocks of a statement, in reading order."""
    if type(statement) is Apply:  # most are
        return ()
    if isinstance(statement, Branch):
        return (statement.then, statement.orelse)
    if isinstance(statement, (Loop, Reduce)):
        return (statement.body,)
    return ()


def operands(statement: Statement) -> tuple[int, ...]:
    """Return the ids that a statement reads in its own scope, its blocks left out."""
    if isinstance(statement, Apply):
        return statement.args
    if isinstance(statement, Branch):
        return (statement.left,) if statement.right is None else (statement.left, statement.right)
    if isinstance(statement, Loop):
        return () if statement.start is None else (statement.start,)
    if isinstance(statement, Neighbor):
        return (statement.param,)
    if isinstance(statement, Gather):
        return (statement.param, statement.index)
    if isinstance(statement, Cell):
        return (statement.value,)
    if isinstance(statement, Whole):
        return () if statement.value is None else (statement.value,)
    return ()


def walk(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    """Yield every statement, nested ones before the one that holds them."""
    for statement in statements:
        for block in blocks_of(statement):
            yield from walk(block.statements)
        yield statement


def read_here(program: Program) -> set[int]:
    """Return the ids that are read at the point itself, not only near it or through an index."""
    found = set(program.outputs).union(*(store.reads for store in program.stores))
    for statement in program.every:
        if isinstance(statement, Apply):
            found.update(statement.args)
            continue
        if isinstance(statement, Gather):
            found.add(statement.index)
        elif not isinstance(statement, Neighbor):
            found.update(operands(statement))
        found.update(block.value for block in blocks_of(statement))
    return found
