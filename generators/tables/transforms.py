"""Rigid transformations of one thread: a translation and a quaternion. Warp only."""

from __future__ import annotations

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation
from generators.program import Interval
from generators.spellings import PRODUCT, SUM, Spelling, call
from generators.tables.matrices import FACTOR, balanced, changed, changing, shifted, times
from generators.tables.rotations import (
    AROUND_ONE,
    LITERAL,
    NEAR,
    ONE,
    SHARE,
    calls,
    conjugated,
    each_times,
    four,
    guard,
    matrix_of,
    matrix_range,
    mixed,
    multiplied,
    of_matrix,
    rotated,
    turned_range,
    wider,
)

TRANSFORM = "transform"
FRAME = (-1.2, 1.2)  # whose rotation grows with the square of its parts


def _joined(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.concatenate([p, np.broadcast_to(q, (*p.shape[:-1], 4))], -1)


def _p(t: np.ndarray) -> np.ndarray:
    return t[..., :3]


def _q(t: np.ndarray) -> np.ndarray:
    return t[..., 3:]


_ONE_Q = np.array([0.0, 0.0, 0.0, 1.0])
_ONE_T = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])


def _composed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _joined(rotated(_q(a), _p(b)) + _p(a), multiplied(_q(a), _q(b)))


def _composed_range(a: Interval, b: Interval) -> Interval:
    return iv.hull(iv.add(turned_range(a, b), a), four(a, b))


def _inverted(t: np.ndarray) -> np.ndarray:
    back = conjugated(_q(t))
    return _joined(-rotated(back, _p(t)), back)


def _homogeneous(t: np.ndarray) -> np.ndarray:
    upper = np.concatenate([matrix_of(_q(t)), _p(t)[..., None]], -1)
    return np.concatenate([upper, np.broadcast_to(_ONE_Q, (*t.shape[:-1], 1, 4))], -2)


def _from_homogeneous(m: np.ndarray, c: float) -> np.ndarray:
    return _joined(m[..., :3, 3], of_matrix(shifted(m, c)))


def _unscaled_rotation(m: np.ndarray, c: float) -> np.ndarray:
    m = shifted(m, c)[..., :3, :3]
    return of_matrix(m / np.sqrt(np.sum(m * m, -2, keepdims=True)))


def _scaled_point(p: np.ndarray, q: np.ndarray, scale: np.ndarray, x: np.ndarray) -> np.ndarray:
    return p + times(matrix_of(q), scale * x)


def _scaled_point_range(p: Interval, q: Interval, scale: Interval, x: Interval) -> Interval:
    reach = 3 * iv.magnitude(matrix_range(q)) * iv.magnitude(iv.mul(scale, x))
    return iv.add(p, balanced(reach))


