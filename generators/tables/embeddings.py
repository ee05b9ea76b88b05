"""Embeddings: rows of tables by number, sums by segment, layers on graphs."""

from __future__ import annotations

import math

import numpy as np

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import (
    MODERATE,
    Block,
    W,
    block,
    relu,
    softmax,
    within,
)


def _segments(x: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.sum(x[places == i], axis=0) for i in range(count)])


def _bag(table, ids):
    return np.mean(table[ids], axis=-2)


def _graph(x, a, w):
    a = a + np.eye(len(a))
    root = 1.0 / np.sqrt(np.sum(a, axis=-1))
    return relu(root[:, None] * a * root @ x @ w)


def _graph_attention(x, a, p, q):
    scores = (x @ p)[:, None] + x @ q
    return softmax(np.where(scores > 0, scores, 0.2 * scores) + np.log(a)) @ x


def _nearest(x, codes):
    apart = np.sum((x[:, None] - codes) ** 2, axis=-1)
    return x - codes[np.argmin(apart, axis=-1)]


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


_IDS = Side("ids", (0, 3))
_as_is = lambda m, n: m  # noqa: E731
_EMBEDDING: tuple[Block, ...] = (
    block(
        "embedding", "embedding", "vd,m->md", ("{0}[{1}]",), lambda t, i: t[i], _as_is, (_IDS,),
        args="fi", weight=2,
    ),
    block(
        "embedding", "embedding_take", "vd,bm->bmd", ("jnp.take({0}, {1}, axis=0)",),
        lambda t, i: t[i], _as_is, (Side("tokens", (0, 3)),), args="fi", weight=2,
    ),
    block(
        "embedding", "embedding_one_hot", "vd,m->md",
        ("jax.nn.one_hot({1}, {@v}, dtype={0}.dtype) @ {0}",), lambda t, i: t[i], _as_is,
        (_IDS,), args="fi",
    ),
    block(
        "embedding", "embedding_scaled", "vd,m->md", ("{0}[{1}] * jnp.sqrt({@d})",),
        lambda t, i: t[i] * math.sqrt(t.shape[-1]), lambda m, n: m * math.sqrt(n["d"]), (_IDS,),
        args="fi",
    ),
    block(
        "embedding", "embedding_gather", "vd,m->md",
        ("{0}.at[{1}].get(mode=\"clip\")",), lambda t, i: t[i], _as_is, (_IDS,), args="fi",
    ),
    block(
        "embedding", "embedding_bag", "vd,bm->bd", ("{0}[{1}].mean(axis=-2)",), _bag, _as_is,
        (Side("bags", (0, 3)),), args="fi",
    ),
    block(
        "embedding", "embedding_bag_weighted", "vd,bm,bm->bd",
        ('jnp.einsum("bm,bmd->bd", {2}, {0}[{1}])',),
        lambda t, i, w: np.einsum("bm,bmd->bd", w, t[i]), lambda m, n: m * n["m"],
        (Side("bags", (0, 3)), Side("shares", (0.0, 1.0))), args="fif",
    ),
    block(
        "embedding", "embedding_padding", "vd,bm->bmd",
        ("jnp.where(({1} > 0)[..., None], {0}[{1}], 0.0)",),
        lambda t, i: np.where((i > 0)[..., None], t[i], 0.0), _as_is, (Side("tokens", (0, 3)),),
        args="fi",
    ),
    block(
        "embedding", "embedding_positions", "vd,bm,md->bmd", ("{0}[{1}] + {2}[: {1}.shape[-1]]",),
        lambda t, i, p: t[i] + p, lambda m, n: m + 0.5,
        (Side("tokens", (0, 3)), Side("positions")), args="fif",
    ),
    block(
        "embedding", "embedding_scores", "...d,vd->...v",
        ('jnp.einsum("...d,vd->...v", {0}, {1}) / jnp.sqrt({@d})',),
        lambda x, t: x @ t.T / math.sqrt(x.shape[-1]), lambda m, n: 0.5 * m * math.sqrt(n["d"]),
        (Side("table"),),
    ),
    block(
        "embedding", "embedding_cosine", "nd,vd->nv",
        ("{t0} = {0} / jnp.linalg.norm({0}, axis=-1, keepdims=True)",
         "{t1} = {1} / jnp.linalg.norm({1}, axis=-1, keepdims=True)",
         'jnp.einsum("nd,vd->nv", {t0}, {t1})'),
        lambda x, t: _unit(x) @ _unit(t).T, within(-1, 1), (Side("table"),),
        locals=("query", "keys"), domain=MODERATE,
    ),
    block(
        "embedding", "quantization_residual", "nd,vd->nd",
        ("{t0} = jnp.sum(jnp.square({0}[:, None] - {1}), axis=-1)",
         "{0} - {1}[jnp.argmin({t0}, axis=-1)]"),
        _nearest, lambda m, n: m + 0.5, (Side("codebook"),), locals=("distances",),
        domain=MODERATE,
    ),
    block(
        "embedding", "segment_sum", "nd,n->4d",
        ("jax.ops.segment_sum({0}, {1}, num_segments=4)",), lambda x, i: _segments(x, i, 4),
        lambda m, n: m * n["n"], (Side("segments", (0, 3)),), args="fi",
    ),
    block(
        "embedding", "segment_mean", "nd,n->4d",
        ("{t0} = jax.ops.segment_sum({0}, {1}, num_segments=4)",
         "{t1} = jnp.bincount({1}, length=4)[:, None].astype({0}.dtype)",
         "{t0} / jnp.maximum({t1}, 1.0)"),
        lambda x, i: _segments(x, i, 4) / np.maximum(np.bincount(i, minlength=4), 1)[:, None],
        _as_is, (Side("segments", (0, 3)),), args="fi", locals=("totals", "counts"),
    ),
    block(
        "embedding", "scatter_add", "nd,n,4d->4d", ("{2}.at[{1}].add({0})",),
        lambda x, i, t: t + _segments(x, i, 4), lambda m, n: m * n["n"] + 0.5,
        (Side("slots", (0, 3)), Side("table")), args="fif",
    ),
    block(
        "embedding", "message_passing", "nd,m,m,m->nd",
        ("{t0} = {3}[:, None] * {0}[{1}]",
         "jax.ops.segment_sum({t0}, {2}, num_segments={@n})"),
        lambda x, a, b, w: _segments(w[:, None] * x[a], b, len(x)), lambda m, n: m * n["m"],
        (Side("senders", (0, 3)), Side("receivers", (0, 3)), Side("edge_weight", (0.0, 1.0))),
        args="fiif", locals=("messages",),
    ),
    block(
        "embedding", "graph_convolution", "nd,nn,dk->nk",
        ("{t0} = {1} + jnp.eye({@n}, dtype={1}.dtype)",
         "{t1} = jax.lax.rsqrt(jnp.sum({t0}, axis=-1))",
         "jax.nn.relu(({t1}[:, None] * {t0} * {t1}) @ {0} @ {2})"),
        _graph, lambda m, n: (0.0, 0.5 * m * n["d"] * n["n"]),
        (Side("adjacency", (0.0, 1.0)), W), locals=("linked", "degree"),
    ),
    block(
        "embedding", "graph_attention", "nd,nn,d,d->nd",
        ("{t0} = ({0} @ {2})[:, None] + {0} @ {3}",
         "{t0} = jax.nn.leaky_relu({t0}, 0.2) + jnp.log({1})",
         "jax.nn.softmax({t0}, axis=-1) @ {0}"),
        _graph_attention, _as_is, (Side("adjacency", (0.1, 1.0)), Side("source"), Side("target")),
        locals=("scores",),
    ),
)  # fmt: skip

ROWS = tuple(row for row, _ in _EMBEDDING)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _EMBEDDING}
