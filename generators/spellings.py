"""How an operation is spelled: a template and how tightly its outermost operator binds.

The spellings of each language stand in `generators.tables`, keyed by the operation. No two of a
language share a shape and none can be had by nesting others, since distinct programs owe their
distinct texts to that; `tests/test_programs.py` sees to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

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
    ``!`` an operand that binds tighter, one marked ``!!`` an atom.

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
    def fixed(self) -> frozenset[str]:
        """The names that it uses as they are, such as those of inner functions' arguments."""
        text = ANY_SLOT.sub(" ", " ".join((*self.lines, self.template)))
        return frozenset(_NAME.findall(text))


def call(name: str, arity: int = 1, *literals: str) -> Spelling:
    """Spell a plain call of a function on its arguments, then its literals."""
    slots = [f"{{{i}}}" for i in range(arity)] + [f"{{#{i}}}" for i in range(len(literals))]
    return Spelling(f"{name}({', '.join(slots)})")
