"""Recurrent cells: scans over the leading axis, and linear recurrences without a loop."""

from __future__ import annotations

import math

import numpy as np

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import (
    BIAS,
    Block,
    block,
    linear,
    logsumexp,
    relu,
    sigmoid,
    within,
)


def _run(step, start, *sequences, reverse: bool = False) -> np.ndarray:
    """Return the outputs of ``step``, which maps a state and inputs to a state and an output."""
    rows = list(zip(*sequences, strict=True))
    found = []
    for row in reversed(rows) if reverse else rows:
        start, out = step(start, *row)
        found.append(out)
    return np.array(found[::-1] if reverse else found)


def _states(step, start, *sequences, reverse: bool = False) -> np.ndarray:
    """Return the states that ``step`` goes through."""
    return _run(lambda h, *x: (step(h, *x),) * 2, start, *sequences, reverse=reverse)


def _rnn(x, w, u, b=0.0, **more):
    return _states(lambda h, a: np.tanh(a @ w + h @ u + b), np.zeros(len(u)), x, **more)


def _gru(x, w, u):
    def step(h, a):
        p, q = a @ w, h @ u
        r, z = sigmoid(p[:2] + q[:2])
        return z * h + (1.0 - z) * np.tanh(p[2] + r * q[2])

    return _states(step, np.zeros(w.shape[-1]), x)


def _lstm(x, w, u, b):
    def step(state, a):
        h, c = state
        gates = a @ w + h @ u + b
        i, f, o = sigmoid(gates[:3])
        c = f * c + i * np.tanh(gates[3])
        h = o * np.tanh(c)
        return (h, c), h

    return _run(step, (np.zeros(w.shape[-1]),) * 2, x)


def _minimal(x, w, u, v, r):
    def step(h, a):
        f = sigmoid(a @ w + h @ u)
        return f * np.tanh(a @ v + (f * h) @ r) + (1.0 - f) * h

    return _states(step, np.zeros(w.shape[-1]), x)


def _selective(x, delta, rates, b, c):
    def step(h, a, d, bt, ct):
        h = h * np.exp(-d[:, None] * rates) + (d * a)[:, None] * bt
        return h, h @ ct

    return _run(step, np.zeros(rates.shape), x, delta, b, c)


def _recurrence(decay, x):
    return _states(lambda h, a, b: a * h + b, np.zeros_like(x[0]), decay, x)


def _min_gru(x, wz, wh):
    z = sigmoid(x @ wz)
    return _recurrence(1.0 - z, z * (x @ wh))


def _real_gated(x, rates, w):
    a = np.exp(-rates * sigmoid(x @ w))
    return _recurrence(a, np.sqrt(1.0 - a**2) * x)


def _memory(q, k, v, gamma):
    def step(s, a, b, c):
        s = gamma * s + b[:, None] * c
        return s, a @ s

    return _run(step, np.zeros((k.shape[1], v.shape[1])), q, k, v)


def _delta_rule(q, k, v, beta):
    def step(s, a, b, c):
        b = b / np.sqrt(np.sum(b * b) + 1e-6)
        s = s + beta * b[:, None] * (c - b @ s)
        return s, a @ s

    return _run(step, np.zeros((k.shape[1], v.shape[1])), q, k, v)


def _partition(x, transitions):
    alpha = x[0]
    for row in x[1:]:
        alpha = logsumexp(alpha[:, None] + transitions, axis=0) + row
    return logsumexp(alpha)


def _viterbi(x, transitions):
    return _states(
        lambda a, row: np.max(a[:, None] + transitions, axis=0) + row, np.zeros_like(x[0]), x
    )


def _batch_rnn(x, w, u):
    return np.stack([_rnn(rows, w, u) for rows in x])


