"""What a kernel should give: its program's reference in float64, and how far rounding may lead.

The tolerance is measured, not guessed. The reference is run again with every intermediate value,
and every input, moved by a few units of the program's dtype: where the result moves, rounding may
move it as far (a branch may go the other way, a difference of large numbers may lose its digits).
So each element of each kernel has a tolerance of its own, made of the tolerance of each operation.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from generators import Subject
from generators.reference import run, still
from verification.tolerances import EPS, SUMMED, error_of
from verification.values import wide

SHAKES = 2  # runs of the reference with moved values
AGAIN = 16  # further ones, before a difference is called one
WAYS = 1 << 15  # ups and downs that one run draws, then taken from the start again
SPREAD = 0.1  # of the largest value: what smaller ones beside it may lose as well


class Shake:
    """Moves values as rounding could, in the same way each time for one number."""

    def __init__(self, dtype: str, number: int) -> None:
        self.dtype = dtype
        self.ways = _ways(number)
        self.at = 0

    def __call__(self, value: np.ndarray, by: str, terms: float = 1) -> np.ndarray:
        """Return a value that an operation computed, from so many terms, moved."""
        if value.dtype.kind not in "fc" or not value.size:
            return value
        sizes = np.abs(value)
        most = float(np.maximum.reduce(sizes, axis=None))
        if not math.isfinite(most):
            return value
        error = error_of(by, self.dtype) * max(1.0, terms / SUMMED)
        end = self.at + value.size
        if end <= WAYS:
            ways = self.ways[self.at : end]
        else:
            ways = self.ways.take(np.arange(self.at, end), mode="wrap")
        self.at = end % WAYS
        return value + (sizes + SPREAD * most) * (error * ways.reshape(value.shape))


@functools.cache
def _ways(number: int) -> np.ndarray:
    """Up or down, for one value after the other: drawn once, as drawing would cost most of all."""
    return np.random.default_rng(number).integers(0, 2, WAYS) * 2.0 - 1.0


def _rounded(dtype: str, bits: int) -> Callable[..., np.ndarray]:
    """Rounds each value that is computed to so many bits less than a dtype has.

    What is equal in it comes out equal, as moving values at random never makes it.
    """
    kept = 1 - np.log2(EPS[dtype]) - bits

    def rounded(value: np.ndarray, by: str, terms: float = 1) -> np.ndarray:
        if value.dtype.kind != "f":
            return value
        part, power = np.frexp(value)
        return np.ldexp(np.round(part * 2.0**kept) / 2.0**kept, power)

    return rounded


@dataclass(frozen=True)
class Expected:
    """The reference of a kernel at certain sizes: values in the order of its inputs."""

    subject: Subject

    def outputs(self, values: Sequence[np.ndarray], number: int = 0) -> list[np.ndarray]:
        """The outputs in float64; for a ``number``, those of a run that is moved by rounding.

        Number -1 rounds each value as the program's dtype does, lower ones to fewer bits.
        """
        program = self.subject.program
        by_id = dict(zip(self.subject.params, map(wide, values), strict=False))
        shake: Callable[..., np.ndarray] = still
        if number:
            shake = (
                _rounded(program.dtype, -1 - number) if number < 0 else Shake(program.dtype, number)
            )
        with np.errstate(all="ignore"):
            if program.space or self.subject.arguments[-1].role != "launch":
                return run(program, by_id, shake)
            return self._of_blocks(by_id, shake)

    def tolerances(
        self,
        values: Sequence[np.ndarray],
        again: bool = False,
        wanted: Sequence[np.ndarray] | None = None,
    ) -> list[np.ndarray]:
        """How far rounding may move each element of each output; ``again`` looks harder.

        ``wanted`` are the outputs of the reference where they are known already.
        """
        wanted = self.outputs(values) if wanted is None else wanted
        numbers = [*range(1, SHAKES + 1)]
        if again:
            numbers = [-1, -4, *range(SHAKES + 1, SHAKES + AGAIN + 1)]
        moved = [self.outputs(values, number) for number in numbers]
        return [
            np.max([distance(m[place], one) for m in moved], axis=0)
            for place, one in enumerate(wanted)
        ]

    def _of_blocks(self, held: dict[int, np.ndarray], shake: Callable) -> list[np.ndarray]:
        """The output of a kernel on tiles: of each block on its own tile."""
        program, arguments = self.subject.program, self.subject.arguments
        [out] = [a for a in arguments if a.role == "output"]
        shape = dict(program.shapes)[program.outputs[0]]
        params = {p.id: p for p in program.params}
        found: np.ndarray | None = None
        for block in itertools.product(*map(range, arguments[-1].shape)):

            def place(shape: tuple[int, ...], block: tuple = block) -> tuple[slice, ...]:
                at = (*block, *(0 for _ in shape))
                return tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, shape, strict=False))

            tiles = {
                id_: v if v.shape == params[id_].shape else v[place(params[id_].shape)]
                for id_, v in held.items()
            }
            [value] = run(program, tiles, shake)
            if found is None:
                found = np.zeros(out.shape, value.dtype)
            if out.shape == shape:
                found += value
            else:
                found[place(shape)] = value
        return [] if found is None else [found]


def distance(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How far apart elements are; of whole numbers and truth values, infinite where they differ."""
    if wanted.dtype.kind in "biu":
        return np.where(found != wanted, np.inf, 0.0)
    return np.abs(found - wanted)
