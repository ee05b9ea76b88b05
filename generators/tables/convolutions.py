"""Convolutions of signals and images, and pooling of what they yield."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import (
    CLOSE,
    MODERATE,
    NEAR,
    Block,
    block,
    linear,
    logsumexp,
    relu,
    sigmoid,
    softmax,
)

FILTERS, BIAS = Side("filters"), Side("bias")
_CHANNEL = "[None, :, None, None]"


def _conv(strides: str, padding: str, numbers: str = '("NCHW", "OIHW", "NCHW")', more: str = ""):
    return (
        f'jax.lax.conv_general_dilated({{0}}, {{1}}, {strides}, "{padding}", '
        f"dimension_numbers={numbers}{more})"
    )


def _bound(axes: str, taps: int, more: float = 0.0):
    return lambda m, n: 0.5 * m * taps * math.prod(n[a] for a in axes) + more


def _channel(a: np.ndarray) -> np.ndarray:
    return a[None, :, None, None]


def _same(size: int, taps: int, stride: int) -> tuple[int, int]:
    """Return the padding at both ends that is called SAME."""
    total = max((-(-size // stride) - 1) * stride + taps - size, 0)
    return total // 2, total - total // 2


def convolved(x, w, stride: int = 1, dilation: int = 1, padding=None, groups: int = 1):
    """Return the correlation of axes batch, channels, places with filters out, in, taps.

    Without ``padding``, a pair for both ends of each axis, it is SAME.
    """
    if groups > 1:
        parts = zip(np.split(x, groups, 1), np.split(w, groups, 0), strict=True)
        return np.concatenate([convolved(a, b, stride, dilation, padding) for a, b in parts], 1)
    taps = [(n - 1) * dilation + 1 for n in w.shape[2:]]
    ends = [padding or _same(n, t, stride) for n, t in zip(x.shape[2:], taps, strict=True)]
    x = np.pad(x, [(0, 0), (0, 0), *ends])
    axes = tuple(range(2, x.ndim))
    windows = sliding_window_view(x, taps, axis=axes)
    places = len(taps)
    windows = windows[(..., *[slice(None, None, dilation)] * places)]
    windows = windows[(slice(None),) * 2 + (slice(None, None, stride),) * places]
    letters = "uvw"[:places]
    out = "xyz"[:places]
    return np.einsum(f"bc{out}{letters},kc{letters}->bk{out}", windows, w)


def _last(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Convolve axes batch, y, z, channels with filters of axes r, s, in, out."""
    return np.moveaxis(convolved(np.moveaxis(x, -1, 1), w.transpose(3, 2, 0, 1)), 1, -1)


