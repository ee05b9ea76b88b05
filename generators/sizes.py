"""Boundary sizes: a program whose arrays are of other sizes, proven again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from generators.program import Program
from generators.verifier import InvalidProgram, verify


def _one(extent: int) -> int:
    return 1


def _prime(extent: int) -> int:
    """Return the largest odd prime up to ``extent``, at least three: no block divides it."""
    found = [n for n in range(3, extent + 1, 2) if all(n % d for d in range(3, n, 2))]
    return found[-1] if found else 3


def resized(program: Program) -> Iterator[Program]:
    """Yield a program of points at other sizes of its axes: all of one, all odd primes.

    Tables that are looked up into keep their sizes where their indices need them. A program of
    whole arrays has its shapes in its text: of those there are none.
    """
    for size in (_one, _prime):
        for axes in ([a for a, _ in program.extents], program.space):
            found = _with(program, list(axes), size)
            if found and found != program:
                yield found
                break


def _with(program: Program, axes: list[str], size: Callable[[int], int]) -> Program | None:
    extents = tuple((a, size(n) if a in axes else n) for a, n in program.extents)
    found = replace(program, extents=extents)
    try:
        verify(found)
    except InvalidProgram:
        return None
    return found
