"""Attention in its many forms."""

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
    linear,
    relu,
    rms,
    sigmoid,
    softmax,
    within,
)

KEY, VALUE = Side("key"), Side("value")
_KV = (KEY, VALUE)
_PROJECTIONS = (Side("query_weight"), Side("key_weight"), Side("value_weight"))
_MASK = Side("mask", (0, 1))
_SCALE = ((0.1, 0.5),)
_average = within(-0.5, 0.5)  # a weighted mean of values


def _scores(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    return q @ np.swapaxes(k, -1, -2)


def _attend(
    q,
    k,
    v,
    scale: float | None = None,
    bias: np.ndarray | float = 0.0,
    mask: np.ndarray | bool = True,
) -> np.ndarray:
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    return softmax(np.where(mask, _scores(q, k) * scale + bias, -1e300)) @ v


def _apart(n: int, m: int) -> np.ndarray:
    return np.arange(n)[:, None] - np.arange(m)


def _lower(n: int) -> np.ndarray:
    return np.tri(n, dtype=bool)


def _split(x: np.ndarray, heads: int) -> np.ndarray:
    """Return ``x`` of axes n, d as heads, n, d / heads."""
    return np.swapaxes(x.reshape(x.shape[0], heads, -1), 0, 1)


def _merged(x: np.ndarray) -> np.ndarray:
    return np.swapaxes(x, 0, 1).reshape(x.shape[1], -1)


def _bhnd(f):
    """Return a function of axes b, h, n, d as one of axes b, n, h, d."""
    return lambda q, k, v, *more: np.swapaxes(
        f(*(np.swapaxes(x, 1, 2) for x in (q, k, v)), *more), 1, 2
    )


def _grouped(q, k, v, *more) -> np.ndarray:
    times = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, times, axis=1) for x in (k, v))
    return _attend(q, k, v, *more)


def _alibi(q, k, v) -> np.ndarray:
    slopes = 2.0 ** -np.arange(1.0, q.shape[0] + 1)
    return _attend(q, k, v, bias=-slopes[:, None, None] * np.abs(_apart(q.shape[1], k.shape[1])))


def _relative(q, k, v, table) -> np.ndarray:
    places = np.clip(_apart(q.shape[1], k.shape[1]) + 4, 0, 7)
    return _attend(q, k, v, bias=table[:, places])


def _elu1(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x + 1.0, np.exp(np.minimum(x, 0.0)))


def _linear_attention(q, k, v) -> np.ndarray:
    weights = _scores(_elu1(q), _elu1(k))
    return weights @ v / np.sum(weights, axis=-1, keepdims=True)


def _causal_linear(q, k, v) -> np.ndarray:
    weights = _scores(_elu1(q), _elu1(k)) * _lower(len(q))
    return weights @ v / np.sum(weights, axis=-1, keepdims=True)


def _retention(q, k, v, gamma) -> np.ndarray:
    n = q.shape[-2]
    return (_scores(q, k) * np.tril(gamma ** np.abs(_apart(n, n)))) @ v


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _additive(q, k, w, u, a) -> np.ndarray:
    scores = np.tanh((q @ w)[:, None] + k @ u) @ a
    return softmax(scores) @ k


def _split_heads(x, wq, wk, wv) -> np.ndarray:
    q, k, v = (_split(x @ w, 4) for w in (wq, wk, wv))
    return _merged(_attend(q, k, v))


def _memory(q, k, v, mk, mv) -> np.ndarray:
    return _attend(q, np.concatenate([mk, k]), np.concatenate([mv, v]))


