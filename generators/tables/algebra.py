"""Linear algebra of whole arrays: solves, factors, spectra, norms and structured matrices.

`generators.tables.definite` makes the positive definite matrices that most of these rows are on.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import PRODUCT, Spelling, call
from generators.tables.definite import diagonal, of_p, squared, turned

_BASE: tuple = (-2.0, 2.0)  # of what matrices are made of
_HALF: tuple = (-0.5, 0.5)
_ONE: tuple = (-1.0, 1.0)
_EYE = "jnp.eye({@n}, dtype={0!!}.dtype)"


def _logdet(a: np.ndarray) -> np.ndarray:
    return np.linalg.slogdet(a)[1]


def _spectral(f):
    def of(a: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(a)
        return (vectors * f(values)[..., None, :]) @ turned(vectors)

    return of


def _mass(n):
    """Bound a solve: the inverse has norm one at most."""
    return lambda p, b, *_: (-math.sqrt(n["n"]) * iv.magnitude(b),
                             math.sqrt(n["n"]) * iv.magnitude(b))  # fmt: skip


def _spectrum(n):
    return lambda p, *_: (0.99, max(1.0, n["n"] * iv.magnitude(p)))


def _root(n):
    return lambda p, *_: (-math.sqrt(iv.magnitude(p)), math.sqrt(iv.magnitude(p)))


def _log_volume(n):
    return lambda p, *_: (0.0, n["n"] * math.log(max(1.0, iv.magnitude(p))))


def _solve(name, spelling, reference=np.linalg.solve, dims="...nn,...nk->...nk", **more):
    """Make a row that solves with a positive definite matrix."""
    row = Operation(
        name, "pf", "f", (ANY, ANY), _mass, reference, sized=True, dims=dims, family="linalg",
        wide=True, **more,
    )  # fmt: skip
    return row, spelling


def _of_f(name, spelling, reference, sized, dims, domain=_BASE, **more):
    """Make a row on floats alone."""
    row = Operation(
        name, "f", "f", (domain,), sized, reference, sized=True, dims=dims, family="linalg",
        wide=True, **more,
    )  # fmt: skip
    return row, spelling


def _solve_rows(a, b):
    return turned(np.linalg.solve(np.linalg.cholesky(a), turned(b)))


def _lower_solve(a, b):
    return np.linalg.solve(np.linalg.cholesky(a), b)


def _upper_solve(a, b):
    return np.linalg.solve(turned(np.linalg.cholesky(a)), b)


def _project(a, b):
    q, _ = np.linalg.qr(a[..., :2])
    return q @ (turned(q) @ b)


def _mahalanobis(a, b):
    return np.einsum("ki,ik->k", b, np.linalg.solve(a, b.T))


def _normal_logpdf(a, x, mean):
    apart = x - mean
    maha = np.einsum("ki,ki->k", apart, np.linalg.solve(a, apart.T).T)
    return -0.5 * (maha + _logdet(a) + len(a) * math.log(2 * math.pi))


def _normal_range(n):
    def of(p, x, mean):
        apart = iv.magnitude(x) + iv.magnitude(mean)
        log = math.log(2 * math.pi * max(1.0, iv.magnitude(p)))
        return -0.5 * n["n"] * (apart**2 + log), 0.0

    return of


def _shrunk(a, tau):
    u, s, v = np.linalg.svd(a, full_matrices=False)
    return (u * np.maximum(s - tau, 0)[..., None, :]) @ v


def _cayley(a):
    skew = (a - turned(a)) / (2 * a.shape[-1])
    return np.linalg.solve(np.eye(a.shape[-1]) + skew, np.eye(a.shape[-1]) - skew)


def _reflected(a, tau):
    q = np.eye(a.shape[-1])
    for i in range(a.shape[-1]):
        v = np.concatenate([np.zeros(i), [1.0], a[i + 1 :, i] / a.shape[-1]])
        q = q @ (np.eye(len(v)) - tau[i] * np.outer(v, v))
    return q


def _diffused(a, r):
    n = a.shape[-2]
    step = (1 + 2 * r) * np.eye(n) - r * np.eye(n, k=1) - r * np.eye(n, k=-1)
    return np.linalg.solve(step, a)


def _stacked_expm(a):
    return scipy.linalg.expm(a)


_INVERSE = (
    of_p("cholesky", call("jnp.linalg.cholesky"), np.linalg.cholesky, _root),
    of_p("cholesky_upper", Spelling("jnp.linalg.cholesky({0}, upper=True)"),
          lambda a: turned(np.linalg.cholesky(a)), _root),
    of_p("cholesky_lax", Spelling("jax.lax.linalg.cholesky({0})"), np.linalg.cholesky, _root),
    of_p("cholesky_scipy", Spelling("jax.scipy.linalg.cholesky({0}, lower=True)"),
          np.linalg.cholesky, _root),
    of_p("inverse", call("jnp.linalg.inv"), np.linalg.inv, lambda n: lambda p: (-1.0, 1.0)),
    of_p("inverse_scipy", call("jax.scipy.linalg.inv"), np.linalg.inv,
          lambda n: lambda p: (-1.0, 1.0)),
    of_p("pseudo_inverse", call("jnp.linalg.pinv"), np.linalg.inv,
          lambda n: lambda p: (-1.0, 1.0)),
    of_p("pseudo_inverse_hermitian", Spelling("jnp.linalg.pinv({0}, hermitian=True)"),
          np.linalg.inv, lambda n: lambda p: (-1.0, 1.0)),
    of_p("inverse_power", Spelling("jnp.linalg.matrix_power({0}, -1)"),
          np.linalg.inv, lambda n: lambda p: (-1.0, 1.0)),
    of_p("inverse_cholesky", Spelling(
        "jax.scipy.linalg.solve_triangular({t0}, {t1}, lower=True)",
        lines=("{t0} = jnp.linalg.cholesky({0})", "{t1} = " + _EYE),
        locals=("factor", "identity")),
        lambda a: np.linalg.inv(np.linalg.cholesky(a)), lambda n: lambda p: (-1.0, 1.0),
        "nn->nn"),
    # solves
    _solve("solve_spd", call("jnp.linalg.solve", 2)),
    _solve("solve_pos", Spelling('jax.scipy.linalg.solve({0}, {1}, assume_a="pos")'),
           dims="nn,nk->nk"),
    _solve("cho_solve", Spelling(
        "jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor({0}), {1})")),
    _solve("cho_solve_lower", Spelling(
        "jax.scipy.linalg.cho_solve(({t0}, True), {1})",
        lines=("{t0} = jnp.linalg.cholesky({0})",), locals=("factor",))),
    _solve("lu_solve", Spelling(
        "jax.scipy.linalg.lu_solve({t0}, {1})",
        lines=("{t0} = jax.scipy.linalg.lu_factor({0})",), locals=("factors",)),
        dims="nn,nk->nk"),
    _solve("lower_solve", Spelling(
        "jax.scipy.linalg.solve_triangular({t0}, {1}, lower=True)",
        lines=("{t0} = jnp.linalg.cholesky({0})",), locals=("factor",)), _lower_solve),
    _solve("upper_solve", Spelling(
        'jax.scipy.linalg.solve_triangular({t0}, {1}, trans="T", lower=True)',
        lines=("{t0} = jnp.linalg.cholesky({0})",), locals=("factor",)), _upper_solve),
    _solve("two_triangles", Spelling(
        "jax.scipy.linalg.solve_triangular({t0}.mT, {t1}, lower=False)",
        lines=("{t0} = jax.scipy.linalg.cholesky({0}, lower=True)",
               "{t1} = jax.scipy.linalg.solve_triangular({t0}, {1}, lower=True)"),
        locals=("factor", "forward"))),
    _solve("triangular_solve", Spelling(
        "jax.lax.linalg.triangular_solve({t0}, {1}, left_side=True, lower=True)",
        lines=("{t0} = jax.lax.linalg.cholesky({0})",), locals=("factor",)), _lower_solve),
    _solve("whiten", Spelling(
        "jax.lax.linalg.triangular_solve({t0}, {1}, lower=True, transpose_a=True)",
        lines=("{t0} = jnp.linalg.cholesky({0})",), locals=("factor",)), _solve_rows,
        dims="...nn,...kn->...kn"),
    _solve("qr_solve", Spelling(
        "jax.scipy.linalg.solve_triangular({t1}, {t0}.mT @ {1!!}, lower=False)",
        lines=("{t0}, {t1} = jnp.linalg.qr({0})",), locals=("q", "r"))),
    _solve("eigen_solve", Spelling(
        "{t1} @ (({t1}.mT @ {1!!}) / {t0}[..., :, None])", PRODUCT,
        ("{t0}, {t1} = jnp.linalg.eigh({0})",), ("values", "vectors")), differentiable=False),
    _solve("lstsq_spd", Spelling("jnp.linalg.lstsq({0}, {1})[0]"), dims="nn,nk->nk",
           differentiable=False),
    _solve("solve_vmapped", Spelling("jax.vmap(jnp.linalg.solve)({0}, {1})"),
           dims="hnn,hnk->hnk"),
    _solve("tensor_solve", call("jnp.linalg.tensorsolve", 2), np.linalg.solve, dims="nn,n->n"),
    _solve("conjugate_gradients", Spelling(
        "jax.scipy.sparse.linalg.cg(lambda v: {0!!} @ v, {1}, tol=1e-9)[0]"), dims="nn,n->n"),
    _solve("bicgstab", Spelling(
        "jax.scipy.sparse.linalg.bicgstab({t0}, {1}, tol=1e-9)[0]",
        lines=("{t0} = lambda v: {0!!} @ v",), locals=("matvec",)), dims="nn,n->n",
        differentiable=False),
    _solve("custom_solve", Spelling(
        "jax.lax.custom_linear_solve({t0}, {1}, {t1}, symmetric=True)",
        lines=("{t0} = lambda v: {0!!} @ v",
               "{t1} = lambda _, b: jnp.linalg.solve({0}, b)"), locals=("matvec", "solver")),
        dims="nn,nk->nk"),
    # products and forms
    (Operation("quadratic_form", "pf", "f", (ANY, ANY),
               iv.within(lambda n, p, v: n["n"] * p * v * v),
               lambda a, v: np.einsum("...i,...ij,...j->...", v, a, v) / a.shape[-1], sized=True,
               dims="...nn,...n->...", family="linalg", wide=True),
     Spelling('jnp.einsum("...i,...ij,...j->...", {1}, {0}, {1}) / {@n}', PRODUCT)),
    (Operation("mahalanobis", "pf", "f", (ANY, ANY),
               lambda n: lambda p, v: (0.0, n["n"] * squared(v)), _mahalanobis, sized=True,
               dims="nn,kn->k", family="linalg", wide=True),
     Spelling("jax.vmap(lambda v: v @ jnp.linalg.solve({0}, v))({1})")),
    (Operation("normal_logpdf", "pff", "f", (ANY, ANY, ANY), _normal_range, _normal_logpdf,
               sized=True, dims="nn,kn,n->k", sides=(None, Side("mean")), family="linalg",
               wide=True),
     Spelling("jax.scipy.stats.multivariate_normal.logpdf({1}, {2}, {0})")),
    (Operation("project_columns", "pf", "f", (ANY, ANY), _mass, _project, sized=True,
               dims="...nn,...nk->...nk", family="linalg", wide=True),
     Spelling("{t0} @ ({t0}.mT @ {1!!})", PRODUCT, ("{t0}, _ = jnp.linalg.qr({0!!}[..., :2])",),
              ("basis",))),
    (Operation("block_logdet", "pp", "f", (ANY, ANY),
               lambda n: lambda p, q: (0.0, n["n"] * math.log(max(1.0, iv.magnitude(p)))
                                       + n["m"] * math.log(max(1.0, iv.magnitude(q)))),
               lambda a, b: _logdet(a) + _logdet(b), sized=True, dims="nn,mm->", family="linalg",
               wide=True),
     Spelling("jnp.linalg.slogdet(jax.scipy.linalg.block_diag({0}, {1})).logabsdet")),
    (Operation("cholesky_update", "pf", "f", (ANY, ANY),
               iv.within(lambda n, p, v: math.sqrt(p + v * v)),
               lambda a, v: np.linalg.cholesky(a + np.outer(v, v)).T, sized=True,
               dims="nn,n->nn", family="linalg", wide=True, differentiable=False),
     Spelling("jax.lax.linalg.cholesky_update({t0}, jax.lax.stop_gradient({1}))", lines=(
         "{t0} = jax.lax.stop_gradient(jnp.linalg.cholesky({0}, upper=True))",),
         locals=("factor",))),
)  # fmt: skip

_DIAGONALS = "jnp.diagonal({t0}, axis1=-2, axis2=-1)"
_SPECTRAL = "({t1} * {of}[..., None, :]) @ {t1}.mT"


def _spectral_row(name, written, f, sized, result="f"):
    spelling = Spelling(
        _SPECTRAL.replace("{of}", written), PRODUCT, ("{t0}, {t1} = jnp.linalg.eigh({0})",),
        ("values", "vectors"),
    )  # fmt: skip
    return of_p(name, spelling, _spectral(f), sized, result=result, differentiable=False)


def _volume(name, template, *lines, dims="...nn->...", locals=("factor",)):
    return of_p(name, Spelling(template, lines=lines, locals=locals), _logdet, _log_volume, dims)


_UPON = (
    # volumes
    _volume("slogdet", "jnp.linalg.slogdet({0})[1]"),
    _volume("slogdet_named", "{t0}", "_, {t0} = jnp.linalg.slogdet({0})",
            locals=("logdet",)),
    _volume("logdet_cholesky", "2.0 * jnp.sum(jnp.log(" + _DIAGONALS + "), axis=-1)",
            "{t0} = jax.scipy.linalg.cho_factor({0})[0]"),
    _volume("logdet_lu", "jnp.sum(jnp.log(jnp.abs(" + _DIAGONALS + ")), axis=-1)",
            "{t0}, _, _ = jax.lax.linalg.lu({0})"),
    _volume("logdet_lu_factor", "jnp.sum(jnp.log(jnp.abs(jnp.diag({t0}))))",
            "{t0}, _ = jax.scipy.linalg.lu_factor({0})", dims="nn->"),
    _volume("logdet_plu", "jnp.sum(jnp.log(jnp.abs(jnp.diag({t0}))))",
            "_, {t0} = jax.scipy.linalg.lu({0}, permute_l=True)", dims="nn->"),
    of_p("det_normalized", Spelling(
        "jnp.linalg.det({@n} * {0!!} / jnp.linalg.trace({0})[..., None, None])"),
        lambda a: np.linalg.det(
            a.shape[-1] * a / np.trace(a, axis1=-2, axis2=-1)[..., None, None]),
        lambda n: lambda p: (0.0, 1.0), "...nn->..."),
    of_p("det_scipy", Spelling(
        "jax.scipy.linalg.det({0!!} / jnp.max(jnp.diag({0})))"),
        lambda a: np.linalg.det(a / np.max(np.diag(a))),
        lambda n: lambda p: (0.0, 1.0), "nn->"),
    # spectra
    of_p("eigvalsh", call("jnp.linalg.eigvalsh"), np.linalg.eigvalsh, _spectrum, "...nn->...n"),
    of_p("eigvalsh_named", Spelling("jnp.linalg.eigh({0}).eigenvalues"), np.linalg.eigvalsh,
          _spectrum, "...nn->...n"),
    of_p("eigvalsh_lax", Spelling("{t0}", lines=("_, {t0} = jax.lax.linalg.eigh({0})",),
                                   locals=("values",)),
          np.linalg.eigvalsh, _spectrum, "...nn->...n"),
    of_p("eigvalsh_scipy", Spelling("jax.scipy.linalg.eigh({0}, eigvals_only=True)"),
          np.linalg.eigvalsh, _spectrum, "...nn->...n"),
    of_p("svd_values", Spelling("jnp.linalg.svd({0}, compute_uv=False)"),
          lambda a: np.linalg.svd(a, compute_uv=False), _spectrum, "...nn->...n"),
    of_p("svdvals", call("jnp.linalg.svdvals"), lambda a: np.linalg.svd(a, compute_uv=False),
          _spectrum, "...nn->...n"),
    of_p("svd_values_scipy", Spelling("jax.scipy.linalg.svd({0}, compute_uv=False)"),
          lambda a: np.linalg.svd(a, compute_uv=False), _spectrum, "...nn->...n"),
    of_p("svd_values_lax", Spelling("jax.lax.linalg.svd({0}, compute_uv=False)"),
          lambda a: np.linalg.svd(a, compute_uv=False), _spectrum, "...nn->...n"),
    of_p("condition", call("jnp.linalg.cond"), np.linalg.cond,
          lambda n: lambda p: (1.0, max(1.0, n["n"] * iv.magnitude(p))), "nn->"),
    of_p("spectral_norm", Spelling("jnp.linalg.norm({0}, ord=2, axis=(-2, -1))"),
          lambda a: np.linalg.norm(a, 2, axis=(-2, -1)), _spectrum, "...nn->..."),
    _spectral_row("spd_sqrt", "jnp.sqrt({t0})", np.sqrt,
                  iv.within(lambda n, p: math.sqrt(n["n"] * p)), "p"),
    _spectral_row("spd_rsqrt", "jax.lax.rsqrt({t0})", lambda w: w**-0.5,
                  lambda n: lambda p: (-1.0, 1.0)),
    _spectral_row("spd_log", "jnp.log({t0})", np.log,
                  iv.within(lambda n, p: math.log(n["n"] * max(1.0, p)))),
    _spectral_row("spd_heat", "jnp.exp(-{t0})", lambda w: np.exp(-w),
                  lambda n: lambda p: (-0.37, 0.37)),
    _spectral_row("spd_filter", "({t0} / (1.0 + {t0}))", lambda w: w / (1 + w),
                  lambda n: lambda p: (-1.0, 1.0)),
    # factors and sums
    of_p("qr_diagonal", Spelling(
        "jnp.abs(" + _DIAGONALS + ")", lines=('{t0} = jnp.linalg.qr({0}, mode="r")',),
        locals=("r",)), lambda a: np.abs(diagonal(np.linalg.qr(a)[1])),
        lambda n: lambda p: (0.0, math.sqrt(n["n"]) * iv.magnitude(p)), "...nn->...n"),
    of_p("qr_diagonal_lax", Spelling(
        "jnp.abs(" + _DIAGONALS + ")",
        lines=("_, {t0} = jax.lax.linalg.qr({0}, full_matrices=False)",), locals=("r",)),
        lambda a: np.abs(diagonal(np.linalg.qr(a)[1])),
        lambda n: lambda p: (0.0, math.sqrt(n["n"]) * iv.magnitude(p)), "...nn->...n"),
    of_p("qr_diagonal_scipy", Spelling(
        "jnp.abs(jnp.diag({t0}))",
        lines=('_, {t0} = jax.scipy.linalg.qr({0}, mode="economic")',), locals=("r",)),
        lambda a: np.abs(np.diag(np.linalg.qr(a)[1])),
        lambda n: lambda p: (0.0, math.sqrt(n["n"]) * iv.magnitude(p)), "nn->n"),
    of_p("spd_trace", call("jnp.linalg.trace"), lambda a: np.trace(a, axis1=-2, axis2=-1),
          lambda n: lambda p: (0.0, n["n"] * iv.magnitude(p)), "...nn->..."),
    of_p("spd_diagonal", call("jnp.linalg.diagonal"), diagonal,
          lambda n: lambda p: (0.0, iv.magnitude(p)), "...nn->...n"),
    of_p("correlation", Spelling(
        "{0} / ({t0}[..., :, None] * {t0}[..., None, :])", PRODUCT,
        ("{t0} = jnp.sqrt(jnp.diagonal({0}, axis1=-2, axis2=-1))",), ("deviations",)),
        lambda a: a / np.sqrt(diagonal(a)[..., :, None] * diagonal(a)[..., None, :]),
        lambda n: lambda p: (-1.0, 1.0)),
    of_p("off_diagonal", Spelling("jnp.where(jnp.eye({@n}, dtype=bool), 0.0, {0})"),
          lambda a: a * (1 - np.eye(a.shape[-1])), iv.within(lambda n, p: p)),
    of_p("precision_variance", Spelling("1.0 / jnp.diagonal(jnp.linalg.inv({0}), 0, -2, -1)",
                                         PRODUCT),
          lambda a: 1 / diagonal(np.linalg.inv(a)),
          lambda n: lambda p: (0.99, max(1.0, iv.magnitude(p))), "...nn->...n"),
)  # fmt: skip

_PLAIN = (
    # square matrices of any kind
    _of_f("matrix_exponential", Spelling("jax.scipy.linalg.expm({0!!} / {@n})"),
          lambda a: _stacked_expm(a / a.shape[-1]),
          lambda n: lambda a: (-math.exp(iv.magnitude(a)), math.exp(iv.magnitude(a))),
          "...nn->...nn"),
    _of_f("matrix_cube", Spelling("jnp.linalg.matrix_power({0!!} / {@n}, 3)"),
          lambda a: np.linalg.matrix_power(a / a.shape[-1], 3),
          iv.within(lambda n, a: a**3), "...nn->...nn"),
    _of_f("resolvent", Spelling("jnp.linalg.inv(" + _EYE + " + {0!!} / (2 * {@n}))"),
          lambda a: np.linalg.inv(np.eye(a.shape[-1]) + a / (2 * a.shape[-1])),
          lambda n: lambda a: (-2.0, 2.0), "...nn->...nn", _ONE),
    _of_f("det_near_one", Spelling("jnp.linalg.det(" + _EYE + " - {0!!} / (2 * {@n}))"),
          lambda a: np.linalg.det(np.eye(a.shape[-1]) - a / (2 * a.shape[-1])),
          lambda n: lambda a: (0.0, 2.0), "...nn->...", _ONE),
    _of_f("cayley", Spelling(
        "jnp.linalg.solve({t1} + {t0}, {t1} - {t0})",
        lines=("{t0} = ({0!!} - {0!!}.mT) / (2 * {@n})", "{t1} = " + _EYE),
        locals=("skew", "identity")), _cayley, lambda n: lambda a: (-1.0, 1.0),
        "...nn->...nn"),
    _of_f("symmetric_spectrum", Spelling("jnp.linalg.eigvalsh(0.5 * ({0!!} + {0!!}.mT))"),
          lambda a: np.linalg.eigvalsh(0.5 * (a + turned(a))), iv.within(lambda n, a: n["n"] * a),
          "...nn->...n"),
    _of_f("square_trace", Spelling("jnp.linalg.trace({0!!} @ {0!!}) / {@n}", PRODUCT),
          lambda a: np.trace(a @ a, axis1=-2, axis2=-1) / a.shape[-1],
          iv.within(lambda n, a: n["n"] * a * a), "...nn->..."),
    _of_f("polar_factor", Spelling(
        'jax.scipy.linalg.polar({t0} + {0!!} / (2 * {@n}), method="svd")[0]',
        lines=("{t0} = " + _EYE,), locals=("identity",)),
        lambda a: scipy.linalg.polar(np.eye(len(a)) + a / (2 * len(a)))[0],
        lambda n: lambda a: (-1.0, 1.0), "nn->nn", _ONE, differentiable=False),
    # any matrices
    _of_f("matrix_norm", call("jnp.linalg.matrix_norm"), lambda a: np.linalg.norm(a, axis=(-2, -1)),
          lambda n: lambda a: (0.0, math.sqrt(n["n"] * n["d"]) * iv.magnitude(a)),
          "...nd->..."),
    _of_f("frobenius", Spelling('jnp.linalg.norm({0}, ord="fro", axis=(-2, -1), keepdims=True)'),
          lambda a: np.linalg.norm(a, axis=(-2, -1), keepdims=True),
          lambda n: lambda a: (0.0, math.sqrt(n["n"] * n["d"]) * iv.magnitude(a)),
          "...nd->...11"),
    _of_f("nuclear_norm", Spelling('jnp.linalg.norm({0}, ord="nuc", axis=(-2, -1))'),
          lambda a: np.linalg.norm(a, "nuc", axis=(-2, -1)),
          lambda n: lambda a: (0.0, math.sqrt(n["n"] * n["d"] * min(n["n"], n["d"]))
                               * iv.magnitude(a)), "...nd->..."),
    _of_f("nuclear_matrix_norm", Spelling('jnp.linalg.matrix_norm({0}, ord="nuc")'),
          lambda a: np.linalg.norm(a, "nuc", axis=(-2, -1)),
          lambda n: lambda a: (0.0, math.sqrt(n["n"] * n["d"] * min(n["n"], n["d"]))
                               * iv.magnitude(a)), "...nd->..."),
    _of_f("row_sum_norm", Spelling("jnp.linalg.matrix_norm({0}, ord=jnp.inf)"),
          lambda a: np.abs(a).sum(-1).max(-1),
          lambda n: lambda a: (0.0, n["d"] * iv.magnitude(a)), "...nd->..."),
    _of_f("vector_norm", Spelling("jnp.linalg.vector_norm({0}, axis=-1)"),
          lambda a: np.linalg.norm(a, axis=-1),
          lambda n: lambda a: (0.0, math.sqrt(n["d"]) * iv.magnitude(a)), "...d->..."),
    _of_f("power_norm", Spelling("jnp.linalg.vector_norm({0}, axis=-1, ord={#0})"),
          lambda a, c: np.linalg.norm(a, ord=c, axis=-1),
          lambda n: lambda a, c: (0.0, n["d"] * iv.magnitude(a)), "...d->...",
          literals=((1.5, 4.0),)),
    _of_f("largest_norm", Spelling("jnp.linalg.vector_norm({0}, axis=-1, ord=jnp.inf)"),
          lambda a: np.abs(a).max(-1), lambda n: lambda a: (0.0, iv.magnitude(a)),
          "...d->..."),
    _of_f("singular_shrink", Spelling(
        "({t0} * jax.nn.relu({t1} - {#0})[..., None, :]) @ {t2}", PRODUCT,
        ("{t0}, {t1}, {t2} = jnp.linalg.svd({0}, full_matrices=False)",), ("u", "s", "vt")),
        _shrunk, iv.within(lambda n, a, c: math.sqrt(n["n"] * n["d"]) * a),
        "...nd->...nd", literals=((0.1, 1.0),), differentiable=False),
    _of_f("matrix_transpose", call("jnp.linalg.matrix_transpose"), turned,
          iv.within(lambda n, a: a), "...nd->...dn", linear=True),
    _of_f("toeplitz", call("jax.scipy.linalg.toeplitz"), scipy.linalg.toeplitz,
          iv.within(lambda n, a: a), "n->nn", linear=True),
    _of_f("hankel", call("jax.scipy.linalg.hankel"), scipy.linalg.hankel,
          lambda n: lambda a: iv.hull(a, (0.0, 0.0)), "n->nn", linear=True),
    _of_f("circulant", call("jax.scipy.linalg.circulant"), scipy.linalg.circulant,
          iv.within(lambda n, a: a), "n->nn", linear=True),
    _of_f("fiedler", call("jax.scipy.linalg.fiedler"),
          lambda a: np.abs(a[:, None] - a[None, :]),
          lambda n: lambda a: (0.0, 2 * iv.magnitude(a)), "n->nn"),
    _of_f("tridiagonal_step", Spelling(
        "jax.lax.linalg.tridiagonal_solve({t0}, 1.0 - 2.0 * {t0}, {t0}, {0})",
        lines=("{t0} = jnp.full({@n}, -{#0}, dtype={0!!}.dtype)",), locals=("side",)),
        _diffused, iv.within(lambda n, a, r: a), "nd->nd", literals=((0.1, 0.9),)),
    _of_f("tridiagonal_spectrum", Spelling(
        "jax.scipy.linalg.eigh_tridiagonal({t0}, {t0}[1:], eigvals_only=True)",
        lines=("{t0} = jax.lax.stop_gradient({0})",), locals=("diagonal",)),
        lambda a: scipy.linalg.eigvalsh_tridiagonal(a, a[1:]), iv.within(lambda n, a: 3 * a),
        "n->n", differentiable=False),
    # with another value
    (Operation("reflections", "ff", "f", (_ONE, ANY), lambda n: lambda a, t: (-1.0, 1.0),
               _reflected, sized=True, dims="nn,n->nn", sides=(Side("taus", (0.2, 1.0)),),
               family="linalg", wide=True, differentiable=False),
     Spelling("jax.lax.linalg.householder_product({t0} / {@n}, jax.lax.stop_gradient({1}))",
              lines=("{t0} = jax.lax.stop_gradient({0})",), locals=("columns",))),
    (Operation("linalg_outer", "ff", "f", (ANY, ANY), iv.mul, np.outer, dims="n,m->nm",
               family="linalg", wide=True), call("jnp.linalg.outer", 2)),
    (Operation("linalg_vecdot", "ff", "f", (ANY, ANY), iv.within(lambda n, a, b: n["d"] * a * b),
               lambda a, b: np.sum(a * b, -1), sized=True, dims="...d,...d->...",
               family="linalg", wide=True), call("jnp.linalg.vecdot", 2)),
    (Operation("linalg_matmul", "ff", "f", (ANY, ANY), iv.within(lambda n, a, b: n["d"] * a * b),
               np.matmul, sized=True, dims="...nd,dk->...nk", sides=(Side("weight"),),
               family="linalg", wide=True), call("jnp.linalg.matmul", 2)),
    (Operation("multi_dot", "fff", "f", (ANY, ANY, ANY),
               iv.within(lambda n, a, b, c: n["d"] * n["k"] * a * b * c),
               lambda a, b, c: a @ b @ c, sized=True, dims="nd,dk,km->nm",
               sides=(Side("down", (-0.3, 0.3)), Side("up", (-0.3, 0.3))), family="linalg",
               wide=True), Spelling("jnp.linalg.multi_dot([{0}, {1}, {2}])")),
    (Operation("unit_lower_solve", "ff", "f", (_HALF, ANY), iv.within(lambda n, a, b: 2 * b),
               lambda a, b: np.linalg.solve(np.tril(a / a.shape[-1], -1) + np.eye(a.shape[-1]), b),
               sized=True, dims="nn,nk->nk", family="linalg", wide=True),
     Spelling("jax.scipy.linalg.solve_triangular({0!!} / {@n}, {1}, lower=True, "
              "unit_diagonal=True)")),
    (Operation("ridge_lower_solve", "ff", "f", (_ONE, ANY), iv.within(lambda n, a, b: b),
               lambda a, b: np.linalg.solve(np.tril(a / a.shape[-1]) + 2 * np.eye(a.shape[-1]), b),
               sized=True, dims="...nn,...nk->...nk", family="linalg", wide=True),
     Spelling("jax.scipy.linalg.solve_triangular({t0}, {1}, lower=True)", lines=(
         "{t0} = jnp.tril({0!!} / {@n}) + 2.0 * " + _EYE,), locals=("lower",))),
)  # fmt: skip

_PAIRS = (*_INVERSE, *_UPON, *_PLAIN)
ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
