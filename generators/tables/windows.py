"""Windows over whole arrays: pooling, convolutions beside the common ones, and resizing."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view as sliding

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import PRODUCT, SUM, Spelling

_TAPS = Side("taps")
_FILTERS = Side("filters")


_SAME = iv.within(lambda n, a, *_: a)


def _window(name, template, reference, sized=_SAME, dims="nd->nd", lines=(), locals=(), **more):
    args = "f" * (dims.count(",") + 1)
    binds = more.pop("binds", None)
    row = Operation(
        name, args, "f", more.pop("domains", (ANY,) * len(args)), sized, reference, sized=True,
        dims=dims, family="pooling", **more,
    )  # fmt: skip
    spelling = Spelling(template, lines=lines, locals=locals)
    return row, spelling if binds is None else Spelling(template, binds, lines, locals)


def _around(a, size, fill, how, axes=(-1,)):
    """Slide a window over padded axes: as many values as before."""
    low, high = (size - 1) // 2, size // 2
    pads = [(0, 0)] * a.ndim
    for axis in axes:
        pads[axis] = (low, high)
    seen = sliding(np.pad(a, pads, constant_values=fill), (size,) * len(axes), axis=axes)
    return how(seen, axis=tuple(range(-len(axes), 0)))


def _trailing(a, size, axis=-1):
    total = np.cumsum(a, axis)
    late = np.zeros_like(a)
    moved = np.moveaxis(late, axis, -1)
    moved[..., size:] = np.moveaxis(total, axis, -1)[..., :-size]
    return (total - late) / size


def _conv1(a, w, padded=(1, 1), dilation=1, groups=1):
    """Correlate (batch, channels, length) with (out, in, taps)."""
    a = np.pad(a, [(0, 0), (0, 0), padded])
    reach = (w.shape[2] - 1) * dilation + 1
    seen = sliding(a, reach, axis=-1)[..., ::dilation]
    if groups == 1:
        return np.einsum("bcyr,kcr->bky", seen, w)
    return np.einsum("bcyr,cr->bcy", seen, w[:, 0])


def _depthwise(a, w):
    seen = sliding(np.pad(a, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3), axis=(-2, -1))
    return np.einsum("bcyzrs,crs->bcyz", seen, w)


def _causal(a, w):
    return sum(
        w[k] * np.pad(a, [(0, 0)] * (a.ndim - 1) + [(len(w) - 1 - k, 0)])[..., : a.shape[-1]]
        for k in range(len(w))
    )


def _same1(a, w):
    return np.stack([np.convolve(row, w, mode="same") for row in a])


def _rank_pool(a, size):
    return a.reshape(*a.shape[:-1], -1, size)


def _up(a, axis=-1):
    """Resize to twice the length, linearly, as image libraries do (half pixel centres)."""
    n = a.shape[axis]
    at = np.clip((np.arange(2 * n) + 0.5) / 2 - 0.5, 0, n - 1)
    low = np.minimum(at.astype(int), n - 2)
    part = (at - low).reshape([-1 if i == axis % a.ndim else 1 for i in range(a.ndim)])
    return np.take(a, low, axis) * (1 - part) + np.take(a, low + 1, axis) * part


def _scaled(a, s, t):
    """Sample rows at (x + 0.5 - t) / s - 0.5 by triangles, nothing outside."""
    n = a.shape[1]
    at = (np.arange(n) + 0.5 - t) / s - 0.5
    weight = np.maximum(0, 1 - np.abs(at[None, :] - np.arange(n)[:, None]))
    total = weight.sum(0)
    weight = np.where(total > 1e-6, weight / np.where(total > 1e-6, total, 1), 0)
    weight[:, (at < -0.5) | (at > n - 0.5)] = 0
    return a @ weight


def _pooled(name, window, reduce, init, reference, dims="nd->nd", sized=_SAME, divide="", **more):
    template = (
        f'jax.lax.reduce_window({{0}}, {init}, jax.lax.{reduce}, {window}, {{t0}}, "SAME"){divide}'
    )
    ones = "(1,) * {0!!}.ndim"
    more |= {"binds": PRODUCT} if divide else {}
    return _window(name, template, reference, sized, dims, ("{t0} = " + ones,), ("strides",),
                   **more)  # fmt: skip


_POOLS = (
    _pooled("max_pool_row", "(1, 3)", "max", "-jnp.inf",
            lambda a: _around(a, 3, -np.inf, np.max)),
    _pooled("min_pool_plane", "(3, 3)", "min", "jnp.inf",
            lambda a: _around(a, 3, np.inf, np.min, (-2, -1))),
    _pooled("sum_pool_row", "(1, 4)", "add", "0.0", lambda a: _around(a, 4, 0, np.sum),
            sized=iv.within(lambda n, a: 4 * a), linear=True),
    _pooled("mean_pool_image", "(1, 1, 3, 3)", "add", "0.0",
            lambda a: _around(a, 3, 0, np.sum, (-2, -1)) / 9, "bcyz->bcyz", divide=" / 9.0",
            linear=True),
    _pooled("max_pool_image", "(1, 1, 2, 2)", "max", "-jnp.inf",
            lambda a: _around(a, 2, -np.inf, np.max, (-2, -1)), "bcyz->bcyz"),
    _window("max_pool_strided", "{t1}.repeat(2, axis=-1)",
            lambda a: np.repeat(_rank_pool(a, 2).max(-1), 2, -1), lines=(
                "{t0} = (1, 2)",
                '{t1} = jax.lax.reduce_window({0}, -jnp.inf, jax.lax.max, {t0}, {t0}, "VALID")'),
            locals=("window", "pooled"), multiple=2),
    _window("sum_pool_dilated",
            'jax.lax.reduce_window({0}, 0.0, jax.lax.add, (1, 3), (1, 1), "SAME", None, (1, 2))',
            lambda a: sum(np.pad(a, [(0, 0), (2, 2)])[:, k : k + a.shape[1]] for k in (0, 2, 4)),
            iv.within(lambda n, a: 3 * a), linear=True),
    _window("sum_pool_causal",
            "jax.lax.reduce_window({0}, 0.0, jax.lax.add, (3,), (1,), [(2, 0)])",
            lambda a: _causal(a, np.ones(3)), iv.within(lambda n, a: 3 * a), "d->d", linear=True),
    _window("max_pool_columns",
            "jax.lax.reduce_window({0}, -jnp.inf, jax.lax.max, (3, 1), (1, 1), ((2, 0), (0, 0)))",
            lambda a: np.max([np.pad(a, [(2, 0), (0, 0)], constant_values=-np.inf)[k:][: len(a)]
                              for k in range(3)], 0)),
    _window("valid_means", "{t0} / jax.lax.reduce_window({t1}, 0.0, jax.lax.add, (1, 3), (1, 1), "
            '"SAME")',
            lambda a: (_around(a, 3, 0, np.sum) / _around(np.ones_like(a), 3, 0, np.sum)),
            lines=("{t1} = jnp.ones_like({0})",
                   '{t0} = jax.lax.reduce_window({0}, 0.0, jax.lax.add, (1, 3), (1, 1), "SAME")'),
            locals=("total", "ones"), binds=PRODUCT, linear=True),
    _window("unpool_halves", "jnp.repeat(jnp.mean({t0}, axis=-1), 2, axis=-1)",
            lambda a: np.repeat(_rank_pool(a, 2).mean(-1), 2, -1), dims="...d->...d",
            lines=("{t0} = {0!!}.reshape(*{0!!}.shape[:-1], {@d} // 2, 2)",), locals=("pairs",),
            multiple=2, linear=True),
    _window("pool_pairs_max", "{0!!}.reshape(*{0!!}.shape[:-1], 4, -1).max(axis=-1)",
            lambda a: a.reshape(*a.shape[:-1], 4, -1).max(-1), dims="...d->...4", multiple=4),
    _window("pool_blocks_mean", "{0!!}.reshape(4, {@n} // 4, 4, {@d} // 4).mean(axis=(1, 3))",
            lambda a: a.reshape(4, a.shape[0] // 4, 4, -1).mean((1, 3)), dims="nd->44",
            multiple=4, linear=True),
    _window("pool_blocks_max",
            "jnp.max({0!!}.reshape(*{0!!}.shape[:-2], 2, {@n} // 2, 2, {@d} // 2), axis=(-3, -1))",
            lambda a: a.reshape(*a.shape[:-2], 2, a.shape[-2] // 2, 2, -1).max((-3, -1)),
            dims="...nd->...22", multiple=2),
    _window("pool_norm", "jnp.sqrt(jnp.mean({t0} ** 2, axis=-1) + {#0})",
            lambda a, c: np.sqrt((a.reshape(*a.shape[:-1], 4, -1) ** 2).mean(-1) + c),
            lambda n: lambda a, c: (0.0, iv.magnitude(a) + math.sqrt(c[1])), "...d->...4",
            ("{t0} = {0!!}.reshape({0!!}.shape[:-1] + (4, {@d} // 4))",), ("groups",),
            literals=((0.01, 0.5),), multiple=4),
    _window("pool_soft", "jax.nn.logsumexp({t0}, axis=-1).repeat(4, axis=-1)",
            lambda a: np.repeat(np.log(np.exp(_rank_pool(a, 4)).sum(-1)), 4, -1),
            iv.within(lambda n, a: a + math.log(4)), "...d->...d",
            ("{t0} = {0!!}.reshape(*{0!!}.shape[:-1], -1, 4)",), ("groups",), multiple=4,
            domains=((-20.0, 20.0),)),
    _window("box_means", "({t0} - {t1}) / 3.0", lambda a: _trailing(a, 3), dims="...d->...d",
            lines=("{t0} = jnp.cumsum({0}, axis=-1)",
                   "{t1} = jnp.zeros_like({0}).at[..., 3:].set({t0}[..., :-3])"),
            locals=("total", "late"), binds=PRODUCT, linear=True,
            sized=iv.within(lambda n, a: a)),
    _window("box_columns", "({t0} - jnp.pad({t0}, ((2, 0), (0, 0)))[:-2]) / 2.0",
            lambda a: _trailing(a, 2, 0), lines=("{t0} = jnp.cumsum({0}, axis=0)",),
            locals=("total",), binds=PRODUCT, linear=True),
    _window("integral_image", "{t0}[2:, 2:] - {t0}[:-2, 2:] - {t0}[2:, :-2] + {t0}[:-2, :-2]",
            lambda a: scipy.signal.convolve2d(a, np.ones((2, 2)))[:-1, :-1],
            iv.within(lambda n, a: 4 * a),
            lines=("{t0} = jnp.cumsum(jnp.cumsum(jnp.pad({0}, ((2, 0), (2, 0))), 0), 1)",),
            locals=("table",), binds=SUM, linear=True, wide=True),
    _window("window_stack_max", "jnp.max({t0}, axis=0)",
            lambda a: np.max([a, np.roll(a, 1, -1), np.roll(a, 2, -1)], 0), dims="...d->...d",
            lines=("{t0} = jnp.stack([jnp.roll({0}, i, axis=-1) for i in range(3)])",),
            locals=("shifted",)),
    _window("window_gather_mean", "jnp.mean({0!!}[..., {t0}], axis=-1)",
            lambda a: np.mean([np.roll(a, -k, -1) for k in range(3)], 0), dims="...d->...d",
            lines=("{t0} = (jnp.arange({@d})[:, None] + jnp.arange(3)) % {@d}",),
            locals=("places",), linear=True),
)  # fmt: skip

_CONVS = (
    _window("convolve_same", 'jnp.convolve({0}, {1}, mode="same")',
            lambda a, w: np.convolve(a, w, mode="same"), iv.within(lambda n, a, w: 3 * a * w),
            "d,3->d", sides=(_TAPS,)),
    _window("convolve_full", "jnp.convolve({0}, {1})[:{@d}]",
            lambda a, w: np.convolve(a, w)[: len(a)], iv.within(lambda n, a, w: 4 * a * w),
            "d,4->d", sides=(_TAPS,)),
    _window("correlate_same", 'jnp.correlate({0}, {1}, mode="same")',
            lambda a, w: np.correlate(a, w, mode="same"), iv.within(lambda n, a, w: 3 * a * w),
            "d,3->d", sides=(_TAPS,)),
    _window("convolve_rows", 'jax.vmap(lambda row: jnp.convolve(row, {1}, mode="same"))({0})',
            _same1, iv.within(lambda n, a, w: 3 * a * w), "nd,3->nd", sides=(_TAPS,)),
    _window("convolve_plane", 'jax.scipy.signal.convolve2d({0}, {1}, mode="same")',
            lambda a, w: scipy.signal.convolve2d(a, w, mode="same"),
            iv.within(lambda n, a, w: 9 * a * w), "nd,33->nd", sides=(Side("stencil"),)),
    _window("correlate_plane", 'jax.scipy.signal.correlate2d({0}, {1}, mode="same")',
            lambda a, w: scipy.signal.correlate2d(a, w, mode="same"),
            iv.within(lambda n, a, w: 9 * a * w), "nd,33->nd", sides=(Side("stencil"),)),
    _window("conv_causal", "jax.lax.conv_general_dilated({0}, {1}, (1,), [(2, 0)])",
            lambda a, w: _conv1(a, w, (2, 0)), iv.within(lambda n, a, w: 3 * n["c"] * a * w),
            "bcy,kc3->bky", sides=(_FILTERS,)),
    _window("conv_depthwise_line",
            'jax.lax.conv_general_dilated({0}, {1}, (1,), "SAME", feature_group_count={@c})',
            lambda a, w: _conv1(a, w, groups=2), iv.within(lambda n, a, w: 3 * a * w),
            "bcy,c13->bcy", sides=(_FILTERS,)),
    _window("conv_dilated_line",
            "jax.lax.conv_general_dilated({0}, {1}, (1,), [(2, 2)], rhs_dilation=(2,))",
            lambda a, w: _conv1(a, w, (2, 2), 2), iv.within(lambda n, a, w: 3 * n["c"] * a * w),
            "bcy,kc3->bky", sides=(_FILTERS,)),
    _window("conv_depthwise",
            'jax.lax.conv_general_dilated({0}, {t0}, (1, 1), "SAME", feature_group_count={@c})',
            _depthwise, iv.within(lambda n, a, w: 9 * a * w), "bcyz,c33->bcyz",
            lines=("{t0} = {1!!}[:, None]",), locals=("kernel",), sides=(_FILTERS,)),
    _window("conv_padding",
            "jax.lax.conv_with_general_padding({0}, {1}, (1,), [(1, 1)], None, None)",
            _conv1, iv.within(lambda n, a, w: 3 * n["c"] * a * w), "bcy,kc3->bky",
            sides=(_FILTERS,)),
    _window("conv_plain_line", 'jax.lax.conv({0}, {1}, (1,), "SAME")', _conv1,
            iv.within(lambda n, a, w: 3 * n["c"] * a * w), "bcy,kc3->bky", sides=(_FILTERS,)),
    _window("conv_transpose_line",
            'jax.lax.conv_transpose({0}, {1}, (1,), "SAME", None, ("NHC", "HIO", "NHC"))',
            lambda a, w: np.einsum("byxr,rxk->byk", np.moveaxis(
                sliding(np.pad(a, [(0, 0), (1, 1), (0, 0)]), 3, axis=1), -1, -1), w),
            iv.within(lambda n, a, w: 3 * n["c"] * a * w), "byc,3ck->byk", sides=(_FILTERS,)),
    _window("conv_patches", 'jax.lax.conv_general_dilated_patches({0}, (3,), (1,), "SAME").mean(1)',
            lambda a: _around(a, 3, 0, np.sum).sum(1) / (3 * a.shape[1]), dims="bcy->by",
            linear=True),
    _window("conv_stencil", "jnp.convolve({0}, jnp.array([1.0, -2.0, 1.0], {0!!}.dtype), \"same\")",
            lambda a: np.convolve(a, [1, -2, 1], "same"), iv.within(lambda n, a: 4 * a), "d->d",
            linear=True),
    _window("conv_laplacian", "{t0}[1:-1, 2:] + {t0}[1:-1, :-2] + {t0}[2:, 1:-1] + {t0}[:-2, 1:-1]",
            lambda a: scipy.signal.convolve2d(
                np.pad(a, 1, mode="edge"), [[0, 1, 0], [1, 0, 1], [0, 1, 0]], mode="valid"),
            iv.within(lambda n, a: 4 * a), lines=('{t0} = jnp.pad({0}, 1, mode="edge")',),
            locals=("padded",), binds=SUM, linear=True),
    _window("conv_causal_sum", "{t0}", _causal, iv.within(lambda n, a, w: 3 * a * w),
            "...d,3->...d", lines=(
                "{t0} = jnp.pad({0}, [(0, 0)] * ({0!!}.ndim - 1) + [(2, 0)])",
                "{t0} = sum({1!!}[i] * {t0}[..., i : i + {@d}] for i in range(3))"),
            locals=("padded",), sides=(_TAPS,)),
)  # fmt: skip

_SIZES = (
    _window("resize_linear", 'jax.image.resize({0}, ({@n}, 2 * {@d}), "linear")[:, ::2]',
            lambda a: _up(a)[:, ::2], linear=True),
    _window("resize_double", "{t0}.reshape({@n}, {@d}, 2).sum(-1)",
            lambda a: _up(a).reshape(*a.shape, 2).sum(-1), iv.within(lambda n, a: 2 * a),
            lines=('{t0} = jax.image.resize({0}, ({@n}, 2 * {@d}), method="bilinear")',),
            locals=("doubled",), linear=True),
    _window("resize_nearest", 'jax.image.resize({0}, (4, 4), "nearest")',
            lambda a: a[((np.arange(4) + 0.5) * a.shape[0] / 4).astype(int)][
                :, ((np.arange(4) + 0.5) * a.shape[1] / 4).astype(int)], dims="nd->44",
            linear=True),
    _window("scale_translate",
            'jax.image.scale_and_translate({0}, {0!!}.shape, (1,), {t0}, {t1}, "linear", False)',
            _scaled, lines=("{t0} = jnp.array([{#0}], {0!!}.dtype)",
                            "{t1} = jnp.array([{#1}], {0!!}.dtype)"),
            locals=("scale", "shift"), literals=((0.6, 1.5), (0.2, 1.8)), linear=True),
    _window("map_coordinates", 'jax.scipy.ndimage.map_coordinates({0}, [{t0}], 1, mode="nearest")',
            lambda a, c: np.interp(np.arange(len(a)) * c, np.arange(len(a)), a), dims="d->d",
            lines=("{t0} = {#0} * jnp.arange({@d}, dtype={0!!}.dtype)",), locals=("places",),
            literals=((0.3, 0.9),), linear=True),
    _window("interp_places", "jnp.interp({t0}, jnp.arange({@d}, dtype={0!!}.dtype), {0})",
            lambda a, c: np.interp(np.arange(len(a)) * c + 0.5, np.arange(len(a)), a),
            dims="d->d", lines=("{t0} = 0.5 + {#0} * jnp.arange({@d}, dtype={0!!}.dtype)",),
            locals=("places",), literals=((0.3, 0.9),), linear=True, wide=True),
)  # fmt: skip

_PAIRS = (*_POOLS, *_CONVS, *_SIZES)
ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
