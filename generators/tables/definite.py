"""Symmetric positive definite matrices: rows that make them of floats, and of each other.

A ``p`` value is symmetric, its least eigenvalue is at least one, and its interval holds for its
entries: every row that makes one keeps that law, so that solves and factors need no guard.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import SUM, Spelling

_BASE: tuple = (-2.0, 2.0)  # of what matrices are made of
_ONE: tuple = (-1.0, 1.0)
_RIDGE: tuple = (1.0, 2.0)
_EYE = "jnp.eye({@n}, dtype={0!!}.dtype)"
_EYE_D = "jnp.eye({@d}, dtype={0!!}.dtype)"


def turned(a: np.ndarray) -> np.ndarray:
    """Return the matrices transposed."""
    return np.swapaxes(a, -1, -2)


def _gram(a: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    return a @ turned(a if b is None else b)


def _differences(a: np.ndarray) -> np.ndarray:
    return a[..., :, None, :] - a[..., None, :, :]


def _square_distance(a: np.ndarray) -> np.ndarray:
    return np.sum(_differences(a) ** 2, axis=-1)


def _centered(a: np.ndarray) -> np.ndarray:
    return a - a.mean(axis=-2, keepdims=True)


def diagonal(a: np.ndarray) -> np.ndarray:
    """Return the matrices' diagonals."""
    return np.diagonal(a, axis1=-2, axis2=-1)


def _laplacian(a: np.ndarray) -> np.ndarray:
    near = 1 / (1 + np.exp(-_gram(a) / a.shape[-1]))
    return np.diag(near.sum(-1)) - near + np.eye(len(a))


def _unit_rows(a: np.ndarray) -> np.ndarray:
    return a / np.sqrt(np.sum(a * a, -1, keepdims=True) + 0.1)


