"""Training: one step of an optimizer, and dropout."""

from __future__ import annotations

import math

import numpy as np

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import (
    CLOSE,
    MODERATE,
    Block,
    W,
    block,
    softmax,
    within,
)


def _momentum(p, g, v, lr, b):
    return p - lr * (b * v + g)


def _nesterov(p, g, v, lr, b):
    return p - lr * (g + b * (b * v + g))


def _adam(p, g, m, v, lr, t):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return p - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-3)


def _adamw(p, g, m, v, lr, decay):
    m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
    return p - lr * (m / (np.sqrt(v) + 1e-3) + decay * p)


def _lion(p, g, m, lr):
    return p - lr * np.sign(0.9 * m + 0.1 * g)


def _lamb(p, g, v, lr):
    step = g / (np.sqrt(v) + 1e-3)
    trust = np.linalg.norm(p) / (np.linalg.norm(step) + 1e-3)
    return p - lr * trust * step


def _clipped(g, limit):
    return g * np.minimum(1.0, limit / (np.sqrt(np.sum(g * g)) + 1e-3))


def _clipped_rows(g, limit):
    norm = np.linalg.norm(g, axis=-1, keepdims=True)
    return np.where(norm > limit, limit * g / norm, g)


def _adafactor(p, g, lr):
    s = g * g + 1e-3
    rows, columns = np.mean(s, axis=1), np.mean(s, axis=0)
    return p - lr * g / np.sqrt(rows[:, None] * columns / np.mean(s))


def _muon(g):
    x = g / (np.linalg.norm(g) + 1e-3)
    for _ in range(2):
        x = 1.5 * x - 0.5 * x @ x.T @ x
    return x


