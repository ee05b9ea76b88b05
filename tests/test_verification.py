"""What verification says of numbers: tiers, tolerances and slopes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import generators
from generators import Argument, Subject
from generators.program import Apply, Block, Branch, Param, Program
from generators.reference import run
from verification import checks
from verification.expected import Expected, Shake
from verification.values import draw, draws, wide


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed or 1)


def argument(dtype: str, low: float, high: float, shape: tuple[int, ...] = (4000,)) -> Argument:
    return Argument("x", "input", dtype, shape, low, high)


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ([[]], "it has no output"),
        ([[[1.0, np.nan]], [[1.0, 2.0]]], "output 0 is nan at [1]"),
        ([[[1.0, 2.0]], [[1.0, -np.inf]]], "output 0 is -inf at [1]"),
        ([[[1.0, 2.0], [3.0, 3.0]]] * 2, "output 1 is 3.0 everywhere, on all of 2 inputs"),
        ([[[0.0]], [[0.0]]], "output 0 is 0.0 everywhere"),
        ([[[3.0, 3.0]], [[4.0, 4.0]]], ""),  # constant on one input, not on both
        ([[[3.0]], [[4.0]]], ""),
        ([[[1.0, 2.0], [0.0, 5.0]]] * 2, ""),
    ],
)
def test_the_first_tier(outputs, reason):
    told = checks.ran([[np.array(out) for out in each] for each in outputs])
    assert told.startswith(reason)
    assert bool(told) == bool(reason)


def test_the_first_tier_sees_bfloat16_and_complex():
    bad = draw(argument("bfloat16", 1, 2, (3,)), rng())
    bad[2] = np.inf
    assert checks.ran([[bad]]) == "output 0 is inf at [2]"
    assert checks.ran([[np.array([1j, complex(np.nan, 1)])]]).startswith("output 0 is (nan+1j)")
    assert checks.ran([[np.array([True, True])]] * 3).startswith("output 0 is True everywhere")


def subject(
    statements: tuple, output: int, interval: tuple[float, float] = (-1.0, 1.0), size: int = 16
) -> Subject:
    """A program of one input, float32, in its own words."""
    program = Program(
        category="branch",
        dtype="float32",
        width=3,
        space=("i",),
        extents=(("i", size),),
        params=(Param(0, "f", ("i",), interval),),
        statements=statements,
        outputs=(output,),
        differentiable=True,
    )
    arguments = (
        Argument("x", "input", "float32", (size,), *interval),
        Argument("out", "output", "float32", (size,), 0.0, 0.0),
        Argument("launch", "launch", "int32", (size,), 0.0, 0.0),
    )
    return Subject(program, arguments, (0,))


JUMP = Branch(1, "<", 0, None, 0.25, Block((), 0), Block((Apply(2, "offset", (0,), (3.0,)),), 2))
CURVE = (Apply(1, "sin", (0,)), Apply(2, "mul", (1, 0)))
RELU = (Apply(1, "relu", (0,)),)


def sampled(chosen: Subject) -> tuple[Expected, list, list]:
    """The reference, inputs, and outputs as a faithful kernel gives them."""
    expected = Expected(chosen)
    sets = checks.input_sets(chosen.arguments, [3])
    dtype = chosen.program.dtype
    found = [
        [out.astype(dtype) if out.dtype.kind == "f" else out for out in expected.outputs(values)]
        for values in sets
    ]
    return expected, sets, found


def changed(found: list, edit) -> list:
    """The outputs with the first of the last set edited in place."""
    copied = [[out.copy() for out in outputs] for outputs in found]
    copied[-1][0] = edit(copied[-1][0])
    return copied


def add(amount):
    def edit(out):
        out.flat[3] += amount
        return out

    return edit


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda out: out, ""),
        (add(1e-7), ""),
        (add(1e-3), "output 0 at sizes [16]: 1 of 80 differ, "),
        (add(np.nan), "output 0 at sizes [16] is not finite"),
        (lambda out: out[:-1], "output 0 has shape (15,), the reference (16,)"),
        (lambda out: out[:, None], "output 0 has shape (16, 1), the reference (16,)"),
        (lambda out: out.astype(float), "output 0 is of float64, the program of float32"),
        (lambda out: out.astype(np.int32), "output 0 is of int32, the program of float32"),
        (lambda out: out * 0, "output 0 at sizes [16]: "),
    ],
)
def test_the_second_tier(edit, reason):
    expected, sets, found = sampled(subject(CURVE, 2))
    told = checks.matched(expected, sets, changed(found, edit))
    assert told.startswith(reason)
    assert bool(told) == bool(reason)


def test_outputs_are_counted():
    expected, sets, found = sampled(subject(CURVE, 2))
    twice = [[*outputs, *outputs] for outputs in found]
    assert checks.matched(expected, sets, twice) == "2 outputs, the reference 1"


def whole() -> tuple[Expected, list, list]:
    """A program whose outputs are whole numbers."""
    for index in range(40):
        [chosen, *_] = generators.subjects("jax", 0, index, categories=["integer"], extended=True)
        expected, sets, found = sampled(chosen)
        if all(out.dtype.kind in "iu" for out in found[0]):
            return expected, sets, found
    pytest.fail("none of them gives whole numbers")


def test_an_integer_that_is_off_by_one_is_found():
    expected, sets, found = whole()
    assert checks.matched(expected, sets, found) == ""
    assert " differ, " in checks.matched(expected, sets, changed(found, add(1)))


def test_a_branch_may_be_taken_either_way_where_rounding_decides():
    expected, sets, _ = sampled(subject((JUMP,), 1))
    sets = [[values.copy() for values in each] for each in sets]
    for (values,) in sets:
        values[5] = 0.25  # neither here nor there
    found = [[out.astype(np.float32) for out in expected.outputs(values)] for values in sets]
    assert found[0][0][5] == -2.75
    found[0][0][5] = 0.25
    assert checks.matched(expected, sets, found) == ""
    found[0][0][6] -= 3.0  # far from the jump nothing is forgiven
    assert "1 of 80 differ" in checks.matched(expected, sets, found)


def test_where_rounding_decides_often_it_is_looked_at_harder():
    expected, sets, _ = sampled(subject((JUMP,), 1))
    sets = [[np.where(np.arange(16) >= 9, np.float32(0.25), each[0])] for each in sets]
    found = [[out.astype(np.float32) for out in expected.outputs(values)] for values in sets]
    for (out,) in found:
        out[9:] = 0.25
    assert checks.matched(expected, sets, found) == ""


def test_a_kernel_whose_rounding_decides_all_is_not_matched():
    noisy = (Apply(1, "offset", (0,), (1e6,)), Apply(2, "offset", (1,), (-1e6,)))
    expected, sets, found = sampled(subject(noisy, 2))
    assert checks.matched(expected, sets, found) == (
        "output 0 at sizes [16]: rounding alone may change half of it"
    )
    assert checks.matched(expected, sets, found, sure=False) == ""


def test_both_forms_of_a_pair_agree_or_are_told_apart():
    expected, sets, found = sampled(subject(CURVE, 2))
    near = changed(found, add(1e-7))
    assert checks.agreeing(expected, sets, found, near) == ""
    told = checks.agreeing(expected, sets, found, changed(found, add(1e-2)))
    assert told.startswith("Warp beside JAX, output 0 at sizes [16]: 1 of 80 differ")


def test_shaking_is_the_same_each_time_and_moves_floats_alone():
    chosen = subject(CURVE, 2)
    values = [np.linspace(-1, 1, 16)]
    first, again, other = (
        run(chosen.program, values, Shake("float32", number))[0] for number in (1, 1, 2)
    )
    plain = run(chosen.program, values)[0]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0 < np.max(np.abs(first - plain)) < 1e-5
    whole = np.arange(5)
    assert Shake("float32", 1)(whole, "add") is whole


class Slopes:
    """Stands for a compiled kernel: its adjoint is the reference's slope, then edited."""

    def __init__(self, chosen: Subject, edit=lambda slope: slope) -> None:
        self.expected = Expected(chosen)
        self.edit = edit

    def outputs(self, arguments, values):
        return self.expected.outputs(values)

    def gradients(self, arguments, values, cotangents):
        """Of programs whose elements do not see each other."""
        [value], [weight] = values, cotangents
        up, down = (self.expected.outputs([wide(value) + far])[0] for far in (1e-6, -1e-6))
        return [self.edit(((up - down) / 2e-6 * weight).astype(np.float32))]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda g: g, ""),
        (lambda g: g * 0, "adjoint 0 along a direction"),
        (lambda g: g * 1.01, "adjoint "),
        (lambda g: -g, "adjoint "),
        (lambda g: np.roll(g, 1), "adjoint "),
        (lambda g: g * np.nan, "its adjoint is not finite"),
        (lambda g: None, "it has no floating input with an adjoint"),
    ],
)
@pytest.mark.parametrize("statements", [CURVE, RELU])
def test_the_third_tier(statements, edit, reason):
    chosen = subject(statements, statements[-1].id)
    told = checks.gradient(Slopes(chosen, edit), Expected(chosen), rng())
    assert told.startswith(reason)
    assert bool(told) == bool(reason)


