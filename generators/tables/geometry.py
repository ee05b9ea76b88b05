"""Vectors of one thread: norms, components, construction, and the geometry of points and edges.

Warp's own norms and its edge and triangle queries are written for single precision: their rows
cast, which costs nothing in a program of that precision and keeps a program of doubles valid.
What Warp has no function for stands as a function of its own before the kernel.
"""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, POSITIVE, SMALL, UNIT, Operation, Side
from generators.program import Interval
from generators.spellings import PRODUCT, SUM, Spelling, call

_SOME = (-20.0, 20.0)
_FEW = (-8.0, 8.0)
_SINGLE = "wp.vector({0}, dtype=float)"


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sum(a * b, axis=-1)


def _norm(a: np.ndarray) -> np.ndarray:
    return np.sqrt(_dot(a, a))


def _unit(a: np.ndarray) -> np.ndarray:
    return a / _norm(a)[..., None]


def _sized_sum(n: int):
    return lambda a: (0.0, n * iv.magnitude(a))


def _ball(n: int):
    """Return the range of the components of sums of vectors, whatever turns them."""

    def of(*intervals: Interval) -> Interval:
        reach = math.sqrt(n) * sum(iv.magnitude(a) for a in intervals)
        return -reach, reach

    return of


def _huber(a: np.ndarray, delta: float) -> np.ndarray:
    square = _dot(a, a)
    return np.where(square <= delta**2, square / 2, delta * (np.sqrt(square) - delta / 2))


def _huber_range(n: int):
    return lambda a: (0.0, 0.75 * math.sqrt(n) * iv.magnitude(a) + 0.3)


def _pseudo_huber(a: np.ndarray, delta: float) -> np.ndarray:
    return delta * np.sqrt(1 + _dot(a, a) / delta**2)


def _at(a: np.ndarray, place: np.ndarray) -> np.ndarray:
    place = np.broadcast_to(place, a.shape[:-1])
    return np.take_along_axis(a, place[..., None].astype(np.int64), axis=-1)[..., 0]


def _with(a: np.ndarray, place: int | slice, value) -> np.ndarray:
    a = np.array(a, dtype=float)
    a[..., place] = value(a[..., place])
    return a


def _edges(p1, q1, p2, q2) -> np.ndarray:
    """Return where two edges are closest: weights on each, and the distance there."""
    d1, d2, r = q1 - p1, q2 - p2, p1 - p2
    a, e, f, c, b = _dot(d1, d1), _dot(d2, d2), _dot(d2, r), _dot(d1, r), _dot(d1, d2)
    points, others = a <= 1e-6, e <= 1e-6
    a, e = np.where(points, 1.0, a), np.where(others, 1.0, e)
    skew = a * e - b * b
    s = np.where(skew > 0, np.clip((b * f - c * e) / np.where(skew > 0, skew, 1.0), 0, 1), 0.0)
    t = (b * s + f) / e
    s = np.where(t < 0, np.clip(-c / a, 0, 1), np.where(t > 1, np.clip((b - c) / a, 0, 1), s))
    s = np.where(points, 0.0, np.where(others, np.clip(-c / a, 0, 1), s))
    t = np.where(others, 0.0, np.clip(np.where(points, f / e, t), 0, 1))
    apart = p2 + d2 * t[..., None] - p1 - d1 * s[..., None]
    return np.stack([s, t, _norm(apart)], axis=-1)


def _pierces(start, end, a, b, c) -> np.ndarray:
    """Tell whether a segment crosses a triangle, by the signs of five volumes."""

    def volume(o, x, y, z):
        return np.sign(_dot(np.cross(x - o, y - o), z - o))

    sides = [volume(start, end, *pair) for pair in ((a, b), (b, c), (c, a))]
    across = volume(a, b, c, start) != volume(a, b, c, end)
    return across & (sides[0] == sides[1]) & (sides[1] == sides[2])


def _triangles_meet(*points: np.ndarray) -> np.ndarray:
    """Tell whether two triangles in general position meet: an edge of one crosses the other."""
    points = np.broadcast_arrays(*points)
    found = np.zeros(points[0].shape[:-1], dtype=bool)
    for one, other in ((points[:3], points[3:]), (points[3:], points[:3])):
        for n in range(3):
            found |= _pierces(one[n], one[(n + 1) % 3], *other)
    return found


def _meets_corner(a, b, c, size) -> np.ndarray:
    return _triangles_meet(a, b, c, *(size * np.eye(3)))