def _jacobian_gram(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    j = (1 - np.tanh(w @ a) ** 2)[:, None] * w
    return j @ j.T + np.eye(len(w))


def _softmax_hessian(a: np.ndarray) -> np.ndarray:
    s = np.exp(a - a.max())
    s /= s.sum()
    return np.eye(len(a)) + np.diag(s) - np.outer(s, s)


def squared(a, factor: float = 1.0) -> float:
    """Return the square of an interval's magnitude, times a factor."""
    return factor * iv.magnitude(a) ** 2


def _ridged(f=lambda m, n: m * m):
    """Make the range of entries up to ``f`` in magnitude with a ridge on the diagonal."""
    return lambda n: lambda a, *c: (-f(iv.magnitude(a), n), f(iv.magnitude(a), n) + c[-1][1])


def _eyed(f=lambda m, n: m * m):
    return lambda n: lambda a, *c: (-f(iv.magnitude(a), n), f(iv.magnitude(a), n) + 1.0)


def _made(name, spelling, reference, sized, dims="...nd->...nn", literals=(), domain=_BASE, **more):
    """Make a row that turns floats into a positive definite matrix."""
    row = Operation(
        name, "f", "p", (domain,), sized, reference, literals, sized=True, dims=dims,
        family="linalg", wide=True, **more,
    )  # fmt: skip
    return row, spelling


def of_p(name, spelling, reference, sized, dims="...nn->...nn", result="f", **more):
    """Make a row on a positive definite matrix alone."""
    row = Operation(
        name, "p", result, (ANY,), sized, reference, sized=True, dims=dims, family="linalg",
        wide=True, **more,
    )  # fmt: skip
    return row, spelling


_MADE = (
    _made("gram_eye", Spelling("{0!!} @ {0!!}.mT / {@d} + " + _EYE, SUM),
          lambda a: _gram(a) / a.shape[-1] + np.eye(a.shape[-2]), _eyed()),
    _made("gram_ridge", Spelling(
        "{t0} / {@d} + {#0} * " + _EYE, SUM,
        ('{t0} = jnp.einsum("...nd,...md->...nm", {0}, {0})',), ("gram",)),
        lambda a, c: _gram(a) / a.shape[-1] + c * np.eye(a.shape[-2]), _ridged(),
        literals=(_RIDGE,)),
    _made("gram_matmul", Spelling(
        "{t0}.at[..., {t1}, {t1}].add({#0})",
        lines=("{t0} = jnp.matmul({0}, {0!!}.mT) / {0!!}.shape[-1]",
               "{t1} = jnp.arange({0!!}.shape[-2])"), locals=("gram", "diagonal")),
        lambda a, c: _gram(a) / a.shape[-1] + c * np.eye(a.shape[-2]), _ridged(),
        literals=(_RIDGE,)),
    _made("scatter_ridge", Spelling("{0!!}.mT @ {0!!} / {@n} + {#0} * " + _EYE_D, SUM),
          lambda a, c: _gram(turned(a)) / a.shape[-2] + c * np.eye(a.shape[-1]), _ridged(),
          dims="...nd->...dd", literals=(_RIDGE,)),
    _made("covariance_ridge", Spelling(
        "{t1} + {#0} * " + _EYE_D, SUM,
        ("{t0} = {0!!} - jnp.mean({0}, axis=-2, keepdims=True)",
         "{t1} = {t0}.mT @ {t0} / ({@n} - 1)"), ("centered", "covariance")),
        lambda a, c: (_gram(turned(_centered(a))) / (a.shape[-2] - 1) + c * np.eye(a.shape[-1])),
        _ridged(lambda m, n: 1.34 * m * m), dims="...nd->...dd", literals=(_RIDGE,)),
    _made("cov_columns", Spelling("jnp.cov({0}, rowvar=False) + {#0} * " + _EYE_D, SUM),
          lambda a, c: np.cov(a, rowvar=False) + c * np.eye(a.shape[-1]),
          _ridged(lambda m, n: 1.34 * m * m), dims="nd->dd", literals=(_RIDGE,)),
    _made("cov_rows", Spelling("jnp.cov({0}) + jnp.diag(jnp.full({@n}, {#0}, {0!!}.dtype))", SUM),
          lambda a, c: np.cov(a) + c * np.eye(a.shape[0]),
          _ridged(lambda m, n: 1.34 * m * m), dims="nd->nn", literals=(_RIDGE,)),
    _made("rbf_kernel", Spelling(
        "jnp.exp(-{#0} * {t1}) + {#1} * " + _EYE, SUM,
        ("{t0} = {0!!}[..., :, None, :] - {0!!}[..., None, :, :]",
         "{t1} = jnp.sum({t0}**2, axis=-1)"), ("offsets", "squared")),
        lambda a, s, c: np.exp(-s * _square_distance(a)) + c * np.eye(a.shape[-2]),
        lambda n: lambda a, s, c: (0.0, 1.0 + c[1]), literals=((0.05, 0.3), _RIDGE)),
    _made("rbf_expanded", Spelling(
        "jnp.exp(-0.5 * jnp.maximum({t1}, 0.0) / {#0}) + " + _EYE, SUM,
        ("{t0} = jnp.sum({0!!} * {0!!}, axis=-1)",
         "{t1} = {t0}[..., :, None] + {t0}[..., None, :] - 2.0 * ({0!!} @ {0!!}.mT)"),
        ("norms", "distances")),
        lambda a, s: np.exp(-0.5 * _square_distance(a) / s) + np.eye(a.shape[-2]),
        lambda n: lambda a, s: (0.0, 2.0), literals=((2.0, 9.0),)),
    _made("rbf_vmapped", Spelling(
        "{t1} + {#1} * " + _EYE, SUM,
        ("{t0} = lambda a, b: jnp.exp(-{#0} * jnp.sum((a - b) ** 2))",
         "{t1} = jax.vmap(lambda a: jax.vmap(lambda b: {t0}(a, b))({0}))({0})"),
        ("kernel", "covariance")),
        lambda a, s, c: np.exp(-s * _square_distance(a)) + c * np.eye(a.shape[-2]),
        lambda n: lambda a, s, c: (0.0, 1.0 + c[1]), dims="nd->nn",
        literals=((0.05, 0.3), _RIDGE)),
    _made("laplace_kernel", Spelling(
        "jnp.exp(-{#0} * {t1}) + {#1} * " + _EYE, SUM,
        ("{t0} = jnp.expand_dims({0}, -2) - jnp.expand_dims({0}, -3)",
         "{t1} = jnp.sum(jnp.abs({t0}), axis=-1)"), ("offsets", "distance")),
        lambda a, s, c: np.exp(-s * np.abs(_differences(a)).sum(-1)) + c * np.eye(a.shape[-2]),
        lambda n: lambda a, s, c: (0.0, 1.0 + c[1]), literals=((0.05, 0.3), _RIDGE)),
    _made("matern_kernel", Spelling(
        "(1.0 + {t1}) * jnp.exp(-{t1}) + {#0} * " + _EYE, SUM,
        ("{t0} = jnp.sum(({0!!}[..., :, None, :] - {0!!}[..., None, :, :]) ** 2, axis=-1)",
         "{t1} = jnp.sqrt({t0} + 0.01)"), ("squared", "distance")),
        lambda a, c: ((1 + np.sqrt(_square_distance(a) + 0.01))
                      * np.exp(-np.sqrt(_square_distance(a) + 0.01)) + c * np.eye(a.shape[-2])),
        lambda n: lambda a, c: (0.0, 1.0 + c[1]), literals=(_RIDGE,)),
    _made("rational_kernel", Spelling(
        "(1.0 + {t0} / {@d}) ** -{#0} + {#1} * " + _EYE, SUM,
        ("{t0} = jnp.sum(jnp.square({0!!}[..., :, None, :] - {0!!}[..., None, :, :]), axis=-1)",),
        ("squared",)),
        lambda a, s, c: ((1 + _square_distance(a) / a.shape[-1]) ** -s
                         + c * np.eye(a.shape[-2])),
        lambda n: lambda a, s, c: (0.0, 1.0 + c[1]), literals=((0.5, 2.0), _RIDGE)),
    _made("polynomial_kernel", Spelling(
        "({0!!} @ {0!!}.mT / {@d} + {#0}) ** 2 + " + _EYE, SUM),
        lambda a, c: (_gram(a) / a.shape[-1] + c) ** 2 + np.eye(a.shape[-2]),
        lambda n: lambda a, c: (0.0, (squared(a) + c[1]) ** 2 + 1.0), literals=((0.2, 1.0),),
        domain=_ONE),
    _made("cosine_kernel", Spelling(
        "{t1} @ {t1}.mT + {#0} * " + _EYE, SUM,
        ("{t0} = jnp.sum(jnp.square({0}), axis=-1, keepdims=True)",
         "{t1} = {0!!} * jax.lax.rsqrt({t0} + 0.1)"), ("power", "unit")),
        lambda a, c: _gram(_unit_rows(a)) + c * np.eye(a.shape[-2]),
        lambda n: lambda a, c: (-1.0, 1.0 + c[1]), literals=(_RIDGE,)),
    _made("graph_laplacian", Spelling(
        "jnp.diag(jnp.sum({t0}, axis=-1)) - {t0} + " + _EYE, SUM,
        ("{t0} = jax.nn.sigmoid({0!!} @ {0!!}.T / {@d})",), ("adjacency",)),
        _laplacian, lambda n: lambda a: (-1.0, n["n"] + 1.0), dims="nd->nn"),
    _made("outer_eye", Spelling("jnp.outer({0}, {0}) + " + _EYE, SUM),
          lambda a: np.outer(a, a) + np.eye(len(a)), _eyed(), dims="n->nn"),
    _made("rank_one_eye", Spelling(
        "{0!!}[..., :, None] * {0!!}[..., None, :] + {#0} * " + _EYE, SUM),
        lambda a, c: a[..., :, None] * a[..., None, :] + c * np.eye(a.shape[-1]), _ridged(),
        dims="...n->...nn", literals=(_RIDGE,)),
    _made("diagonal_scale", Spelling("jnp.diag({#0} + jnp.square({0}))"),
          lambda a, c: np.diag(c + a * a), lambda n: lambda a, c: (0.0, squared(a) + c[1]),
          dims="n->nn", literals=(_RIDGE,)),
    _made("toeplitz_gram", Spelling(
        "{t0} @ {t0} / {@n} + " + _EYE, SUM, ("{t0} = jax.scipy.linalg.toeplitz({0})",),
        ("band",)),
        lambda a: (scipy.linalg.toeplitz(a) @ scipy.linalg.toeplitz(a) / len(a)
                   + np.eye(len(a))), _eyed(), dims="n->nn"),
    _made("energy_hessian", Spelling(
        "jax.hessian({t0})({0})", lines=(
            "{t0} = lambda v: 0.5 * jnp.sum(v**2) + jax.nn.logsumexp(v)",), locals=("energy",)),
        _softmax_hessian, lambda n: lambda a: (-1.0, 2.0), dims="n->nn"),
    _made("symmetric_product", Spelling(
        "jax.lax.linalg.symmetric_product({t0}, {t1}, beta={#0}, symmetrize_output=True)",
        lines=("{t0} = jax.lax.stop_gradient({0}) / {@d}", "{t1} = " + _EYE),
        locals=("factor", "identity")),
        lambda a, c: _gram(a) / a.shape[-1] ** 2 + c * np.eye(a.shape[-2]), _ridged(),
        dims="nd->nn", literals=(_RIDGE,), differentiable=False),
    (Operation("jacobian_gram", "ff", "p", (_BASE, ANY),
               lambda n: lambda a, w: (-n["n"] * squared(w), n["n"] * squared(w) + 1.0),
               _jacobian_gram,
               sized=True, dims="n,kn->kk", sides=(Side("weight"),), family="linalg", wide=True),
     Spelling("{t0} @ {t0}.T + jnp.eye({@k}, dtype={0!!}.dtype)", SUM,
              ("{t0} = jax.jacfwd(lambda v: jnp.tanh({1!!} @ v))({0})",), ("jacobian",))),
)  # fmt: skip

_KEPT = (
    of_p("spd_square", Spelling("jnp.linalg.matrix_power({0}, 2)"), lambda a: a @ a,
          iv.within(lambda n, p: n["n"] * p * p), result="p"),
    of_p("spd_expm", Spelling(
        "jax.scipy.linalg.expm({0!!} / jnp.trace({0}, axis1=-2, axis2=-1)[..., None, None])"),
        lambda a: scipy.linalg.expm(a / np.trace(a, axis1=-2, axis2=-1)[..., None, None]),
        lambda n: lambda p: (-math.e, math.e), result="p"),
    of_p("spd_shrink", Spelling(
        "(1.0 - {#0}) * {0!!} + {#0} * {t0}[..., None, None] * {t1}", SUM,
        ("{t0} = jnp.mean(jnp.diagonal({0}, axis1=-2, axis2=-1), axis=-1)", "{t1} = " + _EYE),
        ("variance", "identity")),
        lambda a, c: (1 - c) * a + c * diagonal(a).mean(-1)[..., None, None] * np.eye(a.shape[-1]),
        iv.within(lambda n, p, c: p), result="p", literals=((0.1, 0.6),)),
    (Operation("rank_one_update", "pf", "p", (ANY, ANY),
               iv.within(lambda n, p, v: p + v * v), lambda a, v: a + np.outer(v, v), sized=True,
               dims="...nn,n->...nn", sides=(Side("direction", (-1.0, 1.0)),), family="linalg",
               wide=True), Spelling("{0} + jnp.linalg.outer({1}, {1})", SUM)),
    (Operation("congruence", "pf", "p", (ANY, ANY),
               iv.within(lambda n, p, w: 1.0 + n["n"] ** 2 * p * w * w),
               lambda a, w: w @ a @ w.T + np.eye(len(w)), sized=True, dims="nn,kn->kk",
               sides=(Side("weight", (-0.3, 0.3)),), family="linalg", wide=True),
     Spelling("jnp.linalg.multi_dot([{1}, {0}, {1!!}.T]) + jnp.eye({@k}, dtype={0!!}.dtype)",
              SUM)),
)  # fmt: skip


_PAIRS = (*_MADE, *_KEPT)
ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
