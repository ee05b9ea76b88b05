"""Words: the sequences of operations on which an index is spent.

A word is a path through a typed automaton: the state is the type of the value at hand, and an
operation leads from it to the type of its result (to "unit" where that is a normalized vector).
A type of whole arrays is its letter and its rank, such as "f2". Words of a shape are counted
exactly and reached by number, so distinct numbers give distinct words with nobody comparing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from itertools import accumulate

from generators.operations import Operation
from generators.spellings import Spelling
from generators.tables import JAX, OPERATIONS, TILE, WARP, companions

HIGHEST = 5  # rank
_DRAWN = [op for op in OPERATIONS.values() if not op.guard]
# What every kernel type may use, the same in both languages.
_PLAIN = [op for op in _DRAWN if not op.family and op.name in WARP and op.name in JAX]
_LANGUAGES = {"warp": WARP, "jax": JAX, "tile": TILE}

# What may stand in a slot, by the slot's name. A family's slots are named "language:family@width",
# with "+" behind the family where plain operations and its companions may stand too, with "-" where
# only they may, and ">" and the letter of a type behind all where they must lead to that type.
VOCABULARIES: dict[str, tuple[str, ...]] = {
    "any": tuple(op.name for op in _PLAIN),
    "common": tuple(op.name for op in _PLAIN if op.weight > 1),
    "unary": tuple(op.name for op in _PLAIN if len(op.args) == 1),
    "binary": tuple(op.name for op in _PLAIN if len(op.args) > 1),
    # few scalar operations beside the vector ones, so that words do not end in scalars alone
    "vector": (
        *(op.name for op in _DRAWN if op.family == "vector"),
        *("sqrt", "exp", "sin", "tanh", "scale", "reciprocal", "mul", "add"),
    ),
    # vector operations that read as such in every language; JAX adds vectors as it adds floats
    "marked": ("cross", "normalize", "dot", "length", "length_sq", "vscale", "vdiv"),
}

Slots = tuple[str, ...]


def _shape(spelling: Spelling) -> str:
    """Return a spelling with its literals and brackets left out."""
    text = "\n".join((*spelling.helper, *spelling.lines, spelling.template))
    return re.sub(r"\{#\d\}|\{one\}|\{zero\}|\b\d+(\.\d+)?\b", "#", text.replace("!", ""))


@cache
def _unlike_plain(language: str) -> frozenset[str]:
    """Return the operations that a text of a language tells from all plain ones.

    A text of JAX does not tell the types of its arrays: what marks a family must read otherwise.
    """
    spelled = _LANGUAGES[language]
    alike = {_shape(spelled[op.name]) for op in _PLAIN} if language == "jax" else set()
    return frozenset(name for name, spelling in spelled.items() if _shape(spelling) not in alike)


@cache
def vocabulary(slot: str) -> tuple[str, ...]:
    """Return the names of the operations that may stand in a slot."""
    if slot in VOCABULARIES:
        return VOCABULARIES[slot]
    whole, _, kind = slot.partition(">")
    language, _, rest = whole.partition(":")
    family, _, width = rest.partition("@")
    spelled = _LANGUAGES[language]
    marked = family.rstrip("+-")
    wanted: set[str] = set() if family.endswith("-") else {marked}
    if family != marked:
        wanted |= {"", *companions(language, marked)}
    allowed = _unlike_plain(language) if family == marked else spelled
    return tuple(
        op.name
        for op in _DRAWN
        if op.family in wanted
        and op.name in allowed
        and op.width in (None, int(width))
        and kind in ("", op.result)
    )


def after(op: Operation, state: str) -> str | None:
    """Return the type that an operation makes of a value at hand, None where it does not apply."""
    kind, rank = state[0], state[1:]
    mains = {op.args[place] for place in op.places}
    if not rank or state == "unit":
        # All that one can know of a unit vector by itself is constant.
        if op.dims or (state == "unit" and ("v" not in mains or len(op.args) == 1)):
            return None
        if state != "unit" and state not in mains:
            return None
        return "unit" if op.name == "normalize" else op.result
    if not op.dims:
        return f"{op.result}{rank}" if kind in mains else None
    if op.args[0] != kind:
        return None
    (leading, axes), (kept, made) = op.shapes[0], op.shapes[-1]
    if op.family == "tile" and rank == "0":  # a tile of one element: few rows can take it
        return f"{op.result}0" if leading and kept and axes == made else None
    more = int(rank) - len(axes)
    if more < 0 or (more and not leading):
        return None
    if op.family == "tile" and any(axis.isdigit() for axis in made):
        return f"{op.result}0"
    found = len(made) + (more if kept else 0)
    return f"{op.result}{found}" if found <= HIGHEST else None


@cache
def _groups(slot: str, state: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (next state, operations that lead there) for all that the slot allows in a state."""
    groups: dict[str, list[str]] = {}
    for name in vocabulary(slot):
        found = after(OPERATIONS[name], state)
        if found is not None:
            groups.setdefault(found, []).append(name)
    return tuple((found, tuple(names)) for found, names in groups.items())


@cache
def _totals(slots: Slots, state: str, ends: str) -> tuple[int, ...]:
    """Return how many words each group of the first slot holds, summed up to it."""
    sizes = (len(names) * count(slots[1:], s, ends) for s, names in _groups(slots[0], state))
    return tuple(accumulate(sizes))


@cache
def count(slots: Slots, state: str, ends: str = "") -> int:
    """Return how many words fill the slots, from a value of type ``state``.

    ``ends`` holds the letters of the types that a word may end in; empty, it may end in any.
    """
    if not slots:
        return int(not ends or state[0] in ends)
    totals = _totals(slots, state, ends)
    return totals[-1] if totals else 0


@cache
def _next(slots: Slots, state: str, ends: str) -> tuple:
    """Return the totals of the groups, and of each its names, the words after it, what follows."""
    if not slots:
        return ()
    follow = tuple(
        (names, count(slots[1:], s, ends), _next(slots[1:], s, ends))
        for s, names in _groups(slots[0], state)
    )
    return _totals(slots, state, ends), follow


def unrank(number: int, slots: Slots, state: str, ends: str = "") -> tuple[str, ...]:
    """Return word ``number`` of ``count(slots, state, ends)``: a bijection."""
    if not 0 <= number < count(slots, state, ends):
        raise ValueError(f"number {number} is beyond the words of {slots}")
    word = []
    at = _next(slots, state, ends)
    while at:
        totals, follow = at
        group = bisect_right(totals, number)
        number -= totals[group - 1] if group else 0
        names, left, at = follow[group]
        chosen, number = divmod(number, left)
        word.append(names[chosen])
    return tuple(word)


def differentiable(slots: Slots, state: str, ends: str = "") -> int:
    """Return how many of the words that fill the slots are of differentiable operations alone."""
    held = {state: 1}
    for slot in slots:
        after_slot: dict[str, int] = {}
        for at, words in held.items():
            for found, names in _groups(slot, at):
                kept = sum(OPERATIONS[name].differentiable for name in names)
                after_slot[found] = after_slot.get(found, 0) + words * kept
        held = after_slot
    return sum(words for at, words in held.items() if not ends or at[0] in ends)