_GRAD, _VEL = Side("grad"), Side("velocity")
_FIRST, _SECOND = Side("first_moment"), Side("second_moment", (0.1, 1.0))
_RATE = (0.001, 0.1)
_step = lambda m, n: m + 1.0  # noqa: E731
_OPTIMIZER: tuple[Block, ...] = (
    block(
        "optimizer", "sgd", "...d,...d->...d",
        ("jax.tree.map(lambda p, g: p - {#0} * g, {0}, {1})",), lambda p, g, lr: p - lr * g,
        _step, (_GRAD,), literals=(_RATE,), weight=2,
    ),
    block(
        "optimizer", "sgd_decay", "...d,...d->...d",
        ("{0} * (1.0 - {#0} * {#1}) - {#0} * {1}",),
        lambda p, g, lr, d: p * (1 - lr * d) - lr * g, _step, (_GRAD,),
        literals=(_RATE, (0.01, 0.5)),
    ),
    block(
        "optimizer", "sgd_momentum", "...d,...d,...d->...d",
        ("{t0} = lambda p, v: p - {#0} * v",
         "jax.tree.map({t0}, {0}, {#1} * {2} + {1})"),
        _momentum, _step, (_GRAD, _VEL), literals=(_RATE, (0.5, 0.95)), locals=("step",),
    ),
    block(
        "optimizer", "sgd_dampened", "...d,...d,...d->...d",
        ("{t0} = {#1} * {2} + (1.0 - {#1}) * {1}", "{0} - {#0} * {t0}"),
        lambda p, g, v, lr, b: p - lr * (b * v + (1 - b) * g), _step, (_GRAD, _VEL),
        literals=(_RATE, (0.5, 0.95)), locals=("velocity",), weight=2,
    ),
    block(
        "optimizer", "nesterov", "...d,...d,...d->...d",
        ("def {t0}(p, g, v):",
         "    v = {#1} * v + g",
         "    return p - {#0} * (g + {#1} * v)",
         "jax.tree.map({t0}, {0}, {1}, {2})"),
        _nesterov, _step, (_GRAD, _VEL), literals=(_RATE, (0.5, 0.95)), locals=("update",),
    ),
    block(
        "optimizer", "adam", "...d,...d,...d,...d->...d",
        ("{t0} = 0.9 * {2} + (1.0 - 0.9) * {1}",
         "{t1} = 0.999 * {3} + (1.0 - 0.999) * {1} ** 2",
         "{t0} = {t0} / (1.0 - 0.9 ** {#1})",
         "{t1} = {t1} / (1.0 - 0.999 ** {#1})",
         "{0} - {#0} * {t0} / (jnp.sqrt({t1}) + 1e-3)"),
        _adam, lambda m, n: m + 1.0, (_GRAD, _FIRST, _SECOND), literals=((0.001, 0.02), (2, 50)),
        locals=("mean", "variance"), weight=2,
    ),
    block(
        "optimizer", "adamw", "...d,...d,...d,...d->...d",
        ("{t0} = 0.9 * {2} + (1.0 - 0.9) * {1}",
         "{t1} = 0.95 * {3} + (1.0 - 0.95) * {1} * {1}",
         "{0} - {#0} * ({t0} / (jnp.sqrt({t1}) + 1e-3) + {#1} * {0})"),
        _adamw, _step, (_GRAD, _FIRST, _SECOND), literals=(_RATE, (0.01, 0.5)),
        locals=("mean", "variance"), weight=2,
    ),
    block(
        "optimizer", "adam_direction", "...d,...d,...d->...d",
        ("{t0} = {1} + (1.0 - {#0}) * ({0} - {1})",
         "{t1} = {2} + (1.0 - 0.999) * ({0} ** 2 - {2})",
         "{t0} / jnp.sqrt({t1} + 1e-4)"),
        lambda g, m, v, b: (m + (1 - b) * (g - m)) / np.sqrt(v + 0.001 * (g**2 - v) + 1e-4),
        lambda m, n: 3.2 * max(m, 0.5), (_FIRST, _SECOND), literals=((0.5, 0.95),),
        locals=("mean", "variance"), domain=MODERATE,
    ),
    block(
        "optimizer", "rmsprop", "...d,...d,...d->...d",
        ("{t0} = {#1} * {2} + (1.0 - {#1}) * jnp.square({1})",
         "{0} - {#0} * {1} * jax.lax.rsqrt({t0} + 1e-3)"),
        lambda p, g, v, lr, b: p - lr * g / np.sqrt(b * v + (1 - b) * g**2 + 1e-3), _step,
        (_GRAD, _SECOND), literals=(_RATE, (0.8, 0.99)), locals=("scale",),
    ),
    block(
        "optimizer", "adagrad", "...d,...d,...d->...d",
        ("{t0} = jax.tree.map(lambda s, g: s + g ** 2, {2}, {1})",
         "{0} - {#0} * {1} / jnp.sqrt({t0} + 1e-3)"),
        lambda p, g, s, lr: p - lr * g / np.sqrt(s + g**2 + 1e-3), _step,
        (_GRAD, Side("sum_squares", (0.1, 1.0))), literals=(_RATE,), locals=("accumulated",),
    ),
    block(
        "optimizer", "lion", "...d,...d,...d->...d",
        ("{0} - {#0} * jnp.sign(0.9 * {2} + (1.0 - 0.9) * {1})",), _lion, _step,
        (_GRAD, _FIRST), literals=(_RATE,), weight=2,
    ),
    block(
        "optimizer", "lamb", "nd,nd,nd->nd",
        ("{t0} = {1} / (jnp.sqrt({2}) + 1e-3)",
         "{t1} = jnp.linalg.norm({0}) / (jnp.linalg.norm({t0}) + 1e-3)",
         "{0} - {#0} * {t1} * {t0}"),
        _lamb, lambda m, n: m * (1 + 0.1 * math.sqrt(n["n"] * n["d"])), (_GRAD, _SECOND),
        literals=(_RATE,), locals=("step", "trust"), domain=MODERATE,
    ),
    block(
        "optimizer", "clip_norm", "nd->nd",
        ("{t0} = jnp.sqrt(jnp.vdot({0}, {0}))", "{0} * jnp.minimum(1.0, {#0} / ({t0} + 1e-3))"),
        _clipped, lambda m, n: m, literals=((0.5, 5.0),), locals=("norm",), domain=CLOSE,
    ),
    block(
        "optimizer", "clip_norm_rows", "...d->...d",
        ("{t0} = jnp.linalg.norm({0}, axis=-1, keepdims=True)",
         "jnp.where({t0} > {#0}, {#0} * {0} / {t0}, {0})"),
        _clipped_rows, lambda m, n: m, literals=((0.5, 2.0),), locals=("norm",), domain=MODERATE,
    ),
    block(
        "optimizer", "adafactor", "nd,nd->nd",
        ("{t0} = {1} * {1} + 1e-3",
         "{t1} = jnp.outer({t0}.mean(axis=1), {t0}.mean(axis=0)) / {t0}.mean()",
         "{0} - {#0} * {1} * jax.lax.rsqrt({t1})"),
        _adafactor, lambda m, n: m + 3.0, (_GRAD,), literals=(_RATE,),
        locals=("squares", "factored"),
    ),
    block(
        "optimizer", "orthogonalized_gradient", "nd->nd",
        ("{t0} = {0} / (jnp.linalg.norm({0}) + 1e-3)",
         "for _ in range(2):",
         "    {t0} = 1.5 * {t0} - 0.5 * {t0} @ {t0}.T @ {t0}",
         "{t0}"),
        _muon, within(-1.0, 1.0), locals=("update",), domain=CLOSE,
    ),
    block(
        "optimizer", "gradient_centralization", "nd,nd->nd",
        ("{0} - {#0} * ({1} - {1}.mean(axis=-1, keepdims=True))",),
        lambda p, g, lr: p - lr * (g - np.mean(g, axis=-1, keepdims=True)), _step, (_GRAD,),
        literals=(_RATE,),
    ),
    block(
        "optimizer", "weight_average", "...d,...d->...d",
        ("jax.tree.map(lambda p, q: {#0} * q + (1.0 - {#0}) * p, {0}, {1})",),
        lambda p, q, b: b * q + (1 - b) * p, lambda m, n: max(m, 0.5), (Side("average"),),
        literals=((0.5, 0.99),),
    ),
    block(
        "optimizer", "elastic_net_step", "...d,...d->...d",
        ("{t0} = {0} - {#0} * {1}",
         "jnp.sign({t0}) * jnp.maximum(jnp.abs({t0}) - {#1}, 0.0) / (1.0 + {#0})"),
        lambda p, g, lr, c: np.sign(p - lr * g) * np.maximum(np.abs(p - lr * g) - c, 0) / (1 + lr),
        _step, (_GRAD,), literals=(_RATE, (0.01, 0.1)), locals=("moved",),
    ),
)  # fmt: skip


