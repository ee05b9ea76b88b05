"""The kernel types: what each is made of, how many kernels it holds, and which one an index is.

A kind is a list of shapes. A shape fixes how many operations stand in each part of the kernel;
the words that fill it are numbered (`generators.words`). An index spends small shapes first, in
turn with the larger ones, and goes on with the larger when a small one is used up, so that short
kernels occur at every scale and the supply is the sum of all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

from generators import words
from generators.streams import permute
from generators.tables import OPERATIONS, families

# An index has this many kernels, the next takes the place of a rejected one: so many that even of
# the kinds of which one kernel in seven is differentiable every index has one.
VARIANTS = 256
SHARES = {"train": 8, "validation": 1, "test": 1}  # of every ten numbers
_FIRST = {"train": 0, "validation": 8, "test": 9}
_TURN = sum(SHARES.values())
_SPARES, _NEARLY = 8, 10  # classes that variants are taken from, and how much smaller they may be
_FEWEST = 0.05  # of their words


@dataclass(frozen=True)
class Shape:
    """Slots for each part of a kernel, the types it starts from and may end in, a builder's tag."""

    parts: tuple[words.Slots, ...]
    start: str = "f"
    tag: str = ""
    ends: str = ""
    width: int = 0  # of its vectors and matrices, 0 for any

    @property
    def size(self) -> int:
        """The number of words that fill it."""
        return words.count(self.slots, self.start, self.ends)

    @cached_property
    def slots(self) -> words.Slots:
        """The slots of all parts, in reading order."""
        return tuple(slot for part in self.parts for slot in part)

    def split(self, word: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Cut a word into its parts."""
        result, at = [], 0
        for part in self.parts:
            result.append(word[at : at + len(part)])
            at += len(part)
        return tuple(result)


def _free(count: int) -> words.Slots:
    """Return slots for any plain operations, every second one for the common ones."""
    return tuple(("any", "common")[place % 2] for place in range(count))


def _deal(total: int, order: tuple[int, ...], parts: int) -> list[int]:
    """Deal ``total`` operations to ``parts`` in the given order of turns."""
    sizes = [0] * parts
    for turn in range(total):
        sizes[order[turn % len(order)]] += 1
    return sizes


def _dealt(
    sizes: range,
    order: tuple[int, ...],
    parts: int,
    first: dict[int, str] | None = None,
    tag: Callable[[int], str] = lambda n: "",
) -> tuple[Shape, ...]:
    """Make one shape a size: the total alone tells the parts, so the word can be read back.

    ``first`` names the vocabulary of the first slot of a part.
    """
    shapes = []
    for size in sizes:
        slots = [list(_free(n)) for n in _deal(size, order, parts)]
        for part, vocabulary in (first or {}).items():
            if slots[part]:
                slots[part][0] = vocabulary
        shapes.append(Shape(tuple(map(tuple, slots)), tag=tag(size)))
    return tuple(shapes)


def _line(sizes: range, special: str) -> tuple[Shape, ...]:
    """Make straight-line shapes whose middle slot is of the vocabulary ``special``."""
    return tuple(Shape(((*_free(n // 2), special, *_free(n - n // 2 - 1)),)) for n in sizes)


def _reductions() -> tuple[Shape, ...]:
    whole = [Shape((_free(n), ()), tag=how) for how in _HOW for n in range(1, 12)]
    rows = [
        Shape((_free(n), _free(m)), tag=f"row_{how}")
        for how in _HOW
        for n in range(1, 7)
        for m in range(0, 6)
    ]
    return (*whole, *rows)


_HOW = ("sum", "mean", "max", "min")

_BASE: dict[str, tuple[Shape, ...]] = {
    "elementwise": _line(range(1, 14), "binary"),
    "scalar_array": _line(range(1, 14), "binary"),
    "unary": tuple(Shape((("unary",) * n,)) for n in range(1, 14)),
    "branch": _dealt(range(2, 15), (1, 2, 0, 3), 4),
    "loop": _dealt(range(1, 14), (1, 0, 2), 3, {1: "binary"}),
    "reduction": _reductions(),
    "vector": tuple(Shape((("marked",) + ("vector",) * (n - 1),), start="v") for n in range(1, 17)),
    "multi_statement": _dealt(range(3, 16), (0, 1, 0), 2, {0: "binary"}),
    "nested_branch": _dealt(range(3, 16), (1, 2, 3, 0, 4), 5),
    "compound": _dealt(
        range(4, 16), (1, 2, 3, 0, 4), 5, {1: "binary"}, lambda n: ("loop", "branch")[n % 2]
    ),
    # what is read elsewhere, or written where others write, tells these kinds from those above
    "stencil": _line(range(1, 14), "binary"),
    "gather": tuple(Shape((_free(n),)) for n in range(1, 14)),
    "scatter": (
        *(Shape((_free(n),), tag="one") for n in range(1, 14)),
        *_dealt(range(2, 14), (0, 1), 2, tag=lambda n: "two"),
    ),
    "control": (
        *_dealt(range(1, 14), (1, 0, 2), 3, {1: "binary"}, lambda n: "one"),
        *_dealt(range(2, 14), (1, 2, 0, 3), 4, {1: "binary"}, lambda n: "nested"),
    ),
    "atomic": (
        *(Shape((_free(n),), tag="one") for n in range(1, 14)),
        *_dealt(range(2, 14), (0, 1), 2, tag=lambda n: "two"),
    ),
}

_ACCESS = ("stencil", "gather", "scatter")  # of all languages
_CONTROL = ("control", "atomic")

# The types that a family's kernels start from, in turn with their length.
_STARTS = {
    "warp": {
        "matrix": ("m", "v", "m"),
        "quaternion": ("q", "v", "q"),
        "transform": ("t", "v", "t", "q"),
        "spatial": ("s", "v", "t"),
        "geometry": ("v",),
        "integer": ("i", "u"),
        "random": ("f", "v", "i", "f", "u"),
    },
    "jax": {
        "integer": ("i2", "u1", "i1", "u2", "i3"),
        "indexing": ("f2", "i1", "f1", "f3", "i2", "f4", "b1"),
        "statistics": ("f2", "f1", "i1", "f3", "f2", "f4", "f5"),
    },
    "tile": {"tile": ("f2", "f1", "f2", "f2", "i1", "f2", "f1", "i2")},
}
# The widths of their vectors and matrices, likewise; where not named, three.
_WIDTHS = {
    "matrix": (3, 2, 3, 4),
    "transform": (3, 3, 3, 4),
    "geometry": (3, 2, 3, 4),
    "random": (3, 2, 3, 4),
}
_ARRAYS = ("f2", "f1", "f3", "f2", "f4", "f2", "f5")
_LONGEST = 10


def _family(language: str, family: str) -> tuple[Shape, ...]:
    """Make straight-line shapes around an operation of a family; the length tells the start."""
    language = "tile" if family == "tile" else language
    whole = language != "warp"
    starts = _STARTS[language].get(family, _ARRAYS if whole else ("f",))
    ends = {"integer": "fiu", "tile": "fi"}.get(family, "f") if whole else "fiuvmqtsS"
    widths = _WIDTHS.get(family, (3,))
    found = []
    for n in range(1, _LONGEST + 1):
        start, half, width = starts[n % len(starts)], (n - 1) // 2, widths[n % len(widths)]
        one, plain, more = (f"{language}:{family}{what}@{width}" for what in ("", "-", "+"))
        made = []
        for before in (half, 0):  # from some types only the family's own operations lead on
            for kinds in _turns(one, more, n - before):
                turned = (f"{one}>{kinds[0]}", *(f"{more}>{kind}" for kind in kinds[1:]))
                rest = (more,) * (n - before - len(turned))
                slots = (plain,) * before + turned + rest
                made.append(Shape((slots,), start, family, ends, width))
            made = [shape for shape in made if shape.size]
            if made:
                break
        found += made
    return tuple(found)


def _turns(one: str, more: str, left: int) -> list[tuple[str, ...]]:
    """Return the types that the word may lead to at its marked place and at the next.

    Each gets shapes of its own, so that words through seldom types are as frequent as others.
    """
    first = sorted({OPERATIONS[name].result for name in words.vocabulary(one)})
    turns: list[tuple[str, ...]] = []
    for kind in first:
        if kind in "fv" or left < 2 or one.startswith("tile"):
            turns.append((kind,))
        else:
            second = {OPERATIONS[name].result for name in words.vocabulary(more)}
            turns += [(kind, after) for after in sorted(second)]
    return turns


@cache
def shapes(language: str, category: str) -> tuple[Shape, ...]:
    """Return the shapes of a category's kernels in a language, "warp" or "jax"."""
    if category in _BASE and not (language == "jax" and category in families(language)):
        return _BASE[category]
    return _family(language, category)


@cache
def categories(language: str) -> tuple[str, ...]:
    """Return the categories that a language, "warp", "jax" or "paired", has beside the ten."""
    own = families(language) if language in _STARTS else ()
    return (*own, *_ACCESS, *(_CONTROL if language == "warp" else ()))


@cache
def _classes(language: str, category: str) -> tuple[tuple[Shape, int], ...]:
    """Return the shapes with their number of words, the smallest first."""
    sized = [(shape, shape.size) for shape in shapes(language, category)]
    return tuple(sorted(sized, key=lambda pair: pair[1]))


def _share(size: int, split: str) -> int:
    return size // _TURN * SHARES[split] if size >= _TURN else int(split == "train") * size


@cache
def _spares(language: str, category: str) -> tuple[int, ...]:
    """Return the classes that variants are taken from: those about as large as the largest.

    Half of each is for variants. Several, since all kernels of one may lack the same thing.
    """
    sizes = [size for _, size in _classes(language, category)]
    return tuple(c for c, size in enumerate(sizes) if size * _NEARLY >= sizes[-1])[-_SPARES:]


@cache
def has_gradients(language: str, category: str) -> bool:
    """Tell whether so many of a category's kernels are differentiable that an index has one."""
    classes = _classes(language, category)
    shares = []
    for shape, size in (classes[c] for c in _spares(language, category)):
        shares.append(words.differentiable(shape.slots, shape.start, shape.ends) / size)
    return sum(shares) / len(shares) > _FEWEST


@cache
def _supplies(language: str, category: str, split: str) -> tuple[int, ...]:
    """Return the kernels that each class holds for a split, those for variants left out."""
    sizes = [size for _, size in _classes(language, category)]
    for c in _spares(language, category):
        sizes[c] //= 2
    return tuple(_share(size, split) for size in sizes)


@cache
def capacity(language: str, category: str, split: str) -> int:
    """Return how many kernels of a category a split can hold, all different, with variants."""
    classes, spares = _classes(language, category), _spares(language, category)
    least = min(_share(classes[c][1] // 2, split) for c in spares)
    each = -(-(VARIANTS - 1) // len(spares))
    return min(sum(_supplies(language, category, split)), least // each)


@cache
def _turns_of(language: str, category: str, split: str) -> tuple[list[int], list[tuple]]:
    """Return where the spells of turns begin, and of each the classes and what they gave before.

    A spell ends when a class has given all that it holds.
    """
    supplies = _supplies(language, category, split)
    number, taken, starts, spells = 0, 0, [], []
    while active := [c for c, supply in enumerate(supplies) if supply > taken]:
        starts.append(number)
        spells.append((active, taken))
        depth = min(supplies[c] for c in active) - taken
        number += depth * len(active)
        taken += depth
    return starts, spells


def _place(language: str, category: str, split: str, number: int) -> tuple[int, int]:
    """Send kernel ``number`` of a split to (class, position in the class), classes in turn."""
    if number >= sum(_supplies(language, category, split)):
        raise ValueError(f"kernel {number} is beyond what {category} holds")
    starts, spells = _turns_of(language, category, split)
    spell = bisect_right(starts, number) - 1
    active, taken = spells[spell]
    turn, place = divmod(number - starts[spell], len(active))
    return active[place], taken + turn


def _owned(position: int, split: str, size: int) -> int:
    """Return the ``position``-th of the numbers below ``size`` that a split owns."""
    if size < _TURN:
        return position
    turn, rest = divmod(position, SHARES[split])
    return turn * _TURN + _FIRST[split] + rest


def choose(
    language: str, category: str, seed: int, split: str, number: int, variant: int
) -> tuple[Shape, tuple]:
    """Return the shape and the word of kernel ``number`` of a category in a split.

    Injective over (split, number, variant) for a seed: a keyed permutation of disjoint residues.
    """
    classes, spares = _classes(language, category), _spares(language, category)
    if variant == 0:
        at, position = _place(language, category, split, number)
        size = classes[at][1] // (2 if at in spares else 1)
        start = 0
    else:
        turn, which = divmod(variant - 1, len(spares))
        at, position = spares[which], number * -(-(VARIANTS - 1) // len(spares)) + turn
        start = size = classes[at][1] // 2
    shape, _ = classes[at]
    key = ("word", seed, category, at, start > 0)
    place = start + permute(_owned(position, split, size), size, *key)
    return shape, words.unrank(place, shape.slots, shape.start, shape.ends)
