"""The tiers of a kernel: that it runs, that its numbers are right, and that its gradient is.

Each check returns a reason, one line, why the tier is not shown; an empty one says that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from generators import Argument
from verification.expected import AGAIN, Expected, distance
from verification.tolerances import EPS
from verification.values import draws, inputs, wide

SETS = 5  # of random inputs that a kernel is run and matched on
BOUNDARY_SETS = 2  # likewise, at each of the boundary sizes
MARGIN = 4.0  # times what the moved reference moves
STEEP_MARGIN = 10.0  # likewise of adjoints, which round more often than the kernel itself
FLOOR = 8.0  # units of the last place, beside the largest value, that are never a difference
VAGUE = 0.5  # a tolerance beyond this share of the largest value says nothing
COARSE = 0.02  # what halves of a pair may differ by, in so many places, where nothing tells more
JUMP, STRAY = 0.1, 1e-3  # a tolerance that shows a jump; the share of elements that it excuses
STEP = 1e-6  # of central differences, in units of an input's interval
KINK = 1e-3  # by which the slopes on both sides may differ
SMALL = 64  # inputs up to so many numbers are moved one by one as well
SINGLE = 6  # numbers that are moved one by one, at most


class Run(Protocol):
    """A compiled kernel."""

    def expect(
        self,
        sizes: Sequence[tuple[Sequence[Argument], Sequence[np.ndarray]]],
        gradient: bool,
    ) -> None:
        """Be told at which sizes it will be run, its own first, and whether for its gradient."""
        ...

    def outputs(self, arguments: Sequence[Argument], values: Sequence[np.ndarray]) -> list:
        """Its outputs on given values."""
        ...

    def gradients(
        self,
        arguments: Sequence[Argument],
        values: Sequence[np.ndarray],
        cotangents: Sequence[np.ndarray | None],
    ) -> list[np.ndarray | None]:
        """The gradient with respect to each input, or None."""
        ...


def input_sets(arguments: Sequence[Argument], seed: Sequence[int]) -> list[list[np.ndarray]]:
    """The values that a kernel is run on: the last with ends of the intervals among them."""
    return [
        draws(arguments, np.random.default_rng([*seed, number]), ends=number == SETS - 1)
        for number in range(SETS)
    ]


def ran(found: Sequence[Sequence[np.ndarray]]) -> str:
    """Whether the outputs on several inputs are finite, and no output is always one number."""
    if not found[0]:
        return "it has no output"
    for outputs in found:
        for place, out in enumerate(outputs):
            bad = np.argwhere(~np.isfinite(wide(np.asarray(out))))
            if len(bad):
                return f"output {place} is {out[tuple(bad[0])]} at {bad[0].tolist()}"
    for place in range(len(found[0])):
        first = found[0][place].flat[0] if found[0][place].size else 0
        if all(np.all(outputs[place] == first) for outputs in found):
            return f"output {place} is {first} everywhere, on all of {len(found)} inputs"
    return ""


def matched(
    expected: Expected,
    sets: Sequence[Sequence[np.ndarray]],
    found: Sequence[Sequence[np.ndarray]],
    sure: bool = True,
) -> str:
    """Whether outputs on sets of inputs are those of the reference, each within its tolerance."""
    wanted = [expected.outputs(values) for values in sets]
    for outputs in found:
        reason = _formed(outputs, wanted[0], expected.subject.program.dtype)
        if reason:
            return reason
    return _same(expected, sets, wanted, found, sure, exact=wanted)


def alike(one: Sequence[Sequence[np.ndarray]], other: Sequence[Sequence[np.ndarray]]) -> str:
    """Whether both forms of a pair may be of one function, where its reference is not known."""
    if len(one[0]) != len(other[0]):
        return f"{len(one[0])} outputs in Warp, {len(other[0])} in JAX"
    for place in range(len(one[0])):
        a, b = (wide(_joined(each, place)) for each in (one, other))
        if a.shape != b.shape:
            return f"output {place} has {a.shape[1]} elements in Warp, {b.shape[1]} in JAX"
        most = max(float(np.max(np.abs(a.astype(complex)))), 1e-30)
        if np.mean(np.abs(a.astype(complex) - b) > COARSE * most) > COARSE:
            return f"output {place} is not the same in Warp and in JAX"
    return ""


def agreeing(
    expected: Expected,
    sets: Sequence[Sequence[np.ndarray]],
    one: Sequence[Sequence[np.ndarray]],
    other: Sequence[Sequence[np.ndarray]],
) -> str:
    """Whether both forms of a pair, matched before, give the same within their tolerances."""
    told = [[wide(out) for out in outputs] for outputs in other]
    reason = _same(expected, sets, told, one)
    return reason and f"Warp beside JAX, {reason}"


def _formed(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray], dtype: str) -> str:
    """Why outputs are not of the program's number, shapes and dtypes."""
    if len(found) != len(wanted):
        return f"{len(found)} outputs, the reference {len(wanted)}"
    for place, (out, one) in enumerate(zip(found, wanted, strict=True)):
        if out.shape != one.shape and not out.size == one.size == 1:
            return f"output {place} has shape {out.shape}, the reference {one.shape}"
        kind = one.dtype.kind
        name = {"f": dtype, "c": "complex128" if dtype == "float64" else "complex64"}.get(kind)
        if out.dtype.name != (name or one.dtype.name):
            return f"output {place} is of {out.dtype}, the program of {name or one.dtype}"
    return ""


