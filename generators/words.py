"""Words: the sequences of operations on which an index is spent.

A word is a path through a typed automaton: the state is the type of the value at hand, and an
operation leads from it to the type of its result (to "unit" where that is a normalized vector).
Words of a shape are counted exactly and reached by number, so distinct numbers give distinct
words with nobody comparing.
"""

from __future__ import annotations

from functools import cache

from generators.tables import OPERATIONS

_DRAWN = [op for op in OPERATIONS.values() if not op.guard]
_SCALAR = [op for op in _DRAWN if set(op.args + op.result) == {"f"}]

# What may stand in a slot, by the slot's name.
VOCABULARIES: dict[str, tuple[str, ...]] = {
    "any": tuple(op.name for op in _SCALAR),
    "unary": tuple(op.name for op in _SCALAR if len(op.args) == 1),
    "binary": tuple(op.name for op in _SCALAR if len(op.args) > 1),
    # few scalar operations beside the vector ones, so that words do not end in scalars alone
    "vector": (
        *(op.name for op in _DRAWN if op not in _SCALAR),
        *("sqrt", "exp", "sin", "tanh", "scale", "reciprocal", "mul", "add"),
    ),
    # vector operations that read as such in every language; JAX adds vectors as it adds floats
    "marked": ("cross", "normalize", "dot", "length", "length_sq", "vscale", "vdiv"),
}

Slots = tuple[str, ...]


@cache
def _steps(slot: str, state: str) -> tuple[tuple[str, str], ...]:
    """Return the (operation, next state) pairs that the slot allows in a state."""
    found = []
    for op in (OPERATIONS[name] for name in VOCABULARIES[slot]):
        # All that one can know of a unit vector by itself is constant.
        if state == "unit" and ("v" not in op.args or len(op.args) == 1):
            continue
        if state == "unit" or state in op.args:
            found.append((op.name, "unit" if op.name == "normalize" else op.result))
    return tuple(found)


@cache
def count(slots: Slots, state: str) -> int:
    """Return how many words fill the slots, beginning with a value of type ``state``."""
    if not slots:
        return 1
    return sum(count(slots[1:], after) for _, after in _steps(slots[0], state))


def unrank(number: int, slots: Slots, state: str) -> tuple[str, ...]:
    """Return word ``number`` of ``count(slots, state)``: a bijection, the first slot slowest."""
    word = []
    for place, slot in enumerate(slots):
        for name, after in _steps(slot, state):
            size = count(slots[place + 1 :], after)
            if number < size:
                word.append(name)
                state = after
                break
            number -= size
        else:
            raise ValueError(f"number {number} is beyond the words of {slots}")
    return tuple(word)