def test_one_wrong_number_among_many_is_found():
    chosen = subject(CURVE, 2, size=48)

    def edit(slope):
        slope[7] *= 1.5
        return slope

    assert checks.gradient(Slopes(chosen, edit), Expected(chosen), rng()).startswith("adjoint ")


def test_a_number_that_is_lost_beside_the_others_is_moved_by_itself():
    chosen = subject(CURVE, 2, size=4)

    def edit(slope):
        slope[np.argmin(np.abs(slope))] += 2e-6 * np.sum(np.abs(slope))
        return slope

    told = checks.gradient(Slopes(chosen, edit), Expected(chosen), rng())
    assert told.startswith("adjoint ")


def test_nothing_is_said_of_slopes_at_a_kink():
    chosen = subject(RELU, 1, interval=(0.0, 0.0))
    for edit in (lambda g: g, lambda g: g * 0 + 5):
        told = checks.gradient(Slopes(chosen, edit), Expected(chosen), rng())
        assert told == "it has a kink wherever it was tried"


def test_a_whole_output_has_no_gradient():
    expected, _, _ = whole()
    told = checks.gradient(Slopes(expected.subject), expected, rng())
    assert told == "it has no floating output"


@pytest.mark.parametrize("language", ["warp", "paired"])
def test_boundary_sizes_keep_the_text_and_its_arguments(language):
    names = generators.categories(language, extended=True)
    ones, primes = 0, 0
    for index in range(2 * len(names)):
        kernel = generators.generate(language, 4, index, extended=True)
        first, *others = generators.subjects(language, 4, index, extended=True)
        assert first.arguments == kernel.arguments
        assert kernel.category == first.program.category
        for other in others:
            assert [replace(a, shape=()) for a in other.arguments] == [
                replace(a, shape=()) for a in first.arguments
            ]
            sizes = {n for _, n in other.program.extents}
            changed = {n for n in sizes if n not in {n for _, n in first.program.extents}}
            assert other.params == first.params
            ones += changed == {1}
            primes += bool(changed) and all(_odd_prime(n) for n in changed)
            values = draws(other.arguments, rng())
            for value, a in zip(values, other.arguments, strict=False):
                assert value.shape[: len(a.shape)] == a.shape
            outs = [a.shape for a in other.arguments if a.role == "output"]
            found = Expected(other).outputs(values)
            assert [out.shape[: len(s)] for out, s in zip(found, outs, strict=True)] == outs
    assert ones > len(names) / 2
    assert primes > len(names) / 2


def _odd_prime(number: int) -> bool:
    return number > 2 and all(number % d for d in range(2, number))
