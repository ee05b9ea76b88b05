"""Quaternions of one thread. Warp only.

A quaternion is any four numbers here, as it is to Warp: most functions are polynomials that need no
unit length, and their references say what Warp computes of any. Where an angle jumps or a root
vanishes, the spelling itself adds the identity, and the domain is small enough to stay clear of it.
"""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, Operation
from generators.program import Interval
from generators.spellings import NEGATIVE, PRODUCT, SUM, Spelling, call
from generators.tables.matrices import (
    FACTOR,
    GUARD,
    balanced,
    changed,
    changing,
    diagonal,
    shifted,
)

QUATERNION = "quaternion"
AROUND_ONE = (-1.0, 1.0)
SHARE = (-1.0, 1.0)  # of the second of two that are mixed
NEAR = (-0.3, 0.3)  # added to a literal times the identity
LITERAL = (1.0, 2.0)


def multiplied(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the products of quaternions (x, y, z, w)."""
    (u, s), (v, t) = (a[..., :3], a[..., 3:]), (b[..., :3], b[..., 3:])
    real = s * t - np.sum(u * v, -1, keepdims=True)
    return np.concatenate([s * v + t * u + np.cross(u, v), real], -1)


def conjugated(q: np.ndarray) -> np.ndarray:
    """Return what Warp calls the inverses: they are, of quaternions of unit length."""
    return q * np.array([-1.0, -1.0, -1.0, 1.0])


def rotated(q: np.ndarray, v: np.ndarray, sense: float = 1.0) -> np.ndarray:
    """Return vectors turned as Warp turns them, also by quaternions that are not of unit length."""
    u, w = q[..., :3], q[..., 3:]
    along = np.sum(u * v, -1, keepdims=True)
    return v * (2 * w * w - 1) + 2 * along * u + sense * 2 * w * np.cross(u, v)


def matrix_of(q: np.ndarray) -> np.ndarray:
    """Return the matrices that turn vectors as the quaternions do."""
    columns = [rotated(q, np.broadcast_to(e, (*q.shape[:-1], 3))) for e in np.eye(3)]
    return np.stack(columns, -1)


def unit(a: np.ndarray) -> np.ndarray:
    """Return quaternions or vectors scaled to unit length."""
    return a / np.sqrt(np.sum(a * a, -1, keepdims=True))


def _near_one(q: np.ndarray, c: float) -> np.ndarray:
    """Return quaternions with a number added to the real part."""
    return q + c * np.array([0.0, 0.0, 0.0, 1.0])


def of_matrix(m: np.ndarray) -> np.ndarray:
    """Return the unit quaternions of matrices whose trace is positive."""
    m = m[..., :3, :3]
    root = np.sqrt(np.sum(diagonal(m), -1) + 1)
    parts = [m[..., i, j] - m[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))]
    return unit(np.stack([*(p * 0.5 / root for p in parts), 0.5 * root], -1))


def _rpy(roll: np.ndarray, pitch: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    turns = [_axis_angle(e, a) for e, a in zip(np.eye(3), (roll, pitch, yaw), strict=True)]
    return multiplied(turns[2], multiplied(turns[1], turns[0]))


def _axis_angle(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    half = 0.5 * np.asarray(angle)[..., None]
    return np.concatenate([axis * np.sin(half), np.cos(half)], -1)


def _angle(q: np.ndarray) -> np.ndarray:
    u = q[..., :3]
    return 2 * np.arctan2(np.sqrt(np.sum(u * u, -1)), np.abs(q[..., 3]))


def _rotation_vector(q: np.ndarray) -> np.ndarray:
    u = q[..., :3] * np.where(q[..., 3:] < 0, -1.0, 1.0)
    size = np.sqrt(np.sum(u * u, -1, keepdims=True))
    return u / np.where(size == 0, 1.0, size) * _angle(q)[..., None]


def _slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    turn = _rotation_vector(multiplied(conjugated(a), b))
    size = np.sqrt(np.sum(turn * turn, -1))
    axis = turn / np.where(size == 0, 1.0, size)[..., None]
    return multiplied(a, _axis_angle(axis, t * size))


def _power(q: np.ndarray, t: np.ndarray, c: float) -> np.ndarray:
    one = np.broadcast_to(np.array([0.0, 0.0, 0.0, 1.0]), q.shape)
    return _slerp(one, unit(_near_one(q, c)), t)


def _to_rpy(q: np.ndarray, c: float) -> np.ndarray:
    m = matrix_of(unit(_near_one(q, c)))
    roll = np.arctan2(m[..., 2, 1], m[..., 2, 2])
    yaw = np.arctan2(m[..., 1, 0], m[..., 0, 0])
    return np.stack([roll, np.arcsin(-m[..., 2, 0]), yaw], -1)


def _to_euler(q: np.ndarray, c: float) -> np.ndarray:
    m = matrix_of(unit(_near_one(q, c)))  # about z, then y, then x
    about_x = np.arctan2(-m[..., 1, 2], m[..., 2, 2])
    about_z = np.arctan2(-m[..., 0, 1], m[..., 0, 0])
    return np.stack([about_x, np.arcsin(m[..., 0, 2]), about_z], -1)


def _from_euler(e: np.ndarray) -> np.ndarray:
    about = [_axis_angle(np.eye(3)[n], e[..., n]) for n in range(3)]
    return multiplied(about[0], multiplied(about[1], about[2]))


def _twist(axis: np.ndarray, q: np.ndarray) -> np.ndarray:
    along = np.sum(axis * q[..., :3], -1, keepdims=True)
    return unit(np.concatenate([along * axis, q[..., 3:]], -1))


def _twist_angle(axis: np.ndarray, q: np.ndarray) -> np.ndarray:
    return 2 * np.arctan2(np.abs(np.sum(axis * q[..., :3], -1)), q[..., 3])


def _twist_angle_signed(axis: np.ndarray, q: np.ndarray, c: float) -> np.ndarray:
    return 2 * np.arctan2(np.sum(axis * q[..., :3], -1), q[..., 3] + c)


def _between(a: np.ndarray, b: np.ndarray, c: float, d: float) -> np.ndarray:
    a, b = unit(a + c), unit(b + d)
    return unit(np.concatenate([np.cross(a, b), 1 + np.sum(a * b, -1, keepdims=True)], -1))


def _turned_size(q: Interval) -> float:
    """Return how much a component of a vector can grow when such a quaternion turns it."""
    b = iv.magnitude(q)
    return max(1.0, abs(2 * b * b - 1)) + 10 * b * b


def turned_range(q: Interval, v: Interval) -> Interval:
    """Return the range of a turned vector."""
    return balanced(_turned_size(q) * iv.magnitude(v))


def _angle_near_one(q: Interval, c: Interval) -> float:
    """Return the largest angle of a quaternion that a number has been added to."""
    a = iv.magnitude(q)
    return 2 * math.atan(math.sqrt(3) * a / (c[0] - a))


def _angles_near_one(q: Interval, c: Interval) -> Interval:
    return balanced(_angle_near_one(q, c))  # below pi/2, no Euler angle is larger than the whole


def matrix_range(q: Interval) -> Interval:
    """Return the range of the matrix of a quaternion."""
    reach = 4 * iv.magnitude(q) ** 2
    return -max(1.0, reach), reach


def four(a: Interval, b: Interval) -> Interval:
    """Return the range of a sum of four products, of whatever signs."""
    return balanced(4 * iv.magnitude(a) * iv.magnitude(b))


def wider(*intervals: Interval) -> Interval:
    """Return the smallest interval that holds them all."""
    return min(a for a, _ in intervals), max(b for _, b in intervals)


def _norm(a: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(a * a, -1))


def dotted(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return inner products."""
    return np.sum(a * b, -1)


def each_times(a: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Return products with numbers."""
    return a * s[..., None]


def mixed(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return what lies between two."""
    return (1 - t[..., None]) * a + t[..., None] * b


def alike(letter: str, prefix: str, family: str, length: int) -> tuple[Operation, ...]:
    """Return the rows that quaternions and spatial vectors have alike: linear, and of length."""
    return (
        Operation(
            f"{prefix}_add", letter * 2, letter, (ANY, ANY), iv.add, np.add, family=family,
            linear=True,
        ),
        Operation(
            f"{prefix}_sub", letter * 2, letter, (ANY, ANY), iv.sub, np.subtract, family=family,
            linear=True,
        ),
        Operation(
            f"{prefix}_neg", letter, letter, (ANY,), iv.falling(lambda x: -x), np.negative,
            family=family, linear=True,
        ),
        Operation(
            f"{prefix}_scale", letter, letter, (ANY,), iv.mul, lambda a, c: c * a, (FACTOR,),
            family=family, linear=True,
        ),
        Operation(
            f"{prefix}_times_number", f"{letter}f", letter, (ANY, ANY), iv.mul, each_times,
            family=family,
        ),
        Operation(
            f"number_times_{prefix}", f"f{letter}", letter, (ANY, ANY), iv.mul,
            lambda s, a: each_times(a, s), family=family,
        ),
        Operation(
            f"{prefix}_over_number", f"{letter}f", letter, (ANY, DIVISOR), iv.div,
            lambda a, s: a / s[..., None], family=family,
        ),
        Operation(
            f"{prefix}_lerp", f"{letter * 2}f", letter, (ANY, ANY, SHARE), iv.lerp, mixed,
            family=family,
        ),
        Operation(
            f"{prefix}dotted", letter * 2, "f", (ANY, ANY), iv.dot(length), dotted, family=family
        ),
        Operation(f"{prefix}_length", letter, "f", (ANY,), iv.length(length), _norm, family=family),
        Operation(
            f"{prefix}_length_sq", letter, "f", (ANY,),
            lambda a: (0.0, length * iv.magnitude(a) ** 2), lambda a: dotted(a, a), family=family,
        ),
        Operation(
            f"{prefix}_normalize", letter, letter, (ANY,), iv.always(-1, 1), unit, family=family,
            weight=2,
        ),
        Operation(
            f"{prefix}_component", letter, "f", (ANY,), lambda a, i: a, lambda a, i: a[..., i],
            ((0, length - 1),), family=family, linear=True,
        ),
        Operation(
            f"{prefix}_add_to_component", f"{letter}f", letter, (ANY, ANY),
            lambda a, b, i: iv.hull(a, iv.add(a, b)), lambda a, b, i: changed(a, (i,), b),
            ((0, length - 1),), family=family, linear=True,
        ),
    )  # fmt: skip


def guard(letter: str) -> Operation:
    """Return the guard of a type that can only be scaled."""
    return Operation(
        f"guard_scale_{letter}", letter, letter, (ANY,), iv.mul, lambda a, c: a * c, (GUARD,),
        guard=True, linear=True,
    )  # fmt: skip


ROWS = (
    Operation(
        "quat_of_numbers", "ffff", "q", (ANY, ANY, ANY, ANY), wider,
        lambda x, y, z, w: np.stack([x, y, z, w], -1), family=QUATERNION, linear=True,
    ),
    Operation(
        "quat_of_parts", "vf", "q", (ANY, ANY), iv.hull,
        lambda v, w: np.concatenate([v, w[..., None]], -1), width=3, family=QUATERNION,
        linear=True,
    ),
    Operation(
        "quat_from_axis_angle", "vf", "q", ((-1.5, 1.5), ANY),
        lambda a, t: wider(balanced(iv.magnitude(a)), (-1.0, 1.0)), _axis_angle, width=3,
        family=QUATERNION, weight=2,
    ),
    Operation(
        "quat_about_axis", "f", "q", (ANY,), iv.always(-1, 1),
        lambda a: _axis_angle(np.eye(3)[1], a), width=3, family=QUATERNION,
    ),
    Operation("quat_rpy", "fff", "q", (ANY, ANY, ANY), iv.always(-1, 1), _rpy, family=QUATERNION),
    Operation(
        "quat_from_euler", "v", "q", (ANY,), iv.always(-1, 1), _from_euler, width=3,
        family=QUATERNION, single=True,
    ),
    Operation(
        "quat_from_matrix", "m", "q", (NEAR,), iv.always(-1, 1),
        lambda m, c: of_matrix(shifted(m, c)), (LITERAL,), width=3, family=QUATERNION,
    ),
    Operation(
        "quat_between_vectors", "vv", "q", ((-0.5, 0.5), (-0.5, 0.5)), iv.always(-1, 1), _between,
        (LITERAL, LITERAL), width=3, family=QUATERNION, single=True,
    ),
    *alike("q", "quat", QUATERNION, 4),
    Operation(
        "quat_mul", "qq", "q", (ANY, ANY), four, multiplied, family=QUATERNION, weight=2
    ),
    Operation("quat_mul_call", "qq", "q", (ANY, ANY), four, multiplied, family=QUATERNION),
    Operation(
        "quat_div_approx", "qf", "q", (ANY, DIVISOR), iv.div, lambda a, s: a / s[..., None],
        family=QUATERNION,
    ),
    Operation(
        "quat_inverse", "q", "q", (ANY,), lambda a: balanced(iv.magnitude(a)), conjugated,
        family=QUATERNION, linear=True,
    ),
    Operation(
        "quat_slerp", "qqf", "q", (ANY, ANY, SHARE), iv.always(-1, 1),
        lambda a, b, t: _slerp(unit(a), unit(b), t), family=QUATERNION,
    ),
    Operation(
        "quat_power", "qf", "q", (NEAR, SHARE), iv.always(-1, 1), _power, (LITERAL,),
        family=QUATERNION,
    ),
    Operation(
        "quat_twist", "vq", "q", (AROUND_ONE, ANY), iv.always(-1, 1), _twist, width=3,
        family=QUATERNION, single=True,
    ),
    Operation(
        "quat_rotate", "qv", "v", (AROUND_ONE, ANY), turned_range, rotated, width=3,
        family=QUATERNION, weight=2,
    ),
    Operation(
        "quat_rotate_inv", "qv", "v", (AROUND_ONE, ANY), turned_range,
        lambda q, v: rotated(q, v, -1.0), width=3, family=QUATERNION,
    ),
    Operation(
        "quat_to_matrix", "q", "m", ((-2.0, 2.0),), matrix_range, matrix_of, width=3,
        family=QUATERNION,
    ),
    Operation(
        "quat_rotation_vector", "q", "v", (NEAR,), _angles_near_one,
        lambda q, c: _rotation_vector(_near_one(q, c)), (LITERAL,), width=3, family=QUATERNION,
    ),
    Operation(
        "quat_angle", "q", "f", (NEAR,), lambda a, c: (0.0, _angle_near_one(a, c)),
        lambda q, c: _angle(_near_one(q, c)), (LITERAL,), family=QUATERNION,
    ),
    Operation(
        "quat_to_euler", "q", "v", (NEAR,), _angles_near_one, _to_euler, (LITERAL,),
        width=3, family=QUATERNION, single=True,
    ),
    Operation(
        "quat_to_rpy", "q", "v", (NEAR,), _angles_near_one, _to_rpy, (LITERAL,),
        width=3, family=QUATERNION, single=True,
    ),
    Operation(
        "quat_twist_angle", "vq", "f", (ANY, ANY), iv.always(0.0, 2 * math.pi), _twist_angle,
        width=3, family=QUATERNION, single=True,
    ),
    Operation(
        "quat_twist_angle_signed", "vq", "f", (ANY, NEAR), iv.always(-math.pi, math.pi),
        _twist_angle_signed, (LITERAL,), width=3, family=QUATERNION, single=True,
    ),
    Operation(
        "quat_imaginary", "q", "v", (ANY,), lambda a: a, lambda a: a[..., :3], width=3,
        family=QUATERNION, linear=True,
    ),
    Operation(
        "quat_real", "q", "f", (ANY,), lambda a: a, lambda a: a[..., 3], family=QUATERNION,
        linear=True,
    ),
    guard("q"),
)  # fmt: skip


def shared(prefix: str) -> dict[str, Spelling]:
    """Return the spellings of the rows that quaternions and spatial vectors have alike."""
    return {
        f"{prefix}_add": Spelling("{0} + {1!}", SUM),
        f"{prefix}_sub": Spelling("{0} - {1!}", SUM),
        f"{prefix}_neg": Spelling("-{0!}", NEGATIVE),
        f"{prefix}_scale": Spelling("{#0} * {0!}", PRODUCT),
        f"{prefix}_times_number": Spelling("{0} * {1!}", PRODUCT),
        f"number_times_{prefix}": Spelling("{0} * {1!}", PRODUCT),
        f"{prefix}_over_number": Spelling("{0} / {1!}", PRODUCT),
        f"{prefix}_lerp": call("wp.lerp", 3),
        f"{prefix}dotted": call("wp.dot", 2),
        f"{prefix}_length": call("wp.length"),
        f"{prefix}_length_sq": call("wp.length_sq"),
        f"{prefix}_normalize": call("wp.normalize"),
        f"{prefix}_component": Spelling("{0!!}[{#0}]"),
        f"{prefix}_add_to_component": changing("{t0}[{#0}] += {1}"),
    }


ONE = "wp.quat_identity(dtype={float})"
_SHIFTED = f"{{0}} + {{#0}} * {ONE}"
_AXIS_ANGLE = (f"{{t0}}, {{t1}} = wp.quat_to_axis_angle({_SHIFTED})",)
_NAMES = ("axis", "angle")


def calls(names: str, arity: int) -> dict[str, Spelling]:
    """Spell rows that are called what the function is."""
    return {name: call(f"wp.{name}", arity) for name in names.split()}


WARP: dict[str, Spelling] = {
    "quat_of_numbers": call("{quat}", 4),
    "quat_of_parts": call("wp.quaternion", 2),
    "quat_about_axis": Spelling("wp.quat_from_axis_angle({vec}({zero}, {one}, {zero}), {0})"),
    **calls("quat_from_axis_angle quat_rotate quat_rotate_inv quat_twist quat_twist_angle", 2),
    **calls("quat_inverse quat_to_matrix", 1),
    **calls("quat_rpy", 3),
    "quat_from_euler": Spelling("wp.quat_from_euler({0}, 2, 1, 0)"),
    "quat_from_matrix": Spelling(
        "wp.quat_from_matrix({0} + {#0} * wp.identity(n=3, dtype={float}))"
    ),
    "quat_between_vectors": Spelling(
        "wp.quat_between_vectors({0} + {vec}({#0}), {1} + {vec}({#1}))"
    ),
    **shared("quat"),
    "quat_mul": Spelling("{0} * {1!}", PRODUCT),
    "quat_mul_call": call("wp.mul", 2),
    "quat_div_approx": call("wp.div_approx", 2),
    "quat_slerp": Spelling("wp.quat_slerp(wp.normalize({0}), wp.normalize({1}), {2})"),
    "quat_power": Spelling(f"wp.quat_slerp({ONE}, wp.normalize({_SHIFTED}), {{1}})"),
    "quat_rotation_vector": Spelling("{t0} * {t1}", PRODUCT, lines=_AXIS_ANGLE, locals=_NAMES),
    "quat_angle": Spelling("{t1}", lines=_AXIS_ANGLE, locals=_NAMES),
    "quat_to_euler": Spelling(f"wp.quat_to_euler({_SHIFTED}, 2, 1, 0)"),
    "quat_to_rpy": Spelling(f"wp.quat_to_rpy(wp.normalize({_SHIFTED}))"),
    "quat_twist_angle_signed": Spelling(
        f"wp.quat_twist_angle_signed({{0}}, {{1}} + {{#0}} * {ONE})"
    ),
    "quat_imaginary": Spelling("{0!!}[0:3]"),
    "quat_real": Spelling("{0!!}.w"),
    "guard_scale_q": Spelling("{0} * {#0}", PRODUCT),
}

JAX: dict[str, Spelling] = {}
