"""Layers of networks: perceptrons, gated units and mixtures of experts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import (
    BIAS,
    CLOSE,
    GAMMA,
    MODERATE,
    NEAR,
    Block,
    W,
    block,
    gelu,
    linear,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    standardized,
    within,
)

UP, DOWN, GATE = Side("up_weight"), Side("down_weight"), Side("gate_weight")


def _deep(*axes: str, bias: float = 0.5) -> Callable[[float, dict[str, int]], float]:
    """Bound layers one after the other, which sum over the axes."""

    def bound(m: float, n: dict[str, int]) -> float:
        for axis in axes:
            m = m * 0.5 * n[axis] + bias
        return m

    return bound


def _gated(gate):
    return lambda m, n: gate(0.5 * m * n["d"]) * 0.5 * m * n["d"]


def _tanh_layers(x, *layers):
    for w in layers:
        x = x + np.tanh(x @ w)
    return x


def _halves(x: np.ndarray):
    return np.split(x, 2, axis=-1)


def _stacked(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    for w in weights:
        x = np.tanh(x @ w)
    return x


def _blend(gate, new, old):
    return gate * new + (1.0 - gate) * old


_PAIRS = (Side("weight"), Side("bias"), Side("weight"), Side("bias"))
_MLP = (
    block(
        "mlp", "mlp", "...d,dm,m,mk,k->...k",
        ("{t0} = jnp.maximum(jnp.dot({0}, {1}) + {2}, 0.0)", "jnp.dot({t0}, {3}) + {4}"),
        lambda x, w, b, v, c: relu(x @ w + b) @ v + c, _deep("d", "m"), _PAIRS, domain=CLOSE,
        locals=("hidden",), weight=2,
    ),
    block(
        "mlp", "mlp_loop", "...d,dd,d,dd,d->...d",
        ("{t0} = {0}",
         "for {t1}, {t2} in (({1}, {2}), ({3}, {4})):",
         "    {t0} = jnp.tanh({t0} @ {t1} + {t2})",
         "{t0}"),
        lambda x, w, b, v, c: np.tanh(np.tanh(x @ w + b) @ v + c), within(-1, 1), _PAIRS,
        locals=("hidden", "layer", "shift"),
    ),
    block(
        "mlp", "mlp_function", "...d,dk,k,kk,k->...k",
        ("def {t0}({t1}, {t2}, {t3}):",
         "    return jax.nn.relu({t1} @ {t2} + {t3})",
         "{t0}({t0}({0}, {1}, {2}), {3}, {4})"),
        lambda x, w, b, v, c: relu(relu(x @ w + b) @ v + c),
        lambda m, n: (0.0, _deep("d", "k")(m, n)), _PAIRS, domain=CLOSE,
        locals=("layer", "inputs", "matrix", "shift"),
    ),
    block(
        "mlp", "mlp_stacked", "...d,hdd->...d",
        ("jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), {0}, {1})[0]",),
        _stacked, within(-1, 1), (Side("weights"),), weight=2,
    ),
    block(
        "mlp", "mlp_residual", "...d,dk,kd->...d",
        ('{t0} = jax.nn.gelu(jnp.einsum("...d,dk->...k", {0}, {1}))',
         '{0} + jnp.einsum("...k,kd->...d", {t0}, {2})'),
        lambda x, w, v: x + gelu(x @ w) @ v, lambda m, n: m * (1 + 0.25 * n["d"] * n["k"]),
        (UP, DOWN), domain=(-2.0, 2.0), locals=("hidden",),
    ),
    block(
        "mlp", "mlp_residual_loop", "...d,dd,dd,dd->...d",
        ("{t0} = {0}",
         "for {t1} in ({1}, {2}, {3}):",
         "    {t0} = {t0} + jnp.tanh({t0} @ {t1})",
         "{t0}"),
        _tanh_layers, lambda m, n: m + 3, (W, W, W), locals=("hidden", "layer"),
    ),
    block(
        "mlp", "mlp_prenorm", "...d,d,dk,kd->...d",
        ("{t0} = jax.nn.standardize({0}, axis=-1) * {1}",
         "{t1} = jax.nn.relu(jnp.einsum(\"...d,df->...f\", {t0}, {2}))",
         "{0} + jnp.einsum(\"...f,fd->...d\", {t1}, {3})"),
        lambda x, g, w, v: x + relu(standardized(x) * g @ w) @ v,
        lambda m, n: m + 0.375 * n["d"] * n["k"], (GAMMA, UP, DOWN), domain=MODERATE,
        locals=("normalized", "hidden"),
    ),
    block(
        "mlp", "mlp_adapter", "...d,dk,kd->...d",
        ("{0} + {#0} * jnp.dot(jnp.tanh(jnp.dot({0}, {1})), {2})",),
        lambda x, w, v, s: x + s * np.tanh(x @ w) @ v, lambda m, n: m + 0.5 * n["k"],
        (DOWN, UP), literals=((0.1, 1.0),),
    ),
    block(
        "mlp", "mlp_squared_relu", "...d,dk,k->...k",
        ("{t0} = jnp.maximum({0} @ {1} + {2}, 0.0)", "{t0} ** 2"),
        lambda x, w, b: relu(x @ w + b) ** 2,
        lambda m, n: (0.0, _deep("d")(m, n) ** 2), (W, BIAS), domain=(-1.0, 1.0),
        locals=("hidden",),
    ),
    block(
        "mlp", "mlp_tokens", "...nd,nm,mn->...nd",
        ('{t0} = jnp.einsum("...nd,nm->...md", {0}, {1})',
         '{0} + jnp.einsum("...md,mn->...nd", jax.nn.gelu({t0}), {2})'),
        lambda x, w, v: x + np.einsum(
            "...md,mn->...nd", gelu(np.einsum("...nd,nm->...md", x, w)), v),
        lambda m, n: m * (1 + 0.25 * n["n"] * n["m"]), (UP, DOWN), domain=(-2.0, 2.0),
        locals=("mixed",),
    ),
    block(
        "mlp", "mlp_maxout", "...d,4dk->...k",
        ('jnp.max(jnp.einsum("...d,pdk->...pk", {0}, {1}), axis=-2)',),
        lambda x, w: np.max(np.einsum("...d,pdk->...pk", x, w), axis=-2), linear("d"),
        (Side("pieces"),),
    ),
    block(
        "mlp", "glu", "...8->...4", ("jax.nn.glu({0}, axis=-1)",),
        lambda x: _halves(x)[0] * sigmoid(_halves(x)[1]), lambda m, n: m, domain=MODERATE,
    ),
    block(
        "mlp", "glu_dense", "...d,d8->...4",
        ("{t0}, {t1} = jnp.split({0} @ {1}, 2, axis=-1)", "{t0} * jax.nn.sigmoid({t1})"),
        lambda x, w: _halves(x @ w)[0] * sigmoid(_halves(x @ w)[1]), linear("d"), (W,),
        locals=("value", "gate"),
    ),
    block(
        "mlp", "glu_bilinear", "...d,d8,8->...4",
        ("{t0} = jnp.dot({0}, {1}) + {2}", "{t0}[..., :4] * {t0}[..., 4:]"),
        lambda x, w, b: np.prod(_halves(x @ w + b), axis=0),
        lambda m, n: _deep("d")(m, n) ** 2, (W, BIAS), domain=NEAR, locals=("projected",),
    ),
    block(
        "mlp", "swiglu", "...d,dk,dk->...k",
        ('{t0} = jnp.einsum("...d,dk->...k", {0}, {1})',
         'jax.nn.silu({t0}) * jnp.einsum("...d,dk->...k", {0}, {2})'),
        lambda x, w, v: silu(x @ w) * (x @ v), _gated(lambda m: m), (GATE, UP), domain=NEAR,
        locals=("gate",), weight=2,
    ),
    block(
        "mlp", "swiglu_fused", "...d,2dk,kd->...d",
        ('{t0}, {t1} = jnp.einsum("...d,pdk->p...k", {0}, {1})',
         'jnp.einsum("...k,kd->...d", jax.nn.swish({t0}) * {t1}, {2}) / {@k}'),
        lambda x, w, v: silu(x @ w[0]) * (x @ w[1]) @ v / len(v),
        lambda m, n: 0.125 * (m * n["d"]) ** 2, (W, DOWN), domain=NEAR,
        locals=("gate", "value"),
    ),
    block(
        "mlp", "geglu", "...d,2dk->...k",
        ('{t0} = jnp.einsum("...d,pdk->...pk", {0}, {1})',
         "jax.nn.gelu({t0}[..., 0, :]) * {t0}[..., 1, :]"),
        lambda x, w: gelu(x @ w[0]) * (x @ w[1]), _gated(lambda m: m), (W,), domain=NEAR,
        locals=("projected",),
    ),
    block(
        "mlp", "reglu", "...d,dk,dk->...k",
        ('{t0} = jnp.tensordot({0}, {1}, axes=([-1], [0]))',
         "{t1} = jnp.tensordot({0}, {2}, axes=([-1], [0]))",
         "jnp.where({t0} > 0.0, {t0} * {t1}, 0.0)"),
        lambda x, w, v: relu(x @ w) * (x @ v), _gated(lambda m: m), (GATE, UP), domain=NEAR,
        locals=("gate", "value"),
    ),
    block(
        "mlp", "highway", "...d,dd,dd,d->...d",
        ("{t0} = jax.nn.sigmoid(jnp.dot({0}, {2}) + {3})",
         "{t0} * jnp.tanh(jnp.dot({0}, {1})) + (1.0 - {t0}) * {0}"),
        lambda x, w, v, b: _blend(sigmoid(x @ v + b), np.tanh(x @ w), x), lambda m, n: max(m, 1),
        (W, GATE, Side("gate_bias")), locals=("gate",),
    ),
    block(
        "mlp", "cross_layer", "...d,d,d,d->...d",
        ('{t0} = jnp.einsum("...i,i,...d->...d", {0}, {1}, {0})', "{t0} + {2} + {3} * {0}"),
        lambda x, w, b, g: x * (x @ w)[..., None] + b + g * x,
        lambda m, n: 0.5 * m * m * n["d"] + 0.5 + 1.5 * m, (W, BIAS, Side("gain", (0.5, 1.5))),
        domain=CLOSE, locals=("mixed",),
    ),
    block(
        "mlp", "factorization_machine", "...d,dk->...",
        ("{t0} = jnp.square({0} @ {1})",
         "{t1} = jnp.square({0}) @ jnp.square({1})",
         "0.5 * ({t0} - {t1}).sum(axis=-1)"),
        lambda x, v: 0.5 * np.sum((x @ v) ** 2 - x**2 @ v**2, axis=-1),
        lambda m, n: 0.125 * (m * n["d"]) ** 2 * n["k"], (Side("factors"),), domain=(-0.5, 0.5),
        locals=("total", "squares"),
    ),
    block(
        "mlp", "deep_set", "...nd,dk,k->...k",
        ("{t0} = jax.nn.relu({0} @ {1})", "jnp.tanh({t0}.mean(axis=-2) + {2})"),
        lambda x, w, b: np.tanh(np.mean(relu(x @ w), axis=-2) + b), within(-1, 1), (W, BIAS),
        locals=("elements",),
    ),
)  # fmt: skip


def _top(x: np.ndarray, k: int) -> np.ndarray:
    """Return the places of the k largest along the last axis, the largest first."""
    return np.argsort(-x, axis=-1, kind="stable")[..., :k]


def _all_experts(x, experts):
    return np.einsum("nd,edk->nek", x, experts)


def _top_mixture(x, router, experts):
    logits = x @ router
    places = _top(logits, 2)
    weights = softmax(np.take_along_axis(logits, places, axis=-1))
    chosen = np.take_along_axis(_all_experts(x, experts), places[..., None], axis=1)
    return np.sum(weights[..., None] * chosen, axis=1)


def _switch(x, router, experts):
    probs = softmax(x @ router)
    found = np.einsum("nd,ndk->nk", x, experts[np.argmax(probs, axis=-1)])
    return np.max(probs, axis=-1, keepdims=True) * found


def _scattered(x, k):
    places = _top(x, k)
    found = np.zeros_like(x)
    np.put_along_axis(found, places, softmax(np.take_along_axis(x, places, -1)), -1)
    return found


def _expert_choice(x, router):
    scores = softmax(x @ router).T
    places = _top(scores, 2)
    return np.take_along_axis(scores, places, -1)[..., None] * x[places]


def _balance(x, router):
    probs = softmax(x @ router)
    load = np.mean(np.eye(probs.shape[-1])[np.argmax(probs, axis=-1)], axis=0)
    return probs.shape[-1] * np.sum(load * np.mean(probs, axis=0))


def _soft_experts(x, slots, experts):
    logits = x @ slots
    out = np.einsum("ed,edk->ek", softmax(logits, 0).T @ x, experts)
    return softmax(logits) @ out


def _squeeze(x, w, v):
    gate = sigmoid(relu(np.mean(x, axis=(2, 3)) @ w) @ v)
    return x * gate[:, :, None, None]


def _kept_probs(x, k):
    probs = softmax(x)
    kept = np.where(probs >= np.sort(probs, -1)[..., -k, None], probs, 0.0)
    return kept / np.sum(kept, axis=-1, keepdims=True)


_ROUTER, _EXPERTS = Side("router"), Side("experts")
_GATING = (
    block(
        "gating", "expert_mixture", "nd,de,edk->nk",
        ("{t0} = jax.nn.softmax({0} @ {1}, axis=-1)",
         'jnp.einsum("ne,nd,edk->nk", {t0}, {0}, {2})'),
        lambda x, r, e: np.einsum("ne,nek->nk", softmax(x @ r), _all_experts(x, e)), linear("d"),
        (_ROUTER, _EXPERTS), locals=("gates",), domain=MODERATE, weight=2,
    ),
    block(
        "gating", "expert_top_mixture", "nd,de,edk->nk",
        ("{t0}, {t1} = jax.lax.top_k({0} @ {1}, 2)",
         "{t2} = jax.nn.softmax({t0}, axis=-1)",
         '{t3} = jnp.einsum("nd,edk->nek", {0}, {2})',
         "{t3} = jnp.take_along_axis({t3}, {t1}[..., None], axis=1)",
         "jnp.sum({t2}[..., None] * {t3}, axis=1)"),
        _top_mixture, linear("d"), (_ROUTER, _EXPERTS), domain=MODERATE, weight=2,
        locals=("logits", "chosen", "gates", "outputs"),
    ),
    block(
        "gating", "expert_switch", "nd,de,edk->nk",
        ("{t0} = jax.nn.softmax({0} @ {1}, axis=-1)",
         "{t1} = jnp.argmax({t0}, axis=-1)",
         '{t2} = jnp.einsum("nd,ndk->nk", {0}, {2}[{t1}])',
         "jnp.max({t0}, axis=-1, keepdims=True) * {t2}"),
        _switch, linear("d"), (_ROUTER, _EXPERTS), domain=MODERATE,
        locals=("probs", "chosen", "outputs"),
    ),
    block(
        "gating", "expert_select", "nd,edk,n->nk",
        ('jax.vmap(lambda x, e: x @ {1}[e])({0}, {2})',),
        lambda x, e, i: np.einsum("nd,ndk->nk", x, e[i]), linear("d"),
        (_EXPERTS, Side("assignment", (0, 3))), args="ffi",
    ),
    block(
        "gating", "gates_top", "...e->...e",
        ("{t0}, {t1} = jax.lax.top_k({0}, {#0})",
         "{t2} = jax.nn.one_hot({t1}, {@e}, dtype={0}.dtype)",
         'jnp.einsum("...k,...ke->...e", jax.nn.softmax({t0}, axis=-1), {t2})'),
        _scattered, within(0, 1), literals=((2, 3),), locals=("logits", "chosen", "places"),
    ),
    block(
        "gating", "gates_scattered", "nd,de->ne",
        ("{t0}, {t1} = jax.lax.top_k({0} @ {1}, {#0})",
         "{t2} = jnp.arange({@n})[:, None]",
         "{t3} = jnp.zeros(({@n}, {@e}), dtype={0}.dtype)",
         "{t3}.at[{t2}, {t1}].set(jax.nn.softmax({t0}, axis=-1))"),
        lambda x, r, k: _scattered(x @ r, k), within(0, 1), (_ROUTER,), literals=((2, 3),),
        locals=("logits", "chosen", "rows", "gates"),
    ),
    block(
        "gating", "gates_renormalized", "...e->...e",
        ("{t0} = jax.nn.softmax({0}, axis=-1)",
         "{t1} = jnp.where({t0} >= jax.lax.top_k({t0}, {#0})[0][..., -1:], {t0}, 0.0)",
         "{t1} / {t1}.sum(axis=-1, keepdims=True)"),
        _kept_probs, within(0, 1), literals=((2, 3),), locals=("probs", "kept"), domain=CLOSE,
    ),
    block(
        "gating", "gates_noisy", "nd,de,de,ne->ne",
        ("{t0} = {0} @ {1} + {3} * jax.nn.softplus({0} @ {2})",
         "jax.nn.softmax({t0} - jnp.max({t0}, axis=-1, keepdims=True), axis=-1)"),
        lambda x, r, w, z: softmax(x @ r + z * softplus(x @ w)), within(0, 1),
        (_ROUTER, Side("noise_weight"), Side("noise", (-1.0, 1.0))), locals=("logits",),
    ),
    block(
        "gating", "expert_choice", "nd,de->e2d",
        ("{t0} = jax.nn.softmax({0} @ {1}, axis=-1).T",
         "{t1}, {t2} = jax.lax.top_k({t0}, 2)", "{t1}[..., None] * {0}[{t2}]"),
        _expert_choice, lambda m, n: m, (_ROUTER,), locals=("scores", "gates", "chosen"),
    ),
    block(
        "gating", "load_balance", "nd,de->",
        ("{t0} = jax.nn.softmax({0} @ {1}, axis=-1)",
         "{t1} = jax.nn.one_hot({t0}.argmax(axis=-1), {@e}, dtype={0}.dtype)",
         "{@e} * jnp.vdot({t1}.mean(axis=0), {t0}.mean(axis=0))"),
        _balance, lambda m, n: (0.0, n["e"]), (_ROUTER,), locals=("probs", "assigned"),
    ),
    block(
        "gating", "soft_experts", "nd,de,edk->nk",
        ("{t0} = {0} @ {1}",
         "{t1} = jax.nn.softmax({t0}, axis=0).T @ {0}",
         '{t2} = jnp.einsum("ed,edk->ek", {t1}, {2})',
         "jax.nn.softmax({t0}, axis=-1) @ {t2}"),
        _soft_experts, linear("d"), (Side("slots"), _EXPERTS), domain=MODERATE,
        locals=("logits", "dispatched", "outputs"),
    ),
    block(
        "gating", "squeeze_excite", "bcyz,ck,kc->bcyz",
        ("{t0} = jax.nn.relu(jnp.mean({0}, axis=(2, 3)) @ {1})",
         "{0} * jax.nn.sigmoid({t0} @ {2})[:, :, None, None]"),
        _squeeze, lambda m, n: m, (DOWN, UP), locals=("squeezed",),
    ),
    block(
        "gating", "spatial_gate", "...8->...4",
        ("{t0}, {t1} = jnp.split({0}, 2, axis=-1)",
         "{t0} * jax.nn.standardize({t1}, axis=-1, epsilon=1e-2)"),
        lambda x: _halves(x)[0] * standardized(_halves(x)[1], epsilon=1e-2),
        lambda m, n: 2.0 * m, locals=("value", "gate"), domain=MODERATE,
    ),
    block(
        "gating", "gated_fusion", "...d,...d,dd,dd->...d",
        ("{t0} = jax.nn.sigmoid(jnp.dot({0}, {2}) + jnp.dot({1}, {3}))",
         "{1} + {t0} * ({0} - {1})"),
        lambda x, y, w, v: y + sigmoid(x @ w + y @ v) * (x - y), lambda m, n: max(m, 0.5),
        (Side("other"), GATE, GATE), locals=("gate",),
    ),
)  # fmt: skip

_BLOCKS: tuple[Block, ...] = (*_MLP, *_GATING)
ROWS = tuple(row for row, _ in _BLOCKS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _BLOCKS}
