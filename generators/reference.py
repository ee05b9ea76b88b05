"""The reference semantics: NumPy in float64, one entry of an array's first axis a point.

`run` evaluates a whole program on its inputs: one of points, or one of whole arrays, whose values
keep their shapes. Its parts also serve while a program is made, when there are no inputs yet but a
few typical values of each parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from generators.program import (
    Apply,
    Block,
    Branch,
    Cell,
    Gather,
    Loop,
    Neighbor,
    Param,
    Program,
    Reduce,
    Store,
    Whole,
)
from generators.tables import COMPARISONS, OPERATIONS

Values = dict[int, np.ndarray]
Shake = Callable[..., np.ndarray]  # of a value that was computed, by what, from how many terms


_FLOAT = np.dtype("float64")
_DTYPES = {"b": np.dtype("bool"), "c": np.dtype("complex128")}


def cast(kind: str, value: np.ndarray, signed: str, unsigned: str) -> np.ndarray:
    """Return a result in the dtype of its kind: integers wrap around, all else is of 64 bits."""
    dtype = signed if kind == "i" else unsigned if kind == "u" else _DTYPES.get(kind, _FLOAT)
    return np.asarray(value).astype(dtype)


def still(value: np.ndarray, by: str, terms: float = 1) -> np.ndarray:
    """Return a value as it is."""
    return value


# Exact functions of what they read, where nothing is rounded: zeros stay zeros, threes threes.
CHOOSING = (
    *("min", "max", "relu", "abs", "neg", "copy_sign", "array_copysign", "array_sign", "lax_sign"),
    *("rounded", "array_floor", "lax_floor", "array_ceil", "lax_ceil", "array_trunc", "array_rint"),
    *("array_round", "lax_round", "lax_round_even", "f_floor", "f_ceil", "f_truncate"),
    *("i_to_f", "i_asarray", "b_to_f"),
)
_EXACT = ("order", "indexing", "shape")  # what they do to whole arrays is no arithmetic


def apply(
    s: Apply,
    args: Sequence[np.ndarray],
    index: np.ndarray | None,
    program: Program,
    shake: Shake = still,
) -> np.ndarray:
    """Return what an operation gives, ``index`` being the number of each point or element."""
    row = OPERATIONS[s.op]
    if not (row.name in CHOOSING or (row.family in _EXACT and row.result in "iub")):
        args = [shake(a, f"{s.op}:") for a in args]
    numbers = (index,) if row.indexed else ()
    found = row.reference(*args, *s.literals, *numbers)
    return shake(cast(row.result, found, program.signed, program.unsigned), s.op)


_JOINED = {
    "add": np.add,
    "sub": np.subtract,
    "max": np.maximum,
    "min": np.minimum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


@dataclass(frozen=True)
class Points:
    """The points of an index space, flattened, and the arrays that a program reads at them."""

    program: Program
    inputs: dict[int, np.ndarray]
    at: dict[str, np.ndarray]  # where each point lies on each axis
    count: int
    shake: Shake = still

    def along(self, axis: str) -> Points:
        """Return the points of a space with one more axis, the new one fastest."""
        extent = dict(self.program.extents)[axis]
        at = {a: np.repeat(where, extent) for a, where in self.at.items()}
        at[axis] = np.tile(np.arange(extent), self.count)
        return replace(self, at=at, count=self.count * extent)

    def params(self) -> Values:
        """Return the parameters that are indexed by this space's axes, at each point."""
        found = {}
        for p in self.program.params:
            if not p.axes:
                held = self.inputs[p.id]
                found[p.id] = np.broadcast_to(held, (self.count, *held.shape))
            elif set(p.axes) <= set(self.at):
                found[p.id] = self.inputs[p.id][tuple(self.at[a] for a in p.axes)]
        return found

    def _param(self, id_: int) -> Param:
        return next(p for p in self.program.params if p.id == id_)

    def near(self, s: Neighbor) -> np.ndarray:
        """Return a parameter's values near the points."""
        held, places = self.inputs[s.param], []
        beyond = np.zeros(self.count, dtype=bool)
        for axis, offset, extent in zip(
            self._param(s.param).axes, s.offsets, held.shape, strict=False
        ):
            place = self.at[axis] + offset
            beyond |= (place < 0) | (place >= extent)
            places.append(place % extent if s.boundary == "wrap" else place.clip(0, extent - 1))
        found = held[tuple(places)]
        return np.where(beyond, 0.0, found) if s.boundary == "zero" else found

    def looked_up(self, s: Gather, index: np.ndarray) -> np.ndarray:
        """Return what a parameter holds where an index points."""
        rest = tuple(self.at[a] for a in self._param(s.param).axes[1:])
        return self.inputs[s.param][(index.astype(int), *rest)]


