"""The values that kernels are verified on: of their intervals, with the ends, always the same."""

from __future__ import annotations

import numpy as np
import pytest

import generators
from generators import Argument
from verification import checks
from verification.values import draw, draws, wide

FULL = {"uint64": (0, 2**64 - 1), "int64": (-(2**63), 2**63 - 1), "int8": (-128, 127)}


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed or 1)


def argument(dtype: str, low: float, high: float, shape: tuple[int, ...] = (4000,)) -> Argument:
    return Argument("x", "input", dtype, shape, low, high)


@pytest.mark.parametrize(
    ("dtype", "low", "high", "parts"),
    [
        ("float16", -1.0, 1.0, ()),
        ("bfloat16", 0.5, 2.0, ()),
        ("float32", -2.0, 3.0, ()),
        ("float64", 0.0, 1e-3, ()),
        ("vec3", -1.0, 2.0, (3,)),
        ("vec2h", -1.0, 2.0, (2,)),
        ("mat33d", -1.0, 2.0, (3, 3)),
        ("quat", -1.0, 1.0, (4,)),
        ("transformd", -1.0, 1.0, (7,)),
        ("spatial_matrix", -1.0, 1.0, (6, 6)),
    ],
)
def test_floats_fill_their_interval_and_reach_both_ends(dtype, low, high, parts):
    asked = argument(dtype, low, high)
    inside, reaching = draw(asked, rng()), draw(asked, rng(), ends=True)
    assert inside.shape == reaching.shape == (4000, *parts)
    scalar = {"h": "float16", "d": "float64"}.get(dtype[-1], "float32") if parts else dtype
    assert inside.dtype.name == reaching.dtype.name == scalar
    for values in (inside, reaching):
        values = wide(values)
        assert values.min() >= low
        assert values.max() <= high
        assert np.ptp(values) > 0.98 * (high - low)
        assert abs(np.mean(values < (low + high) / 2) - 0.5) < 0.05
    reaching = wide(reaching)
    assert 0.02 < np.mean(reaching == low) < 0.08
    assert 0.02 < np.mean(reaching == high) < 0.08


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64"])
def test_whole_numbers_are_drawn_with_both_ends(dtype):
    low = 0 if dtype[0] == "u" else -3
    values = draw(argument(dtype, low, 4), rng())
    assert values.dtype.name == dtype
    assert set(values.tolist()) == set(range(low, 5))


@pytest.mark.parametrize("dtype", FULL)
def test_integers_of_the_full_range(dtype):
    low, high = FULL[dtype]
    values = draw(argument(dtype, float(low), float(high)), rng(), ends=True)
    assert values.dtype.name == dtype
    assert (int(values.min()), int(values.max())) == (low, high)
    assert abs(np.mean(values > (low + high) // 2) - 0.5) < 0.05


def test_truth_values_complex_numbers_and_scalars():
    values = draw(argument("bool", 0, 1), rng(), ends=True)
    assert values.dtype == bool
    assert abs(values.mean() - 0.5) < 0.05
    values = draw(argument("complex64", -1, 2), rng(), ends=True)
    assert values.dtype.name == "complex64"
    for part in (values.real, values.imag):
        assert part.min() >= -1
        assert part.max() <= 2
        assert np.ptp(part) > 2.9
    assert abs(np.corrcoef(values.real, values.imag)[0, 1]) < 0.1
    assert draw(argument("float32", 1, 2, ()), rng(), ends=True).shape == ()
    assert draw(argument("int32", 3, 3, ()), rng()).item() == 3


def test_draws_are_the_same_each_time_and_of_inputs_only():
    kernel = generators.generate("warp", 0, 2, extended=True, categories=["quaternion"])
    given = [a for a in kernel.arguments if a.role == "input"]
    first, again = (draws(kernel.arguments, rng(5)) for _ in range(2))
    assert len(first) == len(given) < len(kernel.arguments)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    sets, same = (checks.input_sets(kernel.arguments, [7]) for _ in range(2))
    for one, other in zip(sets, same, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert len({each[0].tobytes() for each in sets}) == checks.SETS
    at_ends = [bool(np.any(wide(each[0]) == given[0].high)) for each in sets]
    assert at_ends == [False] * (checks.SETS - 1) + [True]