def _draws(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    from generators.tables import threefry

    return threefry.uniform(threefry.key(int(seed)), shape)


def _kept(seed: int, p: float, shape: tuple[int, ...]) -> np.ndarray:
    from generators.tables import threefry

    return threefry.uniform(threefry.key(int(seed)), shape) < np.float32(p)


_drop = lambda m, n: 2.0 * m  # noqa: E731
_KEEP = ((0.5, 0.9),)
_SEED = Side("seed", (0, 1000))
_BERNOULLI = "jax.random.bernoulli(jax.random.key({1}), jnp.float32({#0}), "
_DROPOUT: tuple[Block, ...] = (
    block(
        "dropout", "dropout", "...d,->...d",
        (f"{{t0}} = {_BERNOULLI}{{0}}.shape)", "jnp.where({t0}, {0} / {#0}, 0.0)"),
        lambda x, s, p: np.where(_kept(s, p, x.shape), x / p, 0.0), _drop, (_SEED,), args="fk",
        literals=_KEEP, locals=("keep",), weight=2,
    ),
    block(
        "dropout", "dropout_uniform", "...d,->...d",
        ("{t0} = jax.random.uniform(jax.random.PRNGKey({1}), {0}.shape, dtype=jnp.float32)",
         "({t0} < {#0}) * {0} / {#0}"),
        lambda x, s, p: (_draws(s, x.shape) < np.float32(p)) * x / p, _drop, (_SEED,), args="fk",
        literals=_KEEP, locals=("draws",),
    ),
    block(
        "dropout", "dropout_rows", "...d,->...d",
        (f"{{t0}} = {_BERNOULLI}{{0}}.shape[:-1])",
         "jnp.where({t0}[..., None], {0} / {#0}, 0.0)"),
        lambda x, s, p: np.where(_kept(s, p, x.shape[:-1])[..., None], x / p, 0.0), _drop,
        (_SEED,), args="fk", literals=_KEEP, locals=("keep",),
    ),
    block(
        "dropout", "dropout_shift", "...d,,d->...d",
        (f"{{t0}} = {_BERNOULLI}{{0}}.shape)", "{2} + jnp.where({t0}, {0}, 0.0) / {#0}"),
        lambda x, s, b, p: b + np.where(_kept(s, p, x.shape), x, 0.0) / p,
        lambda m, n: 2 * m + 0.5, (_SEED, Side("beta")), args="fkf", literals=_KEEP,
        locals=("kept",),
    ),
    block(
        "dropout", "dropout_channels", "bcyz,->bcyz",
        (f"{{t0}} = {_BERNOULLI}({{@b}}, {{@c}}, 1, 1))", "{0} * {t0} / {#0}"),
        lambda x, s, p: x * _kept(s, p, (*x.shape[:2], 1, 1)) / p, _drop, (_SEED,), args="fk",
        literals=_KEEP, locals=("keep",),
    ),
    block(
        "dropout", "drop_connect", "...d,,dk->...k",
        (f"{{t0}} = {_BERNOULLI}{{2}}.shape)", "jnp.dot({0}, jnp.where({t0}, {2}, 0.0) / {#0})"),
        lambda x, s, w, p: x @ (np.where(_kept(s, p, w.shape), w, 0.0) / p),
        lambda m, n: m * n["d"], (_SEED, W), args="fkf", literals=_KEEP, locals=("keep",),
    ),
    block(
        "dropout", "drop_path", "bnd,,bnd->bnd",
        (f"{{t0}} = {_BERNOULLI}({{@b}}, 1, 1))", "{2} + {0} * {t0} / {#0}"),
        lambda x, s, r, p: r + x * _kept(s, p, (len(x), 1, 1)) / p, lambda m, n: 2 * m + 0.5,
        (_SEED, Side("residual")), args="fkf", literals=_KEEP, locals=("keep",),
    ),
    block(
        "dropout", "drop_tokens", "...nd,,d->...nd",
        (f"{{t0}} = {_BERNOULLI}{{0}}.shape[:-1] + (1,))", "jnp.where({t0}, {0}, {2})"),
        lambda x, s, t, p: np.where(_kept(s, p, (*x.shape[:-1], 1)), x, t),
        lambda m, n: max(m, 0.5), (_SEED, Side("mask_token")), args="fkf", literals=_KEEP,
        locals=("keep",),
    ),
    block(
        "dropout", "dropout_selected", "...d,->...d",
        (f"{{t0}} = {_BERNOULLI}{{0}}.shape)", "jax.lax.select({t0}, {0}, -{#1} * {0})"),
        lambda x, s, p, a: np.where(_kept(s, p, x.shape), x, -a * x), lambda m, n: m, (_SEED,),
        args="fk", literals=(*_KEEP, (0.1, 0.9)), locals=("keep",),
    ),
    block(
        "dropout", "uniform_noise", "...d,->...d",
        ("{t0} = jax.random.uniform(jax.random.key({1}), {0}.shape, dtype=jnp.float32)",
         "{0} + {#0} * (2.0 * {t0} - 1.0).astype({0}.dtype)"),
        lambda x, s, a: x + a * (2.0 * _draws(s, x.shape) - 1.0), lambda m, n: m + 1.0, (_SEED,),
        args="fk", literals=((0.05, 0.5),), locals=("noise",),
    ),
    block(
        "dropout", "randomized_leaky_relu", "...d,->...d",
        ("{t0} = jax.random.uniform(jax.random.key({1}), {0}.shape, dtype=jnp.float32)",
         "{t1} = 0.125 + 0.25 * {t0}.astype({0}.dtype)",
         "jnp.maximum({0}, 0.0) + {t1} * jnp.minimum({0}, 0.0)"),
        lambda x, s: np.maximum(x, 0) + (0.125 + 0.25 * _draws(s, x.shape)) * np.minimum(x, 0),
        lambda m, n: m, (_SEED,), args="fk", locals=("draws", "slopes"),
    ),
    block(
        "dropout", "gumbel_softmax_sample", "...d,->...d",
        ("{t0} = jax.random.uniform(jax.random.key({1}), {0}.shape, dtype=jnp.float32)",
         "{t1} = -jnp.log(-jnp.log(0.02 + 0.96 * {t0})).astype({0}.dtype)",
         "jax.nn.softmax(({0} + {t1}) / {#0}, axis=-1)"),
        lambda x, s, t: softmax((x - np.log(-np.log(0.02 + 0.96 * _draws(s, x.shape)))) / t),
        within(0, 1), (_SEED,), args="fk", literals=((0.5, 2.0),), locals=("draws", "gumbel"),
    ),
    block(
        "dropout", "mixed_rows", "nd,->nd",
        ("{t0} = jax.random.uniform(jax.random.key({1}), ({@n}, 1), dtype=jnp.float32)",
         "{t0} = {t0}.astype({0}.dtype)",
         "{t0} * {0} + (1.0 - {t0}) * {0}[::-1]"),
        lambda x, s: _mixed(_draws(s, (len(x), 1)), x), lambda m, n: m, (_SEED,), args="fk",
        locals=("share",),
    ),
)  # fmt: skip


def _mixed(share, x):
    return share * x + (1.0 - share) * x[::-1]


_BLOCKS: tuple[Block, ...] = (*_OPTIMIZER, *_DROPOUT)
ROWS = tuple(row for row, _ in _BLOCKS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _BLOCKS}
