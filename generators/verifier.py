"""The verifier re-proves every program before it is written: its errors are bugs of ours."""

from __future__ import annotations

from collections import Counter

import numpy as np

from generators import intervals as iv
from generators.operations import Operation
from generators.program import (
    STATE_STEP,
    Apply,
    Block,
    Branch,
    Cell,
    Gather,
    Interval,
    Loop,
    Neighbor,
    Program,
    Reduce,
    Statement,
    Store,
    Whole,
    operands,
    walk,
)
from generators.tables import COMPARISONS, OPERATIONS, companions

_WHOLES = ("number", "round", "bit", "hole")


class InvalidProgram(AssertionError):
    """A program breaks a law of the model; never caught, since only our sampler can cause it."""


def _demand(holds: bool, what: str, statement: object) -> None:
    if not holds:
        raise InvalidProgram(f"{what}: {statement}")


def _counts(program: Program) -> dict[str, int]:
    statements = program.every
    kinds = Counter(map(type, statements))
    inner = [s for s in statements if isinstance(s, Branch)]
    nested = sum(
        isinstance(t, Branch) for s in inner for b in (s.then, s.orelse) for t in walk(b.statements)
    )
    wholes = {s.id for s in statements if isinstance(s, Whole)}
    shares = list(zip(program.stores, program.outputs, strict=False))
    loops = [s for s in statements if isinstance(s, Loop)]
    nested_loops = sum(isinstance(t, Loop) for s in loops for t in walk(s.body.statements))
    return {
        "branches": len(inner),
        "nested": nested,
        "loops": len(loops),
        "controls": sum(not s.plain for s in loops) + nested_loops,
        "reductions": kinds[Reduce],
        "neighbors": kinds[Neighbor],
        "gathers": kinds[Gather],
        "stores": len(program.stores),
        "wholes": kinds[Whole],
        "guards": sum(store.guard is not None for store in program.stores),
        "shared": sum(store.guard is not None or v in wholes for store, v in shares),
        "vectors": sum(p.type == "v" for p in program.params),
        "scalars": sum(p.type == "f" and not p.axes for p in program.params),
        "binary": sum(isinstance(s, Apply) and len(s.args) > 1 for s in statements),
        "outputs": len(program.outputs),
        "inputs": len(program.params),
    }


# What a program of a category has. Categories exclude each other, so that a kernel of one can
# never be a kernel of another; what is not named is zero (outputs: one).
_NONE = range(1)
_DEFAULTS = {"outputs": range(1, 2), "binary": range(99), "inputs": range(99)}
CATEGORIES: dict[str, dict[str, range]] = {
    "elementwise": {"binary": range(1, 99), "inputs": range(2, 99)},
    "scalar_array": {"binary": range(1, 99), "scalars": range(1, 99)},
    "unary": {"binary": range(1), "inputs": range(1, 2)},
    "branch": {"branches": range(1, 2)},
    "loop": {"loops": range(1, 2)},
    "reduction": {"reductions": range(1, 2)},
    "vector": {"vectors": range(1, 99)},
    "multi_statement": {"outputs": range(2, 3)},
    "nested_branch": {"branches": range(2, 3), "nested": range(1, 2)},
    "compound": {"branches": range(1, 2), "loops": range(1, 2)},
    "stencil": {"neighbors": range(1, 99)},
    "gather": {"gathers": range(1, 99)},
    "scatter": {"stores": range(1, 3), "outputs": range(1, 3)},
    "control": {"loops": range(1, 3), "controls": range(1, 9), "gathers": range(2)},
    "atomic": {
        "stores": range(1, 3),
        "outputs": range(1, 3),
        "wholes": range(3),
        "guards": range(3),
        "shared": range(1, 3),
    },
}
_ANYTHING = {"vectors": range(99), "scalars": range(99)}  # in a family's kernels


def _category(program: Program) -> None:
    pointwise = bool(program.space) and program.category in CATEGORIES
    wanted = _DEFAULTS | (CATEGORIES[program.category] if pointwise else _ANYTHING)
    for name, found in _counts(program).items():
        if found not in wanted.get(name, _NONE):
            raise InvalidProgram(f"{program.category} with {found} {name}")
    applied = [OPERATIONS[s.op] for s in program.every if isinstance(s, Apply)]
    present = {row.family for row in applied if not row.guard} - {""}
    if not pointwise:
        if program.category not in present:
            raise InvalidProgram(f"{program.category} without an operation of it")
        language = "warp" if program.space or program.category == "tile" else "jax"
        present -= {program.category, *companions(language, program.category)}
    elif program.category == "vector":
        present -= {"vector"}
    if present:
        raise InvalidProgram(f"{program.category} with operations of {sorted(present)}")


