"""What is asked of a kernel beside its reference: inputs, numbers, slopes, shapes and dtypes."""

from __future__ import annotations

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 by it
import numpy as np

from generators.program import Param, Program

STEP = 1e-6
DRAWS = 6  # of other inputs, to see whether a single number is always the same


def drawn(param: Param, shape: tuple[int, ...], dtype: str, rng) -> np.ndarray:
    """Draw what a parameter holds from its interval, as the dtype rounds it."""
    low, high = param.interval
    kind = param.type[0]
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iuk":
        low, high = int(low), int(high)
        return rng.integers(low, high, shape, dtype=np.dtype(dtype), endpoint=True)
    values = rng.uniform(low, high, shape)
    if kind == "c":
        values = values + 1j * rng.uniform(low, high, shape)
    return np.asarray(values).astype(dtype)


def wide(value: np.ndarray) -> np.ndarray:
    """Return floats in 64 bits, all else as it is."""
    if value.dtype.kind == "c":
        return value.astype(complex)
    return value if value.dtype.kind in "biu" else value.astype(float)


def away(value: np.ndarray, rng) -> np.ndarray | None:
    """Return a direction in which a value can be moved, if it is no whole number."""
    if value.dtype.kind in "biu":
        return None
    way = rng.choice((-1.0, 1.0), value.shape)
    return way + 1j * rng.choice((-1.0, 1.0), value.shape) if value.dtype.kind == "c" else way


def slope(evaluate, inputs: list, ways: list, weights: list) -> float:
    """Return the derivative of the weighted outputs along a direction, by central differences."""
    totals = []
    for sign in (1, -1):
        moved = [v if w is None else v + sign * STEP * w for v, w in zip(inputs, ways, strict=True)]
        pairs = zip(evaluate(moved), weights, strict=True)
        totals.append(sum(float(np.sum(np.real(out * w))) for out, w in pairs if w is not None))
    return (totals[0] - totals[1]) / (2 * STEP)


def steepness(gradients: list, ways: list, wanted: float) -> float:
    """Return how far gradients, along a direction, are from the derivative that is wanted."""
    pairs = [
        (wide(np.asarray(g)), w) for g, w in zip(gradients, ways, strict=True) if g is not None
    ]
    along = sum(float(np.sum(np.real(g * w))) for g, w in pairs)
    size = sum(float(np.sum(np.abs(g))) for g, _ in pairs)
    return abs(along - wanted) / max(abs(wanted), 0.1 * size, 1e-3)


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference, relative to the largest wanted value.

    Of whole numbers and truth values it is the share of those that differ.
    """
    if wanted.dtype.kind in "biu":
        return float(np.mean(found != wanted))
    found = wide(found)
    scale = max(float(np.max(np.abs(wanted))), 1e-3)
    return float(np.max(np.abs(found - wanted))) / scale


def flat(out: np.ndarray, others: list[np.ndarray]) -> bool:
    """Tell whether an output is one number in all its places and, if it is one, on other inputs."""
    if out.size == 1:
        return all(bool(np.all(out == other)) for other in others)
    return bool(np.all(out == out.flat[0]))


def judge(program: Program, found: list, told: list, others: list, dtypes: list[str]) -> dict:
    """Return what is to be said of a kernel's numbers; ``others`` are of other inputs."""
    formed = all(
        f.shape == w.shape and f.dtype.name == dtype
        for f, w, dtype in zip(found, told, dtypes, strict=True)
    )
    finite = all(np.isfinite(wide(f)).all() for f in found)
    apart = [
        distance(f, w) if f.shape == w.shape else np.inf for f, w in zip(found, told, strict=True)
    ]
    return {
        "dtype": program.dtype,
        "whole": all(w.dtype.kind in "biu" for w in told),
        "differentiable": program.differentiable,
        "value": max(apart) if finite else np.nan,
        "formed": formed,
        "finite": bool(finite),
        "flat": all(flat(w, list(o)) for w, o in zip(told, zip(*others, strict=True), strict=True)),
    }


def weights_of(told: list, rng) -> list:
    """Return what each output counts in the total whose gradient is taken; None for integers."""
    return [None if w.dtype.kind in "biu" else rng.uniform(0.2, 1.0, w.shape) for w in told]
