"""Values of a kernel's arguments: drawn from the intervals that its row declares."""

from __future__ import annotations

from collections.abc import Sequence

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 by it
import numpy as np

from generators import Argument, component

ENDS = 0.1  # of the places of one draw hold an end of their interval


def inputs(arguments: Sequence[Argument]) -> list[Argument]:
    """The arguments that are given values, in call order."""
    return [a for a in arguments if a.role == "input"]


def draw(argument: Argument, rng: np.random.Generator, ends: bool = False) -> np.ndarray:
    """Draw an argument: an array of its dtype, the components of its type as last axes.

    ``ends`` puts some of the places at the ends of the interval.
    """
    name, parts = component(argument.dtype)
    shape, dtype = argument.shape + parts, np.dtype(name)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        held = np.iinfo(dtype)
        low = max(int(argument.low), int(held.min))
        high = min(int(argument.high), int(held.max))
        values = rng.integers(low, high, shape, dtype=dtype, endpoint=True)
    else:
        low, high = argument.low, argument.high
        values = np.asarray(rng.uniform(low, high, shape))
        if dtype.kind == "c":
            values = values + 1j * rng.uniform(low, high, shape)
    values = np.asarray(values).astype(dtype)
    if ends and dtype.kind != "c" and shape:
        chosen = rng.random(shape)
        values[chosen < ENDS / 2] = low
        values[chosen > 1 - ENDS / 2] = high
    return values


def draws(
    arguments: Sequence[Argument], rng: np.random.Generator, ends: bool = False
) -> list[np.ndarray]:
    """Draw a value for each input, in call order."""
    return [draw(argument, rng, ends) for argument in inputs(arguments)]


def wide(value: np.ndarray) -> np.ndarray:
    """Numbers in 64 bits a part: what the reference computes in; integers as they are."""
    if value.dtype.kind in "biu":
        return value
    return value.astype(complex if value.dtype.kind == "c" else float)


def is_real(dtype: np.dtype) -> bool:
    """Whether a dtype is of real floating numbers (bfloat16 is of NumPy's kind V)."""
    return dtype.kind in "fV"
