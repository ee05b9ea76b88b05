"""Normalizations: of layers, groups, instances and batches, and of weights."""

from __future__ import annotations

import numpy as np

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import (
    BETA,
    CLOSE,
    GAIN,
    GAMMA,
    MODERATE,
    Block,
    block,
    mean,
    normal,
    rms,
    standardized,
    within,
)

_CHANNEL = "[None, :, None, None]"


def _channel(a: np.ndarray) -> np.ndarray:
    return a[None, :, None, None]


def _grouped(x: np.ndarray, groups: int, epsilon: float = 1e-5) -> np.ndarray:
    parts = x.reshape(x.shape[0], groups, -1)
    return standardized(parts, epsilon=epsilon).reshape(x.shape)


_LAYERNORM = (
    block(
        "layernorm", "layer_norm", "...d,d,d->...d",
        ("{t0} = jnp.mean({0}, axis=-1, keepdims=True)",
         "{t1} = jnp.var({0}, axis=-1, keepdims=True)",
         "({0} - {t0}) / jnp.sqrt({t1} + 1e-5) * {1} + {2}"),
        lambda x, g, b: standardized(x) * g + b, normal("d"), (GAMMA, BETA), domain=MODERATE,
        locals=("mean", "variance"), weight=2,
    ),
    block(
        "layernorm", "layer_norm_centered", "...d->...d",
        ("{t0} = {0} - jnp.mean({0}, axis=-1, keepdims=True)",
         "{t0} * jax.lax.rsqrt(jnp.mean({t0} * {t0}, axis=-1, keepdims=True) + 1e-5)"),
        standardized, normal("d"), locals=("centered",), domain=MODERATE,
    ),
    block(
        "layernorm", "rms_norm", "...d,d->...d",
        ("{t0} = jnp.mean(jnp.square({0}), axis=-1, keepdims=True)",
         "{0} * jax.lax.rsqrt({t0} + 1e-6) * {1}"),
        lambda x, g: x / rms(x) * g, normal("d"), (GAMMA,), locals=("power",), domain=MODERATE,
    ),
    block(
        "layernorm", "layer_norm_joint", "...nd,d,d->...nd",
        ("{t0} = {0} - jnp.mean({0}, axis=(-2, -1), keepdims=True)",
         "{t1} = jnp.std({0}, axis=(-2, -1), keepdims=True)",
         "{1} * {t0} / ({t1} + 1e-3) + {2}"),
        lambda x, g, b: g * (x - mean(x, (-2, -1))) / (
            np.std(x, axis=(-2, -1), keepdims=True) + 1e-3) + b,
        normal("n", "d"), (GAMMA, BETA), locals=("centered", "spread"), domain=MODERATE,
    ),
    block(
        "layernorm", "standardize", "...d->...d",
        ("jax.nn.standardize({0}, axis=-1, epsilon=1e-5)",), standardized, normal("d"),
        domain=MODERATE,
    ),
    block(
        "layernorm", "layer_norm_moments", "...d,d,d->...d",
        ("{t0} = {0}.mean(axis=-1, keepdims=True)",
         "{t1} = ({0} ** 2).mean(axis=-1, keepdims=True) - {t0} ** 2",
         "({0} - {t0}) * jax.lax.rsqrt({t1} + 1e-3) * {1} + {2}"),
        lambda x, g, b: standardized(x, epsilon=1e-3) * g + b, normal("d"), (GAMMA, BETA),
        locals=("mean", "variance"), domain=CLOSE,
    ),
    block(
        "layernorm", "rms_norm_shifted_gain", "...d,d->...d",
        ("{t0} = jnp.mean({0} ** 2, axis=-1, keepdims=True) + 1e-6",
         "{0} / jnp.sqrt({t0}) * (1.0 + {1})"),
        lambda x, g: x / rms(x) * (1.0 + g), normal("d"), (Side("scale"),), domain=MODERATE,
        locals=("power",),
    ),
    block(
        "layernorm", "rms_norm_upcast", "...d,d->...d",
        ("{t0} = {0}.astype(jnp.float32)",
         "{t1} = {t0} * jax.lax.rsqrt(jnp.mean({t0} ** 2, axis=-1, keepdims=True) + 1e-6)",
         "{t1}.astype({0}.dtype) * {1}"),
        lambda x, g: x / rms(x) * g, normal("d"), (GAMMA,), locals=("wide", "normalized"),
        domain=MODERATE,
    ),
    block(
        "layernorm", "layer_norm_modulated", "...d,...d,...d->...d",
        ("{t0} = jnp.mean({0}, axis=-1, keepdims=True)",
         "{t1} = jnp.var({0}, axis=-1, keepdims=True)",
         "({0} - {t0}) * jax.lax.rsqrt({t1} + 1e-6) * (1.0 + {1}) + {2}"),
        lambda x, s, b: standardized(x, epsilon=1e-6) * (1.0 + s) + b, normal("d"),
        (Side("scale"), Side("shift")), locals=("mean", "variance"), domain=MODERATE,
    ),
    block(
        "layernorm", "residual_layer_norm", "...d,...d,d->...d",
        ("{t0} = {0} + {1}",
         "{t1} = jnp.mean({t0}, axis=-1, keepdims=True)",
         "{t2} = jnp.mean(jnp.square({t0} - {t1}), axis=-1, keepdims=True)",
         "({t0} - {t1}) * jax.lax.rsqrt({t2} + 1e-5) * {2}"),
        lambda x, r, g: standardized(x + r) * g, normal("d"), (Side("residual"), GAMMA),
        locals=("total", "mean", "variance"), domain=MODERATE,
    ),
    block(
        "layernorm", "group_norm", "nd,d,d->nd",
        ("{t0} = {0}.reshape({@n}, 4, -1)",
         "{t1} = {t0} - jnp.mean({t0}, axis=-1, keepdims=True)",
         "{t2} = {t1} / jnp.sqrt(jnp.var({t0}, axis=-1, keepdims=True) + 1e-2)",
         "{t2}.reshape({0}.shape) * {1} + {2}"),
        lambda x, g, b: _grouped(x, 4, 1e-2) * g + b, normal("d"), (GAMMA, BETA), multiple=4,
        locals=("groups", "centered", "normalized"), domain=MODERATE,
    ),
    block(
        "layernorm", "group_norm_image", "b4yz->b4yz",
        ("{t0} = {0}.reshape({@b}, 2, -1)",
         "{t1} = jax.nn.standardize({t0}, axis=-1)", "{t1}.reshape({0}.shape)"),
        lambda x: _grouped(x, 2), normal("y", "z", more=30.0), locals=("groups", "normalized"),
        domain=MODERATE,
    ),
    block(
        "layernorm", "instance_norm", "bcyz,c,c->bcyz",
        ("{t0} = jnp.mean({0}, axis=(2, 3), keepdims=True)",
         "{t1} = jnp.var({0}, axis=(2, 3), keepdims=True)",
         "{t2} = ({0} - {t0}) / jnp.sqrt({t1} + 1e-5)",
         "{t2} * {1}[:, None, None] + {2}[:, None, None]"),
        lambda x, g, b: standardized(x, (2, 3)) * _channel(g) + _channel(b), normal("y", "z"),
        (GAMMA, BETA), locals=("mean", "variance", "normalized"), domain=MODERATE,
    ),
    block(
        "layernorm", "channel_norm", "bcyz,c->bcyz",
        ("{t0} = {0} - jnp.mean({0}, axis=1, keepdims=True)",
         "{t1} = jnp.mean(jnp.square({t0}), axis=1, keepdims=True)",
         f"{{1}}{_CHANNEL} * {{t0}} * jax.lax.rsqrt({{t1}} + 1e-2)"),
        lambda x, g: standardized(x, 1, 1e-2) * _channel(g), normal("c"), (GAMMA,),
        locals=("centered", "variance"), domain=MODERATE,
    ),
    block(
        "layernorm", "scale_norm", "...d->...d",
        ("{t0} = jnp.linalg.norm({0}, axis=-1, keepdims=True)",
         "{#0} * {0} / jnp.maximum({t0}, 1e-5)"),
        lambda x, s: s * x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-5),
        lambda m, n: 4.0, literals=((0.5, 4.0),), locals=("length",), domain=MODERATE,
    ),
    block(
        "layernorm", "weight_norm", "dk,k->dk",
        ("{1} * {0} / jnp.linalg.norm({0}, axis=0, keepdims=True)",),
        lambda v, g: g * v / np.linalg.norm(v, axis=0, keepdims=True), lambda m, n: 1.5,
        (Side("gain", GAIN),), domain=MODERATE,
    ),
    block(
        "layernorm", "spectral_normalization", "dk,d->dk",
        ("{t0} = {0}.T @ {1}",
         "{t0} = {t0} / (jnp.linalg.norm({t0}) + 1e-2)",
         "{t1} = {0} @ {t0}",
         "{0} / (jnp.linalg.norm({t1}) + 1e-2)"),
        lambda w, u: w / (np.linalg.norm(
            w @ (w.T @ u / (np.linalg.norm(w.T @ u) + 1e-2))) + 1e-2),
        lambda m, n: 100.0 * m, (Side("direction", (0.1, 1.0)),), locals=("right", "left"),
        domain=CLOSE,
    ),
    block(
        "layernorm", "local_response_norm", "bcyz->bcyz",
        ("{t0} = (1, 3, 1, 1)",
         '{t1} = jax.lax.reduce_window({0} ** 2, 0.0, jax.lax.add, {t0}, (1,) * 4, "SAME")',
         "{0} / (2.0 + {#0} * {t1}) ** 0.75"),
        lambda x, a: x / (2.0 + a * sum(
            np.pad(x * x, ((0, 0), (1, 1), (0, 0), (0, 0)))[:, i : i + x.shape[1]]
            for i in range(3))) ** 0.75,
        lambda m, n: 0.6 * m, literals=((0.1, 1.0),), locals=("window", "energy"), domain=MODERATE,
    ),
)  # fmt: skip

