"""Order in JAX: sorting, ranks, selection of the largest and smallest, quantiles, bins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from generators import intervals as iv
from generators.operations import ANY, SMALL, Interval, Operation, Side
from generators.spellings import PRODUCT, SUM, Spelling
from generators.tables.shaping import block


def _second(_: Interval, b: Interval, *__) -> Interval:
    return b


def _zeroed(a: Interval, *_) -> Interval:
    return iv.hull(a, (0.0, 0.0))


def _width(a: Interval, *_) -> Interval:
    return 0.0, a[1] - a[0]


def _places(extents: dict[str, int]) -> Callable[..., Interval]:
    return iv.always(0, extents["d"] - 1)


def _row(
    name: str, dims: str, reference: Callable, range_: Callable = iv.same, **more
) -> Operation:
    count = dims.partition("->")[0].count(",") + 1
    more = {"args": "f" * count, "domains": (ANY,) * count, "result": "f"} | more
    return Operation(
        name, range=range_, reference=reference, dims=dims, family="order", **more
    )  # fmt: skip


def _index(name: str, dims: str, reference: Callable, range_=_places, **more) -> Operation:
    more = {"result": "i", "sized": range_ is _places, "differentiable": False} | more
    return _row(name, dims, reference, range_, **more)


def _order(a: np.ndarray) -> np.ndarray:
    return np.argsort(a, axis=-1, kind="stable")


def _ranks(a: np.ndarray) -> np.ndarray:
    return _order(_order(a))


def _descending(a: np.ndarray) -> np.ndarray:
    return -np.sort(-a, axis=-1)


def _along(a: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.take_along_axis(a, places, axis=-1)


def _by(keys: np.ndarray, a: np.ndarray) -> np.ndarray:
    return _along(a, _order(keys))


def _largest(a: np.ndarray, count: int = 4) -> np.ndarray:
    return _descending(a)[..., :count]


def _kth(a: np.ndarray, k: int) -> np.ndarray:
    return np.sort(a, axis=-1)[..., k]


def _clipped_order(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _along(b, np.clip(a, 0, b.shape[-1] - 1))


def _quantiles(a: np.ndarray, *levels: float) -> np.ndarray:
    return np.quantile(a, levels, axis=-1, keepdims=True)


_KEYS = (Side("keys", (-1.0, 1.0)),)
_SOURCE = (Side("values", (-1.0, 1.0)),)
_PLACE: Interval = (0, 120)
_LEVEL = ((0.1, 0.9),)
_PERCENT = ((10.0, 90.0),)
_SHARE = {"sized": True, "differentiable": False}

ROWS = (
    # sorted
    _row("sort_last", "...d->...d", lambda a: np.sort(a, -1), weight=2),
    _row("sort_flat", "nd->m", lambda a: np.sort(a, None)),
    _row("sort_method", "...d->...d", lambda a: np.sort(a, -1)),
    _row("sort_descending", "...d->...d", _descending),
    _row("sort_reversed", "...d->...d", _descending),
    _row("lax_sort", "...d->...d", lambda a: np.sort(a, -1)),
    _row("lax_sort_axis", "nd->nd", np.sort, literals=((0, 1),)),
    _row("lax_sort_pair", "...d,...d->...d", _by, _second, sides=_SOURCE),
    _row("lax_sort_by_keys", "...d,...d->...d", lambda a, b: _by(b, a), sides=_KEYS),
    _row("unique_sized", "n->n", np.sort),
    _row("unique_values", "nd->m", lambda a: np.sort(a, None)),
    _row("sort_from_argsort", "...d->...d", lambda a: np.sort(a, -1)),
    _row("reorder_by", "...d,...d->...d", lambda a, b: _by(b, a), sides=_KEYS),
    _row("sort_gaps", "...d->...d", lambda a: np.sort(a, -1) - a, lambda a: iv.sub(a, a)),
    # places, and back from places
    _index("argsort_last", "...d->...d", _order, weight=2),
    _index("argsort_method", "...d->...d", _order),
    _index("argsort_descending", "...d->...d", lambda a: _order(-a)),
    _index("argpartition_kth", "...d->...", lambda a, k: _order(a)[..., k], literals=((0, 3),)),
    _index("lexsort", "...d,...d->...d", lambda a, b: _order(a), sides=(Side("tiebreak"),)),
    _index("sort_key_val_places", "...d->...d", _order),
    _index("top_k_places", "...d->...k", lambda a: _order(-a)[..., :4]),
    _index("approx_max_k_places", "...d->...k", lambda a: _order(-a)[..., :4]),
    _index("argmax_last", "...d->...", lambda a: a.argmax(-1), weight=2),
    _index("argmin_last", "...d->...", lambda a: a.argmin(-1)),
    _index("argmax_method", "...d->...", lambda a: a.argmax(-1)),
    _index("nanargmax", "...d->...", lambda a: a.argmax(-1)),
    _index("nanargmin", "...d->...", lambda a: a.argmin(-1)),
    _index("lax_argmax", "...d->...", lambda a: a.argmax(-1)),
    _index("lax_argmin", "...d->...", lambda a: a.argmin(-1)),
    _index("searchsorted", "...d,4->...d", lambda a, b: np.searchsorted(np.sort(b), a),
           iv.always(0, 4), sides=(Side("edges", (-1.5, 1.5)),)),
    _index("digitize", "...d->...d", lambda a: np.digitize(a, [-0.5, 0.0, 0.5]),
           iv.always(0, 3)),
    _row("ordered_values", "...d,...d->...d", _clipped_order, _second, args="if",
         domains=(_PLACE, ANY), sides=_SOURCE, linear=True),
    _row("inverse_ranks", "...d->...d", lambda a: _order(a) / (a.shape[-1] - 1.0),
         lambda e: iv.always(0.0, 1.0), args="i", domains=(SMALL,), **_SHARE),
    # ranks
    _row("ranks_twice", "...d->...d", _ranks, _places, **_SHARE),
    _row("ranks_compared", "...d->...d",
         lambda a: (a[..., None, :] < a[..., :, None]).sum(-1) / a.shape[-1],
         lambda e: iv.always(0.0, 1.0), **_SHARE),
    _row("rankdata", "...d->...d", lambda a: scipy.stats.rankdata(a, axis=-1),
         lambda e: iv.always(1.0, e["d"]), wide=True, **_SHARE),
    _row("soft_ranks", "...d->...d",
         lambda a: (1 / (1 + np.exp(a[..., None, :] - a[..., :, None]))).sum(-1),
         lambda e: iv.always(0.0, e["d"]), domains=((-8.0, 8.0),), sized=True),
    # the largest and the smallest
    _row("top_k", "...d->...k", _largest, weight=2),
    _row("keep_largest", "...d->...d",
         lambda a: np.where(a >= _largest(a, 3)[..., -1:], a, 0.0), _zeroed),
    _row("top_k_margin", "...d->...", lambda a: np.subtract(*np.moveaxis(_largest(a, 2), -1, 0)),
         _width),
    _row("approx_max_k", "...d->...k", _largest, differentiable=False),
    _row("approx_min_k", "...d->...k", lambda a: np.sort(a, -1)[..., :4], differentiable=False),
    _row("kth_smallest", "...d->...", _kth, literals=((0, 3),)),
    _row("kth_by_place", "...d->...", _kth, literals=((0, 3),)),
    _row("take_argmax", "...d,...d->...",
         lambda a, b: _along(a, b.argmax(-1)[..., None])[..., 0], sides=(Side("scores"),)),
    _row("take_argmin", "...d,...d->...",
         lambda a, b: _along(a, b.argmin(-1)[..., None])[..., 0], sides=(Side("costs"),)),
    _row("hard_max", "...d->...d",
         lambda a: np.where(np.arange(a.shape[-1]) == a.argmax(-1)[..., None], a, 0.0), _zeroed),
    _row("trimmed_mean", "...d->...", lambda a: np.sort(a, -1)[..., 1:-1].mean(-1)),
    # quantiles
    _row("median_last", "...d->...", lambda a: np.median(a, -1), weight=2),
    _row("median_keepdims", "...d->...1", lambda a: np.median(a, -1, keepdims=True)),
    _row("median_all", "nd->", np.median),
    _row("median_columns", "nd->d", lambda a: np.median(a, 0)),
    _row("nanmedian", "...d->...", lambda a: np.median(a, -1)),
    _row("median_deviation", "...d->...",
         lambda a: np.median(np.abs(a - np.median(a, -1, keepdims=True)), -1), _width),
    _row("quantile_last", "...d->...", lambda a, q: np.quantile(a, q, -1), literals=_LEVEL),
    _row("quantile_keepdims", "...d->...1",
         lambda a, q: np.quantile(a, q, -1, keepdims=True), literals=_LEVEL),
    _row("quantile_all", "nd->", lambda a, q: np.quantile(a, q), literals=_LEVEL),
    _row("percentile_last", "...d->...", lambda a, q: np.percentile(a, q, -1),
         literals=_PERCENT),
    _row("percentile_both", "...nd->...", lambda a, q: np.percentile(a, q, (-2, -1)),
         literals=_PERCENT),
    _row("nanquantile", "...d->...", lambda a, q: np.quantile(a, q, -1), literals=_LEVEL),
    _row("nanpercentile", "...d->...", lambda a, q: np.percentile(a, q, -1), literals=_PERCENT),
    _row("quantile_midpoint", "...d->...",
         lambda a, q: np.quantile(a, q, -1, method="midpoint"), literals=((0.3, 0.32),)),
    _row("percentile_lower", "...d->...",
         lambda a, q: np.percentile(a, q, -1, method="lower"), literals=((71.0, 73.0),)),
    _row("quantile_range", "...d->...",
         lambda a: np.subtract(*np.quantile(a, [0.75, 0.25], -1)), _width),
    _row("winsorize", "...d->...d", lambda a: np.clip(a, *_quantiles(a, 0.1, 0.9))),
    _row("robust_scale", "...d->...d",
         lambda a: (a - np.median(a, -1, keepdims=True))
         / (1.0 + np.subtract(*_quantiles(a, 0.75, 0.25))), lambda a: iv.sub(a, a)),
)  # fmt: skip

_I = ".astype(jnp.int32)"

_TEXTS = {
    "sort_last": "jnp.sort({0}, axis=-1)",
    "sort_flat": "jnp.sort({0}, axis=None)",
    "sort_method": "{0!!}.sort()",
    "sort_descending": "jnp.sort({0}, descending=True)",
    "sort_reversed": "jnp.sort({0})[..., ::-1]",
    "lax_sort": "jax.lax.sort({0})",
    "lax_sort_axis": "jax.lax.sort({0}, dimension={#0})",
    "lax_sort_pair": "jax.lax.sort(({0}, {1}), num_keys=1)[1]",
    "lax_sort_by_keys": "jax.lax.sort_key_val({1}, {0})[1]",
    "unique_sized": "jnp.unique({0}, size={@n})",
    "unique_values": "jnp.unique_values({0}, size={0!!}.size)",
    "sort_from_argsort": "jnp.take_along_axis({0}, jnp.argsort({0}, stable=True), axis=-1)",
    "reorder_by": "jnp.take_along_axis({0}, jnp.argsort({1}), axis=-1)",
    "argsort_last": f"jnp.argsort({{0}}, axis=-1){_I}",
    "argsort_method": f"{{0!!}}.argsort(){_I}",
    "argsort_descending": f"jnp.argsort({{0}}, descending=True){_I}",
    "argpartition_kth": f"jnp.argpartition({{0}}, {{#0}})[..., {{#0}}]{_I}",
    "lexsort": f"jnp.lexsort(({{1}}, {{0}})){_I}",
    "argmax_last": f"jnp.argmax({{0}}, axis=-1){_I}",
    "argmin_last": f"jnp.argmin({{0}}, axis=-1){_I}",
    "argmax_method": f"{{0!!}}.argmax(axis=-1){_I}",
    "nanargmax": f"jnp.nanargmax({{0}}, axis=-1){_I}",
    "nanargmin": f"jnp.nanargmin({{0}}, axis=-1){_I}",
    "lax_argmax": "jax.lax.argmax({0}, {0!!}.ndim - 1, jnp.int32)",
    "lax_argmin": "jax.lax.argmin({0}, {0!!}.ndim - 1, jnp.int32)",
    "searchsorted": "jnp.searchsorted(jnp.sort({1}), {0})",
    "digitize": "jnp.digitize({0}, jnp.array([-0.5, 0.0, 0.5]))",
    "ordered_values": 'jnp.take_along_axis({1}, {0}, axis=-1, mode="clip")',
    "ranks_twice": "jnp.argsort(jnp.argsort({0})).astype({0!!}.dtype)",
    "rankdata": "jax.scipy.stats.rankdata({0}, axis=-1)",
    "top_k": "jax.lax.top_k({0}, 4)[0]",
    "approx_max_k": "jax.lax.approx_max_k({0}, 4)[0]",
    "approx_min_k": "jax.lax.approx_min_k({0}, 4)[0]",
    "kth_smallest": "jnp.partition({0}, {#0}, axis=-1)[..., {#0}]",
    "trimmed_mean": "jnp.sort({0}, stable=False)[..., 1:-1].mean(axis=-1)",
    "median_last": "jnp.median({0}, axis=-1)",
    "median_keepdims": "jnp.median({0}, axis=-1, keepdims=True)",
    "median_all": "jnp.median({0})",
    "median_columns": "jnp.median({0}, axis=0)",
    "nanmedian": "jnp.nanmedian({0}, axis=-1)",
    "quantile_last": "jnp.quantile({0}, {#0}, axis=-1)",
    "quantile_keepdims": "jnp.quantile({0}, {#0}, axis=-1, keepdims=True)",
    "quantile_all": "jnp.quantile({0}, {#0})",
    "percentile_last": "jnp.percentile({0}, {#0}, axis=-1)",
    "percentile_both": "jnp.percentile({0}, {#0}, axis=(-2, -1))",
    "nanquantile": "jnp.nanquantile({0}, {#0}, axis=-1)",
    "nanpercentile": "jnp.nanpercentile({0}, {#0}, axis=-1)",
    "quantile_midpoint": 'jnp.quantile({0}, {#0}, axis=-1, method="midpoint")',
    "percentile_lower": 'jnp.percentile({0}, {#0}, axis=-1, method="lower")',
}


WARP: dict[str, Spelling] = {}

JAX: dict[str, Spelling] = {
    **{name: Spelling(text) for name, text in _TEXTS.items()},
    "sort_gaps": Spelling("jnp.sort({0}, stable=True) - {0!}", SUM),
    "inverse_ranks": Spelling("jnp.argsort({0}).astype({float}) / ({@d} - 1)", PRODUCT),
    "ranks_compared": block(
        "{t0}.sum(axis=-1, dtype={0!!}.dtype) / {@d}",
        "{t0} = {0!!}[..., None, :] < {0!!}[..., :, None]",
        names="below",
    ),
    "soft_ranks": block(
        "jax.nn.sigmoid({t0}).sum(axis=-1)",
        "{t0} = {0!!}[..., :, None] - {0!!}[..., None, :]",
        names="gaps",
    ),
    "sort_key_val_places": block(
        "{t1}",
        "{t0} = jax.lax.broadcasted_iota(jnp.int32, {0!!}.shape, {0!!}.ndim - 1)",
        "_, {t1} = jax.lax.sort_key_val({0}, {t0})",
        names="places order",
    ),
    "top_k_places": block("{t0}", "_, {t0} = jax.lax.top_k({0}, 4)", names="places"),
    "approx_max_k_places": block("{t0}", "_, {t0} = jax.lax.approx_max_k({0}, 4)", names="places"),
    "keep_largest": block(
        "jnp.where({0} < {t0}, {zero}, {0})",
        "{t0} = jnp.partition({0}, -3, axis=-1)[..., -3:-2]",
        names="threshold",
    ),
    "top_k_margin": block(
        "{t0}[..., 0] - {t0}[..., 1]", "{t0}, _ = jax.lax.top_k({0}, 2)", names="best", binds=SUM
    ),
    "kth_by_place": block(
        "jnp.take_along_axis({0}, {t0}, axis=-1)[..., 0]",
        "{t0} = jnp.argpartition({0}, {#0}, axis=-1)[..., {#0}, None]",
        names="place",
    ),
    "take_argmax": block(
        "jnp.take_along_axis({0}, {t0}, axis=-1).squeeze(-1)",
        "{t0} = jnp.argmax({1}, axis=-1, keepdims=True)",
        names="best",
    ),
    "take_argmin": block(
        "jnp.take_along_axis({0}, {t0}[..., None], axis=-1)[..., 0]",
        "{t0} = jnp.argmin({1}, -1)",
        names="best",
    ),
    "hard_max": block(
        "{0} * jax.nn.one_hot({t0}, {@d}, dtype={0!!}.dtype)",
        "{t0} = jnp.argmax({0}, -1)",
        names="winner",
    ),
    "median_deviation": block(
        "jnp.median(jnp.abs({0} - {t0}), axis=-1)",
        "{t0} = jnp.nanmedian({0}, axis=-1, keepdims=True)",
        names="center",
    ),
    "quantile_range": block(
        "{t1} - {t0}",
        "{t0}, {t1} = jnp.quantile({0}, jnp.array([0.25, 0.75]), axis=-1)",
        names="lower upper",
        binds=SUM,
    ),
    "winsorize": block(
        "jnp.clip({0}, {t0}, {t1})",
        "{t2} = jnp.array([0.1, 0.9])",
        "{t0}, {t1} = jnp.quantile({0}, {t2}, axis=-1, keepdims=True)",
        names="lower upper levels",
    ),
    "robust_scale": block(
        "({0} - {t1}) / ({one} + {t2} - {t0})",
        "{t3} = jnp.array([25.0, 50.0, 75.0])",
        "{t0}, {t1}, {t2} = jnp.percentile({0}, {t3}, axis=-1, keepdims=True)",
        names="lower middle upper levels",
    ),
}
