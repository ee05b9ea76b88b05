"""Square matrices of one thread: arithmetic, products, parts, decompositions. Warp only.

Where a function needs a matrix that is far from singular, or one whose eigenvalues lie apart, the
spelling itself adds to the diagonal, and the domain is small enough for that to suffice.
"""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, Operation
from generators.program import Interval
from generators.spellings import NEGATIVE, PRODUCT, SUM, Spelling, call

FAMILY = "matrix"
NEAR = (-0.4, 0.4)  # added to a literal times the identity: dominated by the diagonal, 4 wide
NEARER = (-0.3, 0.3)
NEAREST = (-0.2, 0.2)
MODERATE = (-2.5, 2.5)
T_SHARE = (-1.0, 1.0)
SHIFT = (2.2, 3.5)
SHIFT_3 = (1.2, 2.0)
APART = ((0.9, 1.1), (2.4, 2.6), (3.9, 4.1))
FACTOR = (0.1, 3.0)
GUARD = (0.1, 0.9)
_DETERMINANTS = {2: 2.0, 3: 4.0, 4: 16.0}  # the largest of entries within 1


def balanced(bound: float) -> Interval:
    """Return the interval around zero that reaches to ``bound``."""
    return -bound, bound


def with_zero(a: Interval) -> Interval:
    """Return the smallest interval that holds one and zero."""
    return iv.hull(a, (0.0, 0.0))


