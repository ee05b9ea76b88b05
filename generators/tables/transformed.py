"""Function transformations inside JAX kernels: maps over axes, trees, gradients, custom rules.

They are of the family of control flow, whose makers they share.
"""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import PRODUCT, SUM, Spelling
from generators.tables.controls import SAME, UNIT, block

_BASE = (-2.0, 2.0)
_SINE = iv.within(lambda n, a, *_: a + 1.0)


def _soft(a, axis=-1):
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _soft_jacobian(a):
    s = _soft(a)
    return np.diag(s) - np.outer(s, s)


_MAPS = (
    block("map_rows", (),
        "jax.lax.map(lambda row: row / (1.0 + jnp.max(jnp.abs(row))), {0})",
        lambda a: a / (1 + np.abs(a).max(-1, keepdims=True)), UNIT),
    block("map_batched", (),
        "jax.lax.map(jax.nn.logsumexp, {0}, batch_size=4)",
        lambda a: np.log(np.exp(a - a.max()).sum(-1)) + a.max(),
        iv.within(lambda n, a: a + math.log(n["d"])), "nd->n"),
    block("vmap_center", (),
        "jax.vmap(lambda row: row - jnp.mean(row))({0})",
        lambda a: a - a.mean(-1, keepdims=True), iv.within(lambda n, a: 2 * a), linear=True),
    block("vmap_columns", (
        "{t0} = lambda column: column * jax.lax.rsqrt(jnp.mean(column * column) + {#0})",),
        "jax.vmap({t0}, in_axes=1, out_axes=1)({0})",
        lambda a, c: a / np.sqrt(np.mean(a * a, 0) + c),
        iv.within(lambda n, a, c: math.sqrt(n["n"])), literals=((0.1, 1.0),), locals=("rescale",)),
    block("vmap_pairs", (),
        "jax.vmap(lambda a, b: jnp.sum(jnp.abs(a - b)))({0}, {1})",
        lambda a, b: np.abs(a - b).sum(-1),
        lambda n: lambda a, b: (0.0, n["d"] * (iv.magnitude(a) + iv.magnitude(b))),
        "nd,nd->n", "ff"),
    block("vmap_shared", (),
        "jax.vmap(lambda a, w: jnp.tanh(w @ a), in_axes=(0, None))({0}, {1})",
        lambda a, w: np.tanh(a @ w.T), UNIT, "nd,kd->nk", "ff", sides=(Side("weight"),)),
    block("vmap_distances", (
        "{t0} = lambda a, b: jnp.sum((a - b) ** 2) / {@d}",),
        "jax.vmap(jax.vmap({t0}, in_axes=(None, 0)), in_axes=(0, None))({0}, {1})",
        lambda a, b: np.mean((a[:, None] - b[None]) ** 2, -1),
        lambda n: lambda a, b: (0.0, (iv.magnitude(a) + iv.magnitude(b)) ** 2),
        "nd,md->nm", "ff", domains=(_BASE, _BASE), locals=("distance",)),
    block("vmap_pmean", (),
        'jax.vmap(lambda row: row - jax.lax.pmean(row, "rows"), axis_name="rows")({0})',
        lambda a: a - a.mean(0), iv.within(lambda n, a: 2 * a), linear=True),
    block("vmap_psum", (
        "{t0} = lambda row: jnp.exp(row - jax.nn.logsumexp({0}, axis=0))",
        '{t1} = lambda row: {t0}(row) * jax.lax.psum(row * {t0}(row), "batch")'),
        'jax.vmap({t1}, axis_name="batch")({0})',
        lambda a: _soft(a, 0) * (a * _soft(a, 0)).sum(0), SAME, locals=("weight", "pooled")),
    block("vmap_axis_index", (),
        'jax.vmap(lambda v: v / (1.0 + jax.lax.axis_index("i")), axis_name="i")({0})',
        lambda a: a / (1 + np.arange(len(a)))[:, None], SAME, linear=True, wide=True),
    block("vmap_permute", (
        "{t0} = [(i, (i + 1) % {@n}) for i in range({@n})]",),
        'jax.vmap(lambda v: v - jax.lax.ppermute(v, "ring", {t0}), axis_name="ring")({0})',
        lambda a: a - np.roll(a, 1, 0), iv.within(lambda n, a: 2 * a), locals=("ring",),
        linear=True),
    block("vmap_gather", (
        '{t0} = lambda v: jnp.max(jax.lax.all_gather(v, "all"), axis=0) - v',),
        'jax.vmap({t0}, axis_name="all")({0})', lambda a: a.max(0) - a,
        lambda n: lambda a: (0.0, 2 * iv.magnitude(a)), locals=("lag",)),
    block("vectorized", (),
        'jnp.vectorize(lambda v: v - jnp.max(v), signature="(n)->(n)")({0})',
        lambda a: a - a.max(-1, keepdims=True),
        lambda n: lambda a: (-2 * iv.magnitude(a), 0.0), "...d->...d"),
    block("along_axis", (),
        "jnp.apply_along_axis(lambda v: jnp.cumsum(v) / {@d}, -1, {0})",
        lambda a: np.cumsum(a, -1) / a.shape[-1], SAME, "...d->...d", linear=True),
    block("checkpointed", (),
        "jax.checkpoint(lambda v: jnp.sin({#0} * jnp.sin(v)))({0})",
        lambda a, c: np.sin(c * np.sin(a)), UNIT, "", literals=((0.5, 3.0),)),
    block("rematerialized", (
        "{t0} = jax.remat(lambda v, w: jnp.tanh(v @ w) @ w.T)",),
        "{t0}({0}, {1})", lambda a, w: np.tanh(a @ w) @ w.T,
        iv.within(lambda n, a, w: n["k"] * w), "nd,dk->nd", "ff", sides=(Side("weight"),),
        locals=("block",)),
    block("checkpoint_dots", (
        "{t0} = jax.checkpoint_policies.dots_saveable",
        "{t1} = jax.checkpoint(lambda v: v + jnp.tanh(v @ {1}), policy={t0})"),
        "{t1}({0})", lambda a, w: a + np.tanh(a @ w), _SINE, "nd,dd->nd", "ff",
        sides=(Side("weight"),), locals=("policy", "layer")),
    block("inner_jit", (),
        "jax.jit(lambda v: v * jnp.cos(v))({0})", lambda a: a * np.cos(a), SAME, ""),
    block("static_jit", (),
        "jax.jit(lambda v, times: v**times / times, static_argnums=1)({0}, 3)",
        lambda a: a**3 / 3, iv.within(lambda n, a: a**3 / 3), "", domains=((-4.0, 4.0),)),
    block("tree_map", (
        "{t0} = dict(first={0}, second={1})",
        "{t0} = jax.tree.map(lambda leaf: {#0} * jnp.tanh(leaf), {t0})"),
        '{t0}["first"] - {t0}["second"]', lambda a, b, c: c * (np.tanh(a) - np.tanh(b)),
        lambda n: lambda a, b, c: (-2 * c[1], 2 * c[1]), "nd,nd->nd", "ff", binds=SUM,
        literals=((0.5, 2.0),), locals=("tree",)),
    block("tree_step", (
        "{t0} = jax.tree.map(lambda p, g: p - {#0} * g, ({0}, {1}), ({1}, {0}))",),
        "{t0}[0] * {t0}[1]", lambda a, b, c: (a - c * b) * (b - c * a),
        iv.within(lambda n, a, b, c: (a + c * b) * (b + c * a)), "nd,nd->nd", "ff",
        binds=PRODUCT, literals=((0.1, 0.5),), locals=("stepped",)),
    block("tree_leaves", (
        "{t0} = jax.tree.map(jnp.sin, dict(a={0}, b=[{1}, {0!!} * {1!!}]))",),
        "sum(jax.tree.leaves({t0}))", lambda a, b: np.sin(a) + np.sin(b) + np.sin(a * b),
        lambda n: lambda a, b: (-3.0, 3.0), "nd,nd->nd", "ff", locals=("tree",), wide=True),
    block("tree_reduce", (
        "{t0} = jax.tree.map(jnp.cos, [{0}, {1}])",),
        "jax.tree.reduce(jnp.maximum, {t0})", lambda a, b: np.maximum(np.cos(a), np.cos(b)),
        UNIT, "nd,nd->nd", "ff", locals=("leaves",)),
)  # fmt: skip