_STATISTICS = (Side("running_mean"), Side("running_var", GAIN))
_BATCHNORM = (
    block(
        "batchnorm", "batch_norm", "nd,d,d->nd",
        ("{t0} = jnp.mean({0}, axis=0)",
         "{t1} = jnp.var({0}, axis=0)",
         "{1} * ({0} - {t0}) / jnp.sqrt({t1} + 1e-5) + {2}"),
        lambda x, g, b: standardized(x, 0) * g + b, normal("n"), (GAMMA, BETA), weight=2,
        locals=("mean", "variance"), domain=MODERATE,
    ),
    block(
        "batchnorm", "batch_norm_inference", "bcyz,c,c,c->bcyz",
        ("{t0} = {0} - {1}[:, None, None]",
         "{t0} * ({3} * jax.lax.rsqrt({2} + 1e-5))[:, None, None]"),
        lambda x, m, v, g: (x - _channel(m)) * _channel(g / np.sqrt(v + 1e-5)),
        lambda m, n: 2.2 * (m + 0.5), (*_STATISTICS, GAMMA), locals=("centered",),
    ),
    block(
        "batchnorm", "batch_norm_image", "bcyz,c,c->bcyz",
        ("{t0} = jnp.mean({0}, axis=(0, 2, 3), keepdims=True)",
         "{t1} = jnp.var({0}, axis=(0, 2, 3), keepdims=True)",
         "{t2} = ({0} - {t0}) * jax.lax.rsqrt({t1} + 1e-5)",
         f"{{t2}} * {{1}}{_CHANNEL} + {{2}}{_CHANNEL}"),
        lambda x, g, b: standardized(x, (0, 2, 3)) * _channel(g) + _channel(b),
        normal("b", "y", "z"), (GAMMA, BETA), locals=("mean", "variance", "normalized"),
        domain=MODERATE,
    ),
    block(
        "batchnorm", "batch_norm_spread", "nd->nd",
        ("{t0} = {0} - jnp.mean({0}, axis=0, keepdims=True)",
         "{t0} / (jnp.std({0}, axis=0, keepdims=True) + 1e-3)"),
        lambda x: (x - mean(x, 0)) / (np.std(x, axis=0, keepdims=True) + 1e-3), normal("n"),
        locals=("centered",), domain=MODERATE,
    ),
    block(
        "batchnorm", "batch_norm_folded", "...d,d,d,d,d->...d",
        ("{t0} = {3} / jnp.sqrt({2} + 1e-5)",
         "{t1} = jnp.stack([{t0}, {4} - {1} * {t0}])",
         "{t1}[0] * {0} + {t1}[1]"),
        lambda x, m, v, g, b: (x - m) / np.sqrt(v + 1e-5) * g + b,
        lambda m, n: 2.2 * (m + 0.5) + 0.5, (*_STATISTICS, GAMMA, BETA),
        locals=("factor", "folded"),
    ),
    block(
        "batchnorm", "batch_norm_last", "byzc,c,c->byzc",
        ("{t0} = {0}.mean(axis=(0, 1, 2))",
         "{t1} = {0}.var(axis=(0, 1, 2))",
         "({0} - {t0}) * jax.lax.rsqrt({t1} + 1e-5) * {1} + {2}"),
        lambda x, g, b: standardized(x, (0, 1, 2)) * g + b, normal("b", "y", "z"), (GAMMA, BETA),
        locals=("mean", "variance"), domain=MODERATE,
    ),
    block(
        "batchnorm", "batch_norm_signal", "bcy,c,c->bcy",
        ("{t0} = jax.nn.standardize({0}, axis=(0, 2), epsilon=1e-5)",
         "{t0} * {1}[:, None] + {2}[:, None]"),
        lambda x, g, b: standardized(x, (0, 2)) * g[:, None] + b[:, None], normal("b", "y"),
        (GAMMA, BETA), locals=("normalized",), domain=MODERATE,
    ),
    block(
        "batchnorm", "batch_norm_ghost", "8d->8d",
        ("{t0} = {0}.reshape(2, 4, -1)",
         "{t1} = {t0} - jnp.mean({t0}, axis=1, keepdims=True)",
         "{t2} = jnp.mean({t1} ** 2, axis=1, keepdims=True)",
         "({t1} / jnp.sqrt({t2} + 1e-2)).reshape({0}.shape)"),
        lambda x: standardized(x.reshape(2, 4, -1), 1, 1e-2).reshape(x.shape), within(-2.5, 2.5),
        locals=("batches", "centered", "variance"), domain=MODERATE,
    ),
    block(
        "batchnorm", "running_mean_update", "nd,d->d",
        ("{#0} * {1} + (1.0 - {#0}) * jnp.mean({0}, axis=0)",),
        lambda x, r, a: a * r + (1 - a) * np.mean(x, 0), lambda m, n: max(m, 0.5),
        (Side("running_mean"),), literals=((0.5, 0.95),),
    ),
    block(
        "batchnorm", "running_var_update", "nd,d->d",
        ("{1} + {#0} * (jnp.var({0}, axis=0, ddof=1) - {1})",),
        lambda x, r, a: r + a * (np.var(x, 0, ddof=1) - r),
        lambda m, n: (0.0, max(1.4 * m * m, 1.5)), (Side("running_var", GAIN),),
        literals=((0.05, 0.5),), domain=MODERATE,
    ),
)  # fmt: skip

_BLOCKS: tuple[Block, ...] = (*_LAYERNORM, *_BATCHNORM)
ROWS = tuple(row for row, _ in _BLOCKS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _BLOCKS}