def times(m: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the product of matrices and column vectors."""
    return np.einsum("...ij,...j->...i", m, v)


def turned(m: np.ndarray) -> np.ndarray:
    """Return the transposes."""
    return np.swapaxes(m, -1, -2)


def on_diagonal(v: np.ndarray) -> np.ndarray:
    """Return diagonal matrices."""
    return v[..., None] * np.eye(v.shape[-1])


def diagonal(m: np.ndarray) -> np.ndarray:
    """Return the diagonals."""
    return np.einsum("...ii->...i", m)


def over(s: np.ndarray) -> np.ndarray:
    """Return numbers shaped to meet matrices."""
    return s[..., None, None]


def shifted(m: np.ndarray, c: float) -> np.ndarray:
    """Return a matrix with a number added to its diagonal."""
    return m + c * np.eye(m.shape[-1])


def skew(v: np.ndarray) -> np.ndarray:
    """Return the matrices of the cross product with vectors."""
    x, y, z = np.moveaxis(v, -1, 0)
    none = np.zeros_like(x)
    return _stacked((none, -z, y), (z, none, -x), (-y, x, none))


def changed(a: np.ndarray, at: tuple, value: np.ndarray, add: float = 1.0) -> np.ndarray:
    """Return a copy with ``add`` times a value added at an index of the last axes."""
    found = a.copy()
    found[(..., *at)] += add * value
    return found


def _stacked(*rows: tuple) -> np.ndarray:
    return np.stack([np.stack(np.broadcast_arrays(*row), -1) for row in rows], -2)


def _about(axis: int):
    """Make the reference of the rotation matrix about a coordinate axis."""

    def of(a: np.ndarray) -> np.ndarray:
        c, s, one, none = np.cos(a), np.sin(a), np.ones_like(a), np.zeros_like(a)
        rows = (
            ((one, none, none), (none, c, -s), (none, s, c)),
            ((c, none, s), (none, one, none), (-s, none, c)),
            ((c, -s, none), (s, c, none), (none, none, one)),
        )
        return _stacked(*rows[axis])

    return of


def _replaced(m: np.ndarray, v: np.ndarray, row: int) -> np.ndarray:
    found = m.copy()
    found[..., row, :] = v
    return found


def _inverse_range(width: int):
    # Of a matrix that its diagonal dominates by g, the inverse is at most 1/g.
    return lambda a, c: balanced(1.0 / (c[0] - width * iv.magnitude(a)))


def _polar(a: np.ndarray, *c: float) -> np.ndarray:
    u, _, v = np.linalg.svd(a + np.diag(c))
    return u @ v


def _signed_singular_values(a: np.ndarray) -> np.ndarray:
    found = np.linalg.svd(a, compute_uv=False)
    found[..., -1] *= np.where(np.linalg.det(a) < 0, -1.0, 1.0)
    return found


def _qr(a: np.ndarray, c: float) -> tuple[np.ndarray, np.ndarray]:
    q, r = np.linalg.qr(shifted(a, c))
    sign = np.sign(diagonal(r))
    return q * sign[..., None, :], r * sign[..., :, None]


def _positive_part(a: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(a + turned(a))
    return vectors @ on_diagonal(np.maximum(values, 0.0)) @ turned(vectors)


def _scaled(width_power: float):
    """Make the range around zero that reaches to a power of the width times the argument."""
    return lambda n: lambda a: balanced(n**width_power * iv.magnitude(a))


ROWS = (
    # from numbers and vectors
    Operation(
        "mat_outer", "vv", "m", (ANY, ANY), iv.mul,
        lambda a, b: a[..., :, None] * b[..., None, :], family=FAMILY,
    ),
    Operation(
        "mat_skew", "v", "m", (ANY,), lambda a: balanced(iv.magnitude(a)), skew, width=3,
        family=FAMILY, linear=True,
    ),
    Operation("mat_diag", "v", "m", (ANY,), with_zero, on_diagonal, family=FAMILY, linear=True),
    Operation(
        "mat_from_2_cols", "vv", "m", (ANY, ANY), iv.hull, lambda a, b: np.stack([a, b], -1),
        width=2, family=FAMILY, linear=True,
    ),
    Operation(
        "mat_from_2_rows", "vv", "m", (ANY, ANY), iv.hull, lambda a, b: np.stack([a, b], -2),
        width=2, family=FAMILY, linear=True,
    ),
    Operation(
        "mat_from_3_cols", "vvv", "m", (ANY, ANY, ANY), lambda a, b, c: iv.hull(iv.hull(a, b), c),
        lambda a, b, c: np.stack([a, b, c], -1), width=3, family=FAMILY, linear=True,
    ),
    Operation(
        "mat_from_3_rows", "vvv", "m", (ANY, ANY, ANY), lambda a, b, c: iv.hull(iv.hull(a, b), c),
        lambda a, b, c: np.stack([a, b, c], -2), width=3, family=FAMILY, linear=True,
    ),
    Operation(
        "mat_of_4_numbers", "ffff", "m", (ANY, ANY, ANY, ANY),
        lambda a, b, c, d: iv.hull(iv.hull(a, b), iv.hull(c, d)),
        lambda a, b, c, d: _stacked((a, b), (c, d)), width=2, family=FAMILY, linear=True,
    ),
    # A reference cannot see the program's width, so a filled matrix has a row for each.
    Operation(
        "mat_filled_2", "f", "m", (ANY,), lambda a: a, lambda a: over(a) * np.ones((2, 2)),
        width=2, family=FAMILY, linear=True,
    ),
    Operation(
        "mat_filled_3", "f", "m", (ANY,), lambda a: a, lambda a: over(a) * np.ones((3, 3)),
        width=3, family=FAMILY, linear=True,
    ),
    Operation(
        "mat_about_x", "f", "m", (ANY,), iv.always(-1, 1), _about(0), width=3, family=FAMILY
    ),
    Operation(
        "mat_about_y", "f", "m", (ANY,), iv.always(-1, 1), _about(1), width=3, family=FAMILY
    ),
    Operation(
        "mat_about_z", "f", "m", (ANY,), iv.always(-1, 1), _about(2), width=3, family=FAMILY
    ),
    # arithmetic
    Operation("mat_add", "mm", "m", (ANY, ANY), iv.add, np.add, family=FAMILY, linear=True),
    Operation("mat_sub", "mm", "m", (ANY, ANY), iv.sub, np.subtract, family=FAMILY, linear=True),
    Operation(
        "mat_neg", "m", "m", (ANY,), iv.falling(lambda x: -x), np.negative, family=FAMILY,
        linear=True,
    ),
    Operation(
        "mat_scale", "m", "m", (ANY,), iv.mul, lambda a, c: c * a, (FACTOR,), family=FAMILY,
        linear=True,
    ),
    Operation(
        "mat_times_number", "mf", "m", (ANY, ANY), iv.mul, lambda a, s: a * over(s), family=FAMILY
    ),
    Operation(
        "number_times_mat", "fm", "m", (ANY, ANY), iv.mul, lambda s, a: a * over(s), family=FAMILY
    ),
    Operation(
        "mat_over_number", "mf", "m", (ANY, DIVISOR), iv.div, lambda a, s: a / over(s),
        family=FAMILY,
    ),
    Operation(
        "mat_div_approx", "mf", "m", (ANY, DIVISOR), iv.div, lambda a, s: a / over(s),
        family=FAMILY,
    ),
    Operation(
        "mat_add_diagonal", "m", "m", (ANY,), lambda a, c: iv.hull(a, iv.add(a, c)), shifted,
        ((0.1, 2.0),), family=FAMILY, linear=True,
    ),
    Operation(
        "mat_complement", "m", "m", (ANY,), lambda a: iv.sub((0.0, 1.0), a),
        lambda a: np.eye(a.shape[-1]) - a, family=FAMILY, linear=True,
    ),
    Operation("mat_cw_mul", "mm", "m", (ANY, ANY), iv.mul, np.multiply, family=FAMILY),
    Operation(
        "mat_cw_div", "mm", "m", (ANY, ANY),
        lambda a, b, c: iv.div(a, iv.add(iv.even(lambda x: x * x)(b), c)),
        lambda a, b, c: a / (b * b + c), ((0.5, 2.0),), family=FAMILY,
    ),
    Operation(
        "mat_lerp", "mmf", "m", (ANY, ANY, T_SHARE), iv.lerp,
        lambda a, b, t: (1 - over(t)) * a + over(t) * b, family=FAMILY,
    ),
    # products
    Operation(
        "mat_matmul", "mm", "m", (ANY, ANY), iv.dot, np.matmul, sized=True, family=FAMILY, weight=2
    ),
    Operation(
        "mat_product", "mm", "m", (ANY, ANY), iv.dot, np.matmul, sized=True, family=FAMILY
    ),
    Operation(
        "mat_mul_call", "mm", "m", (ANY, ANY), iv.dot, np.matmul, sized=True, family=FAMILY
    ),
    Operation(
        "mat_at_vec", "mv", "v", (ANY, ANY), iv.dot, times, sized=True, family=FAMILY, weight=2
    ),
    Operation("mat_times_vec", "mv", "v", (ANY, ANY), iv.dot, times, sized=True, family=FAMILY),
    Operation(
        "mat_mul_vec_call", "mv", "v", (ANY, ANY), iv.dot, times, sized=True, family=FAMILY
    ),
    Operation(
        "vec_at_mat", "vm", "v", (ANY, ANY), iv.dot, lambda v, m: times(turned(m), v), sized=True,
        family=FAMILY,
    ),
    Operation(
        "vec_times_mat", "vm", "v", (ANY, ANY), iv.dot, lambda v, m: times(turned(m), v),
        sized=True, family=FAMILY,
    ),
    Operation(
        "mat_ddot", "mm", "f", (ANY, ANY), lambda n: iv.dot(n * n),
        lambda a, b: np.sum(a * b, axis=(-2, -1)), sized=True, family=FAMILY,
    ),
    # parts
    Operation("mat_transpose", "m", "m", (ANY,), lambda a: a, turned, family=FAMILY, linear=True),
    Operation(
        "mat_trace", "m", "f", (ANY,), lambda n: lambda a: (n * a[0], n * a[1]),
        lambda a: np.sum(diagonal(a), -1), sized=True, family=FAMILY, linear=True,
    ),
    Operation("mat_get_diag", "m", "v", (ANY,), lambda a: a, diagonal, family=FAMILY, linear=True),
    Operation(
        "mat_element", "m", "f", (ANY,), lambda a, i, j: a, lambda a, i, j: a[..., i, j],
        ((0, 1), (0, 1)), family=FAMILY, linear=True,
    ),
    Operation(
        "mat_row", "m", "v", (ANY,), lambda a, i: a, lambda a, i: a[..., i, :], ((0, 1),),
        family=FAMILY, linear=True,
    ),
    Operation(
        "mat_column", "m", "v", (ANY,), lambda a, j: a, lambda a, j: a[..., :, j], ((0, 1),),
        family=FAMILY, linear=True,
    ),
    Operation(
        "mat_add_to_row", "mv", "m", (ANY, ANY), lambda a, b, i: iv.hull(a, iv.add(a, b)),
        lambda a, b, i: changed(a, (i, slice(None)), b), ((0, 1),), family=FAMILY, linear=True,
    ),
    Operation(
        "mat_take_from_element", "mf", "m", (ANY, ANY),
        lambda a, b, i, j: iv.hull(a, iv.sub(a, b)),
        lambda a, b, i, j: changed(a, (i, j), b, -1.0), ((0, 1), (0, 1)), family=FAMILY,
        linear=True,
    ),
    Operation(  # the adjoint of what is overwritten is kept
        "mat_set_row", "mv", "m", (ANY, ANY), lambda a, b, i: iv.hull(a, b), _replaced, ((0, 1),),
        family=FAMILY, differentiable=False,
    ),
    # inverses and decompositions
    Operation(
        "mat_determinant", "m", "f", (MODERATE,),
        lambda n: lambda a: balanced(_DETERMINANTS[n] * iv.magnitude(a) ** n), np.linalg.det,
        sized=True, family=FAMILY, weight=2,
    ),
    Operation(
        "mat_inverse", "m", "m", (NEAR,), _inverse_range,
        lambda a, c: np.linalg.inv(shifted(a, c)), (SHIFT,), sized=True, family=FAMILY, weight=2,
    ),
    Operation(
        "mat_inverse_approx", "m", "m", (NEAR,), _inverse_range,
        lambda a, c: np.linalg.inv(shifted(a, c)), (SHIFT,), sized=True, family=FAMILY,
    ),
    Operation(
        "mat_singular_values_2", "m", "v", (ANY,), _scaled(1.0),
        lambda a: np.linalg.svd(a, compute_uv=False), sized=True, width=2, family=FAMILY,
        differentiable=False,  # where two are equal
    ),
    Operation(
        "mat_singular_values_3", "m", "v", (ANY,), _scaled(1.0), _signed_singular_values,
        sized=True, width=3, family=FAMILY, differentiable=False,  # where two are equal
    ),
    Operation(
        "mat_polar_rotation", "m", "m", (NEAREST,), iv.always(-1, 1), _polar, APART, width=3,
        family=FAMILY,
    ),
    Operation(
        "mat_qr_rotation", "m", "m", (NEARER,), iv.always(-1, 1), lambda a, c: _qr(a, c)[0],
        (SHIFT_3,), width=3, family=FAMILY,
    ),
    Operation(
        "mat_qr_stretches", "m", "v", (NEARER,),
        lambda a, c: (0.0, c[1] + math.sqrt(3) * iv.magnitude(a)),
        lambda a, c: diagonal(_qr(a, c)[1]), (SHIFT_3,), width=3, family=FAMILY,
    ),
    Operation(
        "mat_largest_eigenvalue", "m", "f", (ANY,), lambda a: balanced(6 * iv.magnitude(a)),
        lambda a: np.linalg.eigvalsh(a + turned(a))[..., -1], width=3, family=FAMILY,
        differentiable=False,  # where two are equal
    ),
    Operation(
        "mat_positive_part", "m", "m", (ANY,), lambda a: balanced(6 * iv.magnitude(a)),
        _positive_part, width=3, family=FAMILY, differentiable=False,  # where two are equal
    ),
    # guard
    Operation(
        "guard_scale_m", "m", "m", (ANY,), iv.mul, lambda a, c: a * c, (GUARD,), guard=True,
        linear=True,
    ),
)  # fmt: skip


_IDENTITY = "wp.identity(n={width}, dtype={float})"


def _about_axis(*cells: str) -> Spelling:
    return Spelling(
        f"{{mat}}({', '.join(cells)})",
        lines=("{t0} = wp.cos({0})", "{t1} = wp.sin({0})"),
        locals=("c", "s"),
    )


def changing(change: str, name: str = "changed") -> Spelling:
    """Spell a change of one part of a copy of the first argument, ``{t0}``."""
    return Spelling("{t0}", lines=("{t0} = {0}", change), locals=(name,))


WARP: dict[str, Spelling] = {
    "mat_outer": call("wp.outer", 2),
    "mat_skew": call("wp.skew"),
    "mat_diag": call("wp.diag"),
    "mat_from_2_cols": call("wp.matrix_from_cols", 2),
    "mat_from_2_rows": call("wp.matrix_from_rows", 2),
    "mat_from_3_cols": call("wp.matrix_from_cols", 3),
    "mat_from_3_rows": call("wp.matrix_from_rows", 3),
    "mat_of_4_numbers": call("{mat}", 4),
    "mat_filled_2": call("{mat}"),
    "mat_filled_3": Spelling("wp.matrix({0}, shape=({width}, {width}))"),
    "mat_about_x": _about_axis(
        "{one}", "{zero}", "{zero}", "{zero}", "{t0}", "-{t1}", "{zero}", "{t1}", "{t0}"
    ),
    "mat_about_y": _about_axis(
        "{t0}", "{zero}", "{t1}", "{zero}", "{one}", "{zero}", "-{t1}", "{zero}", "{t0}"
    ),
    "mat_about_z": _about_axis(
        "{t0}", "-{t1}", "{zero}", "{t1}", "{t0}", "{zero}", "{zero}", "{zero}", "{one}"
    ),
    "mat_add": Spelling("{0} + {1!}", SUM),
    "mat_sub": Spelling("{0} - {1!}", SUM),
    "mat_neg": Spelling("-{0!}", NEGATIVE),
    "mat_scale": Spelling("{#0} * {0!}", PRODUCT),
    "mat_times_number": Spelling("{0} * {1!}", PRODUCT),
    "number_times_mat": Spelling("{0} * {1!}", PRODUCT),
    "mat_over_number": Spelling("{0} / {1!}", PRODUCT),
    "mat_div_approx": call("wp.div_approx", 2),
    "mat_add_diagonal": Spelling(f"{{0}} + {{#0}} * {_IDENTITY}", SUM),
    "mat_complement": Spelling(f"{_IDENTITY} - {{0!}}", SUM),
    "mat_cw_mul": call("wp.cw_mul", 2),
    "mat_cw_div": Spelling("wp.cw_div({0}, wp.cw_mul({1}, {1}) + {mat}({#0}))"),
    "mat_lerp": call("wp.lerp", 3),
    "mat_matmul": Spelling("{0} @ {1!}", PRODUCT),
    "mat_product": Spelling("{0} * {1!}", PRODUCT),
    "mat_mul_call": call("wp.mul", 2),
    "mat_at_vec": Spelling("{0} @ {1!}", PRODUCT),
    "mat_times_vec": Spelling("{0} * {1!}", PRODUCT),
    "mat_mul_vec_call": call("wp.mul", 2),
    "vec_at_mat": Spelling("{0} @ {1!}", PRODUCT),
    "vec_times_mat": Spelling("{0} * {1!}", PRODUCT),
    "mat_ddot": call("wp.ddot", 2),
    "mat_transpose": call("wp.transpose"),
    "mat_trace": call("wp.trace"),
    "mat_get_diag": call("wp.get_diag"),
    "mat_element": Spelling("{0!!}[{#0}, {#1}]"),
    "mat_row": Spelling("{0!!}[{#0}]"),
    "mat_column": Spelling("{0!!}[:, {#0}]"),
    "mat_add_to_row": changing("{t0}[{#0}] += {1}"),
    "mat_take_from_element": changing("{t0}[{#0}, {#1}] -= {1}"),
    "mat_set_row": changing("{t0}[{#0}] = {1}"),
    "mat_determinant": call("wp.determinant"),
    "mat_inverse": Spelling(f"wp.inverse({{0}} + {{#0}} * {_IDENTITY})"),
    "mat_inverse_approx": Spelling(f"wp.inverse_approx({{0}} + {{#0}} * {_IDENTITY})"),
    "mat_singular_values_2": Spelling(
        "{t1}", lines=("{t0}, {t1}, {t2} = wp.svd2({0})",), locals=("u", "sigma", "v")
    ),
    "mat_singular_values_3": Spelling(
        "{t1}", lines=("{t0}, {t1}, {t2} = wp.svd3({0})",), locals=("u", "sigma", "v")
    ),
    "mat_polar_rotation": Spelling(
        "{t0} @ wp.transpose({t2})",
        PRODUCT,
        lines=("{t0}, {t1}, {t2} = wp.svd3({0} + wp.diag({vec}({#0}, {#1}, {#2})))",),
        locals=("u", "sigma", "v"),
    ),
    "mat_qr_rotation": Spelling(
        "{t0}",
        lines=(f"{{t0}}, {{t1}} = wp.qr3({{0}} + {{#0}} * {_IDENTITY})",),
        locals=("q", "r"),
    ),
    "mat_qr_stretches": Spelling(
        "wp.get_diag({t1})",
        lines=(f"{{t0}}, {{t1}} = wp.qr3({{0}} + {{#0}} * {_IDENTITY})",),
        locals=("q", "r"),
    ),
    "mat_largest_eigenvalue": Spelling(
        "wp.max({t1})",
        lines=("{t0}, {t1} = wp.eig3({0} + wp.transpose({0}))",),
        locals=("vectors", "values"),
    ),
    "mat_positive_part": Spelling(
        "{t0} @ wp.diag(wp.max({t1}, {vec}({zero}))) @ wp.transpose({t0})",
        PRODUCT,
        lines=("{t0}, {t1} = wp.eig3({0} + wp.transpose({0}))",),
        locals=("vectors", "values"),
    ),
    "guard_scale_m": Spelling("{0} * {#0}", PRODUCT),
}

JAX: dict[str, Spelling] = {}
