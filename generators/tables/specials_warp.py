"""Warp's scalar functions beyond the everyday ones: steps, rounding, remainders, casts, choices.

Where a function is a staircase, the row combines it so that the value stays continuous, and with
it the gradient stays right: Warp's adjoint of a staircase is zero. Rows that jump are marked as
not differentiable, as are those whose adjoint Warp leaves out.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.special

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, POSITIVE, UNIT, Operation
from generators.program import Interval
from generators.spellings import PRODUCT, SUM, Spelling, call

_LOOSE = 0  # an outermost operator weaker than a sum: bracketed inside any other
_SMALL_ANGLE = (-8.0, 8.0)
_SQUARE = (-20.0, 20.0)
_GOLDEN = 1.618033988749895


def _either(*pieces):
    """Make the range of a choice among pieces, each a range of the same intervals."""

    def of(*intervals: Interval) -> Interval:
        found = [piece(*intervals) for piece in pieces]
        return min(a[0] for a in found), max(a[1] for a in found)

    return of


def _half(a: np.ndarray) -> np.ndarray:
    return a.astype(np.float16).astype(float)


def _brain(a: np.ndarray) -> np.ndarray:
    """Round to bfloat16: to the nearest, ties to even."""
    bits = np.asarray(a, dtype=np.float32).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    bits = (bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(float)


def _exponent(a: np.ndarray | float) -> np.ndarray:
    return np.frexp(np.asarray(a, dtype=np.float32))[1] - 1.0


def _mantissa(a: np.ndarray) -> np.ndarray:
    return 2.0 * np.frexp(np.asarray(a, dtype=np.float32))[0].astype(float)


def _fast_inverse_root(a: np.ndarray) -> np.ndarray:
    bits = np.asarray(a, dtype=np.float32).view(np.int32)
    guess = (np.int32(0x5F3759DF) - (bits >> np.int32(1))).view(np.float32).astype(float)
    return guess * (1.5 - 0.5 * a * guess * guess)


def _smooth_step(low, high, a: np.ndarray) -> np.ndarray:
    t = np.clip((a - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _huber(a: np.ndarray | float, c: float) -> np.ndarray:
    return np.where(np.abs(a) <= c, 0.5 * a * a, c * (np.abs(a) - 0.5 * c))


def _f(name: str, args: str, domains: tuple, range_, reference, **more) -> Operation:
    return Operation(name, args, "f", domains, range_, reference, family="special", **more)


_JUMPS = {"differentiable": False}
_BITS = "wp.cast(wp.float32({0}), wp.uint32)"

_PAIRS: tuple[tuple[Operation, Spelling], ...] = (
    # functions of one value
    (_f("inverse_erf", "f", (UNIT,), iv.rising(lambda x: float(scipy.special.erfinv(x))),
        scipy.special.erfinv), call("wp.erfinv")),
    (_f("inverse_erfc", "f", ((0.05, 1.9),), iv.falling(lambda x: float(scipy.special.erfcinv(x))),
        scipy.special.erfcinv), call("wp.erfcinv")),
    (_f("in_degrees", "f", (_SMALL_ANGLE,), iv.rising(math.degrees), np.degrees, linear=True),
     call("wp.degrees")),
    (_f("sin_pi", "f", (_SMALL_ANGLE,), iv.always(-1, 1), lambda a: np.sin(np.pi * a)),
     Spelling("wp.sin({float}(wp.PI) * {0!})")),
    (_f("cos_turn", "f", ((-4.0, 4.0),), iv.always(-1, 1), lambda a: np.cos(2 * np.pi * a)),
     Spelling("wp.cos({float}(wp.TAU) * {0!})")),
    (_f("exp2_by_log", "f", ((-8.0, 5.0),), iv.rising(lambda x: 2.0**x), np.exp2),
     Spelling("wp.exp({0!} * {float}(wp.LN2))")),
    (_f("log2_by_constant", "f", (POSITIVE,), iv.rising(math.log2), np.log2),
     Spelling("wp.log({0}) * {float}(wp.LOG2E)", PRODUCT)),
    (_f("sin_quarter", "f", ((-6.0, 6.0),), iv.always(-1, 1), lambda a: np.sin(np.pi / 2 * a)),
     Spelling("wp.sin({float}(wp.HALF_PI) * {0!})")),
    (_f("golden", "f", (ANY,), lambda a: iv.div(a, (_GOLDEN, _GOLDEN)),
        lambda a: a / _GOLDEN, linear=True),
     Spelling("{0} / {float}(wp.PHI)", PRODUCT)),
    (_f("static_third", "f", (ANY,), lambda a: iv.mul(a, (1 / 3, 1 / 3)), lambda a: a / 3,
        linear=True), Spelling("{0} * {float}(wp.static(1.0 / 3.0))", PRODUCT)),
    # rounding, joined to continuous waves
    (_f("parabola_wave", "f", (ANY,), iv.always(0, 0.25),
        lambda a: (a - np.floor(a)) * (1 - a + np.floor(a))),
     Spelling("{t0} * ({one} - {t0})", PRODUCT, ("{t0} = {0} - wp.floor({0})",), ("fraction",))),
    (_f("cubic_wave", "f", (ANY,), iv.always(0, 4 / 27),
        lambda a: (np.ceil(a) - a) ** 2 * (1 - np.ceil(a) + a)),
     Spelling("{t0} * {t0} * ({one} - {t0})", PRODUCT, ("{t0} = wp.ceil({0}) - {0!}",), ("rest",))),
    (_f("triangle_wave", "f", (ANY,), iv.always(0, 0.5),
        lambda a: np.abs(a - np.where(a < 0, np.ceil(a - 0.5), np.floor(a + 0.5)))),
     Spelling("wp.abs({0} - wp.round({0}))")),
    (_f("scallop", "f", (ANY,), iv.always(-0.25, 0.25),
        lambda a: (a - np.trunc(a)) * (1 - np.abs(a - np.trunc(a)))),
     Spelling("{t0} * ({one} - wp.abs({t0}))", PRODUCT, ("{t0} = {0} - wp.trunc({0})",),
              ("part",))),
    (_f("fraction_hump", "f", (ANY,), iv.always(0, 0.25),
        lambda a: np.abs(np.modf(a)[0]) * (1 - np.abs(np.modf(a)[0])), **_JUMPS),
     Spelling("{t0} * ({one} - {t0})", PRODUCT, ("{t0} = wp.abs(wp.frac({0}))",), ("decimal",))),
    (_f("quantize", "f", ((-60.0, 60.0),),
        lambda a, c: (a[0] - 0.5 / c[0], a[1] + 0.5 / c[0]),
        lambda a, c: np.rint(a * c) / c, literals=((4.0, 16.0),), **_JUMPS),
     Spelling("wp.rint({0!!} * {#0}) / {#0}", PRODUCT)),
    (_f("rounded", "f", ((-120.0, 120.0),), lambda a: (math.floor(a[0]), math.ceil(a[1])),
        lambda a: np.where(a < 0, np.ceil(a - 0.5), np.floor(a + 0.5)), **_JUMPS),
     call("round")),
    (_f("ladder", "f", ((-120.0, 120.0),), lambda a: (math.floor(a[0]), math.floor(a[1]) + 1.0),
        lambda a: np.floor(a) + (a - np.floor(a)) ** 3),
     Spelling("wp.floor({0}) + {t0} * {t0} * {t0}", SUM, ("{t0} = {0} - wp.floor({0})",),
              ("within",))),
    # signs and steps
    (_f("signed_square", "f", (_SQUARE,), iv.rising(lambda x: x * abs(x)),
        lambda a: np.abs(a) * a), Spelling("wp.sign({0}) * {0!!} * {0!!}", PRODUCT)),
    (_f("signed_log", "f", (ANY,), iv.rising(lambda x: math.copysign(math.log1p(abs(x)), x)),
        lambda a: np.sign(a) * np.log1p(np.abs(a))),
     Spelling("wp.sign({0}) * wp.log({one} + wp.abs({0}))", PRODUCT)),
    (_f("negative_part", "f", (ANY,), lambda a: (min(a[0], 0.0), min(a[1], 0.0)),
        lambda a: np.minimum(a, 0), active=(-iv.LIMIT, 0.0)),
     Spelling("{0} * wp.step({0})", PRODUCT)),
    (_f("two_slopes", "f", (ANY,), lambda a, c: iv.mul(a, (1.0, 1.0 + c[1])),
        lambda a, c: a + np.minimum(a, 0) * c, literals=((0.2, 2.0),)),
     Spelling("{0} * ({one} + {#0} * wp.step({0}))", PRODUCT)),
    (_f("hard_shrink", "f", (ANY,), iv.rising(lambda x: x if abs(x) >= 1 else 0.0),
        lambda a: np.where(np.abs(a) >= 1, a, 0), active=(1.0, iv.LIMIT), **_JUMPS),
     Spelling("{0} * wp.nonzero(wp.trunc({0}))", PRODUCT)),
    (_f("copy_sign", "ff", (ANY, ANY), lambda a, b: _either(
        lambda a, b: (-iv.magnitude(a), -iv.magnitude(a)) if b[0] < 0 else iv.absolute(a),
        lambda a, b: iv.absolute(a) if b[1] > 0 else (-iv.magnitude(a), -iv.absolute(a)[0]),
        )(a, b), np.copysign), call("wp.copysign", 2)),
    (_f("minmod", "ff", (ANY, ANY), lambda a, b: (
        -min(iv.magnitude(a), iv.magnitude(b)), min(iv.magnitude(a), iv.magnitude(b))),
        lambda a, b: np.where(a * b > 0, np.copysign(np.minimum(np.abs(a), np.abs(b)), a), 0)),
     Spelling("(wp.sign({0}) + wp.sign({1})) * wp.min(wp.abs({0}), wp.abs({1})) / {float}(2.0)",
              PRODUCT)),
    # remainders and quotients
    (_f("wrap_period", "f", (ANY,), lambda a, c: (
        max(a[0], -c[1]) if a[0] < 0 else 0.0, min(a[1], c[1]) if a[1] > 0 else 0.0),
        np.fmod, literals=((0.7, 3.0),)), Spelling("{0} % {#0}", PRODUCT)),
    (_f("float_mod", "ff", (ANY, DIVISOR), lambda a, b: (
        max(a[0], -b[1]) if a[0] < 0 else 0.0, min(a[1], b[1]) if a[1] > 0 else 0.0),
        np.fmod, **_JUMPS), call("wp.mod", 2)),
    (_f("whole_quotient", "f", ((-60.0, 60.0),), lambda a, c: (
        math.floor(iv.div(a, c)[0]), math.floor(iv.div(a, c)[1])),
        lambda a, c: np.floor(a / c), literals=((0.3, 1.5),), **_JUMPS),
     Spelling("{0} // {#0}", PRODUCT)),
    (_f("float_floordiv", "ff", ((-60.0, 60.0), DIVISOR), lambda a, b: (
        math.floor(iv.div(a, b)[0]), math.floor(iv.div(a, b)[1])),
        lambda a, b: np.floor(a / b), **_JUMPS), call("wp.floordiv", 2)),
    (_f("approximate_quotient", "ff", (ANY, DIVISOR), iv.div, np.divide),
     call("wp.div_approx", 2)),
    # steps with a slope
    (_f("smooth_step", "f", (ANY,), iv.always(0, 1), lambda a, lo, hi: _smooth_step(lo, hi, a),
        literals=((-2.0, -0.5), (0.5, 2.0)), active=(-0.5, 0.5)),
     Spelling("wp.smoothstep({#0}, {#1}, {0})")),
    (_f("smooth_rise", "ff", (ANY, DIVISOR), iv.always(0, 1),
        lambda a, b: _smooth_step(0.0, b, a), active=(0.0, 0.2)),
     Spelling("wp.smoothstep({zero}, {1}, {0})")),
    (_f("saturate", "ff", (ANY, POSITIVE), lambda a, b: (
        max(a[0], -b[1]) if a[0] < 0 else min(a[0], b[0]),
        min(a[1], b[1]) if a[1] > 0 else max(a[1], -b[0])),
        lambda a, b: np.clip(a, -b, b)), Spelling("wp.clamp({0}, -{1!}, {1})")),
    (_f("mix_angle", "ff", (ANY, ANY), iv.always(-1, 1), lambda a, b: np.sin(a) * np.cos(b)),
     Spelling("wp.lerp(wp.sin({0} + {1!}), wp.sin({0} - {1!}), {float}(wp.static(0.5)))")),
    # Python's own functions and operators
    (_f("own_abs", "f", (ANY,), iv.absolute, np.abs), call("abs")),
    (_f("own_min", "ff", (ANY, ANY), iv.minimum, np.minimum), call("min", 2)),
    (_f("own_max", "ff", (ANY, ANY), iv.maximum, np.maximum), call("max", 2)),
    (_f("raised", "f", ((0.05, 10.0),), iv.power, np.power, literals=((0.4, 2.6),)),
     Spelling("{0!!} ** {#0}", PRODUCT)),
    (_f("raised_to", "ff", ((0.05, 10.0), (-2.0, 2.0)), iv.power, np.power),
     Spelling("{0!!} ** {1!!}", PRODUCT)),
    # choices
    (_f("leaky", "f", (ANY,), lambda a, c: iv.hull(
        iv.rising(lambda x: x if x > 0 else x * c[0])(a),
        iv.rising(lambda x: x if x > 0 else x * c[1])(a)),
        lambda a, c: np.where(a > 0, a, c * a), literals=((0.01, 0.4),)),
     Spelling("wp.where({0!} > {zero}, {0}, {#0} * {0!})")),
    (_f("exponential_unit", "f", ((-8.0, iv.LIMIT),),
        iv.rising(lambda x: x if x > 0 else math.expm1(x)),
        lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0)))),
     Spelling("wp.where({0!} > {zero}, {0}, wp.exp({0}) - {one})")),
    (_f("huber_of", "f", (ANY,), lambda a, c: tuple(
        float(_huber(np.float64(x), d)) for x, d in zip(iv.absolute(a), c, strict=True)),
        _huber, literals=((0.4, 1.5),)),
     Spelling("{float}(0.5) * {t0} * {t0} if {t0} <= {#0}"
              " else {#0} * ({t0} - {float}(0.5) * {#0})", _LOOSE,
              ("{t0} = wp.abs({0})",), ("size",))),
    (_f("softsign_root", "f", (ANY,), iv.rising(
        lambda x: math.sqrt(1 + x) - 1 if x > 0 else x / 2),
        lambda a: np.where(a > 0, np.sqrt(1 + np.maximum(a, 0)) - 1, a / 2)),
     Spelling("wp.sqrt({one} + {0!}) - {one} if {0!} > {zero} else {0!} * {float}(0.5)", _LOOSE)),
    (_f("tube", "ff", (ANY, POSITIVE), lambda a, b: iv.mul(a, (0.0, 1.0)), lambda a, b: np.where(
        np.abs(a) <= b, a * np.abs(a) / b, a)),
     Spelling("wp.where(-{1!!} <= {0!} and {0!} <= {1!}, {0!} * wp.abs({0}) / {1!}, {0})")),
    (_f("outside", "ff", (ANY, POSITIVE), lambda a, b: (
        a[0] + b[0] if a[0] + b[0] < 0 else 0.0, max(a[1] - b[0], 0.0)),
        lambda a, b: np.where(np.abs(a) > b, a - np.copysign(b, a), 0), active=(1.0, iv.LIMIT)),
     Spelling("wp.where({0!} < -{1!!} or {0!} > {1!}, {0} - wp.sign({0}) * {1!}, {zero})")),
    (_f("compact_bump", "f", (ANY,), iv.always(0, 1),
        lambda a, c: np.maximum(1 - (a * c) ** 2, 0), literals=((0.2, 0.6),), active=(-1.5, 1.5)),
     Spelling("wp.where(-{one} < {t0} < {one}, {one} - {t0} * {t0}, {zero})",
              lines=("{t0} = {0} * {#0}",), locals=("offset",))),
    (_f("signed_max", "ff", (ANY, ANY), lambda a, b: iv.hull(a, iv.mul(b, (-1.0, -1.0))),
        lambda a, b: np.where(a + b > 0, a, -b)),
     Spelling("wp.where(not {0} + {1!} > {zero}, -{1!}, +{0!})")),
    (_f("choose", "bff", ((0, 1), ANY, ANY), lambda c, a, b: iv.hull(a, b), np.where),
     call("wp.where", 3)),
    # guards against what is not a number
    (_f("finite_quotient", "ff", (ANY, DIVISOR), lambda a, b: iv.hull(iv.div(a, b), (0, 0)),
        np.divide),
     Spelling("wp.where(wp.isfinite({t0}), {t0}, {zero})", lines=("{t0} = {0} / {1!}",),
              locals=("quotient",))),
    (_f("safe_log", "f", (POSITIVE,), lambda a: iv.hull(iv.rising(math.log)(a), (0, 0)), np.log),
     Spelling("wp.where(wp.isnan({t0}), {zero}, {t0})", lines=("{t0} = wp.log({0})",),
              locals=("logarithm",))),
    (_f("bounded_exp", "f", ((-8.0, 4.0),), iv.rising(math.exp), np.exp),
     Spelling("wp.where(wp.isinf({t0}), {float}(1.0e4), {t0})", lines=("{t0} = wp.exp({0})",),
              locals=("growth",))),
    # casts
    (_f("through_half", "f", (ANY,), lambda a: (a[0] - 1e-3 * abs(a[0]), a[1] + 1e-3 * abs(a[1])),
        _half, **_JUMPS), Spelling("{float}(wp.float16({0}))")),
    (_f("through_bfloat16", "f", (ANY,),
        lambda a: (a[0] - 1e-2 * abs(a[0]), a[1] + 1e-2 * abs(a[1])), _brain, **_JUMPS),
     Spelling("{float}(wp.bfloat16({0}))")),
    (_f("double_product", "ff", (ANY, ANY), iv.mul, np.multiply),
     Spelling("{float}(wp.float64({0}) * wp.float64({1}))")),
    (_f("double_sum", "fff", (ANY, ANY, ANY), lambda a, b, c: iv.add(iv.add(a, b), c),
        lambda a, b, c: a + b + c, linear=True),
     Spelling("{float}(wp.float64({0}) + wp.float64({1}) + wp.float64({2}))")),
    (_f("single_root", "f", (POSITIVE,), iv.rising(math.sqrt), np.sqrt),
     Spelling("{float}(wp.sqrt(wp.float32({0})))")),
    (_f("half_product", "ff", ((-8.0, 8.0), (-8.0, 8.0)), lambda a, b: iv.mul(
        iv.mul(a, (0.997, 1.003)), b), lambda a, b: _half(_half(a) * _half(b)), **_JUMPS),
     Spelling("{float}(wp.float16({0}) * wp.float16({1}))")),
    (_f("exponent_bits", "f", (POSITIVE,), iv.rising(lambda x: float(_exponent(np.float64(x)))),
        _exponent, **_JUMPS),
     Spelling(f"{{float}}({_BITS} >> wp.uint32(23)) - {{float}}(127.0)", SUM)),
    (_f("mantissa_bits", "f", (POSITIVE,), iv.always(1, 2), _mantissa, **_JUMPS),
     Spelling("{float}(wp.cast({t0} & wp.uint32(0x7FFFFF) | wp.uint32(0x3F800000), wp.float32))",
              lines=(f"{{t0}} = {_BITS}",), locals=("bits",))),
    (_f("cleared_sign", "f", (ANY,), iv.absolute, np.abs, **_JUMPS),
     Spelling("{float}(wp.cast({t0} & wp.uint32(0x7FFFFFFF), wp.float32))",
              lines=(f"{{t0}} = {_BITS}",), locals=("pattern",))),
    (_f("fast_inverse_root", "f", (POSITIVE,), lambda a: (0.99 / math.sqrt(a[1]),
        1.01 / math.sqrt(a[0])), _fast_inverse_root, **_JUMPS),
     Spelling("{t1} * ({float}(1.5) - {float}(0.5) * {0!} * {t1} * {t1})", PRODUCT,
              ("{t0} = wp.int32(0x5F3759DF) - (wp.cast(wp.float32({0}), wp.int32) >> 1)",
               "{t1} = {float}(wp.cast({t0}, wp.float32))"), ("magic", "guess"))),
)  # fmt: skip

ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
JAX: dict[str, Spelling] = {}