def _same(
    expected: Expected,
    sets: Sequence[Sequence[np.ndarray]],
    wanted: Sequence[Sequence[np.ndarray]],
    found: Sequence[Sequence[np.ndarray]],
    sure: bool = True,
    exact: Sequence[Sequence[np.ndarray]] | None = None,
) -> str:
    """Why outputs differ; or, to be ``sure``, why their agreeing would say nothing.

    ``exact`` are the outputs of the reference on each set where they are known already.
    """
    eps = EPS[expected.subject.program.dtype]
    extents = [n for _, n in expected.subject.program.extents]
    known = exact or [None] * len(sets)
    moved = [expected.tolerances(v, wanted=w) for v, w in zip(sets, known, strict=True)]
    harder = False
    for place in range(len(wanted[0])):
        told = f"output {place} at sizes {extents}" if extents else f"output {place}"
        want = _joined(wanted, place)
        got = wide(_joined(found, place))
        if not np.all(np.isfinite(got)):
            return f"{told} is not finite"
        whole = want.dtype.kind in "biu"
        most = 1.0 if want.dtype.kind == "b" else float(np.max(np.abs(want.astype(complex))))
        floor = 0.0 if whole else FLOOR * eps * most
        away = distance(got, want)
        allowed = MARGIN * _joined(moved, place) + floor
        if np.any(away > allowed) and not harder:  # near a jump, or by ill luck of the draws
            more = [expected.tolerances(v, True, w) for v, w in zip(sets, known, strict=True)]
            moved = [
                [np.maximum(*both) for both in zip(*pair, strict=True)]
                for pair in zip(moved, more, strict=True)
            ]
            harder = True
            allowed = MARGIN * _joined(moved, place) + floor
        if sure and np.mean(allowed > VAGUE * most) > 0.5:
            return f"{told}: rounding alone may change half of it"
        wrong = away > allowed
        # Where rounding is seen to decide which way some elements go, it decides over a few more.
        jumps = harder and bool(np.any(allowed > JUMP * most))
        if np.mean(wrong) > (STRAY if jumps else 0.0):
            at = tuple(np.argwhere(wrong)[0])
            return (
                f"{told}: {int(wrong.sum())} of {wrong.size} differ, {got[at]} for {want[at]} "
                f"at {at[1]} on inputs {at[0]}"
            )
    return ""


def _joined(every: Sequence[Sequence[np.ndarray]], place: int) -> np.ndarray:
    """One output on all sets of inputs, a row each."""
    return np.stack([np.reshape(each[place], -1) for each in every])


def gradient(
    run: Run, expected: Expected, rng: np.random.Generator, ones: bool = False, tries: int = 4
) -> str:
    """Whether the adjoint is the reference's slope, along directions and for single numbers.

    ``ones`` are the cotangents of JAX's gradient executable; else they are drawn.
    """
    arguments = expected.subject.arguments
    reason = "it has a kink wherever it was tried"
    shown = 0
    for _ in range(tries):
        values = draws(arguments, rng)
        wanted = expected.outputs(values)
        weights = [_cotangent(out, rng, ones, expected) for out in wanted]
        if all(weight is None for weight in weights):
            return "it has no floating output"
        found = run.gradients(arguments, values, weights)
        if all(one is None for one in found):
            return "it has no floating input with an adjoint"
        for one in found:
            if one is not None and not np.all(np.isfinite(wide(one))):
                return "its adjoint is not finite"
        total = _total(expected, values, weights)
        here = _weighted(wanted, weights)
        for ways in _directions(arguments, values, found, rng):
            told = _slope(total, here, found, ways, EPS[expected.subject.program.dtype])
            if told is None:
                continue  # a kink: nothing is shown here
            if told:
                return told
            shown += 1
        if shown >= 2:
            return ""
    return reason if not shown else ""


