"""Tiles reduced, scanned and sorted; products of matrices, factors, solves and transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from generators import intervals as iv
from generators.operations import ANY
from generators.program import Interval
from generators.spellings import PRODUCT, Spelling
from generators.tables.tile_elements import EACH, LINE, PLANE, ZEROS, ZEROS_LINE, row, same

_BELL: Interval = (-8.0, 8.0)

# Reductions, scans, sorting.


def count_of(size: dict[str, int]) -> int:
    """Return the number of elements of a tile; the leading axes count under the empty name."""
    return math.prod(size.values())


def _total(size: dict[str, int]) -> Callable:
    return lambda a: (count_of(size) * a[0], count_of(size) * a[1])


def _partial(size: dict[str, int]) -> Callable:
    n = count_of(size)
    return lambda a: (min(a[0], n * a[0], 0.0), max(a[1], n * a[1], 0.0))


def _log_total(size: dict[str, int]) -> Callable:
    more = math.log(count_of(size))
    return lambda a: (a[0] + more, a[1] + more)


def _along(size: dict[str, int]) -> Callable:
    return lambda a: (size["n"] * a[0], size["n"] * a[1])


def _scan(a, accumulate=np.add.accumulate):
    return accumulate(a.reshape(-1)).reshape(a.shape)


def _one(value) -> np.ndarray:
    return np.asarray(value).reshape(1)


_FULL, _SIDE = "...n->1", "mn->m"
_REDUCED = (
    row("tile_sum", "f", "f", _FULL, (ANY,), _total, lambda a: _one(a.sum()), sized=True,
        linear=True, weight=2),
    row("tile_sum_axis", "f", "f", _SIDE, (ANY,), _along, lambda a: a.sum(1), sized=True,
        linear=True, weight=2),
    row("tile_dot", "ff", "f", "...n,...n->1", (ANY, ANY),
        lambda n: lambda a, b: _total(n)(iv.mul(a, b)), lambda a, b: _one((a * b).sum()),
        sized=True),
    row("tile_max", "f", "f", _FULL, (ANY,), same, lambda a: _one(a.max()), differentiable=False),
    row("tile_min", "f", "f", _FULL, (ANY,), same, lambda a: _one(a.min()), differentiable=False),
    row("tile_argmax", "f", "i", _FULL, (ANY,), lambda n: lambda a: (0, count_of(n) - 1),
        lambda a: _one(a.argmax()), sized=True, differentiable=False),
    row("tile_argmin", "f", "i", _FULL, (ANY,), lambda n: lambda a: (0, count_of(n) - 1),
        lambda a: _one(a.argmin()), sized=True, differentiable=False),
    row("tile_reduce_add", "f", "f", _FULL, (ANY,), _total, lambda a: _one(a.sum()), sized=True,
        differentiable=False),
    row("tile_reduce_max", "f", "f", _FULL, (ANY,), same, lambda a: _one(a.max()),
        differentiable=False),
    row("tile_reduce_min", "f", "f", _FULL, (ANY,), same, lambda a: _one(a.min()),
        differentiable=False),
    row("tile_reduce_max_axis", "f", "f", _SIDE, (ANY,), same, lambda a: a.max(1),
        differentiable=False),
    row("tile_reduce_min_axis", "f", "f", _SIDE, (ANY,), same, lambda a: a.min(1),
        differentiable=False),
    row("tile_reduce_mul_axis", "f", "f", _SIDE, ((0.85, 1.2),),
        lambda n: lambda a: (a[0] ** n["n"], a[1] ** n["n"]), lambda a: a.prod(1), sized=True,
        differentiable=False),
    row("tile_logsumexp", "f", "f", _FULL, (_BELL,),
        _log_total, lambda a: _one(np.log(np.exp(a).sum())), sized=True, differentiable=False),
    row("tile_norm", "f", "f", _SIDE, (ANY,),
        lambda n: lambda a: (0.0, math.sqrt(n["n"]) * iv.magnitude(a)),
        lambda a: np.sqrt((a * a).sum(1)), sized=True, differentiable=False),
    row("tile_scan_inclusive", "f", "f", EACH, (ANY,), _partial, _scan, sized=True,
        differentiable=False),
    row("tile_scan_exclusive", "f", "f", EACH, (ANY,), _partial, lambda a: _scan(a) - a,
        sized=True, differentiable=False),
    row("tile_scan_max_inclusive", "f", "f", EACH, (ANY,), same,
        lambda a: _scan(a, np.maximum.accumulate), differentiable=False),
    row("tile_scan_min_inclusive", "f", "f", EACH, (ANY,), same,
        lambda a: _scan(a, np.minimum.accumulate), differentiable=False),
    row("tile_sort", "f", "f", LINE, (ANY,), same, np.sort, differentiable=False),
    row("tile_argsort", "f", "i", LINE, (ANY,), lambda n: lambda a: (0, n["n"] - 1), np.argsort,
        sized=True, differentiable=False),
    row("tile_sort_by", "ff", "f", "n,n->n", (ANY, ANY), same, lambda a, b: a[np.argsort(b)],
        differentiable=False),
    row("tile_thread_squares", "f", "f", "n->1", (ANY,),
        lambda n: lambda a: (0.0, n["n"] * iv.magnitude(a) ** 2), lambda a: _one((a * a).sum()),
        sized=True),
    row("tile_stack_count", "f", "f", "n->1", (ANY,), lambda n: lambda a: (0.0, n["n"]),
        lambda a: _one((a > 0).sum()), sized=True, differentiable=False),
    row("tile_stack_pop", "f", "f", "n->1", (ANY,),
        lambda n: lambda a: (0.0, n["n"] * max(a[1], 0.0)),
        lambda a: _one(np.maximum(a, 0).sum()), sized=True, differentiable=False),
)  # fmt: skip


def _reducer(stem: str, body: tuple[str, ...], tail: str = "") -> Spelling:
    head = "def {h0}(a: {float}, b: {float}):"
    return Spelling(
        f"wp.tile_reduce({{h0}}, {{0}}{tail})",
        helper=("@wp.func", head, *(f"    {line}" for line in body)),
        helpers=(stem,),
    )


_PUSHES = (
    "{t0} = wp.tile_stack(capacity={@n}, dtype={float})",
    "for {t1} in range({@n}):",
    "    {t2} = {0!!}[{t1}]",
    "    wp.tile_stack_push({t0}, {t2}, {t2} > {zero} and {lane} == 0)",
)

_REDUCED_SPELLINGS = {
    "tile_sum": Spelling("wp.tile_sum({0})"),
    "tile_sum_axis": Spelling("wp.tile_sum({0}, axis=1)"),
    "tile_dot": Spelling("wp.tile_dot({0}, {1})"),
    "tile_max": Spelling("wp.tile_max({0})"),
    "tile_min": Spelling("wp.tile_min({0})"),
    "tile_argmax": Spelling("wp.tile_argmax({0})"),
    "tile_argmin": Spelling("wp.tile_argmin({0})"),
    "tile_reduce_add": Spelling("wp.tile_reduce(wp.add, {0})"),
    "tile_reduce_max": Spelling("wp.tile_reduce(wp.max, {0})"),
    "tile_reduce_min": Spelling("wp.tile_reduce(wp.min, {0})"),
    "tile_reduce_max_axis": Spelling("wp.tile_reduce(wp.max, {0}, axis=1)"),
    "tile_reduce_min_axis": Spelling("wp.tile_reduce(wp.min, {0}, axis=1)"),
    "tile_reduce_mul_axis": Spelling("wp.tile_reduce(wp.mul, {0}, axis=1)"),
    "tile_logsumexp": _reducer(
        "log_add", ("m = wp.max(a, b)", "return m + wp.log(wp.exp(a - m) + wp.exp(b - m))")
    ),
    "tile_norm": _reducer("root_of_squares", ("return wp.sqrt(a * a + b * b)",), ", axis=1"),
    "tile_scan_inclusive": Spelling("wp.tile_scan_inclusive({0})"),
    "tile_scan_exclusive": Spelling("wp.tile_scan_exclusive({0})"),
    "tile_scan_max_inclusive": Spelling("wp.tile_scan_max_inclusive({0})"),
    "tile_scan_min_inclusive": Spelling("wp.tile_scan_min_inclusive({0})"),
    "tile_sort": Spelling(
        "{t0}",
        lines=(
            ZEROS_LINE,
            "{t0} += {0}",
            "{t1} = wp.tile_ones(shape={@n}, dtype=int)",
            "wp.tile_sort({t0}, {t1})",
        ),
        locals=("keys", "unused"),
    ),
    "tile_argsort": Spelling(
        "{t1}",
        lines=(
            ZEROS_LINE,
            "{t0} += {0}",
            "{t1} = wp.tile_arange({@n}, dtype=int)",
            "wp.tile_sort({t0}, {t1})",
        ),
        locals=("keys", "order"),
    ),
    "tile_sort_by": Spelling(
        "{t1}",
        lines=(
            ZEROS_LINE,
            "{t0} += {1}",
            "{t1} = wp.tile_zeros(shape={@n}, dtype={float})",
            "{t1} += {0}",
            "wp.tile_sort({t0}, {t1})",
        ),
        locals=("keys", "payload"),
    ),
    "tile_thread_squares": Spelling(
        "wp.tile_sum(wp.tile({t0}))",
        lines=(
            "{t0} = {zero}",
            "for {t1} in range({@n}):",
            "    {t2} = {0!!}[{t1}]",
            "    {t0} += wp.where({t1} % wp.block_dim() == {lane}, {t2} * {t2}, {zero})",
        ),
        locals=("partial", "k", "value"),
    ),
    "tile_stack_count": Spelling(
        "wp.tile_full(shape=1, value={float}(wp.tile_stack_count({t0})), dtype={float})",
        lines=_PUSHES,
        locals=("stack", "k", "value"),
    ),
    "tile_stack_pop": Spelling(
        "wp.tile_sum(wp.tile({t3}))",
        lines=(
            *_PUSHES,
            "{t3} = {zero}",
            "for {t1} in range({@n}):",
            "    {t4}, {t5} = wp.tile_stack_pop({t0})",
            "    {t3} += wp.where({t5} >= 0, {t4}, {zero})",
        ),
        locals=("stack", "k", "value", "total", "popped", "slot"),
    ),
}


# Linear algebra and transforms.


def _product(axis: str) -> Callable:
    return lambda n: lambda a, b: (n[axis] * iv.mul(a, b)[0], n[axis] * iv.mul(a, b)[1])


def _scaled_product(n: dict[str, int]) -> Callable:
    return lambda a, b, c: iv.mul(c, _product("d")(n)(a, b))


def _updated(n: dict[str, int]) -> Callable:
    return lambda c, a, b, x, y: iv.add(iv.mul(x, _product("d")(n)(a, b)), iv.mul(y, c))


def _spd(a):
    return a @ a.T + np.eye(a.shape[0])


def _spd_range(n: dict[str, int]) -> Callable:
    return lambda a: (-n["k"] * iv.magnitude(a) ** 2, n["k"] * iv.magnitude(a) ** 2 + 1)


def _lower(a):
    return np.linalg.cholesky(np.tril(a) + np.tril(a, -1).T)


def _upper(a):
    return _lower(a.T).T


def _solved(n: dict[str, int]) -> Callable:
    # the smallest eigenvalue of a positive definite tile is at least one
    return lambda y, p: (-math.sqrt(n["n"]) * iv.magnitude(y), math.sqrt(n["n"]) * iv.magnitude(y))


def _factor_range(*intervals: Interval) -> Interval:
    high = math.sqrt(max(iv.magnitude(intervals[0]), 1.0))
    return -high, high


def _lower_solve(y, p):
    return linalg.solve_triangular(_lower(p), y, lower=True)


def _spectrum(a):
    return np.abs(np.fft.fft(a, axis=-1)) ** 2


def _autocorrelation(a):
    return np.fft.ifft(_spectrum(a), axis=-1).real


def _filtered(a):
    damping = np.arange(a.shape[-1], 0, -1) / a.shape[-1]
    return np.fft.ifft(np.fft.fft(a, axis=-1) * damping, axis=-1).real


_SOLVE: dict[str, Any] = {
    "args": "fp",
    "result": "f",
    "domains": (ANY, ANY),
    "range_": _solved,
    "sized": True,
}
_UNDONE: dict[str, Any] = {"differentiable": False}  # Warp has no adjoint

_ALGEBRA = (
    row("tile_matmul", "ff", "f", "md,dn->mn", (ANY, ANY), _product("d"), np.matmul, sized=True,
        weight=2),
    row("tile_matmul_out", "ff", "f", "md,dn->mn", (ANY, ANY), _product("d"), np.matmul,
        sized=True),
    row("tile_matmul_alpha", "ff", "f", "md,dn->mn", (ANY, ANY), _scaled_product,
        lambda a, b, c: c * (a @ b), literals=((0.1, 2.0),), sized=True),
    row("tile_matmul_beta", "fff", "f", "mn,md,dn->mn", (ANY, ANY, ANY), _updated,
        lambda c, a, b, x, y: x * (a @ b) + y * c, literals=((0.1, 2.0), (0.1, 2.0)), sized=True),
    row("tile_matvec", "ff", "f", "mn,n->m", (ANY, ANY), _product("n"), np.matmul, sized=True),
    row("tile_vecmat", "ff", "f", "m,mn->n", (ANY, ANY), _product("m"), np.matmul, sized=True),
    row("tile_outer", "ff", "f", "m,n->mn", (ANY, ANY), iv.mul, np.outer),
    row("tile_diag_add", "pf", "f", "nn,n->nn", (ANY, ANY), lambda a, b: iv.hull(a, iv.add(a, b)),
        lambda a, b: a + np.diag(b), **_UNDONE),
    row("tile_spd", "f", "p", "mk->mm", (ANY,), _spd_range, _spd, sized=True),
    row("tile_cholesky", "p", "f", "nn->nn", (ANY,), _factor_range, _lower),
    row("tile_cholesky_upper", "p", "f", "nn->nn", (ANY,), _factor_range, _upper),
    row("tile_cholesky_inplace", "p", "f", "nn->nn", (ANY,), _factor_range, _lower, **_UNDONE),
    row("tile_lower_solve", dims="n,nn->n", reference=_lower_solve, **_SOLVE),
    row("tile_lower_solve_columns", dims="nk,nn->nk", reference=_lower_solve, **_SOLVE),
    row("tile_lower_solve_inplace", dims="n,nn->n", reference=_lower_solve, **_SOLVE, **_UNDONE),
    row("tile_upper_solve", dims="n,nn->n", **_SOLVE, **_UNDONE,
        reference=lambda y, p: linalg.solve_triangular(_upper(p), y)),
    row("tile_upper_solve_inplace", dims="n,nn->n", **_SOLVE, **_UNDONE,
        reference=lambda y, p: linalg.solve_triangular(_upper(p), y)),
    row("tile_cholesky_solve", dims="n,nn->n", **_SOLVE, **_UNDONE,
        reference=lambda y, p: np.linalg.solve(p, y)),
    row("tile_cholesky_solve_columns", dims="nk,nn->nk", **_SOLVE, **_UNDONE,
        reference=lambda y, p: np.linalg.solve(p, y)),
    row("tile_cholesky_solve_inplace", dims="n,nn->n", **_SOLVE, **_UNDONE,
        reference=lambda y, p: np.linalg.solve(p, y)),
    row("tile_power_spectrum", "f", "f", PLANE, ((-1.0, 1.0),),
        lambda n: lambda a: (0.0, (n["n"] * iv.magnitude(a)) ** 2), _spectrum, sized=True),
    row("tile_autocorrelation", "f", "f", PLANE, ((-1.0, 1.0),),
        lambda n: lambda a: (-n["n"] * iv.magnitude(a) ** 2, n["n"] * iv.magnitude(a) ** 2),
        _autocorrelation, sized=True),
    row("tile_fft_filter", "f", "f", PLANE, (ANY,),
        lambda n: lambda a: (-n["n"] * iv.magnitude(a), n["n"] * iv.magnitude(a)), _filtered,
        sized=True, linear=True),
)  # fmt: skip

_COMPLEX = (
    'wp.set_module_options({"block_dim": 8})',  # a transform needs a length that this divides
    "",
    "",
    "@wp.func",
    "def {h0}(x: {float}):",
    "    return wp.vec2(x, {zero})",
)
_NONE = "{t0} = wp.tile_zeros(shape=({@m}, {@n}), dtype=wp.vec2)"
_REAL = "wp.vec2({one}, {zero})"
_FACTOR = "{t0} = wp.tile_cholesky({1})"
_COPY = ("{t1} = wp.tile_zeros(shape={@n}, dtype={float})", "{t1} += {0}")

_ALGEBRA_SPELLINGS = {
    "tile_matmul": Spelling("wp.tile_matmul({0}, {1})"),
    "tile_matmul_out": Spelling(
        "{t0}", lines=(ZEROS, "wp.tile_matmul({0}, {1}, {t0})"), locals=("acc",)
    ),
    "tile_matmul_alpha": Spelling("wp.tile_matmul({0}, {1}, alpha={#0})"),
    "tile_matmul_beta": Spelling(
        "{t0}",
        lines=(ZEROS, "{t0} += {0}", "wp.tile_matmul({1}, {2}, {t0}, alpha={#0}, beta={#1})"),
        locals=("acc",),
    ),
    "tile_matvec": Spelling(
        "wp.tile_squeeze(wp.tile_matmul({0}, {t0}))",
        lines=("{t0} = wp.tile_reshape(wp.tile_astype({1}, dtype={float}), shape=({@n}, 1))",),
        locals=("column",),
    ),
    "tile_vecmat": Spelling(
        "wp.tile_matmul({t0}, {1})[0]",
        lines=("{t0} = wp.tile_reshape(wp.tile_astype({0}, dtype={float}), shape=(1, {@m}))",),
        locals=("line",),
    ),
    "tile_outer": Spelling(
        "wp.tile_matmul({t0}, {t1})",
        lines=(
            "{t0} = wp.tile_reshape(wp.tile_astype({0}, dtype={float}), shape=({@m}, 1))",
            "{t1} = wp.tile_reshape(wp.tile_astype({1}, dtype={float}), shape=(1, {@n}))",
        ),
        locals=("column", "line"),
    ),
    "tile_diag_add": Spelling("wp.tile_diag_add({0}, {1})"),
    "tile_spd": Spelling(
        "{t1}",
        lines=(
            "{t0} = wp.tile_zeros(shape=({@m}, {@m}), dtype={float})",
            "{t1} = wp.tile_diag_add({t0}, wp.tile_ones(shape={@m}, dtype={float}))",
            "{t2} = wp.tile_zeros(shape=({@m}, {@k}), dtype={float})",
            "{t2} += {0}",
            "wp.tile_matmul({0}, wp.tile_transpose({t2}), {t1})",
        ),
        locals=("empty", "gram", "turned"),
    ),
    "tile_cholesky": Spelling("wp.tile_cholesky({0})"),
    "tile_cholesky_upper": Spelling('wp.tile_cholesky({0}, fill_mode="upper")'),
    "tile_cholesky_inplace": Spelling(
        "{t0}",
        lines=(
            "{t0} = wp.tile_zeros(shape=({@n}, {@n}), dtype={float})",
            "{t0} += {0}",
            "wp.tile_cholesky_inplace({t0})",
        ),
        locals=("factor",),
    ),
    "tile_lower_solve": Spelling("wp.tile_lower_solve(wp.tile_cholesky({1}), {0})"),
    "tile_lower_solve_columns": Spelling(
        "wp.tile_lower_solve({t0}, {0})", lines=(_FACTOR,), locals=("factor",)
    ),
    "tile_lower_solve_inplace": Spelling(
        "{t1}",
        lines=(_FACTOR, *_COPY, "wp.tile_lower_solve_inplace({t0}, {t1})"),
        locals=("factor", "solution"),
    ),
    "tile_upper_solve": Spelling(
        'wp.tile_upper_solve(wp.tile_cholesky({1}, fill_mode="upper"), {0})'
    ),
    "tile_upper_solve_inplace": Spelling(
        "{t1}",
        lines=(
            '{t0} = wp.tile_cholesky({1}, fill_mode="upper")',
            *_COPY,
            "wp.tile_upper_solve_inplace({t0}, {t1})",
        ),
        locals=("factor", "solution"),
    ),
    "tile_cholesky_solve": Spelling("wp.tile_cholesky_solve(wp.tile_cholesky({1}), {0})"),
    "tile_cholesky_solve_columns": Spelling(
        "wp.tile_cholesky_solve({t0}, {0})", lines=(_FACTOR,), locals=("factor",)
    ),
    "tile_cholesky_solve_inplace": Spelling(
        "{t1}",
        lines=(_FACTOR, *_COPY, "wp.tile_cholesky_solve_inplace({t0}, {t1})"),
        locals=("factor", "solution"),
    ),
    "tile_power_spectrum": Spelling(
        "wp.tile_map(wp.length_sq, {t0})",
        lines=(_NONE, "{t0} += wp.tile_map({h0}, {0})", "wp.tile_fft({t0})"),
        locals=("spectrum",),
        helper=_COMPLEX,
        helpers=("complex_of",),
    ),
    "tile_autocorrelation": Spelling(
        f"wp.tile_map(wp.dot, {{t1}}, {_REAL}) / {{float}}({{@n}})",
        PRODUCT,
        lines=(
            _NONE,
            "{t0} += wp.tile_map({h0}, {0})",
            "wp.tile_fft({t0})",
            "{t1} = wp.tile_zeros(shape=({@m}, {@n}), dtype=wp.vec2)",
            "{t1} += wp.tile_map({h0}, wp.tile_map(wp.length_sq, {t0}))",
            "wp.tile_ifft({t1})",
        ),
        locals=("spectrum", "power"),
        helper=_COMPLEX,
        helpers=("complex_of",),
    ),
    "tile_fft_filter": Spelling(
        f"wp.tile_map(wp.dot, {{t0}}, {_REAL}) / {{float}}({{@n}})",
        PRODUCT,
        lines=(
            _NONE,
            "{t0} += wp.tile_map({h0}, {0})",
            "wp.tile_fft({t0})",
            "{t1} = wp.tile_arange({@n}, 0, -1, dtype={float}) / {float}({@n})",
            "{t0} = {t0} * wp.tile_broadcast({t1}, shape=({@m}, {@n}))",
            "wp.tile_ifft({t0})",
        ),
        locals=("spectrum", "damping"),
        helper=_COMPLEX,
        helpers=("complex_of",),
    ),
}


ROWS = _REDUCED + _ALGEBRA
TILE: dict[str, Spelling] = _REDUCED_SPELLINGS | _ALGEBRA_SPELLINGS