def _barycentric(p, a, b) -> np.ndarray:
    """Return the weight of ``b`` at the foot of ``p`` on the triangle 0, a, b, made regular."""
    aa, bb, ab = _dot(a, a) + 1, _dot(b, b) + 1, _dot(a, b)
    return (aa * _dot(p, b) - ab * _dot(p, a)) / (aa * bb - ab * ab)


def _refracted(d, n, eta) -> np.ndarray:
    d, n = _unit(d), _unit(n)
    c = -_dot(d, n)
    k = 1 - eta * eta * (1 - c * c)
    return eta * d + (eta * c - np.sqrt(np.maximum(k, 0)))[..., None] * n


def _rodrigues(v, axis, angle) -> np.ndarray:
    k, c, s = _unit(axis), np.cos(angle)[..., None], np.sin(angle)[..., None]
    return v * c + np.cross(k, v) * s + k * _dot(k, v)[..., None] * (1 - c)


def _to_segment(p, a, b) -> np.ndarray:
    d = b - a
    t = np.clip(_dot(p - a, d) / (_dot(d, d) + 1e-6), 0, 1)
    return _norm(p - a - d * t[..., None])


def _v(name: str, args: str, result: str, range_, reference, *, literals=(), **more) -> Operation:
    """Make a row; the domain is a modest one for products and anything otherwise."""
    usual = {"v": more.pop("each", ANY), "f": ANY, "i": (0, 1), "b": (0, 1)}
    domains = more.pop("domains", tuple(usual[kind] for kind in args))
    return Operation(name, args, result, domains, range_, reference, literals, family="geometry",
                     **more)  # fmt: skip


def _function(name: str, head: str, *body: str, value: str) -> Spelling:
    """Spell a call of a function that stands before the kernel."""
    lines = ("@wp.func", f"def {{h0}}({head}):", *(f"    {line}" for line in body))
    return Spelling(value, helper=lines, helpers=(name,))


_JUMPS = {"differentiable": False}
_VV, _VVV = "a: {vec}, b: {vec}", "a: {vec}, b: {vec}, c: {vec}"