_HEADS = "hnd,hmd,hmd->hnd"
_ATTENTION: tuple[Block, ...] = (
    block(
        "attention", "attention", "...nd,md,md->...nd",
        ("{t0} = {0} @ {1}.T / jnp.sqrt({0}.shape[-1])",
         "{t1} = jax.nn.softmax({t0}, axis=-1)",
         "{t1} @ {2}"),
        _attend, _average, _KV, locals=("scores", "weights"), weight=2,
    ),
    block(
        "attention", "attention_causal", "...nd,nd,nd->...nd",
        ("{t0} = {0} @ {1}.T * {#0}",
         "{t1} = jnp.tril(jnp.ones({t0}.shape, dtype=bool))",
         "{t2} = jax.nn.softmax(jnp.where({t1}, {t0}, -1e9), axis=-1)",
         "{t2} @ {2}"),
        lambda q, k, v, s: _attend(q, k, v, s, mask=_lower(len(k))), _average, _KV,
        literals=_SCALE, locals=("scores", "causal", "weights"), weight=2,
    ),
    block(
        "attention", "attention_heads", _HEADS,
        ('{t0} = jnp.einsum("hnd,hmd->hnm", {0}, {1}) * {#0}',
         "{t1} = jax.nn.softmax({t0}, axis=-1)",
         'jnp.einsum("hnm,hmd->hnd", {t1}, {2})'),
        _attend, _average, _KV, literals=_SCALE, locals=("scores", "weights"),
    ),
    block(
        "attention", "attention_bias", "...nd,md,md,nm->...nd",
        ("{t0} = jnp.matmul({0}, {1}.T) * {#0} + {3}",
         "{t1} = jnp.exp({t0} - jnp.max({t0}, axis=-1, keepdims=True))",
         "{t1} @ {2} / jnp.sum({t1}, axis=-1, keepdims=True)"),
        lambda q, k, v, b, s: _attend(q, k, v, s, b), _average, (*_KV, Side("bias")),
        literals=_SCALE, locals=("logits", "weights"),
    ),
    block(
        "attention", "attention_multi_query", "hnd,md,md->hnd",
        ('{t0} = jnp.einsum("hnd,md->hnm", {0}, {1}) * {#0}',
         'jnp.einsum("hnm,md->hnd", jax.nn.softmax({t0}, axis=-1), {2})'),
        _attend, _average, _KV, literals=_SCALE, locals=("scores",),
    ),
    block(
        "attention", "attention_split_heads", "nd,dd,dd,dd->nd",
        ("{t0} = ({0} @ {1}).reshape({@n}, 4, -1)",
         "{t1} = ({0} @ {2}).reshape({@n}, 4, -1)",
         "{t2} = ({0} @ {3}).reshape({@n}, 4, -1)",
         '{t3} = jnp.einsum("qhd,khd->hqk", {t0}, {t1}) / jnp.sqrt({t0}.shape[-1])',
         "{t4} = jax.nn.softmax({t3}, axis=-1)",
         'jnp.einsum("hqk,khd->qhd", {t4}, {t2}).reshape({@n}, {@d})'),
        _split_heads, linear("d"), _PROJECTIONS, multiple=4, domain=CLOSE,
        locals=("query", "key", "value", "scores", "weights"),
    ),
    block(
        "attention", "attention_fused_projection", "nd,3dk->nk",
        ('{t0}, {t1}, {t2} = jnp.einsum("nd,pdk->pnk", {0}, {1})',
         "{t3} = {t0} @ {t1}.T / jnp.sqrt({@k})",
         "jax.nn.softmax({t3}, axis=-1) @ {t2}"),
        lambda x, w: _attend(*(x @ w)), linear("d"), (Side("projections"),), domain=CLOSE,
        locals=("query", "key", "value", "scores"),
    ),
    block(
        "attention", "attention_transposed_heads", "bnd,dd,dd->bnd",
        ("{t0} = {0}.reshape({@b}, {@n}, 4, -1).transpose(0, 2, 1, 3)",
         "{t1} = ({0} @ {1}).reshape({@b}, {@n}, 4, -1).transpose(0, 2, 1, 3)",
         "{t2} = ({0} @ {2}).reshape({@b}, {@n}, 4, -1).transpose(0, 2, 1, 3)",
         "{t3} = jax.nn.softmax({t0} @ {t1}.swapaxes(-1, -2) * {#0}, axis=-1)",
         "({t3} @ {t2}).transpose(0, 2, 1, 3).reshape({0}.shape)"),
        lambda x, wk, wv, s: np.stack([
            _merged(_attend(_split(y, 4), _split(y @ wk, 4), _split(y @ wv, 4), s)) for y in x]),
        linear("d"), _PROJECTIONS[1:], multiple=4, domain=CLOSE, literals=_SCALE,
        locals=("query", "key", "value", "weights"),
    ),
    block(
        "attention", "attention_grouped_query", "ghnd,gmd,gmd->ghnd",
        ('{t0} = jnp.einsum("ghnd,gmd->ghnm", {0}, {1}) / jnp.sqrt({@d})',
         'jnp.einsum("ghnm,gmd->ghnd", jax.nn.softmax({t0}, axis=-1), {2})'),
        lambda q, k, v: _attend(q, k[:, None], v[:, None]), _average, _KV, locals=("scores",),
    ),
    block(
        "attention", "attention_repeated_heads", "4nd,2md,2md->4nd",
        ("{t0} = jnp.repeat({1}, 2, axis=0)",
         "{t1} = jnp.repeat({2}, 2, axis=0)",
         "{t2} = {0} @ jnp.swapaxes({t0}, 1, 2) / jnp.sqrt({@d})",
         "jax.nn.softmax({t2}, axis=-1) @ {t1}"),
        lambda q, k, v: _attend(q, np.repeat(k, 2, 0), np.repeat(v, 2, 0)), _average, _KV,
        locals=("keys", "values", "scores"),
    ),
    block(
        "attention", "cross_attention", "...nd,md,dk,dk,dk->...nk",
        ("{t0} = {0} @ {2}",
         "{t1}, {t2} = {1} @ {3}, {1} @ {4}",
         "{t3} = jax.nn.softmax({t0} @ {t1}.T / jnp.sqrt({@k}), axis=-1)",
         "{t3} @ {t2}"),
        lambda x, c, wq, wk, wv: _attend(x @ wq, c @ wk, c @ wv), lambda m, n: 0.25 * n["d"],
        (Side("context"), *_PROJECTIONS), locals=("query", "key", "value", "weights"),
    ),
    block(
        "attention", "attention_alibi", "hnd,hnd,hnd->hnd",
        ("{t0} = 2.0 ** -jnp.arange(1, {@h} + 1)",
         "{t1} = jnp.abs(jnp.arange({@n})[:, None] - jnp.arange({@n}))",
         "{t2} = -({t0}[:, None, None] * {t1}).astype({0}.dtype)",
         "{t3} = {0} @ {1}.swapaxes(1, 2) / jnp.sqrt({@d}) + {t2}",
         "jax.nn.softmax({t3}, axis=-1) @ {2}"),
        _alibi, _average, _KV, locals=("slopes", "distance", "penalty", "scores"),
    ),
    block(
        "attention", "attention_relative", "hnd,hmd,hmd,h8->hnd",
        ("{t0} = jnp.arange({@n})[:, None] - jnp.arange({@m})",
         "{t1} = {3}[:, jnp.clip({t0} + 4, 0, 7)]",
         '{t2} = jnp.einsum("hid,hjd->hij", {0}, {1}) / jnp.sqrt({@d}) + {t1}',
         'jnp.einsum("hij,hjd->hid", jax.nn.softmax({t2}, axis=-1), {2})'),
        _relative, _average, (*_KV, Side("table")), locals=("offsets", "bias", "scores"),
    ),
    block(
        "attention", "linear_attention", "nd,md,mk->nk",
        ("{t0} = jax.nn.elu({0}) + 1.0",
         "{t1} = jax.nn.elu({1}) + 1.0",
         "{t2} = {t0} @ jnp.sum({t1}, axis=0)",
         "{t0} @ ({t1}.T @ {2}) / {t2}[:, None]"),
        _linear_attention, _average, _KV, locals=("query_map", "key_map", "normalizer"),
        domain=CLOSE,
    ),
    block(
        "attention", "linear_attention_causal", "nd,nd,nk->nk",
        ("{t0}, {t1} = jax.nn.elu({0}) + 1.0, jax.nn.elu({1}) + 1.0",
         '{t2} = jnp.cumsum(jnp.einsum("nd,nk->ndk", {t1}, {2}), axis=0)',
         '{t3} = jnp.einsum("nd,nd->n", {t0}, jnp.cumsum({t1}, axis=0))',
         'jnp.einsum("nd,ndk->nk", {t0}, {t2}) / {t3}[:, None]'),
        _causal_linear, _average, _KV, domain=CLOSE,
        locals=("query_map", "key_map", "memory", "normalizer"),
    ),
    block(
        "attention", "attention_window", "...nd,nd,nd->...nd",
        ("{t0} = jnp.arange({@n})",
         "{t1} = jnp.abs({t0}[:, None] - {t0}[None, :]) <= {#0}",
         "{t2} = jnp.where({t1}, {0} @ {1}.T / jnp.sqrt({@d}), -jnp.inf)",
         "jax.nn.softmax({t2}, axis=-1) @ {2}"),
        lambda q, k, v, w: _attend(q, k, v, mask=np.abs(_apart(len(k), len(k))) <= w), _average,
        _KV, literals=((1, 5),), locals=("positions", "near", "scores"),
    ),
    block(
        "attention", "attention_mask", "...nd,md,md,nm->...nd",
        ("{t0} = {0} @ {1}.T / jnp.sqrt({@d})",
         "{t0} = jnp.where({3}, {t0}, jnp.finfo({t0}.dtype).min)",
         "jax.nn.softmax({t0}, axis=-1) @ {2}"),
        lambda q, k, v, mask: _attend(q, k, v, mask=mask), _average, (*_KV, _MASK), args="fffb",
        locals=("scores",),
    ),
    block(
        "attention", "attention_mask_penalty", _HEADS.replace("->", ",m->"),
        ("{t0} = {3} | (jnp.arange({@m}) == 0)",
         "{t0} = jnp.where({t0}, 0.0, -1e4).astype({0}.dtype)",
         '{t1} = jnp.einsum("hqd,hkd->hqk", {0}, {1}) * {#0} + {t0}',
         'jnp.einsum("hqk,hkd->hqd", jax.nn.softmax({t1}, axis=-1), {2})'),
        lambda q, k, v, mask, s: _attend(
            q, k, v, s, mask=mask | (np.arange(len(mask)) == 0)), _average,
        (*_KV, Side("key_mask", (0, 1))), args="fffb", literals=_SCALE,
        locals=("penalty", "logits"),
    ),
    block(
        "attention", "attention_lengths", "bnd,bmd,bmd,b->bnd",
        ("{t0} = jnp.arange({@m}) < {3}[:, None, None]",
         '{t1} = jnp.einsum("bnd,bmd->bnm", {0}, {1}) / jnp.sqrt({@d})',
         "{t2} = jax.nn.softmax({t1}, axis=-1, where={t0})",
         'jnp.einsum("bnm,bmd->bnd", {t2}, {2})'),
        lambda q, k, v, ends: _attend(
            q, k, v, mask=np.arange(k.shape[1]) < ends[:, None, None]),
        _average, (*_KV, Side("lengths", (1, 4))), args="fffi",
        locals=("valid", "scores", "weights"), domain=MODERATE,
    ),
    block(
        "attention", "dot_product_attention", "bnhd,bmhd,bmhd->bnhd",
        ("jax.nn.dot_product_attention({0}, {1}, {2})",), _bhnd(_attend), _average, _KV,
        wide=True, weight=2,
    ),
    block(
        "attention", "dot_product_attention_causal", "bnhd,bnhd,bnhd->bnhd",
        ("jax.nn.dot_product_attention({0}, {1}, {2}, is_causal=True)",),
        _bhnd(lambda q, k, v: _attend(q, k, v, mask=_lower(q.shape[2]))), _average, _KV, wide=True,
    ),
    block(
        "attention", "dot_product_attention_bias", "bnhd,bmhd,bmhd,hnm->bnhd",
        ("jax.nn.dot_product_attention({0}, {1}, {2}, bias={3}[None])",),
        _bhnd(lambda q, k, v, b: _attend(q, k, v, bias=b)), _average, (*_KV, Side("bias")),
        wide=True,
    ),
    block(
        "attention", "dot_product_attention_scale", "nhd,mhd,mhd->nhd",
        ("jax.nn.dot_product_attention({0}, {1}, {2}, scale={#0})",),
        lambda q, k, v, s: np.swapaxes(
            _attend(*(np.swapaxes(x, 0, 1) for x in (q, k, v)), scale=s), 0, 1),
        _average, _KV, literals=_SCALE, wide=True,
    ),
    block(
        "attention", "dot_product_attention_grouped", "bn4d,bm2d,bm2d->bn4d",
        ("jax.nn.dot_product_attention({0}, {1}, {2}, implementation='xla', scale={#0})",),
        _bhnd(_grouped), _average, _KV, literals=_SCALE, wide=True,
    ),
    block(
        "attention", "dot_product_attention_window", "bnhd,bnhd,bnhd->bnhd",
        ("jax.nn.dot_product_attention({0}, {1}, {2}, local_window_size={#0})",),
        _bhnd(lambda q, k, v, w: _attend(
            q, k, v, mask=np.abs(_apart(q.shape[2], q.shape[2])) <= w)),
        _average, _KV, literals=((1, 4),), wide=True,
    ),
    block(
        "attention", "dot_product_attention_lengths", "bnhd,bmhd,bmhd,b->bnhd",
        ("{t0} = jnp.arange({@m}) < {3}[:, None, None, None]",
         "jax.nn.dot_product_attention({0}, {1}, {2}, mask={t0})"),
        _bhnd(lambda q, k, v, ends: _attend(
            q, k, v, mask=np.arange(k.shape[2]) < ends[:, None, None, None])),
        _average, (*_KV, Side("lengths", (1, 4))), args="fffi", wide=True, locals=("valid",),
    ),
    block(
        "attention", "attention_cosine", "...nd,md,md->...nd",
        ("{t0} = {0} / jnp.linalg.norm({0}, axis=-1, keepdims=True)",
         "{t1} = {1} / jnp.linalg.norm({1}, axis=-1, keepdims=True)",
         "jax.nn.softmax({#0} * ({t0} @ {t1}.T), axis=-1) @ {2}"),
        lambda q, k, v, s: _attend(_unit(q), _unit(k), v, s), _average, _KV,
        literals=((2.0, 10.0),), locals=("query", "key"), domain=MODERATE,
    ),
    block(
        "attention", "attention_rms_keys", "...nd,md,md->...nd",
        ("{t0} = {0} * jax.lax.rsqrt(jnp.mean({0} ** 2, axis=-1, keepdims=True) + 1e-6)",
         "{t1} = {1} * jax.lax.rsqrt(jnp.mean({1} ** 2, axis=-1, keepdims=True) + 1e-6)",
         "jax.nn.softmax({t0} @ {t1}.T / jnp.sqrt({@d}), axis=-1) @ {2}"),
        lambda q, k, v: _attend(q / rms(q), k / rms(k), v), _average, _KV,
        locals=("query", "key"), domain=MODERATE,
    ),
    block(
        "attention", "attention_sigmoid", "...nd,md,md->...nd",
        ("{t0} = {0} @ {1}.T / jnp.sqrt({@d}) - jnp.log({@m})", "jax.nn.sigmoid({t0}) @ {2}"),
        lambda q, k, v: sigmoid(_scores(q, k) / math.sqrt(q.shape[-1]) - math.log(len(k))) @ v,
        lambda m, n: 0.5 * n["m"], _KV, locals=("scores",), domain=MODERATE,
    ),
    block(
        "attention", "attention_relu", "...nd,md,md->...nd",
        ("jax.nn.relu({0} @ {1}.T * {@d} ** -0.5) @ {2} / {@m}",),
        lambda q, k, v: relu(_scores(q, k) * q.shape[-1] ** -0.5) @ v / len(k),
        lambda m, n: 0.25 * m * n["d"] ** 0.5, _KV,
    ),
    block(
        "attention", "attention_additive", "nd,md,dk,dk,k->nd",
        ("{t0} = jnp.tanh(({0} @ {2})[:, None, :] + {1} @ {3})",
         "jax.nn.softmax({t0} @ {4}, axis=-1) @ {1}"),
        _additive, _average, (Side("key"), *_PROJECTIONS[:2], Side("score_weight")),
        locals=("hidden",), domain=MODERATE,
    ),
    block(
        "attention", "attention_softcap", "...nd,md,md->...nd",
        ("{t0} = {#0} * jnp.tanh({0} @ {1}.T * {@d} ** -0.5 / {#0})",
         "jax.nn.softmax({t0}, axis=-1) @ {2}"),
        lambda q, k, v, c: softmax(
            c * np.tanh(_scores(q, k) * q.shape[-1] ** -0.5 / c)) @ v,
        _average, _KV, literals=((2.0, 10.0),), locals=("logits",),
    ),
    block(
        "attention", "attention_vmap", _HEADS,
        ("def {t0}(query, key, value):",
         "    scores = query @ key.T / jnp.sqrt(query.shape[-1])",
         "    return jax.nn.softmax(scores, axis=-1) @ value",
         "jax.vmap({t0})({0}, {1}, {2})"),
        _attend, _average, _KV, locals=("attend",),
    ),
    block(
        "attention", "attention_normalizer", "...nd,md,md->...nd",
        ("{t0} = {0} @ {1}.T * jax.lax.rsqrt(jnp.asarray({@d}, {0}.dtype))",
         "{t1} = jax.nn.logsumexp({t0}, axis=-1, keepdims=True)",
         "jnp.exp({t0} - {t1}) @ {2}"),
        _attend, _average, _KV, locals=("scores", "normalizer"),
    ),
    block(
        "attention", "retention", "...nd,nd,nd->...nd",
        ("{t0} = jnp.arange({@n})",
         "{t1} = jnp.tril({#0} ** jnp.abs({t0}[:, None] - {t0}))",
         "({0} @ {1}.T * {t1}.astype({0}.dtype)) @ {2}"),
        _retention, lambda m, n: 0.25 * m * n["d"] * n["n"], _KV, literals=((0.5, 0.95),),
        locals=("positions", "decay"),
    ),
    block(
        "attention", "attention_differential", "2nd,2md,md,->nd",
        ("{t0} = jnp.einsum(\"pnd,pmd->pnm\", {0}, {1}) / jnp.sqrt({@d})",
         "{t1}, {t2} = jax.nn.softmax({t0}, axis=-1)",
         "({t1} - {3} * {t2}) @ {2}"),
        lambda q, k, v, a: _attend(q[0], k[0], v) - a * _attend(q[1], k[1], v),
        within(-0.9, 0.9), (*_KV, Side("lam", (0.1, 0.8))), locals=("scores", "first", "second"),
    ),
    block(
        "attention", "attention_memory", "nd,md,md,kd,kd->nd",
        ("{t0} = jnp.concatenate([{3}, {1}], axis=0)",
         "{t1} = jnp.concatenate([{4}, {2}], axis=0)",
         "jax.nn.softmax({0} @ {t0}.T / jnp.sqrt({@d}), axis=-1) @ {t1}"),
        _memory, _average, (*_KV, Side("memory_key"), Side("memory_value")),
        locals=("keys", "values"),
    ),
    block(
        "attention", "self_attention_residual", "...nd,dd,dd->...nd",
        ('{t0} = jnp.einsum("...nd,de,...me->...nm", {0}, {1}, {0}) / {@d}',
         "{t1} = jax.nn.softmax({t0}, axis=-1)",
         '{0} + jnp.einsum("...nm,...md,de->...ne", {t1}, {0}, {2})'),
        lambda x, w, wv: x + _attend(x @ w, x, x, 1 / x.shape[-1]) @ wv,
        lambda m, n: m * (1 + 0.5 * n["d"]), (Side("score_weight"), Side("value_weight")),
        locals=("scores", "weights"), domain=CLOSE,
    ),
    block(
        "attention", "attention_scan", "nd,md,md->nd",
        ("def {t0}({t1}, {t2}):",
         "    {t3} = jnp.exp({0} @ {t2}[0] * {#0})[:, None]",
         "    return ({t1}[0] + {t3} * {t2}[1], {t1}[1] + {t3}), None",
         "{t4} = (jnp.zeros_like({0}), jnp.zeros_like({0}[:, :1]))",
         "{t4}, _ = jax.lax.scan({t0}, {t4}, ({1}, {2}))",
         "{t4}[0] / {t4}[1]"),
        _attend, _average, _KV, literals=((0.1, 0.4),), domain=(-2.0, 2.0),
        locals=("step", "state", "pair", "weight", "sums"),
    ),
)  # fmt: skip

ROWS = tuple(row for row, _ in _ATTENTION)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _ATTENTION}