ROWS = (
    Operation(
        "transform_of_parts", "vq", "t", (ANY, ANY), iv.hull, _joined, width=3, family=TRANSFORM,
        linear=True, weight=2,
    ),
    Operation(
        "transformation_of_parts", "vq", "t", (ANY, ANY), iv.hull, _joined, width=3,
        family=TRANSFORM, linear=True,
    ),
    Operation(
        "transform_of_translation", "v", "t", (ANY,), lambda a: iv.hull(a, (0.0, 1.0)),
        lambda p: _joined(p, _ONE_Q), width=3, family=TRANSFORM, linear=True,
    ),
    Operation(
        "transform_from_matrix", "m", "t", (NEAR,), lambda a, c: iv.hull(a, (-1.0, 1.0)),
        _from_homogeneous, (LITERAL,), width=4, family=TRANSFORM,
    ),
    Operation(
        "transform_to_matrix", "t", "m", ((-2.0, 2.0),),
        lambda a: wider(matrix_range(a), a, (0.0, 1.0)), _homogeneous, width=4,
        family=TRANSFORM,
    ),
    Operation(
        "transform_decompose_rotation", "m", "q", (NEAR,), iv.always(-1, 1), _unscaled_rotation,
        (LITERAL,), width=4, family=TRANSFORM,
    ),
    Operation(
        "transform_compose_point", "vqvv", "v", (ANY, AROUND_ONE, ANY, ANY), _scaled_point_range,
        _scaled_point, width=3, family=TRANSFORM,
    ),
    Operation(
        "transform_mul", "tt", "t", (FRAME, FRAME), _composed_range, _composed, family=TRANSFORM,
        weight=2,
    ),
    Operation(
        "transform_multiply", "tt", "t", (FRAME, FRAME), _composed_range, _composed,
        family=TRANSFORM, weight=2,
    ),
    Operation(
        "transform_inverse", "t", "t", (FRAME,), lambda a: wider(turned_range(a, a), balanced(
            iv.magnitude(a))), _inverted, family=TRANSFORM,
    ),
    Operation(
        "transform_add", "tt", "t", (ANY, ANY), iv.add, np.add, family=TRANSFORM, linear=True
    ),
    Operation(
        "transform_sub", "tt", "t", (ANY, ANY), iv.sub, np.subtract, family=TRANSFORM, linear=True
    ),
    Operation(
        "transform_scale", "t", "t", (ANY,), iv.mul, lambda a, c: c * a, (FACTOR,),
        family=TRANSFORM, linear=True,
    ),
    Operation(
        "transform_times_number", "tf", "t", (ANY, ANY), iv.mul, each_times, family=TRANSFORM
    ),
    Operation(
        "number_times_transform", "ft", "t", (ANY, ANY), iv.mul, lambda s, a: each_times(a, s),
        family=TRANSFORM,
    ),
    Operation("transform_lerp", "ttf", "t", (ANY, ANY, SHARE), iv.lerp, mixed, family=TRANSFORM),
    Operation(
        "transform_blend_with_identity", "tf", "t", (ANY, SHARE),
        lambda a, t: iv.lerp(a, (0.0, 1.0), t), lambda a, t: mixed(a, _ONE_T, t),
        family=TRANSFORM,
    ),
    Operation(
        "transform_set_translation", "tv", "t", (ANY, ANY), iv.hull,
        lambda t, p: _joined(p, _q(t)), width=3, family=TRANSFORM, differentiable=False,
    ),
    Operation(
        "transform_set_rotation", "tq", "t", (ANY, ANY), iv.hull, lambda t, q: _joined(_p(t), q),
        family=TRANSFORM, differentiable=False,
    ),
    Operation(
        "transform_assign_translation", "tv", "t", (ANY, ANY), iv.hull,
        lambda t, p: _joined(p, _q(t)), width=3, family=TRANSFORM, differentiable=False,
    ),
    Operation(
        "transform_shift_slice", "tv", "t", (ANY, ANY), lambda a, b: iv.hull(a, iv.add(a, b)),
        lambda t, p: _joined(_p(t) + p, _q(t)), width=3, family=TRANSFORM, linear=True,
    ),
    # Warp counts the translation's adjoint twice where ``t.p`` is changed in place, and keeps that
    # of what is overwritten.
    Operation(
        "transform_shift", "tv", "t", (ANY, ANY), lambda a, b: iv.hull(a, iv.add(a, b)),
        lambda t, p: _joined(_p(t) + p, _q(t)), width=3, family=TRANSFORM, differentiable=False,
    ),
    Operation(
        "transform_shift_back", "tv", "t", (ANY, ANY), lambda a, b: iv.hull(a, iv.sub(a, b)),
        lambda t, p: _joined(_p(t) - p, _q(t)), width=3, family=TRANSFORM, differentiable=False,
    ),
    Operation(
        "transform_add_to_component", "tf", "t", (ANY, ANY),
        lambda a, b, i: iv.hull(a, iv.add(a, b)), lambda a, b, i: changed(a, (i,), b), ((0, 6),),
        family=TRANSFORM, linear=True,
    ),
    Operation(
        "transform_point", "tv", "v", (FRAME, ANY), lambda t, x: iv.add(t, turned_range(t, x)),
        lambda t, x: _p(t) + rotated(_q(t), x), width=3, family=TRANSFORM, weight=2,
    ),
    Operation(
        "transform_vector", "tv", "v", (FRAME, ANY), turned_range,
        lambda t, x: rotated(_q(t), x), width=3, family=TRANSFORM,
    ),
    Operation(
        "transform_get_translation", "t", "v", (ANY,), lambda a: a, _p, width=3,
        family=TRANSFORM, linear=True,
    ),
    Operation(
        "transform_get_rotation", "t", "q", (ANY,), lambda a: a, _q, family=TRANSFORM, linear=True
    ),
    Operation(
        "transform_translation_part", "t", "v", (ANY,), lambda a: a, _p, width=3,
        family=TRANSFORM, linear=True,
    ),
    Operation(
        "transform_rotation_part", "t", "q", (ANY,), lambda a: a, _q, family=TRANSFORM,
        linear=True,
    ),
    Operation(
        "transform_component", "t", "f", (ANY,), lambda a, i: a, lambda a, i: a[..., i],
        ((0, 6),), family=TRANSFORM, linear=True,
    ),
    guard("t"),
)  # fmt: skip


