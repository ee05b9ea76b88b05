"""The reference semantics of statements: NumPy in float64, one entry of an array a point."""

from __future__ import annotations

import numpy as np

from generators.program import Apply, Block, Branch, Loop
from generators.tables import COMPARISONS, OPERATIONS

Values = dict[int, np.ndarray]


def evaluate(block: Block, values: Values) -> np.ndarray:
    """Return what a block of pointwise statements yields, given the values of its outer scope."""
    known = dict(values)
    for s in block.statements:
        if isinstance(s, Apply):
            args = [known[a] for a in s.args]
            known[s.id] = OPERATIONS[s.op].reference(*args, *s.literals)
        elif isinstance(s, Branch):
            right = s.literal if s.right is None else known[s.right]
            taken = COMPARISONS[s.compare](known[s.left], right)
            known[s.id] = np.where(taken, evaluate(s.then, known), evaluate(s.orelse, known))
        elif isinstance(s, Loop):
            known[s.id] = run_loop(s, known)
        else:
            raise TypeError(f"{type(s).__name__} is not pointwise")
    return known[block.value]


def run_loop(s: Loop, values: Values) -> np.ndarray:
    """Return the state of a loop after its last round."""
    shape = next(iter(values.values())).shape[:1]
    state = np.zeros(shape) if s.start is None else values[s.start]
    for k in range(s.trip):
        inside = values | {s.state: state}
        if s.index is not None:
            inside[s.index] = np.full(shape, float(k))
        value = evaluate(s.body, inside)
        if s.update == "max":
            state = np.maximum(state, value)
        else:
            state = (s.factor if s.update == "decay" else 1.0) * state + value
    return state
