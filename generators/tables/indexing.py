"""Indexing in JAX: slices, gathers, scatters, segments, selection by masks and labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Interval, Operation, Side
from generators.spellings import Spelling
from generators.tables.shaping import block

_PLACE: Interval = (0, 3)  # every axis has as many entries
_NEAR: Interval = (0, 5)  # now and then beyond the end
_WIDE: Interval = (0, 40)
_TRUTH: Interval = (0, 1)


def _zeroed(a: Interval, *_) -> Interval:
    return iv.hull(a, (0.0, 0.0))


def _either(a: Interval, _: Interval, b: Interval, *__) -> Interval:
    return iv.hull(a, b)


def _third(_: Interval, b: Interval, *__) -> Interval:
    return b


def _added(extents: dict[str, int]) -> Callable[..., Interval]:
    """Return the range of a value to which up to k others are added."""
    k = extents["k"]
    return lambda a, _, b: iv.add(a, (min(0.0, k * b[0]), max(0.0, k * b[1])))


def _taken(extents: dict[str, int]) -> Callable[..., Interval]:
    """Return the range of a value from which up to k others are subtracted."""
    return lambda a, i, b: _added(extents)(a, i, (-b[1], -b[0]))


def _total(extents: dict[str, int]) -> Callable[..., Interval]:
    """Return the range of a sum of up to n values."""
    n = extents["n"]
    return lambda a, *_: (min(0.0, n * a[0]), max(0.0, n * a[1]))


def _row(name: str, dims: str, args: str, reference: Callable, range_=iv.same, **more) -> Operation:
    """Make a row whose integers are places and whose truth values a mask, parameters both."""
    domains = {"f": ANY, "i": more.pop("places", _PLACE), "b": _TRUTH}
    stems = {"i": "indices", "b": "mask", "f": "updates"}
    sides = tuple(Side(stems[t], domains[t]) if t in "ib" else Side(stems[t]) for t in args[1:])
    more = {"domains": tuple(domains[t] for t in args), "sides": sides, "result": "f"} | more
    return Operation(
        name, args, range=range_, reference=reference, dims=dims, family="indexing", **more
    )  # fmt: skip


def _along(a: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.take_along_axis(a, places, axis=-1)


def _put(a: np.ndarray, places, values, change: Callable | None = None) -> np.ndarray:
    """Return a copy, changed along the last axis at the places one by one."""
    found = np.array(a)
    if change is None:
        found[..., places] = values
    else:
        np.moveaxis(found, -1, 0)[...] = _changed(np.moveaxis(a, -1, 0), places, values, change)
    return found


def _changed(a: np.ndarray, places, values, change: Callable) -> np.ndarray:
    found = np.array(a)
    change.at(found, places, np.moveaxis(values, -1, 0) if np.ndim(values) else values)
    return found


def _put_rows(a: np.ndarray, places, values, change: Callable = np.add) -> np.ndarray:
    found = np.array(a)
    change.at(found, places, values)
    return found


def _start(a: np.ndarray, start, size: int = 4) -> int:
    return min(int(start), a.shape[-1] - size)


def _window(a: np.ndarray, start) -> np.ndarray:
    at = _start(a, start)
    return a[..., at : at + 4]


def _placed(a: np.ndarray, start, b: np.ndarray) -> np.ndarray:
    found, at = np.array(a), _start(a, start)
    found[..., at : at + 4] = b
    return found


def _compressed(a: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    kept = a[..., mask][..., :size]
    return np.pad(kept, [(0, 0)] * (a.ndim - 1) + [(0, size - kept.shape[-1])])


def _true_places(mask: np.ndarray, size: int = 4) -> np.ndarray:
    found = np.flatnonzero(mask)[:size]
    return np.pad(found, (0, size - len(found)))


def _segments(a: np.ndarray, ids: np.ndarray, change=np.add, start: float = 0.0) -> np.ndarray:
    found = np.full((4, *a.shape[1:]), start)
    change.at(found, ids, a)
    return found


def _segment_means(a: np.ndarray, ids: np.ndarray) -> np.ndarray:
    return _segments(a, ids) / np.maximum(np.bincount(ids, minlength=4), 1)[:, None]


def _segment_softmax(a: np.ndarray, ids: np.ndarray) -> np.ndarray:
    weights = np.exp(a)
    return weights / _segments(weights, ids)[ids]


def _sliced(a: np.ndarray, part: slice, change: Callable) -> np.ndarray:
    found = np.array(a)
    found[..., part] = change(found[..., part])
    return found


def _where_members(a: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.where(np.isin(np.arange(a.shape[-1]), places), a, 0.0)


def _finite(a: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(a), a, 0.0)


def _chosen(a: np.ndarray, b: np.ndarray, c: np.ndarray, high: float, low: float) -> np.ndarray:
    return np.select([a > high, a < low], [b, c], a)


_L = {"linear": True}
_S = {"sized": True}
_HIGH_LOW = ((0.2, 0.6), (-0.6, -0.2))

ROWS = (
    # one entry, or a slice
    _row("index_last", "...d->...", "f", lambda a, k: a[..., k], literals=((0, 3),), **_L),
    _row("index_end", "...d->...", "f", lambda a: a[..., -1], **_L),
    _row("index_first", "...nd->...d", "f", lambda a, k: a[k], literals=((0, 1),), **_L),
    _row("index_column", "nd->n", "f", lambda a, k: a[:, k], literals=((0, 3),), **_L),
    _row("index_row", "...nd->...d", "f", lambda a, k: a[..., k, :], literals=((0, 3),), **_L),
    _row("slice_even", "...d->...k", "f", lambda a: a[..., ::2], multiple=8, weight=2, **_L),
    _row("slice_from", "...d->...k", "f", lambda a, k: a[..., k:], multiple=8,
         literals=((1, 4),), **_L),
    _row("slice_short", "...d->...k", "f", lambda a, k: a[..., :-k], multiple=8,
         literals=((1, 4),), **_L),
    _row("slice_inner", "...d->...k", "f", lambda a, i, j: a[..., i:-j], multiple=8,
         literals=((1, 2), (1, 2)), **_L),
    _row("slice_between", "...d->...k", "f", lambda a: a[..., 4:8], multiple=8, **_L),
    _row("lax_index_in_dim", "...d->...", "f", lambda a, k: a[..., k], literals=((0, 3),), **_L),
    # gathered
    _row("take_last", "...d,k->...k", "fi", lambda a, i: a[..., i], weight=2, **_L),
    _row("take_method", "...d,k->...k", "fi", lambda a, i: a[..., i], **_L),
    _row("take_wrap", "...d,k->...k", "fi", lambda a, i: a[..., i % a.shape[-1]], places=_WIDE,
         **_L),
    _row("take_clip", "...d,k->...k", "fi",
         lambda a, i: a[..., np.minimum(i, a.shape[-1] - 1)], places=_WIDE, **_L),
    _row("take_fill", "...d,k->...k", "fi",
         lambda a, i: np.where(i < a.shape[-1], a[..., i % a.shape[-1]], 0.0), _zeroed,
         places=_NEAR, **_L),
    _row("take_along", "...d,...k->...k", "fi", _along, weight=2, **_L),
    _row("gather_rows", "nd,k->kd", "fi", lambda a, i: a[i], weight=2, **_L),
    _row("gather_columns", "nd,k->nk", "fi", lambda a, i: a[:, i], **_L),
    _row("gather_last", "...d,k->...k", "fi", lambda a, i: a[..., i], **_L),
    _row("gather_pairs", "nd,k,k->k", "fii", lambda a, i, j: a[i, j], **_L),
    _row("gather_grid", "nd,k,m->km", "fii", lambda a, i, j: a[i[:, None], j], **_L),
    _row("gather_ix", "nd,k,m->km", "fii", lambda a, i, j: a[np.ix_(i, j)], **_L),
    _row("pick_each", "nd,n->n", "fi", lambda a, i: a[np.arange(len(a)), i], **_L),
    _row("pick_label", "...d,...->...", "fi", lambda a, i: _along(a, i[..., None])[..., 0],
         sides=(Side("labels", _PLACE),), **_L),
    _row("vmap_pick", "nd,n->n", "fi", lambda a, i: a[np.arange(len(a)), i], **_L),
    _row("vmap_take", "nd,nk->nk", "fi", _along, **_L),
    _row("gather_flat", "nd,k->k", "fi", lambda a, i: a.ravel()[i], places=(0, 15), **_L),
    _row("gather_raveled", "nd,k,k->k", "fii", lambda a, i, j: a[i, j], **_L),
    _row("at_get_fill", "...d,k->...k", "fi",
         lambda a, i: np.where(i < a.shape[-1], a[..., i % a.shape[-1]], 0.0), _zeroed,
         places=_NEAR, **_L),
    _row("at_get_clip", "nd,k->kd", "fi", lambda a, i: a[np.minimum(i, len(a) - 1)],
         places=_WIDE, **_L),
    _row("lax_gather", "nd,k->kd", "fi", lambda a, i: a[i], **_L),
    _row("lax_index_take", "nd,k->kd", "fi", lambda a, i: a[i], **_L),
    _row("gather_windows", "...d->...m4", "f",
         lambda a: np.lib.stride_tricks.sliding_window_view(a, 4, axis=-1), multiple=8, **_L),
    _row("gather_circular", "...d->...d", "f", lambda a, s: np.roll(a, -s, -1),
         literals=((1, 3),), **_L),
    _row("tril_entries", "nd->m", "f", lambda a: a[np.tril_indices(len(a), m=a.shape[1])], **_L),
    _row("triu_entries", "nd->m", "f", lambda a: a[np.triu_indices_from(a, k=1)], **_L),
    _row("diagonal_entries", "nn->n", "f", np.diag, **_L),
    # by a place that is known only when it runs
    _row("dynamic_slice", "nd,->n4", "fi", _window, sides=(Side("start", _PLACE),), **_L),
    _row("dynamic_slice_in_dim", "...d,->...4", "fi", _window, sides=(Side("start", _PLACE),),
         weight=2, **_L),
    _row("dynamic_index_in_dim", "...d,->...", "fi", lambda a, i: a[..., i],
         sides=(Side("position", _PLACE),), **_L),
    _row("dynamic_update_slice", "nd,,n4->nd", "fif", _placed, _either,
         sides=(Side("start", _PLACE), Side("update", (-1.0, 1.0))), **_L),
    _row("dynamic_update_slice_in_dim", "...d,,...4->...d", "fif", _placed, _either,
         sides=(Side("start", _PLACE), Side("update", (-1.0, 1.0))), **_L),
    _row("dynamic_update_index_in_dim", "nd,,n->nd", "fif", _put, _either,
         sides=(Side("position", _PLACE), Side("entry", (-1.0, 1.0))), **_L),
    # scattered
    _row("at_set", "...d,k->...d", "fi", _put, lambda a, _, c: iv.hull(a, c),
         literals=((-1.0, 1.0),), weight=2, **_L),
    _row("at_set_slice", "...d->...d", "f", lambda a: _put(a, slice(0, 2), 0.0), _zeroed, **_L),
    _row("at_set_kept", "...d,k->...d", "fi", _where_members, _zeroed, **_L),
    _row("at_add", "...d,k,...k->...d", "fif",
         lambda a, i, b: _put(a, i, b, np.add), _added, weight=2, **_L, **_S),
    _row("at_add_shifted", "...d->...d", "f",
         lambda a: a + np.insert(a[..., :-1], 0, 0.0, -1),
         lambda a: iv.add(a, _zeroed(a)), **_L),
    _row("at_subtract", "nd,k,kd->nd", "fif",
         lambda a, i, b: _put_rows(a, i, b, np.subtract), _taken, **_L, **_S),
    _row("at_multiply", "...d,k->...d", "fi",
         lambda a, i, c: _put(a, i, c, np.multiply), _zeroed, literals=((0.4, 0.9),), **_L),
    _row("at_multiply_slice", "...d->...d", "f",
         lambda a, c: _sliced(a, slice(None, None, 2), lambda x: c * x),
         lambda a, c: iv.hull(a, iv.mul(a, c)), literals=((-1.5, -0.5),), **_L),
    _row("at_divide", "...d->...d", "f",
         lambda a, c: _sliced(a, slice(1, None, 2), lambda x: x / c),
         lambda a, c: iv.hull(a, iv.div(a, c)), literals=((0.5, 2.0),), **_L),
    _row("at_power", "...d->...d", "f", lambda a: _sliced(a, slice(None, None, 2), np.square),
         lambda a: iv.hull(a, iv.even(lambda x: x * x)(a)), domains=((-20.0, 20.0),)),
    _row("at_max", "...d,k,...k->...d", "fif", lambda a, i, b: _put(a, i, b, np.maximum),
         lambda a, _, b: iv.hull(a, iv.maximum(a, b))),
    _row("at_min", "nd,k,kd->nd", "fif", lambda a, i, b: _put_rows(a, i, b, np.minimum),
         lambda a, _, b: iv.hull(a, iv.minimum(a, b))),
    _row("at_diagonal", "nn->nn", "f", lambda a, c: a + c * np.eye(len(a)),
         lambda a, c: iv.add(a, (0.0, c[1])), literals=((0.1, 1.0),), **_L),
    _row("add_at", "nd,k,kd->nd", "fif", _put_rows, _added, **_L, **_S),
    _row("lax_scatter_add", "nd,k,kd->nd", "fif", _put_rows, _added, **_L, **_S),
    _row("put_along", "...d,...k->...d", "fi",
         lambda a, i, c: np.where(
             (np.arange(a.shape[-1])[:, None] == i[..., None, :]).any(-1), c, a),
         lambda a, _, c: iv.hull(a, c), literals=((-1.0, 1.0),), **_L),
    _row("put", "n,k->n", "fi", _put, lambda a, _, c: iv.hull(a, c), literals=((-1.0, 1.0),),
         **_L),
    _row("place", "...d,...d->...d", "fb", lambda a, b, c: np.where(b, c, a),
         lambda a, _, c: iv.hull(a, c), literals=((-1.0, 1.0),), **_L),
    # segments
    _row("segment_totals", "nd,n->4d", "fi", _segments, _total, weight=2,
         sides=(Side("segment_ids", _PLACE),), **_L, **_S),
    _row("segment_max_finite", "nd,n->4d", "fi",
         lambda a, i: _finite(_segments(a, i, np.maximum, -np.inf)), _zeroed,
         sides=(Side("segment_ids", _PLACE),)),
    _row("segment_min_finite", "nd,n->4d", "fi",
         lambda a, i: _finite(_segments(a, i, np.minimum, np.inf)), _zeroed,
         sides=(Side("segment_ids", _PLACE),)),
    _row("segment_prod", "nd,n->4d", "fi",
         lambda a, i: _segments(1.0 + a / len(a), i, np.multiply, 1.0),
         lambda e: lambda a, _: (min(1.0, (1.0 + a[0] / e["n"]) ** e["n"]),
                                 max(1.0, (1.0 + a[1] / e["n"]) ** e["n"])),
         sides=(Side("segment_ids", _PLACE),), domains=((-3.0, 3.0), _PLACE),
         differentiable=False, **_S),
    _row("segment_averages", "nd,n->4d", "fi", _segment_means, _zeroed,
         sides=(Side("segment_ids", _PLACE),), **_L),
    _row("segment_softmax", "nd,n->nd", "fi", _segment_softmax, iv.always(0, 1),
         sides=(Side("segment_ids", _PLACE),)),
    # chosen by a mask
    _row("where_mask", "...d,...d->...d", "fb", lambda a, b: np.where(b, a, 0.0), _zeroed,
         weight=2, **_L),
    _row("where_members", "...d,k->...d", "fi", _where_members, _zeroed, **_L),
    _row("select_cases", "...d,...d,...d->...d", "fff", _chosen,
         lambda a, b, c, *_: iv.hull(a, iv.hull(b, c)), literals=_HIGH_LOW, sides=(None, None)),
    _row("compress", "...d,d->...4", "fb", lambda a, b: _compressed(a, b, 4), _zeroed, **_L),
    _row("extract", "d,d->d", "fb", lambda a, b: _compressed(a, b, len(a)), _zeroed, **_L),
    _row("nonzero_columns", "...d,d->...4", "fb", lambda a, b: a[..., _true_places(b)], **_L),
    _row("argwhere_rows", "nd,n->4d", "fb", lambda a, b: a[_true_places(b)], **_L),
    # from places and masks at hand
    _row("true_places", "n->4", "b", _true_places, lambda e: iv.always(0, e["n"] - 1),
         result="i", differentiable=False, **_S),
    _row("one_hot", "...d->...d4", "i", lambda i: np.eye(4)[i], iv.always(0, 1),
         differentiable=False),
    _row("table_rows", "...d,84->...d4", "if", lambda i, a: a[i], _third, places=(0, 7),
         sides=(Side("table", (-1.0, 1.0)),), **_L),
    _row("codebook", "...d,8->...d", "if", lambda i, a: a[i % 8], _third, places=(0, 120),
         sides=(Side("codebook", (-1.0, 1.0)),), **_L),
    _row("choose_wrap", "...d,...d,...d->...d", "iff", lambda i, a, b: np.where(i % 2, b, a),
         lambda _, a, b: iv.hull(a, b), places=(0, 120), sides=(None, None), **_L),
    _row("scatter_zeros", "n,n->4", "if", lambda i, a: np.bincount(i, a, 4),
         lambda e: lambda _, a: _total(e)(a), sides=(Side("values", (-1.0, 1.0)),), **_L, **_S),
)  # fmt: skip

_SEGMENTS = "num_segments=4"
_WINDOW = "jnp.arange({@d} - 3)[:, None] + jnp.arange(4)"
_LABELS = "jax.nn.one_hot({1}, {@d}, dtype={0!!}.dtype)"

_TEXTS = {
    "index_last": "{0!!}[..., {#0}]",
    "index_end": "{0!!}[..., -1]",
    "index_first": "{0!!}[{#0}]",
    "index_column": "{0!!}[:, {#0}]",
    "index_row": "{0!!}[..., {#0}, :]",
    "slice_even": "{0!!}[..., ::2]",
    "slice_from": "{0!!}[..., {#0}:]",
    "slice_short": "{0!!}[..., :-{#0}]",
    "slice_inner": "{0!!}[..., {#0}:-{#1}]",
    "slice_between": "{0!!}[..., 4:8]",
    "lax_index_in_dim": "jax.lax.index_in_dim({0}, {#0}, axis=-1, keepdims=False)",
    "take_last": "jnp.take({0}, {1}, axis=-1)",
    "take_method": "{0!!}.take({1}, axis=-1)",
    "take_wrap": 'jnp.take({0}, {1}, axis=-1, mode="wrap")',
    "take_clip": 'jnp.take({0}, {1}, axis=-1, mode="clip")',
    "take_fill": 'jnp.take({0}, {1}, axis=-1, mode="fill", fill_value=0.0)',
    "take_along": "jnp.take_along_axis({0}, {1}, axis=-1)",
    "gather_rows": "{0!!}[{1}, :]",
    "gather_columns": "{0!!}[:, {1}]",
    "gather_last": "{0!!}[..., {1}]",
    "gather_pairs": "{0!!}[{1}, {2}]",
    "gather_grid": "{0!!}[{1!!}[:, None], {2}]",
    "gather_ix": "{0!!}[jnp.ix_({1}, {2})]",
    "pick_each": "{0!!}.at[jnp.arange({@n}), {1}].get()",
    "pick_label": f"jnp.sum({{0}} * {_LABELS}, axis=-1)",
    "vmap_pick": "jax.vmap(lambda row, place: row[place])({0}, {1})",
    "vmap_take": "jax.vmap(jnp.take)({0}, {1})",
    "gather_flat": "{0!!}[jnp.unravel_index({1}, ({@n}, {@d}))]",
    "at_get_fill": '{0!!}.at[..., {1}].get(mode="fill", fill_value=0.0)',
    "at_get_clip": '{0!!}.at[{1}, :].get(mode="clip")',
    "lax_index_take": "jax.lax.index_take({0}, ({1},), (0,))",
    "gather_windows": f"{{0!!}}[..., {_WINDOW}]",
    "gather_circular": "{0!!}[..., (jnp.arange({@d}) + {#0}) % {@d}]",
    "tril_entries": "{0!!}[jnp.tril_indices({@n}, m={@d})]",
    "triu_entries": "{0!!}[jnp.triu_indices_from({0}, k=1)]",
    "diagonal_entries": "{0!!}[jnp.diag_indices_from({0})]",
    "dynamic_slice": "jax.lax.dynamic_slice({0}, (jnp.zeros_like({1}), {1}), ({@n}, 4))",
    "dynamic_slice_in_dim": "jax.lax.dynamic_slice_in_dim({0}, {1}, 4, axis=-1)",
    "dynamic_index_in_dim": "jax.lax.dynamic_index_in_dim({0}, {1}, axis=-1, keepdims=False)",
    "dynamic_update_slice": "jax.lax.dynamic_update_slice({0}, {2}, (jnp.zeros_like({1}), {1}))",
    "dynamic_update_slice_in_dim":
        "jax.lax.dynamic_update_slice_in_dim({0}, {2}, {1}, axis=-1)",
    "dynamic_update_index_in_dim":
        "jax.lax.dynamic_update_index_in_dim({0}, {2}, {1}, axis=-1)",
    "at_set": "{0!!}.at[..., {1}].set({#0})",
    "at_set_slice": "{0!!}.at[..., :2].set(0.0)",
    "at_set_kept": "jnp.zeros_like({0}).at[..., {1}].set({0!!}[..., {1}])",
    "at_add": "{0!!}.at[..., {1}].add({2})",
    "at_add_shifted": "{0!!}.at[..., 1:].add({0!!}[..., :-1])",
    "at_subtract": "{0!!}.at[{1}].subtract({2})",
    "at_multiply": "{0!!}.at[..., {1}].multiply({#0})",
    "at_multiply_slice": "{0!!}.at[..., ::2].multiply({#0})",
    "at_divide": "{0!!}.at[..., 1::2].divide({#0})",
    "at_power": "{0!!}.at[..., ::2].power(2)",
    "at_max": "{0!!}.at[..., {1}].max({2})",
    "at_min": "{0!!}.at[{1}].min({2})",
    "at_diagonal": "{0!!}.at[jnp.diag_indices({@n})].add({#0})",
    "add_at": "jnp.add.at({0}, {1}, {2}, inplace=False)",
    "put_along": "jnp.put_along_axis({0}, {1}, {#0}, axis=-1, inplace=False)",
    "put": "jnp.put({0}, {1}, {#0}, inplace=False)",
    "place": "jnp.place({0}, {1}, {#0}, inplace=False)",
    "segment_totals": "jax.ops.segment_sum({0}, {1}, 4)",
    "segment_min_finite":
        f"jnp.nan_to_num(jax.ops.segment_min({{0}}, {{1}}, {_SEGMENTS}), posinf=0.0)",
    "segment_prod":
        "jax.ops.segment_prod(jax.lax.stop_gradient({one} + {0!} / {@n}), {1}, "
        f"{_SEGMENTS})",
    "where_mask": "jnp.where({1}, {0}, {zero})",
    "where_members": "jnp.where(jnp.isin(jnp.arange({@d}), {1}), {0}, {zero})",
    "select_cases": "jnp.select([{0} > {#0}, {0} < {#1}], [{1}, {2}], {0})",
    "compress": "jnp.compress({1}, {0}, axis=-1, size=4)",
    "extract": "jnp.extract({1}, {0}, size={@d})",
    "nonzero_columns": "{0!!}[..., jnp.nonzero({1}, size=4, fill_value=0)[0]]",
    "argwhere_rows": "{0!!}[jnp.argwhere({1}, size=4, fill_value=0)[:, 0]]",
    "true_places": "jnp.flatnonzero({0}, size=4, fill_value=0).astype(jnp.int32)",
    "one_hot": "jax.nn.one_hot({0}, 4, dtype={float})",
    "table_rows": 'jnp.take({1}, {0}, axis=0, mode="clip")',
    "codebook": 'jnp.take({1}, {0}, mode="wrap")',
    "choose_wrap": 'jnp.choose({0}, [{1}, {2}], mode="wrap")',
    "scatter_zeros": "jnp.zeros(4, {1!!}.dtype).at[{0}].add({1})",
}  # fmt: skip

WARP: dict[str, Spelling] = {}

JAX: dict[str, Spelling] = {
    **{name: Spelling(text) for name, text in _TEXTS.items()},
    "lax_gather": block(
        "jax.lax.gather({0}, {1!!}[:, None], {t0}, slice_sizes=(1, {@d}))",
        "{t0} = jax.lax.GatherDimensionNumbers((1,), (0,), (0,))",
        names="numbers",
    ),
    "lax_scatter_add": block(
        "jax.lax.scatter_add({0}, {1!!}[:, None], {2}, {t0})",
        "{t0} = jax.lax.ScatterDimensionNumbers((1,), (0,), (0,))",
        names="numbers",
    ),
    "gather_raveled": block(
        "{0!!}.ravel()[{t0}]",
        '{t0} = jnp.ravel_multi_index(({1}, {2}), ({@n}, {@d}), mode="clip")',
        names="places",
    ),
    "segment_max_finite": block(
        "jnp.where({t0} > -jnp.inf, {t0}, {zero})",
        f"{{t0}} = jax.ops.segment_max({{0}}, {{1}}, {_SEGMENTS})",
        names="largest",
    ),
    "segment_averages": block(
        "{t0} / jnp.maximum({t1}, 1)[:, None]",
        f"{{t0}} = jax.ops.segment_sum({{0}}, {{1}}, {_SEGMENTS})",
        "{t1} = jnp.bincount({1}, length=4)",
        names="totals counts",
    ),
    "segment_softmax": block(
        f"{{t1}} / jax.ops.segment_sum({{t1}}, {{1}}, {_SEGMENTS})[{{1}}]",
        f"{{t0}} = jax.ops.segment_max({{0}}, {{1}}, {_SEGMENTS})",
        "{t1} = jnp.exp({0} - {t0}[{1}])",
        names="largest weights",
    ),
}