def evaluate(block: Block, values: Values, points: Points | None = None) -> np.ndarray:
    """Return what a block yields, given the values of its outer scope.

    Without ``points`` the block must be pointwise, and what it reads elsewhere be in ``values``.
    """
    known = dict(values)
    for s in block.statements:
        match s:
            case Apply():
                row = OPERATIONS[s.op]
                args = [known[a] for a in s.args]
                if points is None:
                    known[s.id] = row.reference(*args, *s.literals)
                else:
                    numbers = np.arange(points.count)
                    known[s.id] = apply(s, args, numbers, points.program, points.shake)
            case Branch():
                shake = points.shake if points else still  # the literal is rounded as well
                right = shake(np.array(s.literal), "branch:") if s.right is None else known[s.right]
                taken = COMPARISONS[s.compare](known[s.left], right)
                sides = [evaluate(b, known, points) for b in (s.then, s.orelse)]
                known[s.id] = np.where(_beside(taken, sides[0]), *sides)
            case Loop():
                known[s.id] = run_loop(s, known, points)
            case Cell():
                read = points.shake(known[s.value], "cell:") if points else known[s.value]
                place = np.trunc((read - s.low) * s.scale)
                known[s.id] = place.clip(0, s.size - 1).astype(int)
            case Whole():
                known[s.id] = _whole(s, known, points.shake if points else still)
            case Neighbor() if points is not None:
                known[s.id] = points.near(s)
            case Gather() if points is not None:
                known[s.id] = points.looked_up(s, known[s.index])
            case Neighbor() | Gather():
                known[s.id] = values[s.id]
            case Reduce() if points is not None:
                known[s.id] = _reduced(s, known, points)
            case _:
                raise TypeError(f"{type(s).__name__} is not pointwise")
    return known[block.value]