_DERIVATIVES = (
    block("grad_energy", (),
        "jax.grad(lambda v: jnp.sum(jnp.log(jnp.cosh({#0} * v))))({0})",
        lambda a, c: c * np.tanh(c * a), lambda n: lambda a, c: (-c[1], c[1]), "",
        domains=((-4.0, 4.0),), literals=((0.5, 2.0),)),
    block("grad_coupled", (
        "def {t0}(v):",
        "    return jnp.sum(jnp.sin(v[..., 1:] * v[..., :-1]))"),
        "jax.grad({t0})({0})", lambda a: (
            np.pad(np.cos(a[..., 1:] * a[..., :-1]) * a[..., :-1], [(0, 0)] * (a.ndim - 1)
                   + [(1, 0)])
            + np.pad(np.cos(a[..., 1:] * a[..., :-1]) * a[..., 1:], [(0, 0)] * (a.ndim - 1)
                     + [(0, 1)])),
        iv.within(lambda n, a: 2 * a), "...d->...d", domains=(_BASE,), locals=("energy",)),
    block("value_and_grad", (
        "{t0}, {t1} = jax.value_and_grad(lambda v: 0.5 * jnp.sum(v * v))({0})",),
        "{t1} / (1.0 + {t0})", lambda a: a / (1 + 0.5 * np.sum(a * a)), UNIT, "nd->nd",
        binds=PRODUCT, locals=("energy", "slope"), wide=True),
    block("jvp_sin", (
        "{t0}, {t1} = jax.jvp(jnp.sin, ({0},), ({1},))",),
        "{t0} + {t1}", lambda a, b: np.sin(a) + np.cos(a) * b, iv.within(lambda n, a, b: 1 + b),
        "nd,nd->nd", "ff", binds=SUM, locals=("value", "tangent")),
    block("vjp_tanh", (
        "{t0}, {t1} = jax.vjp(jnp.tanh, {0})",),
        "{t0} * {t1}({1})[0]", lambda a, b: np.tanh(a) * (1 - np.tanh(a) ** 2) * b,
        iv.within(lambda n, a, b: 0.4 * b), "nd,nd->nd", "ff", binds=PRODUCT,
        locals=("value", "pullback"), domains=((-8.0, 8.0), ANY)),
    block("linearized", (
        "{t0}, {t1} = jax.linearize(lambda v: v * jnp.sin(v), {0})",),
        "{t0} - {t1}({1})", lambda a, b: a * np.sin(a) - (np.sin(a) + a * np.cos(a)) * b,
        iv.within(lambda n, a, b: a + (1 + a) * b), "nd,nd->nd", "ff", binds=SUM,
        locals=("value", "push")),
    block("hessian_vector", (
        "{t0} = jax.grad(lambda v: jnp.sum(v**4) / 12.0)",),
        "jax.jvp({t0}, ({0},), ({1},))[1]", lambda a, b: a * a * b,
        iv.within(lambda n, a, b: a * a * b), "nd,nd->nd", "ff", domains=(_BASE, _BASE),
        locals=("slope",)),
    block("jacfwd_softmax", (),
        "jax.jacfwd(jax.nn.softmax)({0})", _soft_jacobian, lambda n: lambda a: (-0.25, 0.25),
        "n->nn"),
    block("jacrev_products", (),
        "jax.jacrev(lambda v: v[1:] * jnp.sin(v[:-1]) + v[0])({0})[0]",
        lambda a: np.concatenate([[a[1] * np.cos(a[0]) + 1, np.sin(a[0])],
                                  np.zeros(len(a) - 2)]),
        iv.within(lambda n, a: 1 + a), "n->n"),
    block("vmap_grad", (),
        "jax.vmap(jax.grad(lambda row: jnp.prod(jnp.cos(row))))({0})",
        lambda a: -np.sin(a) * np.prod(np.cos(a), -1, keepdims=True) / np.cos(a), UNIT,
        domains=((-1.2, 1.2),)),
    block("vmap_laplacian", (
        "{t0} = jax.hessian(lambda v: jnp.sum(jnp.sin(v)) * jnp.mean(v * v))",),
        "jax.vmap(lambda v: jnp.trace({t0}(v)))({0})",
        lambda a: (-np.sin(a).sum(-1) * np.mean(a * a, -1)
                   + 4 * np.mean(a * np.cos(a), -1) + 2 * np.sin(a).sum(-1)),
        iv.within(lambda n, a: n["d"] * (a * a + 2) + 4 * a), "nd->n", domains=(_BASE,),
        locals=("curvature",)),
    block("frozen_mean", (),
        "{0!!} - jax.lax.stop_gradient(jnp.mean({0}, axis=-1, keepdims=True))",
        lambda a: a - a.mean(-1, keepdims=True), iv.within(lambda n, a: 2 * a), "...d->...d",
        binds=SUM, differentiable=False),
    block("custom_jvp_log", (), "{h0}({0})", lambda a: np.log1p(a * a),
        lambda n: lambda a: (0.0, math.log1p(iv.magnitude(a) ** 2)), "", helper=(
            "@jax.custom_jvp",
            "def {h0}(v):",
            "    return jnp.log(1.0 + v * v)",
            "",
            "",
            "@{h0}.defjvp",
            "def {h1}(primals, tangents):",
            "    (v,), (t,) = primals, tangents",
            "    return {h0}(v), 2.0 * v / (1.0 + v * v) * t"),
        helpers=("soft_log", "soft_log_jvp"), domains=((-20.0, 20.0),)),
    block("custom_vjp_quartic", (), "{h0}({0})", lambda a: a * a / np.sqrt(1 + a * a),
        lambda n: lambda a: (0.0, iv.magnitude(a)), "", helper=(
            "@jax.custom_vjp",
            "def {h0}(v):",
            "    return v * v * jax.lax.rsqrt(1.0 + v * v)",
            "",
            "",
            "{h0}.defvjp(",
            "    lambda v: ({h0}(v), v),",
            "    lambda v, g: (g * v * (v * v + 2.0) * jax.lax.rsqrt(1.0 + v * v) ** 3,)",
            ")"),
        helpers=("smooth_square",), domains=((-20.0, 20.0),)),
    block("clipped_cotangent", (), "jnp.sin({h0}({0}))", np.sin, UNIT, "", helper=(
            "{h0} = jax.custom_vjp(lambda v: v)",
            "{h0}.defvjp(lambda v: (v, None), lambda _, g: (jnp.clip(g, -0.1, 0.1),))"),
        helpers=("clip_cotangent",), differentiable=False),
)  # fmt: skip

_PAIRS = (*_MAPS, *_DERIVATIVES)
ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
