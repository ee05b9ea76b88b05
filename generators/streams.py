"""The law of seeds: every number drawn is a pure function of (seed, purpose, numbers).

No global generator exists here and no seed is ever added to an index: a stream is keyed by the
hash of everything that names it, so streams of different purposes or indices never overlap.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TypeVar

import numpy as np

T = TypeVar("T")
SEED_BITS = 64
_ROUNDS = 4


def _digest(*parts: object) -> bytes:
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=32).digest()


class _Philox(threading.local):
    """One bit generator a thread: a new one would draw from the system before it takes its key."""

    def __init__(self):
        self.bits = np.random.Philox(key=0)
        self.start = self.bits.state

    def words(self, key: int, count: int) -> np.ndarray:
        """Return the first 64-bit words of a key of 128 bits."""
        self.start["state"]["key"][:] = key & (1 << 64) - 1, key >> 64
        self.bits.state = self.start
        return self.bits.random_raw(count)


_philox = _Philox()


class Stream:
    """Random draws for one purpose.

    Built on ``random.Random.random`` and ``getrandbits`` alone, which Python promises to keep
    reproducible for an integer seed.
    """

    def __init__(self, *key: object):
        drawn = random.Random(int.from_bytes(_digest(*key), "big"))
        self._bits, self._share = drawn.getrandbits, drawn.random

    def below(self, n: int) -> int:
        """Draw an integer in [0, n); n is at least 1 and below 2**32."""
        # 64 bits against n < 2**32 leave a bias under 2**-32, far below what a corpus can show.
        return (self._bits(64) * n) >> 64

    def between(self, low: int, high: int) -> int:
        """Draw an integer in [low, high]."""
        return low + self.below(high - low + 1)

    def choice(self, items: Sequence[T]) -> T:
        """Draw one of ``items``, which must not be empty."""
        return items[(self._bits(64) * len(items)) >> 64]

    def chance(self, probability: float) -> bool:
        """Draw True with the given probability."""
        return self._share() < probability

    def uniform(self, low: float, high: float) -> float:
        """Draw a float in [low, high)."""
        return low + (high - low) * self._share()

    def floats(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        """Draw an array of floats in [low, high).

        From the raw bits of Philox, which NumPy promises to keep; its distributions it does not.
        """
        bits = _philox.words(self._bits(128), math.prod(shape))
        return low + (high - low) * ((bits >> np.uint64(11)) * 2.0**-53).reshape(shape)

    def literal(self, low: float, high: float) -> float:
        """Draw a short decimal in [low, high], one a person would type."""
        span = high - low
        digits = max(2, 1 - math.floor(math.log10(span))) if span > 0 else 15
        value = self.uniform(low, high)
        shortened = (round(value, more) for more in range(digits, 17))
        return next((short for short in shortened if low <= short <= high), value)


@lru_cache(maxsize=1 << 10, typed=True)
def _rounds(*key: object) -> tuple[bytes, ...]:
    return tuple(_digest(*key, round_) for round_ in range(_ROUNDS))


def permute(number: int, size: int, *key: object) -> int:
    """Send ``number`` in [0, size) to another place in [0, size): a bijection named by ``key``.

    A balanced Feistel network over the next even power of two, walked until it lands below
    ``size`` (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002): O(1), no table.
    """
    if not 0 <= number < size:
        raise ValueError(f"number {number} is outside [0, {size})")
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    width = (half + 7) // 8
    rounds = _rounds(*key)
    while True:
        left, right = number >> half, number & mask
        for round_ in rounds:
            block = blake2b(
                right.to_bytes(width, "big"), digest_size=max(width, 8), key=round_
            ).digest()
            left, right = right, left ^ (int.from_bytes(block, "big") & mask)
        number = (left << half) | right
        if number < size:
            return number