def _upsampled(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    b, c, y, z = x.shape
    wide = np.zeros((b, c, 2 * y - 1, 2 * z - 1))
    wide[:, :, ::2, ::2] = x
    return convolved(wide, w, padding=(1, 1))


def _depthwise(x, w):
    return convolved(x, w, groups=x.shape[1])


def _rowwise(x, w):
    return np.stack([np.convolve(row, w, mode="same") for row in x])


def _circular(x, w):
    return sum(w[i] * np.roll(x, i, axis=-1) for i in range(w.shape[-1]))


def _trailing(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Weigh the last places of axes batch, places, channels, each channel alone."""
    padded = np.pad(x, ((0, 0), (len(w) - 1, 0), (0, 0)))
    return sum((padded[:, i : i + x.shape[1]] * w[i] for i in range(len(w))), np.zeros(()))


_CONV: tuple[Block, ...] = (
    block(
        "conv", "conv_image", "bcyz,kc33->bkyz", (_conv("(1, 1)", "SAME"),), convolved,
        _bound("c", 9), (FILTERS,), weight=2,
    ),
    block(
        "conv", "conv_strided", "bc88,kc33->bk44",
        ('jax.lax.conv({0}, {1}, window_strides=(2, 2), padding="SAME")',),
        lambda x, w: convolved(x, w, 2), _bound("c", 9), (FILTERS,),
    ),
    block(
        "conv", "conv_channels_last", "byzc,33ck->byzk",
        (_conv("(1, 1)", "SAME", '("NHWC", "HWIO", "NHWC")'),), _last, _bound("c", 9), (FILTERS,),
    ),
    block(
        "conv", "conv_signal", "bcy,kc3->bky",
        (_conv("(1,)", "SAME", '("NCH", "OIH", "NCH")'),), convolved, _bound("c", 3), (FILTERS,),
        weight=2,
    ),
    block(
        "conv", "conv_dilated", "bcyz,kc33,k->bkyz",
        ("{t0} = " + _conv("(1, 1)", "SAME", more=", rhs_dilation=(2, 2)"),
         f"{{t0}} + {{2}}{_CHANNEL}"),
        lambda x, w, b: convolved(x, w, dilation=2) + _channel(b), _bound("c", 9, 0.5),
        (FILTERS, BIAS), locals=("response",),
    ),
    block(
        "conv", "conv_channelwise", "bcyz,c133->bcyz",
        (_conv("(1, 1)", "SAME", more=", feature_group_count={@c}"),), _depthwise, _bound("", 9),
        (FILTERS,),
    ),
    block(
        "conv", "conv_grouped", "b4yz,4233,4->b4yz",
        ("{t0} = {0} + {2}[:, None, None]",
         _conv("(1, 1)", "SAME", more=", feature_group_count=2").replace("{0}", "{t0}")),
        lambda x, w, b: convolved(x + _channel(b), w, groups=2),
        lambda m, n: 9.0 * (m + 0.5), (FILTERS, BIAS), locals=("shifted",),
    ),
    block(
        "conv", "conv_separable", "bcyz,c133,kc->bkyz",
        ("{t0} = " + _conv("(1, 1)", "SAME", more=", feature_group_count={@c}"),
         'jnp.einsum("bcyz,kc->bkyz", {t0}, {2})'),
        lambda x, w, v: np.einsum("bcyz,kc->bkyz", _depthwise(x, w), v),
        lambda m, n: 2.25 * m * n["c"], (FILTERS, Side("mixing")), locals=("depthwise",),
    ),
    block(
        "conv", "conv_pointwise", "bcyz,kc,k->bkyz",
        ('{t0} = jnp.einsum("bchw,kc->bkhw", {0}, {1})', f"{{t0}} + {{2}}{_CHANNEL}"),
        lambda x, w, b: np.einsum("bcyz,kc->bkyz", x, w) + _channel(b), linear("c", bias=0.5),
        (FILTERS, BIAS), locals=("mixed",),
    ),
    block(
        "conv", "conv_transposed", "bc44,kc22->bk88",
        ('{t0} = ("NCHW", "OIHW", "NCHW")',
         'jax.lax.conv_transpose({0}, {1}, (2, 2), "SAME", dimension_numbers={t0})'),
        _upsampled, _bound("c", 4), (FILTERS,), locals=("layout",),
    ),
    block(
        "conv", "conv_causal_signal", "bcy,kc3->bky",
        ("{t0} = jnp.pad({0}, ((0, 0), (0, 0), (2, 0)))",
         _conv("(1,)", "VALID", '("NCH", "OIH", "NCH")').replace("{0}", "{t0}")),
        lambda x, w: convolved(x, w, padding=(2, 0)), _bound("c", 3), (FILTERS,),
        locals=("padded",),
    ),
    block(
        "conv", "conv_valid", "bc88,kc55->bk44", ('jax.lax.conv({0}, {1}, (1, 1), "VALID")',),
        lambda x, w: convolved(x, w, padding=(0, 0)), _bound("c", 25), (FILTERS,),
    ),
    block(
        "conv", "conv_padded", "bcyz,kc33->bkyz",
        ("{t0} = ((1, 1), (1, 1))",
         "jax.lax.conv_with_general_padding({0}, {1}, (1, 1), {t0}, None, None)"),
        convolved, _bound("c", 9), (FILTERS,), locals=("padding",),
    ),
    block(
        "conv", "conv_unfolded", "bcyz,kc33->bkyz",
        ('{t0} = jax.lax.conv_general_dilated_patches({0}, (3, 3), (1, 1), "SAME")',
         'jnp.einsum("bpyz,kp->bkyz", {t0}, {1}.reshape({@k}, -1))'),
        convolved, _bound("c", 9), (FILTERS,), locals=("patches",),
    ),
    block(
        "conv", "conv_relu", "bcyz,kc33,k->bkyz",
        ('{t0} = jax.lax.conv({0}, {1}, (1, 1), "SAME")',
         "jax.nn.relu({t0} + {2}[:, None, None])"),
        lambda x, w, b: relu(convolved(x, w) + _channel(b)),
        lambda m, n: (0.0, 4.5 * m * n["c"] + 0.5), (FILTERS, BIAS), locals=("response",),
    ),
    block(
        "conv", "conv_residual", "bcyz,cc33,cc33->bcyz",
        ('{t0} = jax.nn.relu(jax.lax.conv({0}, {1}, (1, 1), "SAME"))',
         '{0} + {#0} * jax.lax.conv({t0}, {2}, (1, 1), padding="SAME")'),
        lambda x, w, v, s: x + s * convolved(relu(convolved(x, w)), v),
        lambda m, n: m * (1 + 20.25 * n["c"] ** 2), (FILTERS, FILTERS), literals=((0.05, 0.5),),
        domain=NEAR, locals=("hidden",),
    ),
    block(
        "conv", "conv_gated", "bcyz,8c33->b4yz",
        ('{t0} = jax.lax.conv({0}, {1}, (1, 1), "SAME")',
         "{t1}, {t2} = jnp.split({t0}, 2, axis=1)",
         "{t1} * jax.nn.sigmoid({t2})"),
        lambda x, w: _glu(convolved(x, w)), _bound("c", 9), (FILTERS,),
        locals=("response", "value", "gate"),
    ),
    block(
        "conv", "conv_volume", "bcxyz,kc222->bkxyz",
        ('{t0} = ("NCDHW", "OIDHW", "NCDHW")',
         'jax.lax.conv_general_dilated({0}, {1}, (1, 1, 1), "SAME", dimension_numbers={t0})'),
        convolved, _bound("c", 8), (FILTERS,), locals=("layout",),
    ),
    block(
        "conv", "conv_rows", "ny,3->ny",
        ('{t0} = lambda row, taps: jnp.convolve(row, taps, mode="same")',
         "jax.vmap({t0}, in_axes=(0, None))({0}, {1})"),
        _rowwise, lambda m, n: 1.5 * m, (Side("taps"),), locals=("filtered",),
    ),
    block(
        "conv", "convolve_rolled", "...y,3->...y",
        ("{t0} = [jnp.roll({0}, {t1}, axis=-1) for {t1} in range(3)]",
         'jnp.einsum("s...y,s->...y", jnp.stack({t0}), {1})'),
        _circular, lambda m, n: 1.5 * m, (Side("taps"),), locals=("shifted", "shift"),
    ),
    block(
        "conv", "convolve_fourier", "...y,y->...y",
        ("{t0} = jnp.fft.rfft({0}, axis=-1) * jnp.fft.rfft({1})",
         "jnp.fft.irfft({t0}, n={@y}, axis=-1)"),
        _circular, linear("y"), (FILTERS,), locals=("spectrum",), wide=True,
    ),
    block(
        "conv", "conv_trailing", "bnd,3d->bnd",
        ("{t0} = jnp.pad({0}, ((0, 0), (2, 0), (0, 0)))",
         "{t1} = [{t0}[:, {t2} : {t2} + {@n}] * {1}[{t2}] for {t2} in range(3)]",
         "jax.nn.silu(sum({t1}))"),
        lambda x, w: _trailing(x, w) * sigmoid(_trailing(x, w)),
        lambda m, n: (-0.3, max(1.5 * m, 0.3)), (FILTERS,), locals=("padded", "taps", "place"),
    ),
)  # fmt: skip


def _glu(x: np.ndarray) -> np.ndarray:
    a, b = np.split(x, 2, axis=1)
    return a * sigmoid(b)


def _tiles(x: np.ndarray) -> np.ndarray:
    """Return the last two axes in tiles of two by two, which are the last two."""
    *first, y, z = x.shape
    return np.swapaxes(x.reshape(*first, y // 2, 2, z // 2, 2), -3, -2)


def _neighbours(x: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Return the three by three windows around each place of the last two axes."""
    ends = [(0, 0)] * (x.ndim - 2) + [(1, 1)] * 2
    return sliding_window_view(np.pad(x, ends, constant_values=fill), (3, 3), axis=(-2, -1))


def _adaptive(x: np.ndarray) -> np.ndarray:
    return np.stack([p.mean(axis=-1) for p in np.array_split(x, 4, axis=-1)], axis=-1)


def _attention_pool(x, w):
    return np.einsum("...n,...nd->...d", softmax(x @ w), x)


def _gated_pool(x, v, u, w):
    weights = softmax((np.tanh(x @ v) * sigmoid(x @ u)) @ w)
    return np.einsum("...n,...nd->...d", weights, x)


def _masked_mean(x, mask):
    keep = mask[..., None].astype(float)
    return np.sum(x * keep, axis=-2) / np.maximum(np.sum(keep, axis=-2), 1.0)


def _moving(x):
    return np.mean(sliding_window_view(np.pad(x, [(0, 0)] * (x.ndim - 1) + [(3, 0)]), 4, -1), -1)


_held = lambda m, n: m  # noqa: E731
_WINDOW = "(1, 1, 2, 2), (1, 1, 2, 2)"
_POOLING: tuple[Block, ...] = (
    block(
        "pooling", "max_pool", "bc88->bc44",
        (f'jax.lax.reduce_window({{0}}, -jnp.inf, jax.lax.max, {_WINDOW}, "VALID")',),
        lambda x: np.max(_tiles(x), axis=(-2, -1)), _held, weight=2,
    ),
    block(
        "pooling", "average_pool", "bc88->bc44",
        (f'{{t0}} = jax.lax.reduce_window({{0}}, 0.0, jax.lax.add, {_WINDOW}, "VALID")',
         "{t0} / 4.0"),
        lambda x: np.mean(_tiles(x), axis=(-2, -1)), _held, weight=2, locals=("sums",),
        linear=True,
    ),
    block(
        "pooling", "max_pool_same", "bcyz->bcyz",
        ("{t0} = (1, 1, 3, 3)",
         'jax.lax.reduce_window({0}, -jnp.inf, jax.lax.max, {t0}, (1, 1, 1, 1), "SAME")'),
        lambda x: np.max(_neighbours(x, -np.inf), axis=(-2, -1)), _held, locals=("window",),
    ),
    block(
        "pooling", "average_pool_same", "...yz->...yz",
        ("{t0} = [(0, 0)] * ({0}.ndim - 2) + [(1, 1), (1, 1)]",
         "{t1} = jnp.pad({0}, {t0})",
         "{t2} = {t1}[..., :-2, :] + {t1}[..., 1:-1, :] + {t1}[..., 2:, :]",
         "({t2}[..., :-2] + {t2}[..., 1:-1] + {t2}[..., 2:]) / 9.0"),
        lambda x: np.mean(_neighbours(x), axis=(-2, -1)), _held, linear=True,
        locals=("ends", "padded", "rows"),
    ),
    block(
        "pooling", "max_pool_reshape", "bc88->bc44",
        ("{0}.reshape({@b}, {@c}, 4, 2, 4, 2).max(axis=(3, 5))",),
        lambda x: np.max(_tiles(x), axis=(-2, -1)), _held,
    ),
    block(
        "pooling", "average_pool_last", "b88c->b44c",
        ("{0}.reshape({@b}, 4, 2, 4, 2, {@c}).mean(axis=(2, 4))",),
        lambda x: x.reshape(len(x), 4, 2, 4, 2, -1).mean(axis=(2, 4)), _held, linear=True,
    ),
    block(
        "pooling", "max_pool_signal", "...8->...4",
        ("jnp.maximum({0}[..., ::2], {0}[..., 1::2])",),
        lambda x: np.maximum(x[..., ::2], x[..., 1::2]), _held,
    ),
    block(
        "pooling", "global_average_pool", "...yz->...",
        ("{0}.mean(axis=(-2, -1))",), lambda x: np.mean(x, axis=(-2, -1)), _held, linear=True,
    ),
    block(
        "pooling", "global_max_pool", "bcyz->bc",
        ("{0}.reshape({@b}, {@c}, -1).max(axis=-1)",), lambda x: np.max(x, axis=(-2, -1)), _held,
    ),
    block(
        "pooling", "adaptive_average_pool", "...y->...4",
        ("{t0} = jnp.array_split({0}, 4, axis=-1)",
         "jnp.stack([{t1}.mean(axis=-1) for {t1} in {t0}], axis=-1)"),
        _adaptive, _held, linear=True, locals=("pieces", "piece"),
    ),
    block(
        "pooling", "attention_pool", "...nd,d->...d",
        ("{t0} = jax.nn.softmax({0} @ {1}, axis=-1)", 'jnp.einsum("...n,...nd->...d", {t0}, {0})'),
        _attention_pool, _held, (Side("query"),), locals=("weights",),
    ),
    block(
        "pooling", "gated_attention_pool", "...nd,dk,dk,k->...d",
        ("{t0} = jnp.tanh({0} @ {1}) * jax.nn.sigmoid({0} @ {2})",
         "{t1} = jax.nn.softmax({t0} @ {3}, axis=-1)",
         "jnp.sum({t1}[..., None] * {0}, axis=-2)"),
        _gated_pool, _held, (Side("value_weight"), Side("gate_weight"), Side("score_weight")),
        locals=("hidden", "weights"),
    ),
    block(
        "pooling", "generalized_mean_pool", "...yz->...",
        ("jnp.mean(jnp.maximum({0}, 1e-2) ** {#0}, axis=(-2, -1)) ** (1.0 / {#0})",),
        lambda x, p: np.mean(np.maximum(x, 1e-2) ** p, axis=(-2, -1)) ** (1 / p),
        lambda m, n: (0.0, max(m, 0.01)), literals=((1.5, 4.0),), domain=(0.05, 8.0),
    ),
    block(
        "pooling", "soft_max_pool", "...nd->...d",
        ("(jax.nn.logsumexp({#0} * {0}, axis=-2) - jnp.log({@n})) / {#0}",),
        lambda x, b: (logsumexp(b * x, axis=-2) - math.log(x.shape[-2])) / b, _held,
        literals=((0.5, 4.0),),
    ),
    block(
        "pooling", "weighted_softmax_pool", "...nd->...d",
        ('jnp.einsum("...nd,...nd->...d", jax.nn.softmax({0}, axis=-2), {0})',),
        lambda x: np.sum(softmax(x, -2) * x, axis=-2), _held,
    ),
    block(
        "pooling", "top_mean_pool", "...d->...",
        ("jax.lax.top_k({0}, {#0})[0].mean(axis=-1)",),
        lambda x, k: np.mean(np.sort(x, -1)[..., -k:], axis=-1), _held, literals=((2, 4),),
    ),
    block(
        "pooling", "masked_mean_pool", "bnd,bn->bd",
        ("{t0} = {1}[..., None].astype({0}.dtype)",
         "jnp.sum({0} * {t0}, axis=-2) / jnp.maximum(jnp.sum({t0}, axis=-2), 1.0)"),
        _masked_mean, _held, (Side("mask", (0, 1)),), args="fb", locals=("keep",), linear=True,
    ),
    block(
        "pooling", "statistics_pool", "...n4->...8",
        ("{t0} = [{0}.mean(axis=-2), {0}.std(axis=-2)]", "jnp.concatenate({t0}, axis=-1)"),
        lambda x: np.concatenate([x.mean(axis=-2), x.std(axis=-2)], axis=-1), _held,
        locals=("statistics",), domain=MODERATE,
    ),
    block(
        "pooling", "power_average_pool", "bcyz->bcyz",
        ("{t0} = (1, 1, 3, 3)",
         '{t1} = jax.lax.reduce_window({0} ** 2, 0.0, jax.lax.add, {t0}, (1,) * 4, "SAME")',
         "jnp.sqrt({t1} / 9.0 + 1e-2)"),
        lambda x: np.sqrt(np.mean(_neighbours(x * x), axis=(-2, -1)) + 1e-2),
        lambda m, n: (0.1, math.sqrt(m * m + 0.01)), locals=("window", "energy"), domain=CLOSE,
    ),
    block(
        "pooling", "moving_average_pool", "...y->...y",
        ("{t0} = jnp.cumsum({0}, axis=-1)",
         "{t1} = jnp.pad({t0}[..., :-4], [(0, 0)] * ({0}.ndim - 1) + [(4, 0)])",
         "({t0} - {t1}) / 4.0"),
        _moving, _held, linear=True, locals=("total", "before"), domain=MODERATE,
    ),
    block(
        "pooling", "patch_embedding", "bc88,kc44->b4k",
        ("{t0} = {0}.reshape({@b}, {@c}, 2, 4, 2, 4)",
         '{t1} = jnp.einsum("bcyizj,kcij->byzk", {t0}, {1})',
         "{t1}.reshape({@b}, 4, {@k})"),
        lambda x, w: np.einsum(
            "bcyizj,kcij->byzk", x.reshape(*x.shape[:2], 2, 4, 2, 4), w
        ).reshape(len(x), 4, -1),
        lambda m, n: 8.0 * m * n["c"], (FILTERS,), locals=("patches", "tokens"),
    ),
)  # fmt: skip

_BLOCKS = (*_CONV, *_POOLING)
ROWS = tuple(row for row, _ in _BLOCKS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _BLOCKS}
