"""Statistics of arrays in JAX: sums, means, extremes, spread, norms, counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, UNIT, Interval, Operation, Side
from generators.spellings import PRODUCT, Spelling
from generators.tables.shaping import block

Sizes = dict[str, int]

_MODEST: Interval = (-30.0, 30.0)  # its square is within the limit
RATE: Interval = (-3.0, 3.0)  # of a product of n factors 1 + a / n


def _width(a: Interval, *_) -> Interval:
    return 0.0, a[1] - a[0]


def counted(axes: str, function: Callable[..., Interval]) -> Callable:
    """Make a sized range of a function of the number of entries along ``axes``, and intervals."""

    def sized(extents: Sizes) -> Callable[..., Interval]:
        count = math.prod(extents[a] for a in axes)
        return lambda *intervals: function(count, *intervals)

    return sized


def _sum(n: int, a: Interval, *_) -> Interval:
    return n * a[0], n * a[1]


def partial(n: int, a: Interval, *_) -> Interval:
    """Return the range of a sum of one to n values."""
    return min(a[0], n * a[0]), max(a[1], n * a[1])


def some(n: int, a: Interval, *_) -> Interval:
    """Return the range of a sum of none to n values."""
    return min(0.0, n * a[0]), max(0.0, n * a[1])


def _growth(n: int, a: Interval, *_) -> Interval:
    return (1.0 + a[0] / n) ** n, (1.0 + a[1] / n) ** n


def partial_growth(n: int, a: Interval, *_) -> Interval:
    """Return the range of a product of up to n factors near one."""
    low, high = _growth(n, a)
    return min(1.0, low), max(1.0, high)


def _variance(_: int, a: Interval, *__) -> Interval:
    return 0.0, 0.25 * (a[1] - a[0]) ** 2


def _sample_variance(n: int, a: Interval, *_) -> Interval:
    return 0.0, 0.25 * (a[1] - a[0]) ** 2 * n / (n - 1)


def _deviation(_: int, a: Interval, *__) -> Interval:
    return 0.0, 0.5 * (a[1] - a[0])


def _covariance(n: int, a: Interval, b: Interval | None = None) -> Interval:
    b = a if b is None else b
    high = 0.25 * (a[1] - a[0]) * (b[1] - b[0]) * n / (n - 1)
    return -high, high


def _log_sum(n: int, a: Interval, *_) -> Interval:
    return a[0] + math.log(n), a[1] + math.log(n)


def _euclid(n: int, a: Interval, *_) -> Interval:
    return 0.0, math.sqrt(n) * iv.magnitude(a)


def _manhattan(n: int, a: Interval, *_) -> Interval:
    return 0.0, n * iv.magnitude(a)


def _scores(n: int, *_) -> Interval:
    return -math.sqrt(n), math.sqrt(n)


_L = {"linear": True}


def array_row(
    family: str, name: str, dims: str, reference: Callable, range_=iv.same, **more
) -> Operation:
    """Make a row of floats on whole arrays; its range may be the arguments of `counted`."""
    count = dims.partition("->")[0].count(",") + 1
    if isinstance(range_, tuple):  # the axes that are counted, and what becomes of the count
        range_, more = counted(*range_), {"sized": True} | more
    fields: dict[str, Any] = {"args": "f" * count, "result": "f", "domains": (ANY,) * count} | more
    return Operation(name, range=range_, reference=reference, dims=dims, family=family, **fields)


def _stat(*row, **more) -> Operation:
    return array_row("statistics", *row, **more)


def last(function: Callable, **more) -> Callable:
    """Make a reference of a NumPy function along the last axis."""
    return lambda a, *_: function(a, axis=-1, **more)


def grown(function: Callable, axis: int = -1, **more) -> Callable:
    """Make the reference of a product of factors near one along an axis."""
    return lambda a, *_: function(1.0 + a / a.shape[axis], axis=axis, **more)


def _logsumexp(a: np.ndarray) -> np.ndarray:
    return np.log(np.exp(a - a.max()).sum(-1)) + a.max()


def _norm(a: np.ndarray, p: float, axis: int | tuple[int, ...] | None = -1) -> np.ndarray:
    return (np.abs(a) ** p).sum(axis) ** (1.0 / p)


def _masked_mean(a: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, a, 0.0).sum(-1) / np.maximum(mask.sum(-1), 1)


_MASK = {"args": "fb", "domains": (ANY, (0, 1)), "sides": (Side("mask", (0, 1)),)}
_COUNTED = {"args": "i", "domains": ((-30, 30),), "differentiable": False}

ROWS = (
    # sums, means, products
    _stat("sum_keepdims", "...d->...1", last(np.sum, keepdims=True), ("d", _sum), weight=2, **_L),
    _stat("sum_method", "...d->...", last(np.sum), ("d", _sum), weight=2, **_L),
    _stat("sum_columns", "nd->d", lambda a: a.sum(0), ("n", _sum), **_L),
    _stat("sum_both", "...nd->...", lambda a: a.sum((-2, -1)), ("nd", _sum), **_L),
    _stat("sum_all", "nd->", np.sum, ("nd", _sum), **_L),
    _stat("sum_initial", "...d->...", lambda a, c: a.sum(-1) + c,
          lambda e: lambda a, c: iv.add(_sum(e["d"], a), c), sized=True, literals=((0.2, 1.0),),
          **_L),
    _stat("sum_where", "...d,...d->...", lambda a, b: np.where(b, a, 0.0).sum(-1), ("d", some),
          **_MASK, **_L),
    _stat("nansum", "...d->...", last(np.sum), ("d", _sum), **_L),
    _stat("nansum_masked", "...d,...d->...", lambda a, b: np.where(b, a, 0.0).sum(-1),
          ("d", some), **_MASK),
    _stat("mean_last", "...d->...", last(np.mean), weight=2, **_L),
    _stat("mean_keepdims", "...d->...1", last(np.mean, keepdims=True), **_L),
    _stat("mean_columns", "nd->d", lambda a: a.mean(0), **_L),
    _stat("mean_both", "...nd->...", lambda a: a.mean((-2, -1)), **_L),
    _stat("mean_all", "nd->", np.mean, **_L),
    _stat("mean_method", "...d->...", last(np.mean), **_L),
    _stat("masked_mean", "...d,...d->...", _masked_mean, lambda a, _: iv.hull(a, (0.0, 0.0)),
          **_MASK, **_L),
    _stat("nanmean", "...d->...", last(np.mean), **_L),
    _stat("average_weights", "...d,d->...", lambda a, w: np.average(a, -1, w),
          sides=(Side("weights", (0.1, 1.0)),), domains=(ANY, (0.05, 10.0))),
    _stat("average_all", "nd->", np.mean, **_L),
    _stat("geometric_mean", "...d->...", lambda a: np.exp(np.log(a).mean(-1)),
          domains=((0.05, 100.0),)),
    _stat("prod_last", "...d->...", grown(np.prod), ("d", _growth), domains=(RATE,)),
    _stat("prod_columns", "nd->d", grown(np.prod, axis=0), ("n", _growth), domains=(RATE,)),
    _stat("nanprod_keepdims", "...d->...1", grown(np.prod, keepdims=True), ("d", _growth),
          domains=(RATE,)),
    _stat("prod_where", "...d,...d->...",
          lambda a, b: np.where(b, 1.0 + a / a.shape[-1], 1.0).prod(-1),
          ("d", partial_growth), **_MASK | {"domains": (RATE, (0, 1))}),
    _stat("add_reduce", "...d->...", last(np.sum), ("d", _sum), **_L),
    _stat("multiply_reduce", "...d->...", grown(np.prod), ("d", _growth), domains=(RATE,)),
    _stat("maximum_reduce", "...d->...", last(np.max)),
    _stat("logaddexp_reduce", "...d->...", _logsumexp, ("d", _log_sum)),
    _stat("add_reduceat", "...d->...2",
          lambda a: np.add.reduceat(a, [0, 2], -1), ("d", partial), **_L),
    _stat("sum_over_axes", "...nd->...11", lambda a: a.sum((-2, -1), keepdims=True),
          ("nd", _sum), **_L),
    # the largest and the smallest
    _stat("max_last", "...d->...", last(np.max), weight=2),
    _stat("max_keepdims", "...d->...1", last(np.max, keepdims=True)),
    _stat("max_columns", "nd->d", lambda a: a.max(0)),
    _stat("max_method", "...d->...", last(np.max)),
    _stat("max_where", "...d,...d->...", lambda a, b, c: np.where(b, a, c).max(-1, initial=c),
          lambda a, _, c: iv.maximum(a, c) if c[0] > a[1] else (min(a[0], c[0]), max(a[1], c[1])),
          literals=((-1.0, 0.0),), **_MASK),
    _stat("amax_both", "...nd->...", lambda a: a.max((-2, -1))),
    _stat("nanmax", "...d->...", last(np.max)),
    _stat("min_last", "...d->...", last(np.min), weight=2),
    _stat("min_method_all", "nd->", np.min),
    _stat("amin_last", "...d->...", last(np.min)),
    _stat("min_initial", "...d->...", lambda a, c: np.minimum(a.min(-1), c),
          iv.minimum, literals=((0.5, 1.0),)),
    _stat("nanmin_keepdims", "...d->...1", last(np.min, keepdims=True)),
    _stat("ptp", "...d->...", last(np.ptp), _width),
    _stat("ptp_keepdims", "...d->...1", last(np.ptp, keepdims=True), _width),
    # spread
    *(
        _stat(name, dims, reference, range_, domains=(_MODEST,), **more)
        for name, dims, reference, range_, more in (
            ("var_last", "...d->...", last(np.var), ("d", _variance), {"weight": 2}),
            ("var_keepdims", "...d->...1", last(np.var, keepdims=True), ("d", _variance), {}),
            ("var_columns", "nd->d", lambda a: a.var(0), ("n", _variance), {}),
            ("var_sample", "...d->...", last(np.var, ddof=1), ("d", _sample_variance), {}),
            ("nanvar", "...d->...", last(np.var), ("d", _variance), {}),
            ("std_last", "...d->...", last(np.std), ("d", _deviation), {"weight": 2}),
            ("std_all", "nd->", np.std, ("nd", _deviation), {}),
            ("std_method", "...d->...", last(np.std), ("d", _deviation), {}),
            ("nanstd_keepdims", "...d->...1", last(np.std, keepdims=True), ("d", _deviation), {}),
            ("sem", "...d->...",
             lambda a: a.std(-1, ddof=1) / math.sqrt(a.shape[-1]), ("d", _deviation), {}),
            ("standardize_last", "...d->...d",
             lambda a: (a - a.mean(-1, keepdims=True))
             / np.sqrt(a.var(-1, keepdims=True) + 1e-5), ("d", _scores), {}),
            ("standardize_columns", "nd->nd",
             lambda a: (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5), ("n", _scores), {}),
            ("cov", "nd->nn", np.cov, ("d", _covariance), {}),
            ("covariance_columns", "nd->dd", lambda a: np.cov(a.T), ("n", _covariance), {}),
            ("corrcoef", "nd->nn", np.corrcoef, iv.always(-1, 1), {}),
        )
    ),
    _stat("cov_two", "d,d->", lambda a, b: np.cov(a, b)[0, 1], ("d", _covariance),
          domains=(_MODEST, _MODEST)),
    _stat("corrcoef_two", "d,d->", lambda a, b: np.corrcoef(a, b)[0, 1], iv.always(-1, 1),
          domains=(_MODEST, _MODEST), sides=(Side("targets", (-1.0, 1.0)),)),
    # sums of exponentials
    _stat("logsumexp", "...d->...", _logsumexp, ("d", _log_sum), weight=2),
    _stat("logsumexp_keepdims", "...d->...1", lambda a: _logsumexp(a)[..., None],
          ("d", _log_sum)),
    _stat("logsumexp_weights", "...d,d->...", lambda a, w: np.log((w * np.exp(a)).sum(-1)),
          ("d", lambda n, a, w: iv.add(_log_sum(n, a), (math.log(w[0]), math.log(w[1])))),
          sides=(Side("weights", (0.2, 1.0)),), domains=((-20.0, 20.0), (0.05, 10.0))),
    _stat("scipy_logsumexp", "...d->...", _logsumexp, ("d", _log_sum)),
    _stat("scipy_logsumexp_both", "...nd->...",
          lambda a: _logsumexp(a.reshape(*a.shape[:-2], -1)), ("nd", _log_sum)),
    _stat("logmeanexp", "...d->...", lambda a: _logsumexp(a) - math.log(a.shape[-1])),
    # norms
    _stat("norm_p", "...d->...", _norm, ("d", _manhattan), literals=((1, 3),),
          domains=((-10.0, 10.0),)),
    _stat("norm_inf", "...d->...", lambda a: np.abs(a).max(-1), iv.absolute),
    _stat("norm_all", "nd->", lambda a: _norm(a, 2, None), ("nd", _euclid)),
    _stat("norm_fro", "...nd->...", lambda a: _norm(a, 2, (-2, -1)), ("nd", _euclid)),
    _stat("vector_norm_p", "...d->...1", lambda a: _norm(a, 3)[..., None], ("d", _manhattan),
          domains=((-10.0, 10.0),)),
    # by lax
    _stat("lax_reduce_add", "nd->n", last(np.sum), ("d", _sum), **_L),
    _stat("lax_reduce_largest", "nd->n", last(np.max)),
    _stat("lax_reduce_mul", "nd->n", grown(np.prod), ("d", _growth), domains=(RATE,)),
    _stat("lax_reduce_sum", "nd->d", lambda a: a.sum(0), ("n", _sum), **_L),
    _stat("lax_reduce_max", "nd->d", lambda a: a.max(0)),
    _stat("lax_reduce_min", "nd->d", lambda a: a.min(0)),
    _stat("lax_reduce_prod", "nd->d", grown(np.prod, axis=0), ("n", _growth), domains=(RATE,)),
    # counts
    _stat("count_above", "...d->...", lambda a, c: (a > c).sum(-1).astype(float),
          lambda e: lambda *_: (0.0, e["d"]), literals=((0.1, 0.5),), sized=True,
          differentiable=False),
    _stat("histogram", "nd->4", lambda a: np.histogram(a, 4, (-2.0, 2.0))[0].astype(float),
          lambda e: lambda a: (0.0, e["n"] * e["d"]), sized=True, differentiable=False),
    _stat("histogram_weights", "nd,nd->4",
          lambda a, x: np.histogram(x, 4, (-1.0, 1.0), weights=a)[0], ("nd", some),
          sides=(Side("places", (-0.9, 0.9)),), domains=(ANY, UNIT)),
    _stat("bincount_weights", "n,n->4", lambda i, a: np.bincount(i, a, 4),
          lambda e: lambda i, a: some(e["n"], a), args="if", domains=((0, 3), ANY), sized=True,
          linear=True),
    _stat("bincount_shares", "n->4", lambda i: np.bincount(i, minlength=4) / i.size,
          lambda e: lambda i: (0.0, 1.0), sized=True, **_COUNTED | {"domains": ((0, 3),)}),
    _stat("whole_mean", "...d->...", last(np.mean), **_COUNTED),
    _stat("whole_sum", "...d->...", lambda a: a.sum(-1).astype(float), ("d", _sum), **_COUNTED),
    _stat("whole_std", "...d->...", last(np.std), ("d", _deviation), **_COUNTED),
)  # fmt: skip

_TEXTS = {
    "sum_keepdims": "{0!!}.sum(-1, keepdims=True)",
    "sum_method": "{0!!}.sum(-1)",
    "sum_columns": "jnp.sum({0}, axis=0)",
    "sum_both": "jnp.sum({0}, axis=(-2, -1))",
    "sum_all": "jnp.sum({0})",
    "sum_initial": "jnp.sum({0}, axis=-1, initial={#0})",
    "sum_where": "jnp.sum({0}, axis=-1, where={1})",
    "nansum": "jnp.nansum({0}, axis=-1)",
    "nansum_masked": "jnp.nansum(jnp.where({1}, {0}, jnp.nan), axis=-1)",
    "mean_last": "jnp.mean({0}, axis=-1)",
    "mean_keepdims": "{0!!}.mean(-1, keepdims=True)",
    "mean_columns": "{0!!}.mean(0)",
    "mean_both": "jnp.mean({0}, axis=(-2, -1))",
    "mean_all": "{0!!}.mean()",
    "mean_method": "{0!!}.mean(-1)",
    "nanmean": "jnp.nanmean({0}, axis=-1)",
    "average_weights": "jnp.average({0}, -1, {1})",
    "average_all": "jnp.average({0})",
    "prod_last": "jnp.prod({one} + {0!} / {@d}, axis=-1)",
    "prod_columns": "jnp.prod({one} + {0!} / {@n}, axis=0)",
    "nanprod_keepdims": "jnp.nanprod({one} + {0!} / {@d}, axis=-1, keepdims=True)",
    "prod_where": "jnp.prod({one} + {0!} / {@d}, axis=-1, where={1})",
    "add_reduce": "jnp.add.reduce({0}, axis=-1)",
    "multiply_reduce": "jnp.multiply.reduce({one} + {0!} / {@d}, axis=-1)",
    "maximum_reduce": "jnp.maximum.reduce({0}, axis=-1)",
    "logaddexp_reduce": "jnp.logaddexp.reduce({0}, axis=-1)",
    "add_reduceat": "jnp.add.reduceat({0}, jnp.array([0, 2]), axis=-1)",
    "sum_over_axes": "jnp.apply_over_axes(jnp.sum, {0}, (-2, -1))",
    "max_last": "jnp.max({0}, axis=-1)",
    "max_keepdims": "{0!!}.max(-1, keepdims=True)",
    "max_columns": "jnp.max({0}, axis=0)",
    "max_method": "{0!!}.max(axis=-1)",
    "max_where": "jnp.max({0}, axis=-1, where={1}, initial={#0})",
    "amax_both": "jnp.amax({0}, axis=(-2, -1))",
    "nanmax": "jnp.nanmax({0}, axis=-1)",
    "min_last": "jnp.min({0}, axis=-1)",
    "min_method_all": "{0!!}.min()",
    "amin_last": "jnp.amin({0}, axis=-1)",
    "min_initial": "jnp.min({0}, axis=-1, initial={#0})",
    "nanmin_keepdims": "jnp.nanmin({0}, axis=-1, keepdims=True)",
    "ptp": "jnp.ptp({0}, axis=-1)",
    "ptp_keepdims": "jnp.ptp({0}, axis=-1, keepdims=True)",
    "var_last": "jnp.var({0}, axis=-1)",
    "var_keepdims": "{0!!}.var(-1, keepdims=True)",
    "var_columns": "{0!!}.var(0)",
    "var_sample": "jnp.var({0}, axis=-1, ddof=1)",
    "nanvar": "jnp.nanvar({0}, axis=-1)",
    "std_last": "jnp.std({0}, axis=-1)",
    "std_all": "jnp.std({0})",
    "std_method": "{0!!}.std(axis=-1)",
    "nanstd_keepdims": "jnp.nanstd({0}, axis=-1, keepdims=True)",
    "sem": "jax.scipy.stats.sem({0}, axis=-1)",
    "standardize_last": "jax.nn.standardize({0}, axis=-1)",
    "standardize_columns": "jax.nn.standardize({0}, axis=0)",
    "cov": "jnp.cov({0})",
    "covariance_columns": "jnp.cov({0}, rowvar=False)",
    "corrcoef": "jnp.corrcoef({0})",
    "cov_two": "jnp.cov({0}, {1})[0, 1]",
    "corrcoef_two": "jnp.corrcoef({0}, {1})[0, 1]",
    "logsumexp": "jax.nn.logsumexp({0}, -1)",
    "logsumexp_keepdims": "jax.nn.logsumexp({0}, -1, keepdims=True)",
    "logsumexp_weights": "jax.nn.logsumexp({0}, axis=-1, b={1})",
    "scipy_logsumexp": "jax.scipy.special.logsumexp({0}, axis=-1)",
    "scipy_logsumexp_both": "jax.scipy.special.logsumexp({0}, axis=(-2, -1))",
    "logmeanexp": "jax.nn.logmeanexp({0}, axis=-1)",
    "norm_p": "jnp.linalg.norm({0}, ord={#0}, axis=-1)",
    "norm_inf": "jnp.linalg.norm({0}, ord=jnp.inf, axis=-1)",
    "norm_all": "jnp.linalg.norm({0!!}.ravel())",
    "norm_fro": 'jnp.linalg.norm({0}, ord="fro", axis=(-2, -1))',
    "vector_norm_p": "jnp.linalg.vector_norm({0}, axis=-1, keepdims=True, ord=3)",
    "lax_reduce_add": "jax.lax.reduce({0}, 0.0, jax.lax.add, (1,))",
    "lax_reduce_largest": "jax.lax.reduce({0}, -jnp.inf, jax.lax.max, (1,))",
    "lax_reduce_mul": "jax.lax.reduce({one} + {0!} / {@d}, 1.0, jax.lax.mul, (1,))",
    "lax_reduce_sum": "jax.lax.reduce_sum({0}, (0,))",
    "lax_reduce_max": "jax.lax.reduce_max({0}, (0,))",
    "lax_reduce_min": "jax.lax.reduce_min({0}, (0,))",
    "lax_reduce_prod": "jax.lax.reduce_prod({one} + {0!} / {@n}, (0,))",
    "count_above": "jnp.count_nonzero({0} > {#0}, axis=-1).astype({0!!}.dtype)",
    "histogram": "jnp.histogram({0}, bins=4, range=(-2.0, 2.0))[0]",
    "histogram_weights": "jnp.histogram({1}, bins=4, range=(-1.0, 1.0), weights={0})[0]",
    "bincount_weights": "jnp.bincount({0}, weights={1}, length=4)",
    "whole_mean": "jnp.mean({0}, axis=-1, dtype={float})",
    "whole_sum": "jnp.sum({0}, axis=-1, dtype={float})",
    "whole_std": "jnp.std({0}, axis=-1, dtype={float})",
}


WARP: dict[str, Spelling] = {}

JAX: dict[str, Spelling] = {
    **{name: Spelling(text) for name, text in _TEXTS.items()},
    "masked_mean": block(
        "jnp.sum({0}, axis=-1, where={1}) / jnp.maximum({t0}, 1)",
        "{t0} = jnp.count_nonzero({1}, axis=-1)",
        names="counts",
    ),
    "geometric_mean": Spelling("jnp.exp(jnp.mean(jnp.log({0}), -1))"),
    "bincount_shares": Spelling("jnp.bincount({0}, length=4).astype({float}) / {@n}", PRODUCT),
}