_PAIRS: tuple[tuple[Operation, Spelling], ...] = (
    # norms
    (_v("norm_l1", "v", "f", _sized_sum, lambda a: np.sum(np.abs(a), axis=-1), sized=True),
     Spelling(f"{{float}}(wp.norm_l1({_SINGLE}))")),
    (_v("norm_l2", "v", "f", iv.length, _norm, sized=True), call("wp.norm_l2")),
    (_v("norm_huber", "v", "f", _huber_range, lambda a: _huber(a, 0.75), sized=True),
     Spelling(f"{{float}}(wp.norm_huber({_SINGLE}, 0.75))")),
    (_v("norm_pseudo_huber", "v", "f", lambda n: lambda a: (0.5, 0.5 * math.sqrt(
        1 + 4 * n * iv.magnitude(a) ** 2)), lambda a: _pseudo_huber(a, 0.5), sized=True),
     Spelling(f"{{float}}(wp.norm_pseudo_huber({_SINGLE}, 0.5))")),
    (_v("norm_pseudo_huber_one", "v", "f", lambda n: lambda a: (1.0, math.sqrt(
        1 + n * iv.magnitude(a) ** 2)), lambda a: _pseudo_huber(a, 1.0), sized=True),
     Spelling(f"{{float}}(wp.norm_pseudo_huber({_SINGLE}))")),
    (_v("smooth_normalize", "v", "v", iv.always(-1, 1),
        lambda a: a / _pseudo_huber(a, 0.5)[..., None]),
     Spelling(f"{{vec}}(wp.smooth_normalize({_SINGLE}, 0.5))")),
    (_v("safe_normalize", "v", "v", iv.always(-1, 1), _unit),
     Spelling("wp.where(wp.isfinite({t0}), {t0}, {vec}({zero}))",
              lines=("{t0} = {0} / wp.length({0})",), locals=("direction",))),
    (_v("known_components", "v", "v", iv.rising(math.exp),
        np.exp, width=3, each=(-4.0, 4.0)),
     Spelling("wp.where(wp.isnan({t0}), {0}, {t0})", lines=(
         "{t0} = {vec}(wp.exp({0}[0]), wp.exp({0}[1]), wp.exp({0}[2]))",), locals=("grown",))),
    # component by component
    (_v("v_abs", "v", "v", iv.absolute, np.abs), call("wp.abs")),
    (_v("v_min", "vv", "v", iv.minimum, np.minimum), call("wp.min", 2)),
    (_v("v_max", "vv", "v", iv.maximum, np.maximum), call("wp.max", 2)),
    (_v("v_box", "v", "v", lambda a, c: (max(a[0], -c[1]) if a[0] < 0 else 0.0,
                                         min(a[1], c[1]) if a[1] > 0 else 0.0),
        lambda a, c: np.clip(a, -c, c), literals=((0.4, 1.5),)),
     Spelling("wp.max(wp.min({0}, {vec}({#0})), {vec}(-{#0}))")),
    (_v("v_flip", "vv", "v", lambda a, b: (-iv.magnitude(b), iv.magnitude(b)),
        lambda a, b: np.where(a < 0, -b, b)),
     Spelling("wp.cw_mul(wp.sign({0}), {1})")),
    (_v("v_divide", "vv", "v", lambda a, b: iv.mul(a, (0.0, 1.0)), lambda a, b: a / (1 + b * b)),
     Spelling("wp.cw_div({0}, {vec}({one}) + wp.cw_mul({1}, {1}))")),
    (_v("v_share", "v", "v", iv.always(-1, 1), lambda a: a / (0.5 + np.abs(a))),
     Spelling("wp.cw_div({0}, wp.abs({0}) + {vec}({float}(0.5)))")),
    (_v("v_reciprocal", "v", "v", iv.always(0, 1), lambda a: 1 / (1 + np.abs(a))),
     Spelling("{one} / (wp.abs({0}) + {vec}({one}))", PRODUCT)),
    (_v("v_wrap", "v", "v", lambda a, c: (max(a[0], -c[1]) if a[0] < 0 else 0.0,
                                          min(a[1], c[1]) if a[1] > 0 else 0.0),
        lambda a, c: np.fmod(a, c), literals=((0.7, 3.0),), **_JUMPS),
     Spelling("{0} % {vec}({#0})", PRODUCT)),
    (_v("v_shift", "vf", "v", iv.add, lambda a, s: a + s[..., None], linear=True),
     Spelling("{0} + {vec}({1})", SUM)),
    (_v("v_lerp", "vvf", "v", iv.lerp, lambda a, b, t: a + (b - a) * t[..., None],
        domains=(ANY, ANY, (-1.0, 1.0))), call("wp.lerp", 3)),
    (_v("v_approximate_quotient", "vf", "v", iv.div, lambda a, s: a / s[..., None],
        domains=(ANY, (0.2, iv.LIMIT))), call("wp.div_approx", 2)),
    (_v("v_choose", "bvv", "v", lambda c, a, b: iv.hull(a, b),
        lambda c, a, b: np.where(c[..., None], a, b)), call("wp.where", 3)),
    (_v("v_nearer", "vv", "v", iv.hull, lambda a, b: np.where(
        (_norm(a) < _norm(b))[..., None], a, b)),
     Spelling("{0} if wp.length({0}) < wp.length({1}) else {1}", 0)),
    # from components to a number
    (_v("v_least", "v", "f", lambda a: a, lambda a: a.min(axis=-1)), call("wp.min")),
    (_v("v_greatest", "v", "f", lambda a: a, lambda a: a.max(axis=-1)), call("wp.max")),
    (_v("v_own_min", "v", "f", lambda a: a, lambda a: a.min(axis=-1)), call("min")),
    (_v("v_own_max", "v", "f", lambda a: a, lambda a: a.max(axis=-1)), call("max")),
    (_v("v_argmin", "v", "i", iv.always(0, 3), lambda a: a.argmin(axis=-1), **_JUMPS),
     Spelling("{int}(wp.argmin({0}))")),
    (_v("v_argmax", "v", "i", iv.always(0, 3), lambda a: a.argmax(axis=-1), **_JUMPS),
     Spelling("{int}(wp.argmax({0}))")),
    (_v("v_at_greatest", "vv", "f", lambda a, b: b, lambda a, b: _at(b, a.argmax(axis=-1))),
     Spelling("{1!!}[wp.argmax({0})]")),
    (_v("v_at_least", "vv", "f", lambda a, b: b, lambda a, b: _at(b, a.argmin(axis=-1))),
     Spelling("{1!!}[wp.argmin({0})]")),
    (_v("v_component", "vi", "f", lambda a, n: a, _at), Spelling("{0!!}[wp.int32({1})]")),
    (_v("v_cycle", "vi", "f", lambda a, n: a, lambda a, n: _at(a, np.abs(n) % a.shape[-1]),
        domains=(ANY, SMALL)), Spelling("{0!!}[wp.abs(wp.int32({1})) % len({0})]")),
    (_v("v_first", "v", "f", lambda a: a, lambda a: a[..., 0], linear=True, weight=2),
     Spelling("{0!!}[0]")),
    (_v("v_last", "v", "f", lambda a: a, lambda a: a[..., -1], linear=True),
     Spelling("{0!!}[-1]")),
    (_v("v_x", "v", "f", lambda a: a, lambda a: a[..., 0], linear=True), Spelling("{0!!}.x")),
    (_v("v_y", "v", "f", lambda a: a, lambda a: a[..., 1], linear=True), Spelling("{0!!}.y")),
    (_v("v_z", "v", "f", lambda a: a, lambda a: a[..., 2], linear=True, width=3),
     Spelling("{0!!}.z")),
    (_v("v_w", "v", "f", lambda a: a, lambda a: a[..., 3], linear=True, width=4),
     Spelling("{0!!}.w")),
    (_v("v_head_length", "v", "f", lambda a: (0.0, math.sqrt(2) * iv.magnitude(a)),
        lambda a: np.hypot(a[..., 0], a[..., 1])), Spelling("wp.length({0!!}[:2])")),
    (_v("v_tail_length", "v", "f", lambda a: (0.0, math.sqrt(2) * iv.magnitude(a)),
        lambda a: np.hypot(a[..., -2], a[..., -1])), Spelling("wp.length({0!!}[-2:])")),
    (_v("v_head_dot", "vv", "f", lambda a, b: iv.dot(2)(a, b),
        lambda a, b: _dot(a[..., :2], b[..., :2])), Spelling("wp.dot({0!!}[:2], {1!!}[:2])")),
    (_v("v_crossed_dot", "vv", "f", lambda a, b: iv.dot(2)(a, b),
        lambda a, b: _dot(a[..., :2], b[..., -2:])), Spelling("wp.dot({0!!}[:2], {1!!}[-2:])")),
    (_v("v_product", "v", "f", lambda n: lambda a: (-iv.magnitude(a) ** n, iv.magnitude(a) ** n),
        lambda a: np.prod(a, axis=-1), sized=True, each=(-5.0, 5.0)),
     Spelling("{t0}", lines=("{t0} = {float}(1.0)", "for {t1} in range(len({0})):",
                             "    {t0} = {t0} * {0!!}[{t1}]"), locals=("volume", "axis"))),
    (_v("v_total", "v", "f", lambda n: lambda a: (n * a[0], n * a[1]),
        lambda a: np.sum(a, axis=-1), sized=True, linear=True),
     Spelling("{t0}", lines=("{t0} = {float}(0.0)", "for {t1} in range(len({0})):",
                             "    {t0} += {0!!}[{t1}]"), locals=("total", "axis"))),
    (_v("v_horner", "vf", "f", lambda n: lambda a, x: (lambda m: (-m, m))(
        iv.magnitude(a) * sum(iv.magnitude(x) ** k for k in range(n))),
        lambda a, x: sum(a[..., k] * x**k for k in range(a.shape[-1])), sized=True,
        domains=(_SOME, (-2.0, 2.0))),
     Spelling("{t0}", lines=("{t0} = {float}(0.0)", "for {t1} in range(len({0})):",
                             "    {t0} = {t0} * {1!!} + {0!!}[len({0}) - 1 - {t1}]"),
              locals=("value", "k"))),
    (_v("v_folded", "v", "f", lambda n: lambda a: (lambda m: (-m, m))(iv.magnitude(a) * 2),
        lambda a: sum(a[..., k] * 0.5**k for k in range(a.shape[-1])), sized=True, **_JUMPS),
     Spelling("{t0}", lines=("{t0} = {float}(0.0)", "for {t1} in reversed(range(len({0}))):",
                             "    {t0} = {t0} * {float}(0.5) + {0!!}[{t1}]"),
              locals=("folded", "k"))),
    (_v("v_quartic", "v", "f", lambda n: lambda a: (0.0, n * iv.magnitude(a) ** 4),
        lambda a: np.sum(a**4, axis=-1), sized=True, each=(-4.0, 4.0)),
     Spelling("wp.length_sq(wp.cw_mul({t0}, {t0}))", lines=("{t0} = +{0!!}",),
              locals=("same",))),
    # from numbers to a vector
    (_v("vector2_of", "ff", "v", iv.hull, lambda a, b: np.stack([a, b], -1), width=2, linear=True),
     Spelling("{vec}({0}, {1})")),
    (_v("vector3_of", "fff", "v", lambda a, b, c: iv.hull(iv.hull(a, b), c),
        lambda a, b, c: np.stack([a, b, c], -1), width=3, linear=True),
     Spelling("{vec}({0}, {1}, {2})")),
    (_v("vector4_of", "ffff", "v", lambda a, b, c, d: iv.hull(iv.hull(a, b), iv.hull(c, d)),
        lambda a, b, c, d: np.stack([a, b, c, d], -1), width=4, linear=True),
     Spelling("{vec}({0}, {1}, {2}, {3})")),
    (_v("generic2_of", "ff", "v", iv.hull, lambda a, b: np.stack([a, b], -1), width=2,
        linear=True), Spelling("wp.vector({0}, {1})")),
    (_v("generic3_of", "fff", "v", lambda a, b, c: iv.hull(iv.hull(a, b), c),
        lambda a, b, c: np.stack([a, b, c], -1), width=3, linear=True),
     Spelling("wp.vector({0}, {1}, {2})")),
    (_v("splat2", "f", "v", lambda a: a, lambda a: np.stack([a] * 2, -1), width=2, linear=True),
     Spelling("wp.vector({0}, length=2)")),
    (_v("splat3", "f", "v", lambda a: a, lambda a: np.stack([a] * 3, -1), width=3, linear=True),
     Spelling("wp.vector({0}, length=3)")),
    (_v("splat4", "f", "v", lambda a: a, lambda a: np.stack([a] * 4, -1), width=4, linear=True),
     Spelling("wp.vector({0}, length=4)")),
    (_v("polar", "ff", "v", lambda a, b: (-iv.magnitude(a), iv.magnitude(a)), lambda r, t:
        np.stack([r * np.cos(t), r * np.sin(t)], -1), width=2),
     Spelling("{0} * wp.vector(wp.cos({1}), wp.sin({1}))", PRODUCT)),
    (_v("spherical", "ff", "v", iv.always(-1, 1), lambda t, p: np.stack(
        [np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1), width=3),
     _function("spherical", "t: {float}, p: {float}", "r = wp.sin(t)",
               "return {vec}(r * wp.cos(p), r * wp.sin(p), wp.cos(t))", value="{h0}({0}, {1})")),
    (_v("perpendicular", "v", "v", lambda a: (-iv.magnitude(a), iv.magnitude(a)), lambda a:
        np.stack([-a[..., 1], a[..., 0]], -1), width=2, linear=True),
     _function("perpendicular", "a: {vec}", "return {vec}(-a[1], a[0])", value="{h0}({0})")),
    (_v("swizzle", "v", "v", lambda a: a, lambda a: a[..., [1, 2, 0]], width=3, linear=True),
     _function("turn_axes", "a: {vec}", "return {vec}(a.y, a.z, a.x)", value="{h0}({0})")),
    (_v("perspective", "v", "v", lambda a: iv.mul(a, (0.0, 2.0)), lambda a: np.stack(
         [a[..., 0] / (np.abs(a[..., 2]) + 0.5), a[..., 1] / (np.abs(a[..., 2]) + 0.5),
          a[..., 2]], -1), width=3),
     _function("perspective", "a: {vec}", "depth = wp.abs(a[2]) + {float}(0.5)",
               "return {vec}(a[0] / depth, a[1] / depth, a[2])", value="{h0}({0})")),
    # components set in place: Warp keeps the gradient of what was overwritten, and counts that
    # of an attribute's in-place sum twice
    (_v("v_set_first", "vf", "v", iv.hull, lambda a, s: _with(a, 0, lambda _: s), **_JUMPS),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}[0] = {1}"), locals=("point",))),
    (_v("v_set_last", "vf", "v", iv.hull, lambda a, s: _with(a, -1, lambda _: s), **_JUMPS),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}[-1] = {1}"), locals=("point",))),
    (_v("v_set_y", "vf", "v", iv.hull, lambda a, s: _with(a, 1, lambda _: s), **_JUMPS),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}.y = {1}"), locals=("point",))),
    (_v("v_raise_first", "vf", "v", lambda a, s: iv.hull(a, iv.add(a, s)),
        lambda a, s: _with(a, 0, lambda x: x + s), linear=True),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}[0] += {1}"), locals=("moved",))),
    (_v("v_lower_y", "vf", "v", lambda a, s: iv.hull(a, iv.sub(a, s)),
        lambda a, s: _with(a, 1, lambda x: x - s), **_JUMPS),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}.y -= {1}"), locals=("dropped",))),
    (_v("v_lower_last", "vf", "v", lambda a, s: iv.hull(a, iv.sub(a, s)),
        lambda a, s: _with(a, -1, lambda x: x - s), linear=True),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}[-1] -= {1}"), locals=("moved",))),
    (_v("v_head_sum", "vv", "v", lambda a, b: iv.hull(a, iv.add(a, b)), lambda a, b: _with(
        a, slice(0, 2), lambda x: x + b[..., -2:]), linear=True),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}[:2] += {1!!}[-2:]"), locals=("moved",))),
    (_v("v_head_change", "vv", "v", iv.hull, lambda a, b: _with(
        a, slice(0, 2), lambda x: b[..., -2:]), **_JUMPS),
     Spelling("{t0}", lines=("{t0} = wp.copy({0})", "{t0}[:2] = {1!!}[-2:]"), locals=("mixed",))),
    (_v("v_squares", "v", "v", lambda a: iv.hull(a, (0, iv.magnitude(a) ** 2)),
        lambda a: a * a, each=_SOME),
     Spelling("{t0}", lines=("{t0} = {vec}()", "for {t1} in range(len({0})):",
                             "    {t0}[{t1}] = {0!!}[{t1}] * {0!!}[{t1}]"),
              locals=("squares", "axis"))),
    # points, edges and triangles
    (_v("edge_distance", "vvvv", "f", lambda *a: (0.0, _ball(3)(*a)[1]),
        lambda *p: _edges(*p)[..., 2], width=3, each=_SOME),
     Spelling("{float}({t0}[2])", lines=(
         "{t0} = wp.closest_point_edge_edge(",
         "    wp.vec3({0}), wp.vec3({1}), wp.vec3({2}), wp.vec3({3}), 1.0e-6", ")"),
         locals=("closest",))),
    (_v("edge_weights", "vvvv", "v", lambda *a: (0.0, max(1.0, _ball(3)(*a)[1])), _edges, width=3,
        each=_SOME),
     Spelling("{vec}(wp.closest_point_edge_edge({t0}, {t1}, {t2}, {t3}, 1.0e-6))", lines=(
         "{t0}, {t1} = wp.vec3({0}), wp.vec3({1})", "{t2}, {t3} = wp.vec3({2}), wp.vec3({3})"),
         locals=("start", "end", "first", "last"))),
    (_v("triangle_hit", "vvv", "i", iv.always(0, 1),
        lambda a, b, c, size: _meets_corner(a, b, c, size).astype(np.int64), width=3,
        literals=((0.5, 1.5),), **_JUMPS),
     Spelling("{int}(wp.intersect_tri_tri({0}, {1}, {2}, {t0}, {t1}, {t2}))", lines=(
         "{t0} = {vec}({#0}, {zero}, {zero})", "{t1} = {vec}({zero}, {#0}, {zero})",
         "{t2} = {vec}({zero}, {zero}, {#0})"), locals=("corner", "apex", "tip"))),
    (_v("triangle_where", "vvvvvv", "v", lambda a, b, c, d, e, f: iv.hull(iv.sub(b, a), iv.sub(
        e, d)), lambda *p: np.where(_triangles_meet(*p)[..., None], p[1] - p[0], p[4] - p[3]),
        width=3, sides=(Side("corner", (-2.0, 2.0)),) * 5),
     Spelling("wp.where({t0} == 1, {1} - {0!}, {4} - {3!})", lines=(
         "{t0} = wp.intersect_tri_tri({0}, {1}, {2}, {3}, {4}, {5})",), locals=("hit",))),
    # functions of their own
    (_v("reflect", "vv", "v", _ball, lambda a, b: a - 2 * _dot(a, _unit(b))[..., None] * _unit(b),
        sized=True),
     _function("reflect", _VV, "n = wp.normalize(b)", "return a - {float}(2.0) * wp.dot(a, n) * n",
               value="{h0}({0}, {1})")),
    (_v("project", "vv", "v", lambda n: lambda a, b: _ball(n)(a),
        lambda a, b: _dot(a, _unit(b))[..., None] * _unit(b), sized=True),
     _function("project", _VV, "return wp.dot(a, b) / wp.length_sq(b) * b",
               value="{h0}({0}, {1})")),
    (_v("reject", "vv", "v", lambda n: lambda a, b: _ball(n)(a),
        lambda a, b: a - _dot(a, _unit(b))[..., None] * _unit(b), sized=True),
     _function("reject", _VV, "return a - b * (wp.dot(a, b) / wp.dot(b, b))",
               value="{h0}({0}, {1})")),
    (_v("triangle_area", "vvv", "f", lambda a, b, c: (0.0, 0.5 * iv.magnitude(iv.sub(b, a))
        * iv.magnitude(iv.sub(c, a)) * 3), lambda a, b, c: _norm(np.cross(b - a, c - a)) / 2,
        width=3, each=_FEW),
     _function("area", _VVV, "return wp.length(wp.cross(b - a, c - a)) * {float}(0.5)",
               value="{h0}({0}, {1}, {2})")),
    (_v("signed_area", "vvv", "f", lambda a, b, c: (lambda m: (-m, m))(
        iv.magnitude(iv.sub(b, a)) * iv.magnitude(iv.sub(c, a))),
        lambda a, b, c: ((b - a)[..., 0] * (c - a)[..., 1] - (b - a)[..., 1] * (c - a)[..., 0]) / 2,
        width=2, each=_FEW),
     _function("signed_area", _VVV, "u, w = b - a, c - a",
               "return {float}(0.5) * (u[0] * w[1] - u[1] * w[0])",
               value="{h0}({0}, {1}, {2})")),
    (_v("triangle_normal", "vvv", "v", iv.always(-1, 1),
        lambda a, b, c: _unit(np.cross(b - a, c - a)), width=3, each=_FEW),
     _function("normal", _VVV, "return wp.normalize(wp.cross(b - a, c - a))",
               value="{h0}({0}, {1}, {2})")),
    (_v("tetrahedron_volume", "vvv", "f", lambda a, b, c: (lambda m: (-m, m))(
        iv.magnitude(a) * iv.magnitude(b) * iv.magnitude(c)),
        lambda a, b, c: _dot(np.cross(a, b), c) / 6, width=3, each=(-5.0, 5.0)),
     _function("volume", _VVV, "return wp.dot(wp.cross(a, b), c) / {float}(6.0)",
               value="{h0}({0}, {1}, {2})")),
    (_v("cosine_between", "vv", "f", iv.always(-1, 1), lambda a, b: _dot(_unit(a), _unit(b))),
     _function("cosine", _VV, "return wp.dot(a, b) / (wp.length(a) * wp.length(b))",
               value="{h0}({0}, {1})")),
    (_v("angle_between", "vv", "f", iv.always(0, math.pi), lambda a, b: np.arctan2(
        _norm(np.cross(a, b)), _dot(a, b)), width=3),
     _function("angle", _VV, "return wp.atan2(wp.length(wp.cross(a, b)), wp.dot(a, b))",
               value="{h0}({0}, {1})")),
    (_v("squared_distance", "vv", "f", lambda n: lambda a, b: (
        0.0, n * iv.magnitude(iv.sub(a, b)) ** 2), lambda a, b: _dot(a - b, a - b), sized=True,
        each=_FEW),
     _function("distance_sq", _VV, "d = a - b", "return wp.dot(d, d)", value="{h0}({0}, {1})")),
    (_v("gaussian_kernel", "vvf", "f", iv.always(0, 1), lambda a, b, s: np.exp(
        -_dot(a - b, a - b) / (2 * s * s)), domains=(_FEW, _FEW, (0.5, 4.0))),
     _function("gaussian", _VV + ", width: {float}", "r = wp.length_sq(a - b)",
               "return wp.exp(-r / ({float}(2.0) * width * width))", value="{h0}({0}, {1}, {2})")),
    (_v("segment_distance", "vvv", "f", lambda n: lambda a, b, c: (0.0, _ball(n)(
        a, b)[1] + _ball(n)(b, c)[1]), _to_segment, sized=True, each=_SOME),
     _function("to_segment", "p: {vec}, a: {vec}, b: {vec}", "d = b - a",
               "t = wp.dot(p - a, d) / (wp.length_sq(d) + {float}(1.0e-6))",
               "return wp.length(p - a - wp.clamp(t, {zero}, {one}) * d)",
               value="{h0}({0}, {1}, {2})")),
    (_v("plane_distance", "vvv", "f", lambda n: lambda a, b, c: _ball(n)(a, b),
        lambda p, o, n: _dot(p - o, _unit(n)), sized=True),
     _function("plane_distance", "p: {vec}, origin: {vec}, n: {vec}",
               "return wp.dot(p - origin, wp.normalize(n))", value="{h0}({0}, {1}, {2})")),
    (_v("barycentric", "vvv", "f", lambda n: lambda p, a, b: _ball(n)(p), _barycentric,
        sized=True, each=_FEW),
     _function("barycentric", "p: {vec}, a: {vec}, b: {vec}",
               "aa, bb = wp.dot(a, a) + {one}, wp.dot(b, b) + {one}", "ab = wp.dot(a, b)",
               "return (aa * wp.dot(p, b) - ab * wp.dot(p, a)) / (aa * bb - ab * ab)",
               value="{h0}({0}, {1}, {2})")),
    (_v("refract", "vv", "v", iv.always(-2.0, 2.0), lambda a, b, e: _refracted(a, b, e),
        literals=((0.5, 0.9),)),
     _function("refract", "d: {vec}, n: {vec}, eta: {float}",
               "c = -wp.dot(d, n)", "k = {one} - eta * eta * ({one} - c * c)",
               "return eta * d + (eta * c - wp.sqrt(wp.max(k, {zero}))) * n",
               value="{h0}(wp.normalize({0}), wp.normalize({1}), {#0})")),
    (_v("rodrigues", "vvf", "v", lambda n: lambda a, k, t: _ball(n)(a), _rodrigues, sized=True,
        width=3),
     _function("rotate_about", "p: {vec}, axis: {vec}, angle: {float}", "k = wp.normalize(axis)",
               "c, s = wp.cos(angle), wp.sin(angle)",
               "return p * c + wp.cross(k, p) * s + k * wp.dot(k, p) * ({one} - c)",
               value="{h0}({0}, {1}, {2})")),
    (_v("rotate_plane", "vf", "v", lambda a, t: _ball(2)(a), lambda a, t: np.stack([
        a[..., 0] * np.cos(t) - a[..., 1] * np.sin(t),
        a[..., 0] * np.sin(t) + a[..., 1] * np.cos(t)], -1), width=2),
     _function("rotate", "p: {vec}, angle: {float}", "c, s = wp.cos(angle), wp.sin(angle)",
               "return {vec}(c * p[0] - s * p[1], s * p[0] + c * p[1])", value="{h0}({0}, {1})")),
    (_v("bezier", "vvvf", "v", lambda a, b, c, t: iv.add(iv.add(iv.mul(
        a, (0, 4)), iv.mul(b, (-4, 0.5))), iv.mul(c, (0, 1))), lambda a, b, c, t: (
        (1 - t) ** 2)[..., None] * a + (2 * t * (1 - t))[..., None] * b + (t * t)[..., None] * c,
        domains=(ANY, ANY, ANY, (-1.0, 1.0))),
     _function("bezier", _VVV + ", t: {float}", "s = {one} - t",
               "return a * (s * s) + b * ({float}(2.0) * s * t) + c * (t * t)",
               value="{h0}({0}, {1}, {2}, {3})")),
    (_v("limit_length", "vf", "v", lambda n: lambda a, s: _ball(n)(a), lambda a, s: a
        * np.minimum(1, s / _norm(a))[..., None], sized=True, domains=(ANY, POSITIVE)),
     _function("limit", "a: {vec}, most: {float}",
               "return a * wp.min({one}, most / wp.length(a))", value="{h0}({0}, {1})")),
    (_v("spring", "vvf", "v", lambda n: lambda a, b, r: _ball(n)(a, b, r), lambda a, b, r: (
        (a - b) - r[..., None] * _unit(a - b)), sized=True, domains=(ANY, ANY, UNIT)),
     _function("spring", _VV + ", rest: {float}", "d = a - b", "l = wp.length(d)",
               "return d * ((l - rest) / l)", value="{h0}({0}, {1}, {2})")),
)  # fmt: skip

ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
JAX: dict[str, Spelling] = {}
