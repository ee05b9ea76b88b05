"""How an operation is spelled: a template and how tightly its outermost operator binds.

The spellings of each language stand in `generators.tables`, keyed by the operation. No two of a
language share a shape and none can be had by nesting others, since distinct programs owe their
distinct texts to that; `tests/test_programs.py` sees to it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from generators.texts import parse

# Python's binding strengths, as far as they occur here.
SUM, PRODUCT, NEGATIVE, ATOM = 1, 2, 3, 4

SLOT = re.compile(r"\{(\d)!{0,2}\}")  # of an operand
_NAME = re.compile(r"(?<![.\w\"'])[A-Za-z_]\w*(?![\w\"']|=(?!=))")  # but of no keyword
ANY_SLOT = re.compile(r"\{(#?\d|@\w|[a-z]\w*)(!{0,2})\}")


@dataclass(frozen=True)
class Spelling:
    """A template of the value, and of what must be written before it.

    ``{0}`` is an argument, ``{#0}`` a literal, ``{@n}`` the extent of axis n of the row's
    ``dims``, ``{one}`` and ``{zero}`` numbers of the program's float type, ``{float}``, ``{int}``,
    ``{vec}``, ``{mat}``, ``{quat}``, ``{transform}``, ``{svec}`` and ``{smat}`` the names of its
    types, ``{width}`` the width of its vectors, ``{tid}`` the number of the thread. A plain
    slot needs an operand that binds as tightly as the template (inside a call: any), one marked
    ``!`` an operand that binds tighter, one marked ``!!`` an atom. An operand that would be read
    otherwise next to what surrounds its slot is bracketed all the same.

    ``lines`` are statements that come first; ``{t0}``, ``{t1}`` … are their variables, named after
    ``locals``. ``helper`` is text before the kernel, ``{h0}`` … its names, made of ``helpers``.
    """

    template: str
    binds: float = ATOM
    lines: tuple[str, ...] = ()
    locals: tuple[str, ...] = ()
    helper: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """Its lines and its template."""
        return " ".join((*self.lines, self.template))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The operands of the template in reading order, each once."""
        return tuple(dict.fromkeys(int(s) for s in SLOT.findall(self.template)))

    @cached_property
    def repeated(self) -> tuple[int, ...]:
        """The operands that are mentioned more than once."""
        mentioned = SLOT.findall(self.text)
        return tuple(sorted({int(s) for s in mentioned if mentioned.count(s) > 1}))

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The template taken apart: text, a slot's name, its marks, text, and so on."""
        return tuple(ANY_SLOT.split(self.template))

    @cached_property
    def worded(self) -> bool:
        """Whether it has other slots than those of operands."""
        parts = (*self.helper, *self.lines, self.template)
        return any(not name.isdigit() for part in parts for name, _ in ANY_SLOT.findall(part))

    @cached_property
    def pure(self) -> bool:
        """Whether it can stand in a function: it needs no other, nor the thread's number."""
        return not self.helper and "{tid}" not in self.text

    @cached_property
    def fixed(self) -> frozenset[str]:
        """The names that it uses as they are, such as those of inner functions' arguments."""
        return frozenset(_NAME.findall(ANY_SLOT.sub(" ", self.text)))


# What an operand of each strength may be.
_SHOWN: dict[float, tuple[str, ...]] = {
    SUM: ("y + z", "y - z"),
    PRODUCT: ("y * z", "y / z", "y @ z", "y % z"),
    NEGATIVE: ("-y",),
}


@lru_cache(maxsize=1 << 14)
def _one(template: str, slot: str, text: str) -> bool:
    def filled(operand: str) -> str:
        return ANY_SLOT.sub(lambda m: operand if m.group(1) == slot else "x", template)

    plain, bracketed = (parse(filled(t), mode="eval") for t in (text, f"({text})"))
    return ast.dump(plain) == ast.dump(bracketed)


def stands(template: str, slot: str, operand: tuple[str, float]) -> bool:
    """Tell whether an operand, with how tightly it binds, needs no brackets in a slot."""
    text, binds = operand
    return binds == ATOM or all(_one(template, slot, t) for t in _SHOWN.get(binds, (text,)))


def call(name: str, arity: int = 1, *literals: str) -> Spelling:
    """Spell a plain call of a function on its arguments, then its literals."""
    slots = [f"{{{i}}}" for i in range(arity)] + [f"{{#{i}}}" for i in range(len(literals))]
    return Spelling(f"{name}({', '.join(slots)})")