class _Checker:
    def __init__(self, program: Program):
        self.program = program
        self.types = {p.id: p.type for p in program.params}
        self.shapes = dict(program.shapes)
        self.arrays = {p.id: p for p in program.params}
        self.extents = dict(program.extents)
        self.rounds: set[int] = set()  # numbers of rounds, whole though they are known as floats
        self.ranges: dict[int, Interval] = {p.id: p.interval for p in program.params}

    def define(self, statement: Statement, id_: int, type_: str, interval: Interval) -> None:
        _demand(id_ not in self.types, "defined twice", statement)
        if not interval[0] <= interval[1]:
            raise InvalidProgram(f"empty interval {interval}: {statement}")
        self.types[id_] = type_
        self.ranges[id_] = interval

    def block(self, block: Block) -> Interval:
        before = set(self.types)
        self.statements(block.statements)
        _demand(block.value in self.types, "yields an unknown value", block)
        interval = self.ranges[block.value]
        for id_ in set(self.types) - before:
            del self.types[id_]
        return interval

    def statements(self, statements: tuple[Statement, ...]) -> None:
        for s in statements:
            for value in operands(s):
                if value not in self.types:
                    raise InvalidProgram(f"reads %{value}, which is not in scope: {s}")
            match s:
                case Apply():
                    self.apply(s)
                case Branch():
                    _demand(s.compare in COMPARISONS, "unknown comparison", s)
                    both = iv.hull(self.block(s.then), self.block(s.orelse))
                    self.define(s, s.id, "f", both)
                case Loop():
                    self.loop(s)
                case Reduce():
                    self.define(s, s.id, "f", self.reduced(s, self.block(s.body)))
                case Neighbor():
                    self.define(s, s.id, "f", self.near(s))
                case Gather():
                    self.define(s, s.id, "f", self.looked_up(s))
                case Cell():
                    _demand(self.types[s.value] == "f" and s.size > 1, "no cells", s)
                    self.define(s, s.id, "i", (0.0, s.size - 1.0))
                case Whole():
                    self.whole(s)

    def near(self, s: Neighbor) -> Interval:
        param = self.arrays[s.param]
        _demand(param.type == "f" and set(param.axes) <= set(self.program.space), "no array", s)
        _demand(len(s.offsets) == len(param.axes) and any(s.offsets), "not near the point", s)
        _demand(s.boundary in ("clamp", "wrap", "zero"), "unknown boundary", s)
        for axis, offset in zip(param.axes, s.offsets, strict=True):
            _demand(abs(offset) <= min(2, self.extents[axis]), "further than the other side", s)
        return iv.hull(param.interval, (0.0, 0.0)) if s.boundary == "zero" else param.interval

    def looked_up(self, s: Gather) -> Interval:
        param, space = self.arrays[s.param], self.program.space
        _demand(param.type == "f" and bool(param.axes), "no array", s)
        whole = self.types[s.index] == "i" or s.index in self.rounds
        _demand(whole, "an index must be whole", s)
        last = self.extents[param.axes[0]] - 1
        _demand(iv.inside(self.ranges[s.index], (0, last)), "points outside the array", s)
        if s.index in self.arrays:
            shown = (*self.arrays[s.index].axes, *param.axes[1:])
            _demand(shown == space[len(space) - len(shown) :], "its axes are not the space's", s)
        return param.interval

    def whole(self, s: Whole) -> None:
        _demand(s.type in ("i", "u") and s.form in _WHOLES, "unknown number", s)
        if s.value is None:
            _demand(s.form == "number" and s.scale == int(s.scale), "no number", s)
            self.define(s, s.id, s.type, (s.scale, s.scale))
            return
        _demand(self.types[s.value] == "f" and s.form != "number", "no value", s)
        reach = iv.magnitude(self.ranges[s.value]) * abs(s.scale)
        _demand(reach < 2**24, "too large for 32 bits", s)
        self.define(s, s.id, s.type, (-(2.0**31), 2.0**32))

    def store(self, store: Store, value: int) -> None:
        type_ = self.types.get(value)
        ways = ("add", "sub", "max", "min")
        if type_ in ("i", "u"):
            ways += ("and", "or", "xor")
            low, high = self.ranges[value]
            ways += ("exch", "cas") if low == high else ()  # else the last to come would win
        _demand(type_ in ("f", "i", "u") and store.how in ways, "cannot be shared", store)
        if store.guard:
            compare, left, _ = store.guard
            _demand(compare in COMPARISONS, "unknown comparison", store)
            _demand(self.types.get(left) == "f", "guards with what is no float", store)
        if store.index is None:
            _demand(store.size == 1, "no index", store)
            return
        _demand(self.types.get(store.index) == "i", "an index must be whole", store)
        _demand(iv.inside(self.ranges[store.index], (0, store.size - 1)), "outside", store)
        if store.index in self.arrays:
            axes = self.arrays[store.index].axes
            _demand(axes == self.program.space[: len(axes)] != (), "not the leading axes", store)

    def reduced(self, s: Reduce, body: Interval) -> Interval:
        low, high = body
        count = dict(self.program.extents)[s.over] if s.over else 1
        match s.how:
            case "sum":
                return min(low, low * count), max(high, high * count)
            case "mean" | "max" | "min":
                return body
        raise InvalidProgram(f"unknown reduction {s.how}: {s}")

    def apply(self, s: Apply) -> None:
        row = OPERATIONS[s.op]
        kinds = "".join(self.types[a][0] for a in s.args)
        if kinds != row.args:
            raise InvalidProgram(f"{s.op} takes {row.args}, given {kinds}: {s}")
        points = [(v, v) for v in s.literals]
        args = [self.ranges[a] for a in s.args]
        for kind, held, domain in zip(kinds, args, row.domains, strict=True):
            if not (row.guard or kind in "bckp" or iv.inside(held, domain)):
                raise InvalidProgram(f"a value in {held} leaves the domain {domain}: {s}")
        size, type_ = self.program.width, row.result
        if not self.program.space:
            size, rank = self.on_arrays(row, s)
            type_ += str(rank)
        self.define(s, s.id, type_, row.range_of(size, *args, *points))

    def on_arrays(self, row: Operation, s: Apply) -> tuple[dict[str, int], int]:
        """Return the extents of a row's axes and the rank of its result, which must be as said."""
        given = [self.shapes[a] for a in s.args]
        made = self.shapes[s.id]
        if not row.dims:
            if {made} != set(given) and np.broadcast_shapes(*given) != made:
                raise InvalidProgram(f"{given} do not make {made}: {s}")
            return {}, len(made)
        extents = row.extents(given)
        (leading, axes), (kept, wanted) = row.shapes[0], row.shapes[-1]
        rank = len(wanted) + (len(given[0]) - len(axes) if leading and kept else 0)
        if rank != len(made):
            raise InvalidProgram(f"{row.dims} of {given} is no {made}: {s}")
        return extents, rank

    def loop(self, s: Loop) -> None:
        _demand(1 <= s.trip <= 64, "unbounded trip count", s)
        _demand(s.step != 0 and s.form in ("for", "while", "array"), "unknown loop", s)
        if s.until:
            _demand(s.until[0] in COMPARISONS, "unknown comparison", s)
        if s.skip:
            _demand(s.skip.compare in COMPARISONS, "unknown comparison", s)
            _demand(s.skip.every == 0 or 0 <= s.skip.rest < s.skip.every > 1, "skips all", s)
        start = self.ranges[s.start] if s.start is not None else (0.0, 0.0)
        # The state is bounded before the body is known: the body's step is checked against it.
        step = STATE_STEP * s.trip
        interval = iv.add(iv.hull(start, (0.0, 0.0)), (-step, step))
        self.define(s, s.state, "f", interval)
        if s.index is not None:
            last = s.first + s.step * (s.trip - 1.0)
            self.define(s, s.index, "f", (min(s.first, last), max(s.first, last)))
            self.rounds.add(s.index)
        low, high = self.block(s.body)
        _demand(
            iv.inside((low, high), (-STATE_STEP, STATE_STEP)), "a loop's step is not bounded", s
        )
        del self.types[s.state]
        self.define(s, s.id, "f", interval)


def verify(program: Program) -> None:
    """Raise InvalidProgram where a program breaks scope, types, domains, use or its category."""
    checker = _Checker(program)
    checker.statements(program.statements)
    uses = program.uses
    for param in program.params:
        _demand(param.id in uses, "unused parameter", param)
    for statement in program.every:
        _demand(statement.id in uses, "dead statement", statement)
    for value in program.outputs:
        _demand(value in checker.types, "unknown output", value)
    if program.stores:
        _demand(len(program.stores) == len(program.outputs), "a store is missing", program)
        for store, value in zip(program.stores, program.outputs, strict=True):
            checker.store(store, value)
    _category(program)
