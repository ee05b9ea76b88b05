"""Random numbers as JAX makes them (threefry2x32, partitionable), in NumPy, drawn as float32."""

from __future__ import annotations

import numpy as np
import scipy.special

Key = tuple[np.uint32, np.uint32]
Words = np.ndarray | np.uint32
Real = float | np.floating

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
TINY = np.finfo(np.float32).tiny
EPSILON = np.finfo(np.float32).eps


def hashed(key: Key, high: Words, low: Words) -> tuple[np.ndarray, np.ndarray]:
    """Return the threefry2x32 block of each pair of counts: twenty rounds."""
    x, y = np.atleast_1d(high).astype(np.uint32), np.atleast_1d(low).astype(np.uint32)
    parts = (*map(np.uint32, key), np.uint32(int(key[0]) ^ int(key[1]) ^ 0x1BD11BDA))
    x, y = x + parts[0], y + parts[1]
    for turn in range(5):
        for rotation in _ROTATIONS[turn % 2]:
            x = x + y
            y = (y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))
            y = x ^ y
        x = x + parts[(turn + 1) % 3]
        y = y + parts[(turn + 2) % 3] + np.uint32(turn + 1)
    return x, y


def key(seed: int) -> Key:
    """Return the key of a small seed."""
    return np.uint32(0), np.uint32(seed)


def _counted(parent: Key, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    count = np.arange(int(np.prod(shape)), dtype=np.uint32)
    return hashed(parent, np.zeros_like(count), count)


def split(parent: Key, number: int = 2) -> list[Key]:
    """Return new keys."""
    return list(zip(*_counted(parent, (number,)), strict=True))


def fold_in(parent: Key, data: int) -> Key:
    """Return the key that a number makes of another."""
    high, low = hashed(parent, np.uint32(0), np.uint32(data))
    return high[0], low[0]


def bits(of: Key, shape: tuple[int, ...]) -> np.ndarray:
    """Return uniform 32-bit words."""
    high, low = _counted(of, shape)
    return (high ^ low).reshape(shape)


def uniform(of: Key, shape: tuple[int, ...], low: Real = 0.0, high: Real = 1.0) -> np.ndarray:
    """Return what `jax.random.uniform` draws as float32, as float64."""
    words = (bits(of, shape) >> np.uint32(9)) | np.uint32(0x3F800000)
    drawn = words.view(np.float32) - np.float32(1.0)
    least, most = np.float32(low), np.float32(high)
    return np.maximum(least, drawn * (most - least) + least).astype(float)


def normal(of: Key, shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal numbers."""
    low = np.nextafter(np.float32(-1), np.float32(0))
    return np.sqrt(2.0) * scipy.special.erfinv(uniform(of, shape, low, 1.0))


def truncated_normal(of: Key, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Return standard normal numbers between two bounds."""
    ends = [scipy.special.erf(np.float32(v) / np.sqrt(np.float32(2))) for v in (low, high)]
    return np.sqrt(2.0) * scipy.special.erfinv(uniform(of, shape, *ends))


def gumbel(of: Key, shape: tuple[int, ...]) -> np.ndarray:
    """Return Gumbel numbers."""
    return -np.log(-np.log(uniform(of, shape, TINY, 1.0)))


def exponential(of: Key, shape: tuple[int, ...]) -> np.ndarray:
    """Return exponential numbers."""
    return -np.log1p(-uniform(of, shape))


def laplace(of: Key, shape: tuple[int, ...]) -> np.ndarray:
    """Return Laplace numbers."""
    drawn = uniform(of, shape, np.nextafter(np.float32(-1), np.float32(0)), 1.0)
    return np.sign(drawn) * np.log1p(-np.abs(drawn))


def logistic(of: Key, shape: tuple[int, ...]) -> np.ndarray:
    """Return logistic numbers."""
    return scipy.special.logit(uniform(of, shape, TINY, 1.0))


def randint(of: Key, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """Return whole numbers below ``high``."""
    first, second = (bits(k, shape).astype(np.uint64) for k in split(of))
    span, mask = np.uint64(high - low), np.uint64(0xFFFFFFFF)
    factor = (np.uint64(2**16) % span) ** np.uint64(2) & mask
    factor = factor % span
    return low + ((((first % span) * factor + second % span) & mask) % span).astype(int)


def permutation(of: Key, number: int) -> np.ndarray:
    """Return a permutation of fewer numbers than need a second round of sorting."""
    return np.argsort(bits(split(of)[1], (number,)), kind="stable")
