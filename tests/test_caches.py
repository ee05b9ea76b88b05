"""What is kept from one kernel to the next, and shortcuts that must give what they stand for."""

from __future__ import annotations

import pkgutil
import sys

import numpy as np
import pytest

import generators
from generators import kinds, words
from generators.streams import Stream
from generators.witnesses import median, numbers, quantiles, same


def _caches() -> dict[str, object]:
    """Return every cache of a function of the package, by its name."""
    for module in pkgutil.walk_packages(generators.__path__, "generators."):
        __import__(module.name)
    modules = [m for name, m in sys.modules.items() if name.split(".")[0] == "generators"]
    return {
        f"{held.__module__}.{held.__qualname__}": held
        for module in modules
        for held in vars(module).values()
        if hasattr(held, "cache_info")
    }


def _write(first: int, seed: int) -> None:
    for language in generators.LANGUAGES:
        for index in range(first, first + 2 * len(generators.categories(language, True))):
            generators.generate(language, seed, index, extended=True)


def test_caches_are_bounded_and_hold_nothing_of_one_kernel():
    _write(0, 0)
    for language in ("warp", "jax"):  # all that the tables hold
        for category in generators.categories(language, True):
            for shape in kinds.shapes(language, category):
                words.unrank(0, shape.slots, shape.start, shape.ends)
    caches = _caches()
    endless = {name: c for name, c in caches.items() if c.cache_info().maxsize is None}
    assert len(caches) > len(endless) > 0
    held = {name: c.cache_info().currsize for name, c in endless.items()}
    _write(10**7, 99)
    grown = {name: c.cache_info().currsize - held[name] for name, c in endless.items()}
    few = 16  # kinds of nodes, comparisons: a handful may not have occurred before
    assert not {name: more for name, more in grown.items() if more > few}
    assert all(c.cache_info().maxsize <= 1 << 14 for n, c in caches.items() if n not in endless)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 33, 500])
def test_quantiles_are_those_of_numpy_to_the_last_digit(size):
    draw = np.random.default_rng(size)
    for trial in range(300):
        seen = draw.normal(size=size) * 10.0 ** draw.integers(-6, 6)
        seen = np.round(seen, 1) if trial % 3 == 0 else seen
        if trial % 20 == 0:
            seen[draw.integers(size)] = np.nan
        shares = sorted(draw.random(2))
        assert np.array_equal(quantiles(seen, *shares), np.quantile(seen, shares), equal_nan=True)
        assert np.array_equal(median(seen), np.median(seen), equal_nan=True)


def test_literals_are_made_of_numbers_or_else_of_the_interval():
    seen = np.array([0.5, np.nan, -0.25])
    assert numbers(seen, (-1, 1)).tolist() == [0.5, -0.25]
    assert numbers(np.full(3, np.nan), (-1, 1)).tolist() == [-1, 1]
    whole = np.arange(4)
    assert numbers(whole, (0, 3)) is whole


@pytest.mark.parametrize("size", [2, 8, 500])
@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("odd", [0.0, 1e-7, 1e-5, -3.0, np.nan, np.inf, -np.inf])
def test_values_are_the_same_up_to_rounding_or_no_numbers(size, odd):
    seen = np.full(size, 2.0)
    for place in (0, size - 1):
        other = seen.copy()
        other[place] += odd
        wanted = not np.isfinite(odd) or abs(odd) < 1e-6
        assert same(other) == same(other + 0j) == wanted
    assert same(np.arange(size) > -1)
    assert not same(np.arange(size))


def test_floats_are_those_of_a_philox_of_their_key():
    drawn, key = Stream("floats", 1), Stream("floats", 1)
    for count in (8, 3, 1000):
        bits = np.random.Philox(key=key._bits(128)).random_raw(count)
        wanted = -1.0 + 3.0 * ((bits >> np.uint64(11)) * 2.0**-53)
        assert np.array_equal(drawn.floats(-1.0, 2.0, (count,)), wanted)
