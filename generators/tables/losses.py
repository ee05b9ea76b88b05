"""Losses: of classes, of numbers, of distributions and of pairs."""

from __future__ import annotations

import math

import numpy as np

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import (
    CLOSE,
    MODERATE,
    Block,
    block,
    log_softmax,
    logsumexp,
    sigmoid,
    softmax,
    softplus,
    within,
)

_LABELS, _TARGET = Side("labels", (0, 3)), Side("target", (-1.0, 1.0))
_SHARES = Side("target", (0.0, 1.0))


def _picked(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.take_along_axis(x, labels[..., None], axis=-1)[..., 0]


def _hot(labels: np.ndarray, k: int) -> np.ndarray:
    return np.eye(k)[labels]


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _smoothed(x, labels, e):
    k = x.shape[-1]
    return -np.sum((_hot(labels, k) * (1 - e) + e / k) * log_softmax(x), axis=-1)


def _focal(x, labels, gamma):
    log_p = _picked(log_softmax(x), labels)
    return -((1 - np.exp(log_p)) ** gamma) * log_p


def _huber(x, y, delta):
    apart = np.abs(x - y)
    low = np.minimum(apart, delta)
    return np.mean(0.5 * low**2 + delta * (apart - low), axis=-1)


def _contrast(x, y, t):
    return np.diagonal(log_softmax(_unit(x) @ _unit(y).T / t))


def _clip_loss(x, y, s):
    logits = s * x @ y.T
    both = log_softmax(logits) + log_softmax(logits, 0)
    return -0.5 * np.mean(np.diagonal(both))


def _apart(x, y):
    return np.sum((x - y) ** 2, axis=-1)


def _pairs(x, y, same, margin):
    d = np.sqrt(_apart(x, y) + 1e-6)
    return same * d**2 + (1 - same) * np.maximum(margin - d, 0.0) ** 2


def _dice(x, y):
    p = sigmoid(x)
    return 1 - (2 * np.sum(p * y, axis=-1) + 1) / (np.sum(p, axis=-1) + np.sum(y, axis=-1) + 1)


def _jaccard(x, y):
    p = sigmoid(x)
    both = np.sum(p * y, axis=-1)
    return 1 - both / (np.sum(p + y, axis=-1) - both + 1e-3)


def _bce(x, y):
    return softplus(x) - x * y


def _multi_hinge(x, labels):
    k = x.shape[-1]
    margins = np.maximum(1 + x - _picked(x, labels)[..., None], 0.0)
    return np.sum(margins * (1 - _hot(labels, k)), axis=-1)


def _distilled(x, teacher, t):
    p = softmax(teacher / t)
    return t**2 * np.sum(p * (np.log(p) - log_softmax(x / t)), axis=-1)


def _variation(x):
    rows, columns = np.abs(np.diff(x, axis=-2)), np.abs(np.diff(x, axis=-1))
    return np.mean(rows, axis=(-2, -1)) + np.mean(columns, axis=(-2, -1))


def _jensen(p, q):
    middle = np.log(0.5 * (p + q))
    return 0.5 * np.sum(p * (np.log(p) - middle) + q * (np.log(q) - middle), axis=-1)


_entropy = lambda m, n: (0.0, 2 * m + math.log(n["k"]))  # noqa: E731
_apart_by = lambda f: lambda m, n: (0.0, f(m + 1.0))  # noqa: E731
_LOSS: tuple[Block, ...] = (
    block(
        "loss", "cross_entropy", "...k,...->...",
        ("{t0} = jax.nn.log_softmax({0}, axis=-1)",
         "-jnp.take_along_axis({t0}, {1}[..., None], axis=-1)[..., 0]"),
        lambda x, i: -_picked(log_softmax(x), i), _entropy, (_LABELS,), args="fi", weight=2,
        locals=("log_probs",),
    ),
    block(
        "loss", "cross_entropy_logits", "...k,...->...",
        ("{t0} = jnp.take_along_axis({0}, {1}[..., None], axis=-1).squeeze(-1)",
         "jax.nn.logsumexp({0}, axis=-1) - {t0}"),
        lambda x, i: logsumexp(x) - _picked(x, i), _entropy, (_LABELS,), args="fi",
        locals=("picked",),
    ),
    block(
        "loss", "cross_entropy_one_hot", "...k,...->...",
        ("{t0} = jax.nn.one_hot({1}, {@k}, dtype={0}.dtype)",
         "-jnp.sum({t0} * jax.nn.log_softmax({0}, axis=-1), axis=-1)"),
        lambda x, i: -_picked(log_softmax(x), i), _entropy, (_LABELS,), args="fi",
        locals=("one_hot",),
    ),
    block(
        "loss", "cross_entropy_mean", "nk,n->",
        ("{t0} = jax.nn.log_softmax({0}, axis=-1)", "-jnp.mean({t0}[jnp.arange({@n}), {1}])"),
        lambda x, i: -np.mean(_picked(log_softmax(x), i)), _entropy, (_LABELS,), args="fi",
        locals=("log_probs",), weight=2,
    ),
    block(
        "loss", "cross_entropy_soft", "...k,...k->...",
        ('-jnp.einsum("...k,...k->...", jax.nn.log_softmax({0}, axis=-1), {1})',),
        lambda x, p: -np.sum(p * log_softmax(x), axis=-1),
        lambda m, n: (0.0, n["k"] * (2 * m + math.log(n["k"]))), (_SHARES,),
    ),
    block(
        "loss", "cross_entropy_smoothed", "...k,...->...",
        ("{t0} = jax.nn.one_hot({1}, {@k}, dtype={0}.dtype)",
         "{t0} = {t0} * (1.0 - {#0}) + {#0} / {@k}",
         "-jnp.sum({t0} * jax.nn.log_softmax({0}, axis=-1), axis=-1)"),
        _smoothed, _entropy, (_LABELS,), args="fi", literals=((0.05, 0.3),),
        locals=("smoothed",),
    ),
    block(
        "loss", "cross_entropy_weighted", "nk,n,k->n",
        ("{t0} = jax.nn.logsumexp({0}, axis=-1) - {0}[jnp.arange({@n}), {1}]",
         "{2}[{1}] * {t0}"),
        lambda x, i, w: w[i] * (logsumexp(x) - _picked(x, i)),
        lambda m, n: (0.0, 1.5 * (2 * m + math.log(n["k"]))),
        (_LABELS, Side("class_weight", (0.5, 1.5))), args="fif", locals=("losses",),
    ),
    block(
        "loss", "cross_entropy_masked", "nk,n,n->",
        ("{t0} = -jax.nn.log_softmax({0}, axis=-1)",
         "{t0} = jnp.take_along_axis({t0}, {1}[:, None], axis=1)[:, 0]",
         "jnp.mean({t0}, where={2} | (jnp.arange({@n}) == 0))"),
        lambda x, i, m: -np.mean(_picked(log_softmax(x), i)[m | (np.arange(len(m)) == 0)]),
        _entropy, (_LABELS, Side("mask", (0, 1))), args="fib", locals=("losses",),
    ),
    block(
        "loss", "focal_loss", "...k,...->...",
        ("{t0} = jax.nn.log_softmax({0}, axis=-1)",
         "{t1} = jnp.take_along_axis({t0}, {1}[..., None], axis=-1)[..., 0]",
         "-((1.0 - jnp.exp({t1})) ** {#0}) * {t1}"),
        _focal, _entropy, (_LABELS,), args="fi", literals=((1.5, 3.0),), domain=CLOSE,
        locals=("log_probs", "picked"),
    ),
    block(
        "loss", "z_loss", "...k->...",
        ("{#0} * jax.nn.logsumexp({0}, axis=-1) ** 2",),
        lambda x, c: c * logsumexp(x) ** 2,
        lambda m, n: (0.0, 0.1 * (m + math.log(n["k"])) ** 2), literals=((0.001, 0.1),),
        domain=MODERATE,
    ),
    block(
        "loss", "squared_error", "...d,...d->...",
        ("{t0} = {0} - {1}", 'jnp.einsum("...d,...d->...", {t0}, {t0}) / {@d}'),
        lambda x, y: np.mean((x - y) ** 2, axis=-1), _apart_by(lambda a: a * a), (_TARGET,),
        locals=("residual",), domain=MODERATE, weight=2,
    ),
    block(
        "loss", "squared_error_mean", "nd,nd->",
        ("{t0} = {0} - {1}", "jnp.vdot({t0}, {t0}) / {t0}.size"),
        lambda x, y: np.mean((x - y) ** 2), _apart_by(lambda a: a * a), (_TARGET,),
        locals=("residual",), domain=CLOSE, weight=2,
    ),
    block(
        "loss", "squared_error_weighted", "...d,...d,d->...",
        ("jnp.average(({0} - {1}) ** 2, axis=-1, weights={2})",),
        lambda x, y, w: np.average((x - y) ** 2, axis=-1, weights=w), _apart_by(lambda a: a * a),
        (_TARGET, Side("weights", (0.5, 1.5))), domain=MODERATE,
    ),
    block(
        "loss", "squared_error_root", "...d,...d->...",
        ("jnp.linalg.norm({0} - {1}, axis=-1) / jnp.sqrt({@d})",),
        lambda x, y: np.sqrt(np.mean((x - y) ** 2, axis=-1)), _apart_by(lambda a: a), (_TARGET,),
        domain=MODERATE,
    ),
    block(
        "loss", "absolute_error", "...d,...d->...", ("jnp.abs({0} - {1}).mean(axis=-1)",),
        lambda x, y: np.mean(np.abs(x - y), axis=-1), _apart_by(lambda a: a), (_TARGET,),
    ),
    block(
        "loss", "absolute_percentage_error", "...d,...d->...",
        ("{t0} = jnp.abs({0} - {1}) / (jnp.abs({0}) + jnp.abs({1}) + 1e-1)",
         "2.0 * {t0}.mean(axis=-1)"),
        lambda x, y: 2 * np.mean(np.abs(x - y) / (np.abs(x) + np.abs(y) + 0.1), axis=-1),
        within(0, 2), (_TARGET,), locals=("share",),
    ),
    block(
        "loss", "huber_loss", "...d,...d->...",
        ("{t0} = jnp.abs({0} - {1})",
         "{t1} = jnp.minimum({t0}, {#0})",
         "jnp.mean(0.5 * {t1} ** 2 + {#0} * ({t0} - {t1}), axis=-1)"),
        _huber, _apart_by(lambda a: 1.5 * a), (_TARGET,), literals=((0.5, 1.5),),
        locals=("error", "near"),
    ),
    block(
        "loss", "log_cosh_loss", "...d,...d->...",
        ("{t0} = {0} - {1}", "(jnp.logaddexp({t0}, -{t0}) - jnp.log(2.0)).mean(axis=-1)"),
        lambda x, y: np.mean(np.logaddexp(x - y, y - x) - math.log(2), axis=-1),
        _apart_by(lambda a: a), (_TARGET,), locals=("residual",),
    ),
    block(
        "loss", "charbonnier_loss", "...d,...d->...",
        ("jnp.mean(jnp.sqrt(({0} - {1}) ** 2 + {#0} ** 2), axis=-1)",),
        lambda x, y, e: np.mean(np.sqrt((x - y) ** 2 + e * e), axis=-1),
        _apart_by(lambda a: a + 0.5), (_TARGET,), literals=((0.01, 0.5),), domain=MODERATE,
    ),
    block(
        "loss", "quantile_loss", "...d,...d->...",
        ("{t0} = {1} - {0}", "jnp.maximum({#0} * {t0}, ({#0} - 1.0) * {t0}).mean(axis=-1)"),
        lambda x, y, q: np.mean(np.maximum(q * (y - x), (q - 1) * (y - x)), axis=-1),
        _apart_by(lambda a: a), (_TARGET,), literals=((0.1, 0.9),), locals=("residual",),
    ),
    block(
        "loss", "hinge_loss", "...d,...d->...",
        ("jnp.maximum(0.0, 1.0 - {1} * {0}).mean(axis=-1)",),
        lambda x, y: np.mean(np.maximum(1 - x * y, 0.0), axis=-1), _apart_by(lambda a: a),
        (_TARGET,),
    ),
    block(
        "loss", "squared_hinge_loss", "...d,...d->...",
        ("jnp.mean(jnp.maximum(1.0 - {1} * {0}, 0.0) ** 2, axis=-1)",),
        lambda x, y: np.mean(np.maximum(1 - x * y, 0.0) ** 2, axis=-1),
        _apart_by(lambda a: a * a), (_TARGET,), domain=MODERATE,
    ),
    block(
        "loss", "multiclass_hinge_loss", "nk,n->n",
        ("{t0} = jax.nn.one_hot({1}, {@k}, dtype={0}.dtype)",
         "{t1} = jnp.sum({0} * {t0}, axis=-1, keepdims=True)",
         "jnp.sum(jnp.maximum(1.0 + {0} - {t1}, 0.0) * (1.0 - {t0}), axis=-1)"),
        _multi_hinge, lambda m, n: (0.0, n["k"] * (1 + 2 * m)), (_LABELS,), args="fi",
        locals=("one_hot", "score"),
    ),
    block(
        "loss", "kl_divergence", "...k,...k->...",
        ("{t0} = jax.nn.log_softmax({1}, axis=-1)",
         "{t1} = {t0} - jax.nn.log_softmax({0}, axis=-1)",
         'jnp.einsum("...k,...k->...", jnp.exp({t0}), {t1})'),
        lambda x, y: np.sum(softmax(y) * (log_softmax(y) - log_softmax(x)), axis=-1),
        lambda m, n: (0.0, 2 * m + 2 * math.log(n["k"]) + 2), (Side("target_logits"),),
        locals=("target", "ratio"),
    ),
    block(
        "loss", "kl_divergence_reverse", "...k,...k->...",
        ("{t0} = jax.nn.softmax({0}, axis=-1)",
         "jax.scipy.special.rel_entr({t0}, {1}).sum(axis=-1)"),
        lambda x, q: np.sum(softmax(x) * (log_softmax(x) - np.log(q)), axis=-1),
        lambda m, n: (-1.0 - math.log(n["k"]), 3.0), (Side("target", (0.1, 1.0)),),
        locals=("probs",), domain=CLOSE,
    ),
    block(
        "loss", "jensen_shannon", "...k,...k->...",
        ("{t0}, {t1} = jax.nn.softmax({0}, axis=-1), jax.nn.softmax({1}, axis=-1)",
         "{t2} = jnp.log(0.5 * ({t0} + {t1}))",
         "{t3} = {t0} * (jnp.log({t0}) - {t2}) + {t1} * (jnp.log({t1}) - {t2})",
         "0.5 * jnp.sum({t3}, axis=-1)"),
        lambda x, y: _jensen(softmax(x), softmax(y)), within(0, 0.7), (Side("target_logits"),),
        locals=("probs", "target", "middle", "terms"), domain=(-3.0, 3.0),
    ),
    block(
        "loss", "gaussian_kl", "...d,...d->...",
        ("-0.5 * jnp.sum(1.0 + {1} - {0} ** 2 - jnp.exp({1}), axis=-1)",),
        lambda x, v: -0.5 * np.sum(1 + v - x**2 - np.exp(v), axis=-1),
        lambda m, n: (0.0, n["d"] * (0.5 * m * m + 0.1)), (Side("log_variance"),), domain=CLOSE,
    ),
    block(
        "loss", "gaussian_nll", "...d,...d,...d->...",
        ("{t0} = ({0} - {1}) ** 2 * jnp.exp(-{2}) + {2}", "0.5 * {t0}.mean(axis=-1)"),
        lambda x, y, v: 0.5 * np.mean((x - y) ** 2 * np.exp(-v) + v, axis=-1),
        lambda m, n: (-0.25, 0.83 * (m + 1) ** 2 + 0.25), (_TARGET, Side("log_variance")),
        domain=MODERATE, locals=("terms",),
    ),
    block(
        "loss", "poisson_nll", "...d,...d->...", ("(jnp.exp({0}) - {1} * {0}).mean(axis=-1)",),
        lambda x, y: np.mean(np.exp(x) - x * y, axis=-1),
        lambda m, n: (-m, math.exp(m) + m), (Side("counts", (0.0, 1.0)),), domain=(-4.0, 4.0),
    ),
    block(
        "loss", "binary_cross_entropy", "...d,...d->...d",
        ("jnp.maximum({0}, 0.0) - {0} * {1} + jnp.log1p(jnp.exp(-jnp.abs({0})))",), _bce,
        lambda m, n: (0.0, m + 0.7), (_SHARES,), weight=2,
    ),
    block(
        "loss", "binary_cross_entropy_mean", "...d,...d->...",
        ("{t0} = {1} * jax.nn.log_sigmoid({0})",
         "-({t0} + (1.0 - {1}) * jax.nn.log_sigmoid(-{0})).mean(axis=-1)"),
        lambda x, y: np.mean(_bce(x, y), axis=-1), lambda m, n: (0.0, m + 0.7), (_SHARES,),
        locals=("positive",),
    ),
    block(
        "loss", "bpr_loss", "...d,...d->...",
        ("-jax.nn.log_sigmoid({0} - {1}).mean(axis=-1)",),
        lambda x, y: np.mean(softplus(y - x), axis=-1), lambda m, n: (0.0, m + 1.2),
        (Side("negative"),),
    ),
    block(
        "loss", "contrastive_loss", "nd,nd->n",
        ("{t0} = {0} / jnp.linalg.norm({0}, axis=-1, keepdims=True)",
         "{t1} = {1} / jnp.linalg.norm({1}, axis=-1, keepdims=True)",
         "{t2} = jax.nn.log_softmax({t0} @ {t1}.T / {#0}, axis=-1)",
         "-jnp.diagonal({t2})"),
        lambda x, y, t: -_contrast(x, y, t), lambda m, n: (0.0, 20 + math.log(n["n"])),
        (Side("positive"),), literals=((0.1, 1.0),), locals=("anchor", "keys", "log_probs"),
        domain=MODERATE,
    ),
    block(
        "loss", "contrastive_loss_symmetric", "nd,nd->",
        ("{t0} = {#0} * {0} @ {1}.T",
         "{t1} = jax.nn.log_softmax({t0}, axis=1) + jax.nn.log_softmax({t0}, axis=0)",
         "-0.5 * jnp.trace({t1}) / {@n}"),
        _clip_loss, lambda m, n: (0.0, 0.5 * m * n["d"] + math.log(n["n"])), (Side("captions"),),
        literals=((0.1, 0.5),), locals=("logits", "log_probs"),
    ),
    block(
        "loss", "triplet_loss", "...d,...d,...d->...",
        ("{t0} = jnp.sum(({0} - {1}) ** 2, axis=-1)",
         "{t1} = jnp.sum(({0} - {2}) ** 2, axis=-1)",
         "jnp.maximum({t0} - {t1} + {#0}, 0.0)"),
        lambda x, p, q, c: np.maximum(_apart(x, p) - _apart(x, q) + c, 0.0),
        lambda m, n: (0.0, n["d"] * (m + 0.5) ** 2 + 2),
        (Side("positive"), Side("negative")), literals=((0.2, 2.0),), domain=CLOSE,
        locals=("near", "far"),
    ),
    block(
        "loss", "pair_loss", "...d,...d,...->...",
        ("{t0} = jnp.sqrt(jnp.sum(({0} - {1}) ** 2, axis=-1) + 1e-6)",
         "{2} * {t0} ** 2 + (1.0 - {2}) * jnp.maximum({#0} - {t0}, 0.0) ** 2"),
        _pairs, lambda m, n: (0.0, n["d"] * (m + 0.5) ** 2 + 4.1),
        (Side("other"), Side("same", (0.0, 1.0))), literals=((0.5, 2.0),), domain=CLOSE,
        locals=("distance",),
    ),
    block(
        "loss", "cosine_loss", "...d,...d->...",
        ("{t0} = jnp.linalg.norm({0}, axis=-1) * jnp.linalg.norm({1}, axis=-1)",
         "1.0 - jnp.sum({0} * {1}, axis=-1) / {t0}"),
        lambda x, y: 1 - np.sum(_unit(x) * _unit(y), axis=-1), within(0, 2),
        (Side("target", (0.1, 1.0)),), locals=("lengths",), domain=MODERATE,
    ),
    block(
        "loss", "dice_loss", "...d,...d->...",
        ("{t0} = jax.nn.sigmoid({0})",
         "{t1} = 2.0 * jnp.sum({t0} * {1}, axis=-1) + 1.0",
         "1.0 - {t1} / (jnp.sum({t0}, axis=-1) + jnp.sum({1}, axis=-1) + 1.0)"),
        _dice, within(-0.5, 1.0), (_SHARES,), locals=("probs", "overlap"), weight=2,
    ),
    block(
        "loss", "jaccard_loss", "...d,...d->...",
        ("{t0} = jax.nn.sigmoid({0})",
         "{t1} = ({t0} * {1}).sum(axis=-1)",
         "1.0 - {t1} / (({t0} + {1}).sum(axis=-1) - {t1} + 1e-3)"),
        _jaccard, within(0, 1), (_SHARES,), locals=("probs", "overlap"),
    ),
    block(
        "loss", "distillation_loss", "...k,...k->...",
        ("{t0} = jax.nn.softmax({1} / {#0}, axis=-1)",
         "{t1} = jax.nn.log_softmax({0} / {#0}, axis=-1)",
         "{#0} ** 2 * jnp.sum({t0} * (jnp.log({t0}) - {t1}), axis=-1)"),
        _distilled, lambda m, n: (0.0, 16 * (2 * m + 2 * math.log(n["k"]) + 2)),
        (Side("teacher"),), literals=((1.0, 4.0),), locals=("target", "student"),
    ),
    block(
        "loss", "total_variation", "...yz->...",
        ("{t0} = jnp.abs(jnp.diff({0}, axis=-2)).mean(axis=(-2, -1))",
         "{t0} + jnp.abs(jnp.diff({0}, axis=-1)).mean(axis=(-2, -1))"),
        _variation, lambda m, n: (0.0, 4 * m), locals=("rows",),
    ),
)  # fmt: skip

ROWS = tuple(row for row, _ in _LOSS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _LOSS}