def _beside(taken: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return a truth value a point in the shape of values that may have components."""
    return taken.reshape(taken.shape + (1,) * (side.ndim - taken.ndim))


def _whole(s: Whole, known: Values, shake: Shake) -> np.ndarray:
    """Return whole numbers as they stand before they are cut to 32 bits."""
    if s.value is None:
        return np.full(next(iter(known.values())).shape[0], int(s.scale))
    whole = np.trunc(shake(known[s.value], "whole:") * s.scale).astype(int)
    if s.form == "round":
        return whole
    bit = 1 << (whole & 15)
    return bit if s.form == "bit" else ~bit


def run_loop(s: Loop, values: Values, points: Points | None = None) -> np.ndarray:
    """Return the state of a loop after its last round."""
    count = points.count if points else next(iter(values.values())).shape[0]
    state = np.zeros(count) if s.start is None else values[s.start]
    running = np.ones(count, dtype=bool)
    for k in range(s.first, s.first + s.step * s.trip, s.step):
        if s.skip and s.skip.every and k % s.skip.every == s.skip.rest:
            continue
        inside = values | {s.state: state}
        if s.index is not None:
            inside[s.index] = np.full(count, float(k))
        value = evaluate(s.body, inside, points)
        if s.update == "max":
            after = np.maximum(state, value)
        else:
            after = (s.factor if s.update == "decay" else 1.0) * state + value
            after = points.shake(after, "add") if points else after
        if s.plain:
            state = after
            continue
        taken = running
        if s.skip and not s.skip.every:
            taken = taken & ~COMPARISONS[s.skip.compare](value, s.skip.literal)
        state = np.where(taken, after, state)
        if s.until:
            running = running & ~(taken & COMPARISONS[s.until[0]](state, s.until[1]))
    return state


def _reduced(s: Reduce, known: Values, points: Points) -> np.ndarray:
    how = getattr(np, s.how)
    if s.over is None:
        found = how(evaluate(s.body, known, points), axis=0, keepdims=True)
        return points.shake(found, s.how, points.count)
    extent = dict(points.program.extents)[s.over]
    wide = points.along(s.over)
    inside = {id_: np.repeat(value, extent, axis=0) for id_, value in known.items()}
    value = evaluate(s.body, inside | wide.params(), wide)
    value = how(value.reshape(points.count, extent, *value.shape[1:]), axis=1)
    return points.shake(value, s.how, extent)


def _stored(store: Store, value: np.ndarray, known: Values, points: Points) -> np.ndarray:
    """Return an output that the points share."""
    program = points.program
    param = next((p for p in program.params if p.id == store.index), None)
    rest = program.space[len(param.axes) :] if param else ()
    shape = (store.size, *(dict(program.extents)[a] for a in rest))
    out = np.full(shape, store.fill).astype(value.dtype)
    first = np.zeros(points.count, int) if store.index is None else known[store.index].astype(int)
    slots = (first, *(points.at[a] for a in rest))
    if store.guard:
        compare, left, literal = store.guard
        taken = COMPARISONS[compare](known[left], literal)
        slots, value = tuple(s[taken] for s in slots), value[taken]
    if store.how in ("exch", "cas"):
        out[slots] = value  # the same number from all
    else:
        _JOINED[store.how].at(out, slots, value)
    return points.shake(out, store.how, points.count / store.size)


def _cut(out: np.ndarray, type_: str | None) -> np.ndarray:
    """Return whole numbers as 32 bits hold them."""
    if type_ is None:
        return out
    low = out.astype(np.int64) & 0xFFFFFFFF
    return low.astype(np.uint32) if type_ == "u" else low.astype(np.uint32).view(np.int32)


def _on_whole_arrays(program: Program, inputs: Values, shake: Shake) -> list[np.ndarray]:
    """Return the outputs of a program whose statements are operations on whole arrays."""
    known = dict(inputs)
    for s in program.statements:
        if not isinstance(s, Apply):
            raise TypeError(f"{type(s).__name__} is not of whole arrays")
        args = [known[a] for a in s.args]
        first = args[0]
        numbers = np.arange(first.size).reshape(first.shape)
        known[s.id] = apply(s, args, numbers, program, shake)
    return [known[id_] for id_ in program.outputs]


def run(
    program: Program,
    inputs: Mapping[int, np.ndarray] | Sequence,
    shake: Shake = still,
) -> list[np.ndarray]:
    """Return the outputs of a program.

    ``inputs`` are arrays in the order of the parameters, or keyed by their ids; a vector's
    components are the last axis, and integers are in the dtypes that the program names. Outputs
    have the shapes of a Warp kernel's, on whole arrays those of their values. ``shake`` is given
    each value that is computed, with the operation's name, or that is read, with the name of what
    reads it and a colon, and returns what stands in its place.
    """
    if not isinstance(inputs, Mapping):
        inputs = {p.id: a for p, a in zip(program.params, inputs, strict=True)}
    held = {id_: np.asarray(a) for id_, a in inputs.items()}
    held = {id_: a.astype(float) if a.dtype.kind == "f" else a for id_, a in held.items()}
    if not program.space:
        return _on_whole_arrays(program, held, shake)
    extents = dict(program.extents)
    points = Points(program, held, {}, 1, shake)
    for axis in program.space:
        points = points.along(axis)
    if any(isinstance(s, Reduce) and s.over is None for s in program.statements):
        shape: tuple[int, ...] = (1,)
    else:
        shape = tuple(extents[a] for a in program.space)
    types = {s.id: s.type for s in program.statements if isinstance(s, Whole)}
    found = []
    for place, output in enumerate(program.outputs):
        known = points.params()
        value = evaluate(Block(program.statements, output), known, points)
        if program.stores:
            store = program.stores[place]
            known |= {
                id_: evaluate(Block(program.statements, id_), known, points) for id_ in store.reads
            }
            found.append(_cut(_stored(store, value, known, points), types.get(output)))
        else:
            found.append(value.reshape(*shape, *value.shape[1:]))
    return found
