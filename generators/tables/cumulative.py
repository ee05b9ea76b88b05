"""Running totals of arrays in JAX: cumulative sums, scans, differences, integrals, windows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, UNIT, Interval, Operation, Side
from generators.spellings import PRODUCT, Spelling
from generators.tables.shaping import block
from generators.tables.statistics import (
    RATE,
    array_row,
    grown,
    last,
    partial,
    partial_growth,
    some,
)

Sizes = dict[str, int]


def _twice(a: Interval, *_) -> Interval:
    return iv.sub(a, a)


def _log_partial(n: int, a: Interval, *_) -> Interval:
    return a[0], a[1] + math.log(n)


def _either(extents: Sizes) -> Callable[..., Interval]:
    """Return the range of a running sum along whichever axis the literal chooses."""
    n = max(extents["n"], extents["d"])
    return lambda a, *_: partial(n, a)


def _either_log(extents: Sizes) -> Callable[..., Interval]:
    n = max(extents["n"], extents["d"])
    return lambda a, *_: _log_partial(n, a)


def _run(*row, **more) -> Operation:
    return array_row("cumulative", *row, **more)


def _cumlogsumexp(a: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.logaddexp.accumulate(a, axis=axis)


def _back(function: Callable, a: np.ndarray, axis: int) -> np.ndarray:
    return np.flip(function(np.flip(a, axis), axis), axis)


def _recurrence(a: np.ndarray, decay: np.ndarray) -> np.ndarray:
    found = [a[..., 0]]
    for k in range(1, a.shape[-1]):
        found.append(decay[..., k] * found[-1] + a[..., k])
    return np.stack(found, -1)


def _discounted(a: np.ndarray, factor: float) -> np.ndarray:
    decay = np.full_like(a, factor)
    return _recurrence(a.T[:, ::-1], decay.T)[:, ::-1].T


def _windows(a: np.ndarray, filler: float) -> np.ndarray:
    padded = np.pad(a, [(0, 0)] * (a.ndim - 1) + [(1, 1)], constant_values=filler)
    return np.lib.stride_tricks.sliding_window_view(padded, 3, axis=-1)


_L = {"linear": True}
_AXIS = ((0, 1),)

ROWS = (
    # running totals
    _run("cumsum", "...d->...d", last(np.cumsum), ("d", partial), weight=2, **_L),
    _run("cumsum_method", "...d->...d", last(np.cumsum), ("d", partial), **_L),
    _run("cumsum_flat", "nd->m", np.cumsum, ("nd", partial), **_L),
    _run("cumprod", "...d->...d", grown(np.cumprod), ("d", partial_growth), domains=(RATE,)),
    _run("nancumsum", "...d->...d", last(np.cumsum), ("d", partial), **_L),
    _run("nancumprod", "...d->...d", grown(np.cumprod), ("d", partial_growth), domains=(RATE,)),
    _run("cumulative_sum", "...d->...d", last(np.cumsum), ("d", partial), **_L),
    _run("cumulative_sum_initial", "...d->...m",
         lambda a: np.insert(np.cumsum(a, -1), 0, 0.0, -1), ("d", some), **_L),
    _run("cumulative_prod", "...d->...d", grown(np.cumprod), ("d", partial_growth),
         domains=(RATE,)),
    _run("lax_cumsum", "nd->nd", np.cumsum, _either, literals=_AXIS, sized=True, **_L),
    _run("lax_cumsum_reverse", "nd->nd", lambda a, x: _back(np.cumsum, a, x), _either,
         literals=_AXIS, sized=True, **_L),
    _run("lax_cumprod", "...d->...d", grown(np.cumprod), ("d", partial_growth), domains=(RATE,)),
    _run("lax_cummax", "nd->nd", np.maximum.accumulate, literals=_AXIS, weight=2),
    _run("lax_cummax_last", "...d->...d", last(np.maximum.accumulate)),
    _run("lax_cummin", "nd->nd", np.minimum.accumulate, literals=_AXIS),
    _run("lax_cummin_reverse", "nd->nd", lambda a, x: _back(np.minimum.accumulate, a, x),
         literals=_AXIS),
    _run("lax_cumlogsumexp", "nd->nd", _cumlogsumexp, _either_log, literals=_AXIS, sized=True),
    _run("add_accumulate", "...d->...d", last(np.cumsum), ("d", partial), **_L),
    _run("maximum_accumulate", "...d->...d", last(np.maximum.accumulate)),
    _run("multiply_accumulate", "...d->...d", grown(np.cumprod), ("d", partial_growth),
         domains=(RATE,)),
    _run("logaddexp_accumulate", "...d->...d", _cumlogsumexp, ("d", _log_partial)),
    _run("along_axis_cumsum", "...d->...d", last(np.cumsum), ("d", partial), **_L),
    _run("running_mean", "...d->...d",
         lambda a: np.cumsum(a, -1) / np.arange(1, a.shape[-1] + 1), **_L),
    # scans of an associative operation
    _run("scan_add", "...d->...d", last(np.cumsum), ("d", partial), **_L),
    _run("scan_multiply", "...d->...d", grown(np.cumprod), ("d", partial_growth), domains=(RATE,)),
    _run("scan_maximum", "...d->...d", last(np.maximum.accumulate)),
    _run("scan_minimum", "...d->...d", last(np.minimum.accumulate)),
    _run("scan_logaddexp", "...d->...d", _cumlogsumexp, ("d", _log_partial)),
    _run("scan_add_reverse", "nd->nd", lambda a: _back(np.cumsum, a, 0), ("n", partial), **_L),
    _run("scan_recurrence", "...d,...d->...d", _recurrence, ("d", some),
         sides=(Side("decay", (0.1, 0.9)),), domains=(ANY, UNIT)),
    _run("scan_discounted", "nd->nd", _discounted, ("n", some), literals=((0.5, 0.95),), **_L),
    # differences
    _run("diff", "...d->...m", last(np.diff), _twice, multiple=8, weight=2, **_L),
    _run("diff_second", "...d->...m", last(np.diff, n=2),
         lambda a: iv.mul((-2.0, 2.0), _twice(a)), multiple=8, **_L),
    _run("diff_prepend", "...d->...d", lambda a: np.diff(a, prepend=0.0),
         lambda a: iv.hull(a, _twice(a)), **_L),
    _run("diff_append", "...d->...d", lambda a: np.diff(a, append=a[..., :1]), _twice, **_L),
    _run("ediff1d", "n->n", lambda a: np.ediff1d(a, to_begin=0.0), _twice, **_L),
    _run("gradient", "...d->...d", last(np.gradient), _twice, weight=2, **_L),
    _run("gradient_spaced", "...d->...d", lambda a, h: np.gradient(a, h, axis=-1),
         lambda a, h: iv.div(_twice(a), h), literals=((0.5, 2.0),), **_L),
    _run("gradient_magnitude", "nd->nd", lambda a: np.hypot(*np.gradient(a)),
         lambda a: (0.0, math.sqrt(2.0) * (a[1] - a[0]))),
    _run("unwrap", "...d->...d", lambda a, p: np.unwrap(a, period=p),
         lambda e: lambda a, p: (a[0] - e["d"] * p[1], a[1] + e["d"] * p[1]), sized=True,
         literals=((1.5, 2.5),)),
    # integrals
    _run("trapezoid", "...d->...", lambda a, h: np.trapezoid(a, dx=h, axis=-1),
         lambda e: lambda a, h: iv.mul(some(e["d"] - 1, a), h), sized=True,
         literals=((0.1, 0.5),), weight=2, **_L),
    _run("trapezoid_points", "...d,d->...", lambda a, x: np.trapezoid(a, np.cumsum(np.exp(x))),
         lambda e: lambda a, x: iv.mul(some(e["d"] - 1, a), (0.0, math.exp(x[1]))),
         sized=True, sides=(Side("log_steps", (-2.0, -1.0)),)),
    _run("scipy_trapezoid", "...d->...", lambda a, h: np.trapezoid(a, dx=h, axis=-1),
         lambda e: lambda a, h: iv.mul(some(e["d"] - 1, a), h), sized=True,
         literals=((0.1, 0.5),), **_L),
    # windows
    _run("window_sum", "nd->nd", lambda a: _windows(a, 0.0).sum(-1), lambda a: some(3, a), **_L),
    _run("window_max", "nd->nd", lambda a: _windows(a, -np.inf).max(-1)),
    _run("window_min", "nd->nd", lambda a: _windows(a, np.inf).min(-1)),
    _run("window_mean_valid", "nd->nm",
         lambda a: np.lib.stride_tricks.sliding_window_view(a, 5, axis=-1).mean(-1), multiple=12,
         **_L),
)  # fmt: skip

_TEXTS = {
    "cumsum": "jnp.cumsum({0}, axis=-1)",
    "cumsum_method": "{0!!}.cumsum(axis=-1)",
    "cumsum_flat": "jnp.cumsum({0})",
    "cumprod": "jnp.cumprod({one} + {0!} / {@d}, axis=-1)",
    "nancumsum": "jnp.nancumsum({0}, axis=-1)",
    "nancumprod": "jnp.nancumprod({one} + {0!} / {@d}, axis=-1)",
    "cumulative_sum": "jnp.cumulative_sum({0}, axis=-1)",
    "cumulative_sum_initial": "jnp.cumulative_sum({0}, axis=-1, include_initial=True)",
    "cumulative_prod": "jnp.cumulative_prod({one} + {0!} / {@d}, axis=-1)",
    "lax_cumsum": "jax.lax.cumsum({0}, axis={#0})",
    "lax_cumsum_reverse": "jax.lax.cumsum({0}, axis={#0}, reverse=True)",
    "lax_cumprod": "jax.lax.cumprod({one} + {0!} / {@d}, axis={0!!}.ndim - 1)",
    "lax_cummax": "jax.lax.cummax({0}, axis={#0})",
    "lax_cummax_last": "jax.lax.cummax({0}, axis={0!!}.ndim - 1)",
    "lax_cummin": "jax.lax.cummin({0}, axis={#0})",
    "lax_cummin_reverse": "jax.lax.cummin({0}, axis={#0}, reverse=True)",
    "lax_cumlogsumexp": "jax.lax.cumlogsumexp({0}, axis={#0})",
    "add_accumulate": "jnp.add.accumulate({0}, axis=-1)",
    "maximum_accumulate": "jnp.maximum.accumulate({0}, axis=-1)",
    "multiply_accumulate": "jnp.multiply.accumulate({one} + {0!} / {@d}, axis=-1)",
    "logaddexp_accumulate": "jnp.logaddexp.accumulate({0}, axis=-1)",
    "along_axis_cumsum": "jnp.apply_along_axis(jnp.cumsum, -1, {0})",
    "scan_add": "jax.lax.associative_scan(jnp.add, {0}, axis=-1)",
    "scan_multiply": "jax.lax.associative_scan(jnp.multiply, {one} + {0!} / {@d}, axis=-1)",
    "scan_maximum": "jax.lax.associative_scan(jnp.maximum, {0}, axis=-1)",
    "scan_minimum": "jax.lax.associative_scan(jnp.minimum, {0}, axis=-1)",
    "scan_logaddexp": "jax.lax.associative_scan(jnp.logaddexp, {0}, axis=-1)",
    "scan_add_reverse": "jax.lax.associative_scan(jnp.add, {0}, reverse=True)",
    "diff": "jnp.diff({0})",
    "diff_second": "jnp.diff({0}, n=2, axis=-1)",
    "diff_prepend": "jnp.diff({0}, axis=-1, prepend=0.0)",
    "diff_append": "jnp.diff({0}, axis=-1, append={0!!}[..., :1])",
    "ediff1d": "jnp.ediff1d({0}, to_begin=0.0)",
    "gradient": "jnp.gradient({0}, axis=-1)",
    "gradient_spaced": "jnp.gradient({0}, {#0}, axis=-1)",
    "unwrap": "jnp.unwrap({0}, axis=-1, period={#0})",
    "trapezoid": "jnp.trapezoid({0}, dx={#0}, axis=-1)",
    "trapezoid_points": "jnp.trapezoid({0}, x=jnp.cumsum(jnp.exp({1})), axis=-1)",
    "scipy_trapezoid": "jax.scipy.integrate.trapezoid({0}, dx={#0})",
    "window_sum": 'jax.lax.reduce_window({0}, 0.0, jax.lax.add, (1, 3), (1, 1), "SAME")',
    "window_max": 'jax.lax.reduce_window({0}, -jnp.inf, jax.lax.max, (1, 3), (1, 1), "SAME")',
    "window_min": 'jax.lax.reduce_window({0}, jnp.inf, jax.lax.min, (1, 3), (1, 1), "SAME")',
}


WARP: dict[str, Spelling] = {}

JAX: dict[str, Spelling] = {
    **{name: Spelling(text) for name, text in _TEXTS.items()},
    "running_mean": Spelling("jnp.cumsum({0}, -1) / jnp.arange(1, {@d} + 1)", PRODUCT),
    "scan_recurrence": Spelling(
        "jax.lax.associative_scan({h0}, ({1}, {0}), axis=-1)[1]",
        helper=(
            "def {h0}(left, right):",
            "    decay, state = left",
            "    factor, value = right",
            "    return decay * factor, factor * state + value",
        ),
        helpers=("combine",),
    ),
    "scan_discounted": Spelling(
        "{t1}",
        lines=(
            "{t0} = jnp.full_like({0}, {#0})",
            "_, {t1} = jax.lax.associative_scan({h0}, ({t0}, {0}), reverse=True)",
        ),
        locals=("factors", "returns"),
        helper=(
            "def {h0}(later, earlier):",
            "    return later[0] * earlier[0], earlier[0] * later[1] + earlier[1]",
        ),
        helpers=("discount",),
    ),
    "gradient_magnitude": block(
        "jnp.hypot({t0}, {t1})", "{t0}, {t1} = jnp.gradient({0})", names="down across"
    ),
    "window_mean_valid": Spelling(
        'jax.lax.reduce_window({0}, 0.0, jax.lax.add, (1, 5), (1, 1), "VALID") / 5.0', PRODUCT
    ),
}
