"""The kernel types: what each is made of, how many kernels it holds, and which one an index is.

A kind is a list of shapes. A shape fixes how many operations stand in each part of the kernel;
the words that fill it are numbered (`generators.words`). An index spends small shapes first, in
turn with the larger ones, and goes on with the larger when a small one is used up, so that short
kernels occur at every scale and the supply is the sum of all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from generators import cores, words
from generators.streams import permute

VARIANTS = 8  # an index has this many kernels: the next takes the place of a rejected one
SHARES = {"train": 8, "validation": 1, "test": 1}  # of every ten numbers
_FIRST = {"train": 0, "validation": 8, "test": 9}
_TURN = sum(SHARES.values())


@dataclass(frozen=True)
class Shape:
    """Slots for each part of a kernel, the type it starts from, and a tag for its builder."""

    parts: tuple[words.Slots, ...]
    start: str = "f"
    tag: str = ""

    @property
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

    ``first`` names the vocabulary of the first slot of a part, "any" elsewhere.
    """
    shapes = []
    for size in sizes:
        dealt = _deal(size, order, parts)
        slots = [["any"] * n for n in dealt]
        for part, vocabulary in (first or {}).items():
            if slots[part]:
                slots[part][0] = vocabulary
        shapes.append(Shape(tuple(map(tuple, slots)), tag=tag(size)))
    return tuple(shapes)


def _line(sizes: range, special: str) -> tuple[Shape, ...]:
    """Make straight-line shapes whose middle slot is of the vocabulary ``special``."""
    return tuple(
        Shape((("any",) * (n // 2) + (special,) + ("any",) * (n - n // 2 - 1),)) for n in sizes
    )


def _reductions() -> tuple[Shape, ...]:
    whole = [Shape((("any",) * n, ()), tag=how) for how in _HOW for n in range(1, 12)]
    rows = [
        Shape((("any",) * n, ("any",) * m), tag=f"row_{how}")
        for how in _HOW
        for n in range(1, 7)
        for m in range(0, 6)
    ]
    return (*whole, *rows)


_HOW = ("sum", "mean", "max", "min")

SHAPES: dict[str, tuple[Shape, ...]] = {
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
    "gather": tuple(Shape((("any",) * n,)) for n in range(1, 14)),
    "scatter": (
        *(Shape((("any",) * n,), tag="one") for n in range(1, 14)),
        *_dealt(range(2, 14), (0, 1), 2, tag=lambda n: "two"),
    ),
    "control": (
        *_dealt(range(1, 14), (1, 0, 2), 3, {1: "binary"}, lambda n: "one"),
        *_dealt(range(2, 14), (1, 2, 0, 3), 4, {1: "binary"}, lambda n: "nested"),
    ),
    "atomic": (
        *(Shape((("any",) * n,), tag="one") for n in range(1, 14)),
        *_dealt(range(2, 14), (0, 1), 2, tag=lambda n: "two"),
    ),
    **{
        family: tuple(
            Shape((("any",) * pre, ("any",) * post), tag=f"{family}:{variant}")
            for variant in range(len(cores.FAMILIES[family]))
            for pre, post in ((0, 0), (0, 1), (1, 1), (0, 3), (2, 2), (3, 4), (4, 6))
        )
        for family in cores.FAMILIES
    },
}


@cache
def _classes(category: str) -> tuple[tuple[Shape, int], ...]:
    """Return the shapes with their number of words, the smallest first."""
    sized = [(shape, words.count(shape.slots, shape.start)) for shape in SHAPES[category]]
    return tuple(sorted(sized, key=lambda pair: pair[1]))


def _share(size: int, split: str) -> int:
    return size // _TURN * SHARES[split] if size >= _TURN else int(split == "train") * size


@cache
def _supplies(category: str, split: str) -> tuple[int, ...]:
    """Return the kernels that each class holds for a split; half the largest is for variants."""
    sizes = [size for _, size in _classes(category)]
    sizes[-1] //= 2
    return tuple(_share(size, split) for size in sizes)


@cache
def capacity(category: str, split: str) -> int:
    """Return how many kernels of a category a split can hold, all different, with variants."""
    spare = _share(_classes(category)[-1][1] // 2, split) // (VARIANTS - 1)
    return min(sum(_supplies(category, split)), spare)


def _place(category: str, split: str, number: int) -> tuple[int, int]:
    """Send kernel ``number`` of a split to (class, position in the class), classes in turn."""
    supplies = _supplies(category, split)
    taken = 0
    while active := [c for c, supply in enumerate(supplies) if supply > taken]:
        depth = min(supplies[c] for c in active) - taken
        if number < depth * len(active):
            return active[number % len(active)], taken + number // len(active)
        number -= depth * len(active)
        taken += depth
    raise ValueError(f"kernel {number} is beyond what {category} holds")


def _owned(position: int, split: str, size: int) -> int:
    """Return the ``position``-th of the numbers below ``size`` that a split owns."""
    if size < _TURN:
        return position
    turn, rest = divmod(position, SHARES[split])
    return turn * _TURN + _FIRST[split] + rest


def choose(category: str, seed: int, split: str, number: int, variant: int) -> tuple[Shape, tuple]:
    """Return the shape and the word of kernel ``number`` of a category in a split.

    Injective over (split, number, variant) for a seed: a keyed permutation of disjoint residues.
    """
    classes = _classes(category)
    last = len(classes) - 1
    if variant == 0:
        at, position = _place(category, split, number)
        size = classes[at][1] // (2 if at == last else 1)
        start = 0
    else:
        at, position = last, number * (VARIANTS - 1) + variant - 1
        start = classes[at][1] // 2
        size = start
    shape, _ = classes[at]
    key = ("word", seed, category, at, start > 0)
    place = start + permute(_owned(position, split, size), size, *key)
    return shape, words.unrank(place, shape.slots, shape.start)
