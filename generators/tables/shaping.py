"""Shapes of arrays in JAX: reordered, regrouped, joined, split, padded and masked entries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, Interval, Operation, Side
from generators.spellings import PRODUCT, SUM, Spelling


def _hull(a: Interval, b: Interval, *_) -> Interval:
    return iv.hull(a, b)


def _zeroed(a: Interval, *_) -> Interval:
    return iv.hull(a, (0.0, 0.0))


def _weighted(a: Interval, *_) -> Interval:
    return iv.mul(a, (0.0, 1.0))


def _row(
    name: str, dims: str, reference: Callable, range_: Callable = iv.same, **more
) -> Operation:
    count = dims.partition("->")[0].count(",") + 1
    more = {"linear": True, "args": "f" * count, "domains": (ANY,) * count} | more
    return Operation(
        name, result="f", range=range_, reference=reference, dims=dims, family="shape", **more
    )


def _swap(a: np.ndarray) -> np.ndarray:
    return np.swapaxes(a, -1, -2)


def _padded(a: np.ndarray, width: int, **more) -> np.ndarray:
    return np.pad(a, [(0, 0)] * (a.ndim - 1) + [(width, width)], **more)


def _halves(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    half = a.shape[-1] // 2
    return a[..., :half], a[..., half:]


def _joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.concatenate([a, b], axis=-1)


def _blocked(a: np.ndarray) -> np.ndarray:
    n, d = a.shape
    return a.reshape(n // 2, 2, d // 2, 2).transpose(0, 2, 1, 3).reshape(n, d)


def _ramp(n: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    return np.linspace(low, high, n)


def _powers(a: Interval, *_) -> Interval:
    high = max(1.0, iv.magnitude(a)) ** 3
    return -high, high


def _gated(a: Interval, *_) -> Interval:
    return iv.mul(a, a)


def _signed(a: Interval, *_) -> Interval:
    return iv.hull(a, (-a[1], -a[0]))


_TWO = {"domains": (ANY, ANY)}
_WEIGHTS = (Side("weights"),)
_OFFSETS = (Side("offsets"),)

ROWS = (
    # the same numbers in another shape
    _row("ravel_matrix", "nd->m", np.ravel),
    _row("ravel_columns", "nd->m", lambda a: np.ravel(a, order="F")),
    _row("flatten_stack", "bnd->m", np.ravel),
    _row("reshape_rows", "bnd->md", lambda a: a.reshape(-1, a.shape[-1]), weight=2),
    _row("reshape_merge", "...nd->...m", lambda a: a.reshape(*a.shape[:-2], -1)),
    _row("reshape_split", "...d->...hk", lambda a: a.reshape(*a.shape[:-1], 4, -1), multiple=16),
    _row("reshape_groups", "...d->...kh", lambda a: a.reshape(*a.shape[:-1], -1, 4), multiple=16),
    _row("lax_reshape", "nd->dn", lambda a: a.reshape(a.shape[::-1])),
    _row("lax_reshape_order", "nd->nd", lambda a: a.T.reshape(a.shape)),
    _row("lax_collapse", "bnd->md", lambda a: a.reshape(-1, a.shape[-1])),
    # axes in another order
    _row("transpose_all", "nd->dn", np.transpose, weight=2),
    _row("transpose_matrix", "...nd->...dn", _swap),
    _row("swapaxes_last", "...nd->...dn", _swap),
    _row("swapaxes_method", "...nd->...dn", _swap),
    _row("transpose_order", "abnd->badn", lambda a: a.transpose(1, 0, 3, 2)),
    _row("moveaxis_front", "abnd->band", lambda a: np.moveaxis(a, 0, 1)),
    _row("moveaxis_last", "...nd->...dn", lambda a: np.moveaxis(a, -2, -1)),
    _row("rollaxis_front", "abnd->band", lambda a: np.rollaxis(a, 1)),
    _row("permute_dims", "nd->dn", np.transpose),
    _row("lax_transpose", "nd->dn", np.transpose),
    _row("merge_heads", "bnd->nm",
         lambda a: np.moveaxis(a, 0, -2).reshape(a.shape[1], -1)),
    _row("block_order", "nd->nd", _blocked),
    # turned round
    _row("flip_last", "...d->...d", lambda a: np.flip(a, -1)),
    _row("flip_all", "...d->...d", np.flip),
    _row("flip_both", "...nd->...nd", lambda a: np.flip(a, (-2, -1))),
    _row("fliplr", "nd->nd", np.fliplr),
    _row("flipud", "...nd->...nd", np.flipud),
    _row("reverse_slice", "...d->...d", lambda a: a[..., ::-1], weight=2),
    _row("reverse_first", "...d->...d", lambda a: a[::-1]),
    _row("lax_rev", "nd->nd", lambda a: np.flip(a, (0, 1))),
    _row("rot90", "nd->dn", np.rot90),
    _row("rot90_half", "...nd->...nd", lambda a: np.rot90(a, 2, axes=(-2, -1))),
    _row("roll_last", "...d->...d", lambda a, s: np.roll(a, s, -1), literals=((1, 3),), weight=2),
    _row("roll_back", "...d->...d", lambda a, s: np.roll(a, s, 0), literals=((-2, -1),)),
    _row("roll_flat", "nd->nd", np.roll, literals=((1, 7),)),
    _row("roll_both", "...nd->...nd",
         lambda a, s, t: np.roll(a, (s, t), (-2, -1)), literals=((1, 3), (1, 3))),
    # joined
    _row("concatenate_last", "...d,...d->...m", _joined, _hull, weight=2),
    _row("concat_rows", "...nd,...nd->...md", lambda a, b: np.concatenate([a, b], -2), _hull),
    _row("concatenate_zeros", "...d->...m", lambda a: _joined(a, 0 * a), _zeroed),
    _row("lax_concatenate", "nd,nd->nm", _joined, _hull),
    _row("append_last", "...d,...d->...m", _joined, _hull),
    _row("append_first", "nd,nd->md", lambda a, b: np.append(a, b, axis=0), _hull),
    _row("hstack", "nd,nd->nm", _joined, _hull),
    _row("vstack", "nd,nd->md", lambda a, b: np.vstack([a, b]), _hull),
    _row("column_stack", "nd,nd->nm", _joined, _hull),
    _row("join_c", "nd,nd->nm", _joined, _hull),
    _row("join_r", "nd,nd->md", lambda a, b: np.vstack([a, b]), _hull),
    _row("dstack_mean", "nd,nd->nd", lambda a, b: 0.5 * (a + b), _hull),
    _row("stack_axis", "...nd,...nd->...bnd", lambda a, b: np.stack([a, b], -3), _hull),
    _row("stack_first", "nd,nd->bnd", lambda a, b: np.stack([a, b]), _hull),
    _row("stack_max", "...d,...d->...d", np.maximum, iv.maximum, linear=False),
    _row("interleave", "...d,...d->...m",
         lambda a, b: np.stack([a, b], -1).reshape(*a.shape[:-1], -1), _hull),
    _row("block_two", "nd,nd->mk", lambda a, b: np.block([[a, b], [b, a]]), _hull),
    _row("insert_value", "...d->...m", lambda a, i, v: np.insert(a, i, v, -1),
         lambda a, i, v: iv.hull(a, v), literals=((0, 3), (-1.0, 1.0))),
    # split
    _row("split_gate", "...d->...k", lambda a: np.multiply(*_halves(a)), _gated,
         multiple=8, linear=False),
    _row("split_rotate", "...d->...d", lambda a: _joined(-_halves(a)[1], _halves(a)[0]), _signed,
         multiple=8),
    _row("split_at", "...d->...k", lambda a: a[..., 4:], multiple=8),
    _row("array_split_sum", "...d->...k", lambda a: sum(_halves(a)),
         lambda a: iv.add(a, a), multiple=8),
    _row("hsplit_difference", "nd->nk", lambda a: np.subtract(*_halves(a)),
         lambda a: iv.sub(a, a), multiple=8),
    _row("vsplit_swap", "nd->nd", lambda a: np.roll(a, a.shape[0] // 2, 0)),
    _row("lax_split_max", "nd->nk", lambda a: np.maximum(*_halves(a)), multiple=8, linear=False),
    _row("unstack_sum", "...d->...", lambda a: a.sum(-1),
         lambda e: lambda a: (e["d"] * a[0], e["d"] * a[1]), sized=True),
    _row("delete_one", "...d->...m", lambda a, i: np.delete(a, i, -1), multiple=8,
         literals=((0, 3),)),
    # repeated
    _row("tile_last", "...d->...m", lambda a, r: np.concatenate([a] * r, -1), literals=((2, 3),)),
    _row("tile_both", "...nd->...mk", lambda a, r, s: np.tile(a, (r, s)),
         literals=((1, 2), (2, 2))),
    _row("repeat_last", "...d->...m", lambda a, r: np.repeat(a, r, -1), literals=((2, 3),)),
    _row("repeat_flat", "nd->m", lambda a: np.repeat(a, 2)),
    _row("repeat_rows", "...nd->...md", lambda a, r: np.repeat(a, r, -2), literals=((2, 3),)),
    _row("broadcast_to", "...nd->...bnd", lambda a: np.broadcast_to(a, (2, *a.shape))),
    _row("lax_broadcast", "...nd->...bnd", lambda a: np.broadcast_to(a, (2, *a.shape))),
    _row("lax_broadcast_in_dim", "nd->n4d", lambda a: np.repeat(a[:, None], 4, 1)),
    _row("lax_tile", "nd->md", lambda a: np.tile(a, (2, 1))),
    _row("broadcast_arrays", "...nd,d->...nd", lambda a, b: np.maximum(a, b), iv.maximum,
         linear=False),
    # with a new axis
    _row("expand_dims_sub", "...n,4->...n4", lambda a, b: a[..., None] - b, iv.sub,
         sides=(Side("centers", (-1.0, 1.0)),)),
    _row("lax_expand_dims", "...n,4->...n4", lambda a, b: a[..., None] * b, iv.mul,
         sides=_WEIGHTS, linear=False),
    _row("new_axis_add", "...n,4->...n4", lambda a, b: a[..., None] + b, iv.add, sides=_OFFSETS),
    _row("new_axis_div", "...n,4->...4n", lambda a, b: a[..., None, :] / b[:, None], iv.div,
         sides=(Side("scales", (0.5, 2.0)),), domains=(ANY, DIVISOR), linear=False),
    _row("atleast_2d_max", "d,nd->nd", np.maximum, iv.maximum, linear=False),
    _row("atleast_3d_mul", "nd,4->nd4", lambda a, b: a[..., None] * b, iv.mul, sides=_WEIGHTS,
         linear=False),
    _row("squeeze_first", "...d->...", lambda a: a[..., 0]),
    _row("lax_squeeze_max", "...d->...", lambda a: a.max(-1), linear=False),
    _row("logaddexp_outer", "n,4->n4", np.logaddexp.outer,
         lambda a, b: (np.logaddexp(a[0], b[0]), np.logaddexp(a[1], b[1])), sides=_OFFSETS,
         linear=False),
    _row("kron", "nd,22->mk", np.kron, iv.mul, sides=(Side("block"),), linear=False),
    _row("meshgrid_ij", "n,4->n4", lambda a, b: a[:, None] * b, iv.mul, linear=False),
    _row("meshgrid_xy", "n,4->4n", lambda a, b: a + np.sin(b)[:, None],
         lambda a, b: iv.add(a, (-1.0, 1.0)), linear=False),
    _row("vander", "n->n4", lambda a: np.vander(a, 4), _powers, domains=((-3.0, 3.0),),
         linear=False),
    # padded
    _row("pad_all", "nd->mk", lambda a: np.pad(a, 2), _zeroed),
    _row("pad_constant", "...d->...m",
         lambda a, w, c: _padded(a, w, constant_values=c), lambda a, w, c: iv.hull(a, c),
         literals=((2, 2), (0.2, 1.0))),
    *(
        _row(f"pad_{mode}", "...d->...m", lambda a, mode=mode: _padded(a, 2, mode=mode), range_)
        for mode, range_ in (("edge", iv.same), ("reflect", iv.same), ("wrap", iv.same),
                             ("symmetric", iv.same), ("linear_ramp", _zeroed), ("mean", iv.same))
    ),
    _row("pad_maximum", "nd->mk", lambda a: np.pad(a, 2, mode="maximum"), linear=False),
    _row("lax_pad", "nd->mk", lambda a: np.pad(a, ((0, 0), (2, 2))), _zeroed),
    _row("lax_pad_inside", "d->m",
         lambda a: np.append(np.kron(a, [1.0, 0.0]), 0.0)[:-1], _zeroed),
    # parts of it
    _row("lax_slice", "nd->nk", lambda a: a[:, 4:], multiple=8),
    _row("lax_slice_in_dim", "...d->...m", lambda a, s: a[..., s:], literals=((1, 4),),
         multiple=8),
    _row("lax_slice_stride", "...d->...k", lambda a: a[..., ::2], multiple=8),
    _row("diagonal", "...nn->...n", lambda a: np.diagonal(a, axis1=-2, axis2=-1)),
    _row("diag_part", "nn->n", np.diag),
    _row("diag_matmul", "n,nd->nd", lambda a, b: a[:, None] * b, iv.mul, linear=False),
    _row("tril", "...nd->...nd", lambda a: np.tril(a, 1), _zeroed, weight=2),
    _row("triu", "...nd->...nd", lambda a: np.triu(a, 1), _zeroed),
    _row("tril_below", "...nd->...nd", lambda a: np.tril(a, -1), _zeroed),
    _row("where_tri", "...nd->...nd", np.tril, _zeroed),
    _row("fill_diagonal", "nd->nd",
         lambda a, c: np.where(np.eye(*a.shape, dtype=bool), c, a),
         lambda a, c: iv.hull(a, c), literals=((-1.0, 1.0),)),
    # beside arrays that are made on the way
    _row("add_eye", "...nd->...nd", lambda a: a + np.eye(*a.shape[-2:]),
         lambda a: (a[0], a[1] + 1.0)),
    _row("sub_identity", "nd->nd", lambda a: np.eye(*a.shape) - a,
         lambda a: (-a[1], 1.0 - a[0])),
    _row("ones_like_sub", "...d->...d", lambda a: 1.0 - a, lambda a: (1.0 - a[1], 1.0 - a[0])),
    _row("zeros_like_max", "...d->...d", lambda a: np.maximum(0.0, a),
         lambda a: iv.maximum(a, (0.0, 0.0)), linear=False, active=(0.0, iv.LIMIT)),
    _row("full_like_min", "...d->...d", np.minimum, iv.minimum, literals=((0.2, 1.0),),
         linear=False),
    _row("arange_weighted", "...d->...d", lambda a: a * np.arange(a.shape[-1]) / a.shape[-1],
         _weighted),
    _row("linspace_weighted", "...d->...d", lambda a: a * _ramp(a.shape[-1]), _weighted),
    _row("linspace_added", "...d->...d", lambda a: a + _ramp(a.shape[-1], -1.0, 1.0),
         lambda a: (a[0] - 1.0, a[1] + 1.0)),
    _row("geomspace_weighted", "...d->...d",
         lambda a: a * np.geomspace(1.0, 0.01, a.shape[-1]), _weighted),
    _row("logspace_weighted", "...d->...d",
         lambda a: a * np.logspace(0.0, -2.0, a.shape[-1]), _weighted),
    _row("iota_phase", "...d->...d", lambda a: np.cos(a * np.arange(a.shape[-1])),
         iv.always(-1, 1), domains=((-2.0, 2.0),), linear=False),
    _row("checkerboard", "...nd->...nd",
         lambda a: np.where(np.indices(a.shape[-2:]).sum(0) % 2 == 0, a, -a), _signed),
    _row("astype_mask", "...d,...d->...d", lambda a, b: np.where(b, a, 0.0), _zeroed, args="fb",
         domains=(ANY, (0, 1)), sides=(Side("mask", (0, 1)),)),
)  # fmt: skip

_ENDS = "[(0, 0)] * ({0!!}.ndim - 1) + [(2, 2)]"
_ENDS_DRAWN = "[(0, 0)] * ({0!!}.ndim - 1) + [({#0}, {#0})]"
_DTYPE = "dtype={0!!}.dtype"

_TEXTS = {
    "ravel_matrix": "jnp.ravel({0})",
    "ravel_columns": 'jnp.ravel({0}, order="F")',
    "flatten_stack": "{0!!}.flatten()",
    "reshape_rows": "{0!!}.reshape(-1, {@d})",
    "reshape_merge": "{0!!}.reshape(*{0!!}.shape[:-2], -1)",
    "reshape_split": "jnp.reshape({0}, (*{0!!}.shape[:-1], 4, -1))",
    "reshape_groups": "{0!!}.reshape(*{0!!}.shape[:-1], -1, 4)",
    "lax_reshape": "jax.lax.reshape({0}, ({@d}, {@n}))",
    "lax_reshape_order": "jax.lax.reshape({0}, ({@n}, {@d}), dimensions=(1, 0))",
    "lax_collapse": "jax.lax.collapse({0}, 0, 2)",
    "transpose_all": "jnp.transpose({0})",
    "transpose_matrix": "jnp.matrix_transpose({0})",
    "swapaxes_last": "jnp.swapaxes({0}, -1, -2)",
    "swapaxes_method": "{0!!}.swapaxes(-2, -1)",
    "transpose_order": "{0!!}.transpose(1, 0, 3, 2)",
    "moveaxis_front": "jnp.moveaxis({0}, 0, 1)",
    "moveaxis_last": "jnp.moveaxis({0}, -2, -1)",
    "rollaxis_front": "jnp.rollaxis({0}, 1)",
    "permute_dims": "jnp.permute_dims({0}, (1, 0))",
    "lax_transpose": "jax.lax.transpose({0}, (1, 0))",
    "merge_heads": "jnp.moveaxis({0}, 0, -2).reshape({@n}, -1)",
    "flip_last": "jnp.flip({0}, axis=-1)",
    "flip_all": "jnp.flip({0})",
    "flip_both": "jnp.flip({0}, axis=(-2, -1))",
    "fliplr": "jnp.fliplr({0})",
    "flipud": "jnp.flipud({0})",
    "reverse_slice": "{0!!}[..., ::-1]",
    "reverse_first": "{0!!}[::-1]",
    "lax_rev": "jax.lax.rev({0}, (0, 1))",
    "rot90": "jnp.rot90({0})",
    "rot90_half": "jnp.rot90({0}, 2, axes=(-2, -1))",
    "roll_last": "jnp.roll({0}, {#0}, axis=-1)",
    "roll_back": "jnp.roll({0}, {#0}, axis=0)",
    "roll_flat": "jnp.roll({0}, {#0})",
    "roll_both": "jnp.roll({0}, ({#0}, {#1}), axis=(-2, -1))",
    "concatenate_last": "jnp.concatenate([{0}, {1}], axis=-1)",
    "concat_rows": "jnp.concat([{0}, {1}], axis=-2)",
    "concatenate_zeros": "jnp.concatenate([{0}, jnp.zeros_like({0})], axis=-1)",
    "lax_concatenate": "jax.lax.concatenate([{0}, {1}], 1)",
    "append_last": "jnp.append({0}, {1}, axis=-1)",
    "append_first": "jnp.append({0}, {1}, axis=0)",
    "hstack": "jnp.hstack([{0}, {1}])",
    "vstack": "jnp.vstack([{0}, {1}])",
    "column_stack": "jnp.column_stack([{0}, {1}])",
    "join_c": "jnp.c_[{0}, {1}]",
    "join_r": "jnp.r_[{0}, {1}]",
    "dstack_mean": "jnp.dstack([{0}, {1}]).mean(axis=-1)",
    "stack_axis": "jnp.stack([{0}, {1}], axis=-3)",
    "stack_first": "jnp.stack(({0}, {1}))",
    "stack_max": "jnp.stack(({0}, {1})).max(axis=0)",
    "interleave": "jnp.stack(({0}, {1}), axis=-1).reshape(*{0!!}.shape[:-1], -1)",
    "block_two": "jnp.block([[{0}, {1}], [{1}, {0}]])",
    "insert_value": "jnp.insert({0}, {#0}, {#1}, axis=-1)",
    "split_at": "jnp.split({0}, [4], axis=-1)[1]",
    "array_split_sum": "sum(jnp.array_split({0}, 2, axis=-1))",
    "unstack_sum": "sum(jnp.unstack({0}, axis=-1))",
    "delete_one": "jnp.delete({0}, {#0}, axis=-1)",
    "tile_last": "jnp.tile({0}, {#0})",
    "tile_both": "jnp.tile({0}, ({#0}, {#1}))",
    "repeat_last": "jnp.repeat({0}, {#0}, axis=-1)",
    "repeat_flat": "jnp.repeat({0}, 2)",
    "repeat_rows": "{0!!}.repeat({#0}, axis=-2)",
    "broadcast_to": "jnp.broadcast_to({0}, (2, *{0!!}.shape))",
    "lax_broadcast": "jax.lax.broadcast({0}, (2,))",
    "lax_broadcast_in_dim": "jax.lax.broadcast_in_dim({0}, ({@n}, 4, {@d}), (0, 2))",
    "lax_tile": "jax.lax.tile({0}, (2, 1))",
    "lax_expand_dims": "jax.lax.expand_dims({0}, (-1,)) * {1!}",
    "squeeze_first": "jnp.squeeze({0!!}[..., :1], axis=-1)",
    "lax_squeeze_max": "jax.lax.squeeze(jnp.max({0}, axis=-1, keepdims=True), (-1,))",
    "logaddexp_outer": "jnp.logaddexp.outer({0}, {1})",
    "kron": "jnp.kron({0}, {1})",
    "vander": "jnp.vander({0}, 4)",
    "pad_all": "jnp.pad({0}, 2)",
    "pad_constant": f"jnp.pad({{0}}, {_ENDS_DRAWN}, constant_values={{#1}})",
    **{
        f"pad_{mode}": f'jnp.pad({{0}}, {_ENDS}, mode="{mode}")'
        for mode in ("edge", "reflect", "wrap", "symmetric", "linear_ramp", "mean")
    },
    "pad_maximum": 'jnp.pad({0}, 2, mode="maximum")',
    "lax_pad": "jax.lax.pad({0}, jnp.zeros((), {0!!}.dtype), ((0, 0, 0), (2, 2, 0)))",
    "lax_pad_inside": "jax.lax.pad({0}, jnp.zeros((), {0!!}.dtype), ((0, 1, 1),))",
    "lax_slice": "jax.lax.slice({0}, (0, 4), ({@n}, {@d}))",
    "lax_slice_in_dim": "jax.lax.slice_in_dim({0}, {#0}, {@d}, axis=-1)",
    "lax_slice_stride": "jax.lax.slice_in_dim({0}, 0, {@d}, stride=2, axis=-1)",
    "diagonal": "jnp.diagonal({0}, axis1=-2, axis2=-1)",
    "diag_part": "jnp.diagonal({0})",
    "diag_matmul": "jnp.diag({0}) @ {1}",
    "tril": "jnp.tril({0}, k=1)",
    "triu": "jnp.triu({0}, k=1)",
    "tril_below": "jnp.tril({0}, -1)",
    "where_tri": "jnp.where(jnp.tri({@n}, {@d}, dtype=bool), {0}, {zero})",
    "fill_diagonal": "jnp.fill_diagonal({0}, {#0}, inplace=False)",
    "full_like_min": "jnp.minimum({0}, jnp.full_like({0}, {#0}))",
    "zeros_like_max": "jnp.maximum(jnp.zeros_like({0}), {0})",
    "iota_phase": "jnp.cos({0!} * jax.lax.iota({0!!}.dtype, {@d}))",
}
_SUMS = {
    "expand_dims_sub": "jnp.expand_dims({0}, -1) - {1!}",
    "new_axis_add": "{0!!}[..., None] + {1!}",
    "add_eye": f"{{0}} + jnp.eye({{@n}}, {{@d}}, {_DTYPE})",
    "sub_identity": f"jnp.eye({{@n}}, M={{@d}}, {_DTYPE}) - {{0!}}",
    "ones_like_sub": "jnp.ones_like({0}) - {0!}",
    "linspace_added": f"jnp.linspace(-1.0, 1.0, num={{@d}}, {_DTYPE}) + {{0!}}",
}
_PRODUCTS = {
    "new_axis_div": "{0!!}[..., None, :] / {1!!}[:, None]",
    "atleast_3d_mul": "jnp.atleast_3d({0}) * {1!}",
    "arange_weighted": f"{{0}} * jnp.arange({{@d}}, {_DTYPE}) / {{@d}}",
    "linspace_weighted": f"{{0}} * jnp.linspace(0.0, 1.0, {{@d}}, {_DTYPE})",
    "geomspace_weighted": f"{{0}} * jnp.geomspace(1.0, 0.01, {{@d}}, {_DTYPE})",
    "logspace_weighted": f"{{0}} * jnp.logspace(0.0, -2.0, {{@d}}, {_DTYPE})",
    "astype_mask": "{0} * jnp.astype({1}, {0!!}.dtype)",
}


def block(template: str, *lines: str, names: str, binds: int = PRODUCT) -> Spelling:
    """Spell statements and the value after them; ``names`` are the stems of the variables."""
    return Spelling(template, binds, lines, tuple(names.split()))


WARP: dict[str, Spelling] = {}

JAX: dict[str, Spelling] = {
    **{name: Spelling(text) for name, text in _TEXTS.items()},
    **{name: Spelling(text, SUM) for name, text in _SUMS.items()},
    **{name: Spelling(text, PRODUCT) for name, text in _PRODUCTS.items()},
    "block_order": block(
        "{t0}.transpose(0, 2, 1, 3).reshape({@n}, {@d})",
        "{t0} = {0!!}.reshape({@n} // 2, 2, {@d} // 2, 2)",
        names="tiles",
    ),
    "split_gate": block(
        "{t0} * {t1}", "{t0}, {t1} = jnp.split({0}, 2, axis=-1)", names="values gates"
    ),
    "split_rotate": block(
        "jnp.concatenate([-{t1}, {t0}], axis=-1)",
        "{t0}, {t1} = {0!!}[..., : {@d} // 2], {0!!}[..., {@d} // 2 :]",
        names="left right",
    ),
    "hsplit_difference": block(
        "{t0} - {t1}", "{t0}, {t1} = jnp.hsplit({0}, 2)", names="left right", binds=SUM
    ),
    "vsplit_swap": block(
        "jnp.vstack(({t1}, {t0}))", "{t0}, {t1} = jnp.vsplit({0}, 2)", names="top bottom"
    ),
    "lax_split_max": block(
        "jnp.maximum({t0}, {t1})",
        "{t0}, {t1} = jax.lax.split({0}, ({@d} // 2, {@d} // 2), axis=1)",
        names="left right",
    ),
    "broadcast_arrays": block(
        "jnp.maximum({t0}, {t1})",
        "{t0}, {t1} = jnp.broadcast_arrays({0}, {1})",
        names="left right",
    ),
    "atleast_2d_max": Spelling("jnp.maximum(jnp.atleast_2d({0}), {1})"),
    "meshgrid_ij": block(
        "{t0} * {t1}", '{t0}, {t1} = jnp.meshgrid({0}, {1}, indexing="ij")', names="rows columns"
    ),
    "meshgrid_xy": block(
        "{t0} + jnp.sin({t1})", "{t0}, {t1} = jnp.meshgrid({0}, {1})", names="xs ys", binds=SUM
    ),
    "checkerboard": block(
        "jnp.where(({t0} + {t1}) % 2 == 0, {0}, -{0!})",
        "{t0}, {t1} = jnp.indices(({@n}, {@d}))",
        names="rows columns",
    ),
}  # fmt: skip