def _cotangent(
    out: np.ndarray, rng: np.random.Generator, ones: bool, expected: Expected
) -> np.ndarray | None:
    if out.dtype.kind != "f":
        return None
    if ones:
        return np.ones(out.shape)
    return rng.uniform(0.5, 1.5, out.shape).astype(expected.subject.program.dtype)


Total = Callable[[Sequence[np.ndarray | None], float, int], np.ndarray]


def _total(
    expected: Expected, values: Sequence[np.ndarray], weights: Sequence[np.ndarray | None]
) -> Total:
    """The outputs times their weights, all in a row, by how far inputs are moved along ways."""
    exact = [wide(v) for v in values]

    def total(ways: Sequence[np.ndarray | None], far: float, number: int) -> np.ndarray:
        moved = [v if w is None else v + far * w for v, w in zip(exact, ways, strict=True)]
        return _weighted(expected.outputs(moved, number), weights)

    return total


def _weighted(outputs: Sequence[np.ndarray], weights: Sequence[np.ndarray | None]) -> np.ndarray:
    pairs = zip(outputs, weights, strict=True)
    return np.concatenate([np.ravel(out * wide(w)) for out, w in pairs if w is not None])


def _directions(
    arguments: Sequence[Argument],
    values: Sequence[np.ndarray],
    found: Sequence[np.ndarray | None],
    rng: np.random.Generator,
) -> list[list[np.ndarray | None]]:
    """Ways to move the inputs: all at once in two random directions, then single numbers."""
    spans = [max(a.high - a.low, 1e-3) for a in inputs(arguments)]
    free = [one is not None for one in found]
    ways: list[list[np.ndarray | None]] = [
        [
            span * rng.choice((-1.0, 1.0), v.shape) * rng.uniform(0.5, 1.0, v.shape) if f else None
            for v, span, f in zip(values, spans, free, strict=True)
        ]
        for _ in range(2)
    ]
    numbers = [(place, at) for place, v in enumerate(values) if free[place] for at in range(v.size)]
    if len(numbers) <= SMALL:
        chosen = rng.permutation(len(numbers))[:SINGLE]
        for place, at in (numbers[n] for n in sorted(chosen)):
            way = np.zeros(values[place].shape)
            way.flat[at] = spans[place]
            ways.append([way if n == place else None for n in range(len(values))])
    return ways


def _slope(
    total: Total,
    here: np.ndarray,
    found: Sequence[np.ndarray | None],
    ways: Sequence[np.ndarray | None],
    eps: float,
) -> str | None:
    """Why the adjoint is not the slope along a way; None where there is no slope.

    ``here`` is the ``total`` where nothing is moved.
    """
    pairs = [
        wide(g) * w for g, w in zip(found, ways, strict=True) if g is not None and w is not None
    ]
    along = sum(float(np.sum(p)) for p in pairs)
    size = sum(float(np.sum(np.abs(p))) for p in pairs)
    ups, downs = (total(ways, far, 0) for far in (STEP, -STEP))
    wanted = float(np.sum(ups - downs)) / (2 * STEP)
    moving = ups[ups != downs]  # the others show nothing either way
    lost = 4 * 2.0**-52 * float(np.sum(np.abs(moving))) / STEP  # in differences of float64
    if abs(float(np.sum(ups - 2 * here + downs))) / STEP > KINK * max(abs(wanted), size) + lost:
        return None
    scale = max(size, abs(wanted))
    # What outputs of this size cannot show: as good as zero. In 16 bits it would be too much to
    # let all of them round the same way.
    weight = np.sum(np.abs(ups)) if eps <= EPS["float32"] else np.linalg.norm(moving)
    nothing = FLOOR * eps * float(weight) + lost
    noise = 0.0
    for numbers in (range(1, 3), range(3, 3 + AGAIN)):  # before a difference is called one
        for number in numbers:
            moved = total(ways, STEP, number) - total(ways, -STEP, number)
            noise = max(noise, abs(float(np.sum(moved)) / (2 * STEP) - wanted))
        allowed = STEEP_MARGIN * noise + (1e-6 + FLOOR * eps) * scale + nothing
        if abs(along - wanted) <= allowed:
            vague = MARGIN * noise > VAGUE * scale and scale > 8 * nothing
            return None if vague else ""
    return f"adjoint {along:.6g} along a direction, by differences {wanted:.6g} ± {allowed:.2g}"