_IN, _BACK = Side("input_weight"), Side("recurrent_weight")
_DECAY = Side("decay", (0.1, 0.9))
_kept = lambda m, n: 10.0 * m  # noqa: E731  a sum that decays by 0.9 at least
_bounded = within(-1, 1)
_RECURRENT: tuple[Block, ...] = (
    block(
        "recurrent", "rnn", "nd,dk,kk,k->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = jnp.tanh({t2} @ {1} + {t1} @ {2} + {3})",
         "    return {t1}, {t1}",
         "jax.lax.scan({t0}, jnp.zeros_like({3}), {0})[1]"),
        _rnn, _bounded, (_IN, _BACK, BIAS), locals=("cell", "state", "sample"), weight=2,
    ),
    block(
        "recurrent", "rnn_last", "4d,dk,kk->k",
        ("{t0} = jnp.zeros({@k}, dtype={0}.dtype)",
         "for {t1} in {0}:",
         "    {t0} = jnp.tanh({t1} @ {1} + {t0} @ {2})",
         "{t0}"),
        lambda x, w, u: _rnn(x, w, u)[-1], _bounded, (_IN, _BACK), locals=("state", "sample"),
    ),
    block(
        "recurrent", "rnn_batch", "bnd,dk,kk->bnk",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = jnp.tanh({t2} @ {1} + {t1} @ {2})",
         "    return {t1}, {t1}",
         "{t3} = jnp.zeros(({@b}, {@k}), dtype={0}.dtype)",
         "_, {t4} = jax.lax.scan({t0}, {t3}, {0}.transpose(1, 0, 2))",
         "{t4}.transpose(1, 0, 2)"),
        _batch_rnn, _bounded, (_IN, _BACK),
        locals=("cell", "state", "sample", "start", "states"),
    ),
    block(
        "recurrent", "rnn_fori", "nd,dd->nd",
        ("def {t0}({t1}, {t2}):",
         "    {t3} = jnp.tanh({0}[{t1}] + {t2}[{t1} - 1] @ {1})",
         "    return {t2}.at[{t1}].set({t3})",
         "jax.lax.fori_loop(0, {@n}, {t0}, jnp.zeros_like({0}))"),
        lambda x, u: _states(lambda h, a: np.tanh(a + h @ u), np.zeros_like(x[0]), x), _bounded,
        (_BACK,), locals=("cell", "place", "states", "state"),
    ),
    block(
        "recurrent", "rnn_reverse", "nd,dk,kk->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = jnp.tanh({t2} @ {1} + {t1} @ {2})",
         "    return {t1}, {t1}",
         "{t3} = jnp.zeros({@k}, dtype={0}.dtype)",
         "jax.lax.scan({t0}, {t3}, {0}, reverse=True)[1]"),
        lambda x, w, u: _rnn(x, w, u, reverse=True), _bounded, (_IN, _BACK),
        locals=("cell", "state", "sample", "start"),
    ),
    block(
        "recurrent", "rnn_independent", "nd,dk,k,k->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = jax.nn.relu({t2} + {t1} * {2})",
         "    return {t1}, {t1}",
         "{t3} = {0} @ {1} + {3}",
         "jax.lax.scan({t0}, jnp.zeros_like({2}), {t3})[1]"),
        lambda x, w, u, b: _states(
            lambda h, a: relu(a + h * u), np.zeros(len(u)), x @ w + b),
        lambda m, n: (0.0, m * n["d"] + 1.0), (_IN, _BACK, BIAS),
        locals=("cell", "state", "sample", "driven"),
    ),
    block(
        "recurrent", "rnn_leaky", "nd,dk,kk->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t3} = jnp.tanh({t2} @ {1} + {t1} @ {2})",
         "    {t1} = (1.0 - {#0}) * {t1} + {#0} * {t3}",
         "    return {t1}, {t1}",
         "jax.lax.scan({t0}, jnp.zeros({@k}, dtype={0}.dtype), {0})[1]"),
        lambda x, w, u, a: _states(
            lambda h, b: (1 - a) * h + a * np.tanh(b @ w + h @ u), np.zeros(len(u)), x),
        _bounded, (_IN, _BACK), literals=((0.2, 0.9),),
        locals=("cell", "state", "sample", "update"),
    ),
    block(
        "recurrent", "gru", "nd,3dk,3kk->nk",
        ("def {t0}({t1}, {t2}):",
         '    {t3} = jnp.einsum("d,gdk->gk", {t2}, {1})',
         '    {t4} = jnp.einsum("k,gkj->gj", {t1}, {2})',
         "    {t5}, {t6} = jax.nn.sigmoid({t3}[:2] + {t4}[:2])",
         "    {t7} = jnp.tanh({t3}[2] + {t5} * {t4}[2])",
         "    {t1} = {t6} * {t1} + (1.0 - {t6}) * {t7}",
         "    return {t1}, {t1}",
         "jax.lax.scan({t0}, jnp.zeros({@k}, dtype={0}.dtype), {0})[1]"),
        _gru, _bounded, (_IN, _BACK), weight=2,
        locals=("cell", "state", "sample", "inner", "outer", "reset", "update", "candidate"),
    ),
    block(
        "recurrent", "lstm", "nd,4dk,4kk,4k->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t3}, {t4} = {t1}",
         '    {t5} = jnp.einsum("d,gdk->gk", {t2}, {1}) + {3}',
         '    {t5} += jnp.einsum("k,gkj->gj", {t3}, {2})',
         "    {t6}, {t7}, {t8} = jax.nn.sigmoid({t5}[:3])",
         "    {t4} = {t7} * {t4} + {t6} * jnp.tanh({t5}[3])",
         "    {t3} = {t8} * jnp.tanh({t4})",
         "    return ({t3}, {t4}), {t3}",
         "jax.lax.scan({t0}, (jnp.zeros_like({3}[0]),) * 2, {0})[1]"),
        _lstm, _bounded, (_IN, _BACK, BIAS), weight=2,
        locals=("cell", "state", "sample", "hidden", "memory", "gates", "write", "keep", "read"),
    ),
    block(
        "recurrent", "minimal_gated_unit", "nd,dk,kk,dk,kk->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t3} = jax.nn.sigmoid({t2} @ {1} + {t1} @ {2})",
         "    {t4} = jnp.tanh({t2} @ {3} + ({t3} * {t1}) @ {4})",
         "    {t1} = (1.0 - {t3}) * {t1} + {t3} * {t4}",
         "    return {t1}, {t1}",
         "jax.lax.scan({t0}, jnp.zeros({@k}, dtype={0}.dtype), {0})[1]"),
        _minimal, _bounded, (Side("forget_weight"), Side("forget_recurrent"), _IN, _BACK),
        locals=("cell", "state", "sample", "forget", "candidate"),
    ),
    block(
        "recurrent", "min_gru", "nd,dk,dk->nk",
        ("{t0} = jax.nn.sigmoid({0} @ {1})",
         "def {t1}({t2}, {t3}):",
         "    return {t2}[0] * {t3}[0], {t3}[0] * {t2}[1] + {t3}[1]",
         "{t4} = {t0} * ({0} @ {2})",
         "jax.lax.associative_scan({t1}, (1.0 - {t0}, {t4}))[1]"),
        _min_gru, linear("d"), (Side("update_weight"), _IN),
        locals=("update", "combine", "left", "right", "driven"),
    ),
    block(
        "recurrent", "linear_recurrence", "nd,nd->nd",
        ("def {t0}({t1}, {t2}):",
         "    return {t1}[0] * {t2}[0], {t1}[1] * {t2}[0] + {t2}[1]",
         "{t3}, {t4} = jax.lax.associative_scan({t0}, ({1}, {0}))",
         "{t4}"),
        lambda x, a: _recurrence(a, x), _kept, (_DECAY,),
        locals=("combine", "left", "right", "decays", "states"), weight=2,
    ),
    block(
        "recurrent", "gated_linear_recurrence", "nd,d,dd->nd",
        ("{t0} = jnp.exp(-{1} * jax.nn.sigmoid({0} @ {2}))",
         "{t1} = jnp.sqrt(1.0 - {t0} ** 2) * {0}",
         "def {t2}({t3}, {t4}):",
         "    return {t3}[0] * {t4}[0], {t4}[1] + {t4}[0] * {t3}[1]",
         "_, {t5} = jax.lax.associative_scan({t2}, ({t0}, {t1}), axis=0)",
         "{t5}"),
        _real_gated, lambda m, n: m * n["n"],
        (Side("rates", (0.5, 2.0)), Side("gate_weight")),
        locals=("decay", "driven", "combine", "left", "right", "states"), domain=(-2.0, 2.0),
    ),
    block(
        "recurrent", "moving_average_scan", "nd->nd",
        ("{t0} = lambda {t1}, {t2}: ({#0} * {t1} + (1.0 - {#0}) * {t2},) * 2",
         "jax.lax.scan({t0}, {0}[0], {0})[1]"),
        lambda x, a: _states(lambda h, b: a * h + (1 - a) * b, x[0], x), lambda m, n: m,
        literals=((0.3, 0.95),), locals=("smooth", "average", "sample"),
    ),
    block(
        "recurrent", "discounted_sum", "nd->nd",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = {t2} + {#0} * {t1}",
         "    return {t1}, {t1}",
         "jax.lax.scan({t0}, jnp.zeros_like({0}[0]), {0}, reverse=True)[1]"),
        lambda x, g: _states(lambda h, a: a + g * h, np.zeros_like(x[0]), x, reverse=True), _kept,
        literals=((0.3, 0.9),), locals=("discount", "total", "reward"),
    ),
    block(
        "recurrent", "diagonal_state_space", "nd,d,d,d->nd",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = {1} * {t1} + {2} * {t2}",
         "    return {t1}, {3} * {t1}",
         "jax.lax.scan({t0}, jnp.zeros_like({1}), {0})[1]"),
        lambda x, a, b, c: _run(
            lambda h, u: (a * h + b * u, c * (a * h + b * u)), np.zeros_like(a), x),
        lambda m, n: 2.5 * m, (_DECAY, Side("drive"), Side("readout")),
        locals=("step", "state", "sample"), weight=2,
    ),
    block(
        "recurrent", "state_space", "nd,dm,dm,dm,d->nd",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = {1} * {t1} + {2} * {t2}[:, None]",
         "    return {t1}, jnp.sum({3} * {t1}, axis=-1) + {4} * {t2}",
         "jax.lax.scan({t0}, jnp.zeros_like({1}), {0})[1]"),
        lambda x, a, b, c, d: np.sum(c * _states(
            lambda h, u: a * h + b * u[:, None], np.zeros_like(a), x), axis=-1) + d * x,
        lambda m, n: m * (2.5 * n["m"] + 0.5),
        (_DECAY, Side("drive"), Side("readout"), Side("skip")),
        locals=("step", "state", "sample"),
    ),
    block(
        "recurrent", "selective_scan", "nd,nd,dm,nm,nm->nd",
        ("def {t0}({t1}, {t2}):",
         "    {t3}, {t4}, {t5}, {t6} = {t2}",
         "    {t1} = {t1} * jnp.exp(-{t4}[:, None] * {2}) + ({t4} * {t3})[:, None] * {t5}",
         "    return {t1}, {t1} @ {t6}",
         "{t7} = jnp.zeros_like({2})",
         "jax.lax.scan({t0}, {t7}, ({0}, {1}, {3}, {4}))[1]"),
        _selective, lambda m, n: 2.7 * m * n["m"],
        (Side("delta", (0.05, 0.5)), Side("rates", (0.1, 1.0)), Side("drive"), Side("readout")),
        locals=("step", "state", "inputs", "sample", "rate", "write", "read", "start"), weight=2,
    ),
    block(
        "recurrent", "fast_weights", "nd,nd,nk->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t3}, {t4}, {t5} = {t2}",
         "    {t1} = {#0} * {t1} + jnp.outer({t4}, {t5})",
         "    return {t1}, {t3} @ {t1}",
         "{t6} = jnp.zeros(({@d}, {@k}), dtype={0}.dtype)",
         "jax.lax.scan({t0}, {t6}, ({0}, {1}, {2}))[1]"),
        _memory, lambda m, n: 2.5 * m * n["d"], (Side("key"), Side("value")),
        literals=((0.3, 0.9),),
        locals=("step", "memory", "inputs", "query", "address", "content", "start"),
    ),
    block(
        "recurrent", "delta_rule", "nd,nd,nk->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t3}, {t4}, {t5} = {t2}",
         "    {t4} = {t4} * jax.lax.rsqrt(jnp.sum({t4} ** 2) + 1e-6)",
         "    {t1} = {t1} + {#0} * jnp.outer({t4}, {t5} - {t4} @ {t1})",
         "    return {t1}, {t3} @ {t1}",
         "{t6} = jnp.zeros(({@d}, {@k}), dtype={0}.dtype)",
         "jax.lax.scan({t0}, {t6}, ({0}, {1}, {2}))[1]"),
        _delta_rule, lambda m, n: 0.5 * m * n["n"] * math.sqrt(n["d"]),
        (Side("key"), Side("value")), literals=((0.2, 0.9),),
        locals=("step", "memory", "inputs", "query", "address", "content", "start"),
    ),
    block(
        "recurrent", "crf_partition", "nk,kk->",
        ("def {t0}({t1}, {t2}):",
         "    return jax.nn.logsumexp({t1}[:, None] + {1}, axis=0) + {t2}, None",
         "{t3}, _ = jax.lax.scan({t0}, {0}[0], {0}[1:])",
         "jax.nn.logsumexp({t3})"),
        _partition, lambda m, n: n["n"] * (m + 0.5 + math.log(n["k"])), (Side("transitions"),),
        locals=("forward", "alpha", "emission", "final"),
    ),
    block(
        "recurrent", "viterbi_scores", "nk,kk->nk",
        ("def {t0}({t1}, {t2}):",
         "    {t1} = jnp.max({t1}[:, None] + {1}, axis=0) + {t2}",
         "    return {t1}, {t1}",
         "jax.lax.scan({t0}, jnp.zeros_like({0}[0]), {0})[1]"),
        _viterbi, lambda m, n: n["n"] * (m + 0.5), (Side("transitions"),),
        locals=("forward", "score", "emission"),
    ),
)  # fmt: skip

ROWS = tuple(row for row, _ in _RECURRENT)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _RECURRENT}
