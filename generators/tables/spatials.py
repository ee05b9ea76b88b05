"""Spatial vectors of one thread, and matrices of them: twists, wrenches. Warp only.

The first three numbers are about rotation, the last three about translation.
"""

from __future__ import annotations

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, Operation
from generators.program import Interval
from generators.spellings import NEGATIVE, PRODUCT, SUM, Spelling, call
from generators.tables.matrices import (
    FACTOR,
    balanced,
    diagonal,
    on_diagonal,
    over,
    shifted,
    times,
    turned,
    with_zero,
)
from generators.tables.rotations import (
    AROUND_ONE,
    SHARE,
    alike,
    calls,
    dotted,
    four,
    guard,
    rotated,
    shared,
    turned_range,
)

SPATIAL = "spatial"


def _top(s: np.ndarray) -> np.ndarray:
    return s[..., :3]


def _bottom(s: np.ndarray) -> np.ndarray:
    return s[..., 3:]


def _pair(w: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.concatenate([w, v], -1)


def _motion_cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _pair(
        np.cross(_top(a), _top(b)), np.cross(_bottom(a), _top(b)) + np.cross(_top(a), _bottom(b))
    )


def _force_cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _pair(
        np.cross(_top(a), _top(b)) + np.cross(_bottom(a), _bottom(b)), np.cross(_top(a), _bottom(b))
    )


def _twist_carried(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    w = rotated(t[..., 3:], _top(x))
    return _pair(w, rotated(t[..., 3:], _bottom(x)) + np.cross(t[..., :3], w))


def _wrench_carried(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    f = rotated(t[..., 3:], _bottom(x))
    return _pair(rotated(t[..., 3:], _top(x)) + np.cross(t[..., :3], f), f)


def _carried_range(t: Interval, x: Interval) -> Interval:
    reach = iv.magnitude(turned_range(t, x))
    return balanced(reach * (1 + 2 * iv.magnitude(t)))


def _adjoint(r: np.ndarray, s: np.ndarray) -> np.ndarray:
    upper = np.concatenate([r, np.zeros_like(r)], -1)
    return np.concatenate([upper, np.concatenate([s, r], -1)], -2)


ROWS = (
    Operation(
        "spatial_of_parts", "vv", "s", (ANY, ANY), iv.hull, _pair, width=3, family=SPATIAL,
        linear=True, weight=2, single=True,
    ),
    Operation(
        "spatial_of_components", "vv", "s", (ANY, ANY), iv.hull, _pair, width=3, family=SPATIAL,
        linear=True, weight=2,
    ),
    *alike("s", "spatial", SPATIAL, 6),
    Operation("spatial_vector_dot", "ss", "f", (ANY, ANY), iv.dot(6), dotted, family=SPATIAL),
    Operation(
        "spatial_cross", "ss", "s", (ANY, ANY), four, _motion_cross, family=SPATIAL, weight=2
    ),
    Operation("spatial_cross_dual", "ss", "s", (ANY, ANY), four, _force_cross, family=SPATIAL),
    Operation(
        "spatial_top", "s", "v", (ANY,), lambda a: a, _top, width=3, family=SPATIAL, linear=True
    ),
    Operation(
        "spatial_bottom", "s", "v", (ANY,), lambda a: a, _bottom, width=3, family=SPATIAL,
        linear=True,
    ),
    Operation("spatial_cw_mul", "ss", "s", (ANY, ANY), iv.mul, np.multiply, family=SPATIAL),
    Operation(
        "spatial_div_approx", "sf", "s", (ANY, DIVISOR), iv.div, lambda a, s: a / s[..., None],
        family=SPATIAL,
    ),
    Operation(
        "spatial_smallest", "s", "f", (ANY,), lambda a: a, lambda a: np.min(a, -1), family=SPATIAL
    ),
    Operation(
        "spatial_largest", "s", "f", (ANY,), lambda a: a, lambda a: np.max(a, -1), family=SPATIAL
    ),
    Operation("spatial_min", "ss", "s", (ANY, ANY), iv.minimum, np.minimum, family=SPATIAL),
    Operation("spatial_max", "ss", "s", (ANY, ANY), iv.maximum, np.maximum, family=SPATIAL),
    Operation("spatial_abs", "s", "s", (ANY,), iv.absolute, np.abs, family=SPATIAL),
    Operation(
        "velocity_at_point", "sv", "v", (ANY, ANY),
        lambda a, r: iv.add(a, balanced(2 * iv.magnitude(a) * iv.magnitude(r))),
        lambda s, r: _bottom(s) + np.cross(_top(s), r), width=3, family=SPATIAL, single=True,
    ),
    Operation(
        "transform_twist", "ts", "s", (AROUND_ONE, ANY), _carried_range, _twist_carried,
        family=SPATIAL, single=True,
    ),
    Operation(
        "transform_wrench", "ts", "s", (AROUND_ONE, ANY), _carried_range, _wrench_carried,
        family=SPATIAL, single=True,
    ),
    # matrices
    Operation(
        "spatial_adjoint", "mm", "S", (ANY, ANY), lambda a, b: with_zero(iv.hull(a, b)), _adjoint,
        width=3, family=SPATIAL, linear=True,
    ),
    Operation(
        "spatial_outer", "ss", "S", (ANY, ANY), iv.mul,
        lambda a, b: a[..., :, None] * b[..., None, :], family=SPATIAL,
    ),
    Operation(
        "spatial_diag", "s", "S", (ANY,), with_zero, on_diagonal, family=SPATIAL, linear=True
    ),
    Operation(
        "spatial_filled", "f", "S", (ANY,), lambda a: a, lambda a: over(a) * np.ones((6, 6)),
        family=SPATIAL, linear=True,
    ),
    Operation("smat_add", "SS", "S", (ANY, ANY), iv.add, np.add, family=SPATIAL, linear=True),
    Operation(
        "smat_sub", "SS", "S", (ANY, ANY), iv.sub, np.subtract, family=SPATIAL, linear=True
    ),
    Operation(
        "smat_neg", "S", "S", (ANY,), iv.falling(lambda x: -x), np.negative, family=SPATIAL,
        linear=True,
    ),
    Operation(
        "smat_scale", "S", "S", (ANY,), iv.mul, lambda a, c: c * a, (FACTOR,), family=SPATIAL,
        linear=True,
    ),
    Operation(
        "smat_times_number", "Sf", "S", (ANY, ANY), iv.mul, lambda a, s: a * over(s),
        family=SPATIAL,
    ),
    Operation(
        "smat_over_number", "Sf", "S", (ANY, DIVISOR), iv.div, lambda a, s: a / over(s),
        family=SPATIAL,
    ),
    Operation(
        "smat_add_diagonal", "S", "S", (ANY,), lambda a, c: iv.hull(a, iv.add(a, c)), shifted,
        ((0.1, 2.0),), family=SPATIAL, linear=True,
    ),
    Operation("smat_cw_mul", "SS", "S", (ANY, ANY), iv.mul, np.multiply, family=SPATIAL),
    Operation(
        "smat_lerp", "SSf", "S", (ANY, ANY, SHARE), iv.lerp,
        lambda a, b, t: (1 - over(t)) * a + over(t) * b, family=SPATIAL,
    ),
    Operation("smat_matmul", "SS", "S", (ANY, ANY), iv.dot(6), np.matmul, family=SPATIAL),
    Operation("smat_product", "SS", "S", (ANY, ANY), iv.dot(6), np.matmul, family=SPATIAL),
    Operation(
        "smat_at_vector", "Ss", "s", (ANY, ANY), iv.dot(6), times, family=SPATIAL, weight=2
    ),
    Operation("smat_times_vector", "Ss", "s", (ANY, ANY), iv.dot(6), times, family=SPATIAL),
    Operation(
        "vector_at_smat", "sS", "s", (ANY, ANY), iv.dot(6), lambda v, m: times(turned(m), v),
        family=SPATIAL,
    ),
    Operation("smat_transpose", "S", "S", (ANY,), lambda a: a, turned, family=SPATIAL, linear=True),
    Operation(
        "smat_trace", "S", "f", (ANY,), lambda a: (6 * a[0], 6 * a[1]),
        lambda a: np.sum(diagonal(a), -1), family=SPATIAL, linear=True,
    ),
    Operation(
        "smat_get_diag", "S", "s", (ANY,), lambda a: a, diagonal, family=SPATIAL, linear=True
    ),
    Operation(
        "smat_ddot", "SS", "f", (ANY, ANY), iv.dot(36), lambda a, b: np.sum(a * b, (-2, -1)),
        family=SPATIAL,
    ),
    Operation(
        "smat_row", "S", "s", (ANY,), lambda a, i: a, lambda a, i: a[..., i, :], ((0, 5),),
        family=SPATIAL, linear=True,
    ),
    Operation(
        "smat_element", "S", "f", (ANY,), lambda a, i, j: a, lambda a, i, j: a[..., i, j],
        ((0, 5), (0, 5)), family=SPATIAL, linear=True,
    ),
    Operation(
        "smat_block", "S", "m", (ANY,), lambda a: a, lambda a: a[..., :3, :3], width=3,
        family=SPATIAL, linear=True,
    ),
    guard("s"),
    guard("S"),
)  # fmt: skip


WARP: dict[str, Spelling] = {
    **calls("transform_twist transform_wrench velocity_at_point", 2),
    "spatial_of_parts": call("{svec}", 2),
    "spatial_of_components": Spelling(
        "{svec}({0!!}[0], {0!!}[1], {0!!}[2], {1!!}[0], {1!!}[1], {1!!}[2])"
    ),
    **shared("spatial"),
    "spatial_vector_dot": call("wp.spatial_dot", 2),
    **calls("spatial_cross spatial_cross_dual spatial_adjoint", 2),
    **calls("spatial_top spatial_bottom", 1),
    "spatial_cw_mul": call("wp.cw_mul", 2),
    "spatial_div_approx": call("wp.div_approx", 2),
    "spatial_smallest": call("wp.min"),
    "spatial_largest": call("wp.max"),
    "spatial_min": call("wp.min", 2),
    "spatial_max": call("wp.max", 2),
    "spatial_abs": call("wp.abs"),
    "spatial_outer": call("wp.outer", 2),
    "spatial_diag": call("wp.diag"),
    "spatial_filled": call("{smat}"),
    "smat_add": Spelling("{0} + {1!}", SUM),
    "smat_sub": Spelling("{0} - {1!}", SUM),
    "smat_neg": Spelling("-{0!}", NEGATIVE),
    "smat_scale": Spelling("{#0} * {0!}", PRODUCT),
    "smat_times_number": Spelling("{0} * {1!}", PRODUCT),
    "smat_over_number": Spelling("{0} / {1!}", PRODUCT),
    "smat_add_diagonal": Spelling("{0} + {#0} * wp.identity(n=6, dtype={float})", SUM),
    "smat_cw_mul": call("wp.cw_mul", 2),
    "smat_lerp": call("wp.lerp", 3),
    "smat_matmul": Spelling("{0} @ {1!}", PRODUCT),
    "smat_product": Spelling("{0} * {1!}", PRODUCT),
    "smat_at_vector": Spelling("{0} @ {1!}", PRODUCT),
    "smat_times_vector": Spelling("{0} * {1!}", PRODUCT),
    "vector_at_smat": Spelling("{0} @ {1!}", PRODUCT),
    "smat_transpose": call("wp.transpose"),
    "smat_trace": call("wp.trace"),
    "smat_get_diag": call("wp.get_diag"),
    "smat_ddot": call("wp.ddot", 2),
    "smat_row": Spelling("{0!!}[{#0}]"),
    "smat_element": Spelling("{0!!}[{#0}, {#1}]"),
    # Warp reads the indices of an index as one: a part has a name before it is indexed again.
    "smat_block": Spelling("{t0}", lines=("{t0} = {0!!}[0:3, 0:3]",), locals=("block",)),
    "guard_scale_s": Spelling("{0} * {#0}", PRODUCT),
    "guard_scale_S": Spelling("{0} * {#0}", PRODUCT),
}

JAX: dict[str, Spelling] = {}