WARP: dict[str, Spelling] = {
    "transform_of_parts": call("{transform}", 2),
    "transformation_of_parts": call("wp.transformation", 2),
    "transform_of_translation": Spelling(f"{{transform}}({{0}}, {ONE})"),
    "transform_from_matrix": Spelling(
        "wp.transform_from_matrix({0} + {#0} * wp.identity(n=4, dtype={float}))"
    ),
    "transform_decompose_rotation": Spelling(
        "{t1}",
        lines=(
            "{t0}, {t1}, {t2} = wp.transform_decompose("
            "{0} + {#0} * wp.identity(n=4, dtype={float}))",
        ),
        locals=("position", "rotation", "scale"),
    ),
    "transform_compose_point": Spelling(
        "wp.transform_point(wp.transform_compose({0}, {1}, {2}), {3})"
    ),
    **calls("transform_inverse transform_get_translation transform_get_rotation", 1),
    **calls("transform_to_matrix", 1),
    **calls("transform_multiply transform_point transform_vector", 2),
    "transform_mul": Spelling("{0} * {1!}", PRODUCT),
    "transform_add": Spelling("{0} + {1!}", SUM),
    "transform_sub": Spelling("{0} - {1!}", SUM),
    "transform_scale": Spelling("{#0} * {0!}", PRODUCT),
    "transform_times_number": Spelling("{0} * {1!}", PRODUCT),
    "number_times_transform": Spelling("{0} * {1!}", PRODUCT),
    "transform_lerp": call("wp.lerp", 3),
    "transform_blend_with_identity": Spelling(
        "wp.lerp({0}, wp.transform_identity(dtype={float}), {1})"
    ),
    "transform_set_translation": changing("wp.transform_set_translation({t0}, {1})", "moved"),
    "transform_set_rotation": changing("wp.transform_set_rotation({t0}, {1})", "turned"),
    "transform_assign_translation": changing("{t0}.p = {1}", "moved"),
    "transform_shift_slice": changing("{t0}[0:3] += {1}", "moved"),
    "transform_shift": changing("{t0}.p += {1}", "moved"),
    "transform_shift_back": changing("{t0}.p -= {1}", "moved"),
    "transform_add_to_component": changing("{t0}[{#0}] += {1}"),
    "transform_translation_part": Spelling("{0!!}.p"),
    "transform_rotation_part": Spelling("{0!!}.q"),
    "transform_component": Spelling("{0!!}[{#0}]"),
    "guard_scale_t": Spelling("{0} * {#0}", PRODUCT),
}

JAX: dict[str, Spelling] = {}
