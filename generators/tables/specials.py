"""Elementwise functions of `jax.numpy` and `jax.lax` beyond the everyday ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.special as sc

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, POSITIVE, UNIT, Operation, Side
from generators.program import Interval
from generators.spellings import SUM, Spelling, call

Range = Callable[..., Interval]
Shape = Callable[[Callable], Range]  # makes a range of the reference
Texts = dict[str, str | Spelling]


def monotone(f: Callable) -> Range:
    """Make the range of a function that is monotone in each argument: it is at the corners."""

    def of(*intervals: Interval) -> Interval:
        corners = [()]
        for low, high in intervals:
            ends = (low,) if low == high else (low, high)
            corners = [(*c, e) for c in corners for e in ends]
        values = [float(f(*c)) for c in corners]
        return min(values), max(values)

    return of


def peaked(top: float | Callable[..., float], sign: int = 1) -> Shape:
    """Say that a function of one argument rises up to ``top``, which literals may move."""

    def shape(f: Callable) -> Range:
        def of(a: Interval, *literals: Interval) -> Interval:
            constants = [c[0] for c in literals]
            peak = top(*constants) if callable(top) else top
            places = (a[0], a[1], min(max(peak, a[0]), a[1]))
            values = [float(f(x, *constants)) for x in places]
            return min(values), max(values)

        return of

    return shape


valley = peaked  # the same three places decide where a function has one lowest point


def within(low: float, high: float) -> Shape:
    """Say that a function is bounded."""
    return lambda f: iv.always(low, high)


def given(range_: Range) -> Shape:
    """Use a range that does not come from the reference."""
    return lambda f: range_


def entry(
    texts: Texts, domains: Interval | tuple[Interval, ...], shape: Shape, reference: Callable,
    literals: tuple[Interval, ...] = (), **more,
) -> tuple[list[Operation], dict[str, Spelling]]:  # fmt: skip
    """Make the rows of one function, one for each name that it is written by.

    ``domains`` is those of all arguments, or the only one's. A text without a slot is the name
    of what is called on all arguments, then on the literals.
    """
    each: tuple = domains if isinstance(domains[0], tuple) else (domains,)
    rows, spelled = [], {}
    args = more.pop("args", "f" * len(each))
    for name, text in texts.items():
        rows.append(Operation(name, args, "f", each, shape(reference), reference, literals, **more))
        if isinstance(text, str):
            plain = "{" not in text
            text = call(text, len(each), *map(str, literals)) if plain else Spelling(text)
        spelled[name] = text
    return rows, spelled


def joined(family: str, *entries: tuple) -> tuple[tuple[Operation, ...], dict[str, Spelling]]:
    """Make a family's rows and spellings of the arguments of `entry`, the last a dict of more."""
    rows, spelled = [], {}
    for parts in entries:
        more = parts[-1] if isinstance(parts[-1], dict) and len(parts) > 4 else {}
        plain = parts[: len(parts) - bool(more)]
        made, texts = entry(*plain, **({"family": family} | more))
        rows += made
        spelled |= texts
    return tuple(rows), spelled


FLAT = {"differentiable": False}
WIDE = {"wide": True}
SAME = {"dims": "...d,...d->...d"}  # jax.lax does not broadcast
BOTH: tuple[Interval, Interval] = (ANY, ANY)
_FACTORS: tuple[Interval, Interval] = ((-100.0, 100.0), (-100.0, 100.0))
_LOW = (-1.6, -0.8)
_HIGH = (0.8, 1.6)


def _round_away(a: np.ndarray) -> np.ndarray:
    return np.trunc(a + np.copysign(0.5, a))


def _to_bits(a: np.ndarray) -> np.ndarray:
    """Round to three binary digits after the first."""
    fraction, exponent = np.frexp(a)
    return np.ldexp(np.rint(fraction * 16) / 16, exponent)


def _remainder(a: Interval, b: Interval) -> Interval:
    most = min(iv.magnitude(a), b[1])
    return (-most if a[0] < 0 else 0.0), (most if a[1] > 0 else 0.0)


def _swing(a: Interval, *_: Interval) -> Interval:
    return -iv.magnitude(a), iv.magnitude(a)


def _hull(*intervals: Interval) -> Interval:
    return min(a[0] for a in intervals), max(a[1] for a in intervals)


def _curved_steps(a: np.ndarray) -> np.ndarray:
    fraction, whole = np.modf(a)
    return whole + fraction * np.abs(fraction)


def _sine_or_tanh(a: np.ndarray) -> np.ndarray:
    return np.where(a < 0, np.sin(a), np.tanh(a))


def _huber(a: np.ndarray, c: float) -> np.ndarray:
    return np.where(np.abs(a) < c, 0.5 * a * a, c * (np.abs(a) - 0.5 * c))


def _filled(name: str, second: bool = False) -> str:
    """Spell a call on a value and on a literal of its shape, or the other way round."""
    full = "jnp.full_like({0}, {#0})"
    return f"{name}({full}, {{0}})" if second else f"{name}({{0}}, {full})"


_MODF = Spelling(
    "{t1} + {t0} * jnp.abs({t0})", SUM, ("{t0}, {t1} = jnp.modf({0})",), ("fraction", "whole")
)
_SELECT = "jnp.select([{0} < {#0}, {0} > {#1}], [{1}, {2}], default={0})"
_PIECES = "jnp.piecewise({0}, [{0} < 0.0, {0} >= 0.0], [jnp.sin, jnp.tanh])"
_HUBER = Spelling(
    "jnp.piecewise({0}, [jnp.abs({0}) < {#0}], {t0})",
    lines=("{t0} = [lambda z: 0.5 * z * z, lambda z: {#0} * (jnp.abs(z) - 0.5 * {#0})]",),
    locals=("pieces",),
)
_BETAINC = Spelling(
    "jax.lax.betainc({t0}, {t1}, jax.nn.sigmoid({0}))",
    lines=("{t0} = jnp.full_like({0}, {#0})", "{t1} = jnp.full_like({0}, {#1})"),
    locals=("alpha", "beta"),
)

# One line a function: how it is written by what names, domain, kind of range, reference, literals.
_ROWS, _JAX = joined(
    "special",
    # jax.numpy and jax.lax, one argument
    ({"exp2": "jnp.exp2", "lax_exp2": "jax.lax.exp2"}, (-8.0, 6.0), monotone, np.exp2),
    ({"expm1": "jnp.expm1", "lax_expm1": "jax.lax.expm1"}, (-8.0, 4.0), monotone, np.expm1),
    ({"log1p": "jnp.log1p", "lax_log1p": "jax.lax.log1p"}, (-0.9, iv.LIMIT), monotone, np.log1p),
    ({"square": "jnp.square", "lax_square": "jax.lax.square"}, (-30.0, 30.0), valley(0.0),
     np.square),
    ({"array_reciprocal": "jnp.reciprocal", "lax_reciprocal": "jax.lax.reciprocal"}, DIVISOR,
     monotone, np.reciprocal),
    ({"rsqrt": "jax.lax.rsqrt"}, POSITIVE, monotone, lambda a: 1 / np.sqrt(a)),
    ({"sinc": "jnp.sinc"}, (-6.0, 6.0), within(-0.2173, 1.0), np.sinc),
    ({"array_i0": "jnp.i0"}, (-4.0, 4.0), valley(0.0), sc.i0),
    ({"arcsinh": "jnp.arcsinh", "array_asinh": "jnp.asinh", "lax_asinh": "jax.lax.asinh"}, ANY,
     monotone, np.arcsinh),
    ({"arccosh": "jnp.arccosh({one} + {0!})", "array_acosh": "jnp.acosh({one} + {0!})",
      "lax_acosh": "jax.lax.acosh({one} + {0!})"},
     POSITIVE, monotone, lambda a: np.arccosh(1 + a)),
    ({"arctanh": "jnp.arctanh", "array_atanh": "jnp.atanh", "lax_atanh": "jax.lax.atanh"}, UNIT,
     monotone, np.arctanh),
    ({"array_asin": "jnp.asin", "lax_asin": "jax.lax.asin"}, UNIT, monotone, np.arcsin),
    ({"array_acos": "jnp.acos", "lax_acos": "jax.lax.acos"}, UNIT, monotone, np.arccos),
    ({"array_atan": "jnp.atan", "lax_atan": "jax.lax.atan"}, ANY, monotone, np.arctan),
    ({"lax_sin": "jax.lax.sin"}, ANY, within(-1.0, 1.0), np.sin),
    ({"lax_cos": "jax.lax.cos"}, ANY, within(-1.0, 1.0), np.cos),
    ({"lax_tan": "jax.lax.tan"}, (-1.2, 1.2), monotone, np.tan),
    ({"lax_sinh": "jax.lax.sinh"}, (-3.0, 3.0), monotone, np.sinh),
    ({"lax_cosh": "jax.lax.cosh"}, (-3.0, 3.0), valley(0.0), np.cosh),
    ({"lax_tanh": "jax.lax.tanh", "nn_tanh": "jax.nn.tanh"}, (-8.0, 8.0), monotone, np.tanh),
    ({"lax_exp": "jax.lax.exp"}, (-8.0, 4.0), monotone, np.exp),
    ({"lax_log": "jax.lax.log"}, POSITIVE, monotone, np.log),
    ({"lax_sqrt": "jax.lax.sqrt"}, POSITIVE, monotone, np.sqrt),
    ({"lax_cbrt": "jax.lax.cbrt"}, POSITIVE, monotone, np.cbrt),
    ({"lax_logistic": "jax.lax.logistic"}, (-8.0, 8.0), monotone, sc.expit),
    ({"lax_erf_inv": "jax.lax.erf_inv"}, UNIT, monotone, sc.erfinv),
    ({"lax_lgamma": "jax.lax.lgamma"}, (0.1, 100.0), valley(1.46163), sc.gammaln),
    ({"lax_digamma": "jax.lax.digamma"}, (0.1, iv.LIMIT), monotone, sc.digamma),
    ({"lax_bessel_i0e": "jax.lax.bessel_i0e"}, (-8.0, 8.0), peaked(0.0), sc.i0e),
    ({"lax_bessel_i1e": "jax.lax.bessel_i1e"}, (-8.0, 8.0), within(-0.2192, 0.2192), sc.i1e),
    ({"array_degrees": "jnp.degrees", "rad2deg": "jnp.rad2deg"}, (-15.0, 15.0), monotone,
     np.degrees, {"linear": True}),
    ({"deg2rad": "jnp.deg2rad"}, ANY, monotone, np.deg2rad, {"linear": True}),
    ({"array_positive": "jnp.positive"}, ANY, monotone, np.positive, {"linear": True}),
    ({"array_negative": "jnp.negative", "lax_neg": "jax.lax.neg"}, ANY, monotone, np.negative,
     {"linear": True}),
    ({"fabs": "jnp.fabs", "array_absolute": "jnp.absolute", "lax_abs": "jax.lax.abs"}, ANY,
     valley(0.0), np.abs),
    ({"array_sign": "jnp.sign", "lax_sign": "jax.lax.sign"}, ANY, monotone, np.sign, FLAT),
    ({"array_floor": "jnp.floor", "lax_floor": "jax.lax.floor"}, ANY, monotone, np.floor, FLAT),
    ({"array_ceil": "jnp.ceil", "lax_ceil": "jax.lax.ceil"}, ANY, monotone, np.ceil, FLAT),
    ({"array_trunc": "jnp.trunc"}, ANY, monotone, np.trunc, FLAT),
    ({"array_rint": "jnp.rint", "array_round": "jnp.round",
      "lax_round_even": "jax.lax.round({0}, jax.lax.RoundingMethod.TO_NEAREST_EVEN)"},
     ANY, monotone, np.rint, FLAT),
    ({"lax_round": "jax.lax.round"}, ANY, monotone, _round_away, FLAT),
    ({"round_decimals": "jnp.round({0}, decimals={#0})", "array_around": "jnp.around"}, ANY,
     monotone, lambda a, n: np.round(a, int(n)), ((1, 2),), FLAT),
    ({"reduce_precision":
      "jax.lax.reduce_precision({0}, exponent_bits=8, mantissa_bits=3)"}, ANY, monotone,
     _to_bits, FLAT),
    ({"optimization_barrier": "jax.lax.optimization_barrier"}, ANY, monotone, np.positive,
     {"linear": True}),
    ({"nan_to_num": "jnp.nan_to_num",
      "nan_to_num_limits": "jnp.nan_to_num({0}, nan=0.0, posinf=1e4, neginf=-1e4)"},
     ANY, monotone, np.positive, {"linear": True}),
    ({"fill_missing": "jnp.where(jnp.isnan({0}), {#0}, {0})",
      "fill_infinite": "jnp.where(jnp.isfinite({0}), {0}, {#0})",
      "lax_fill_infinite":
      "jax.lax.select(jax.lax.is_finite({0}), {0}, jax.lax.full_like({0}, {#0}))"},
     ANY, given(lambda a, c: a), lambda a, c: a, ((-1.0, 1.0),), {"linear": True}),
    ({"frexp_mantissa": "jnp.frexp({0})[0]"}, ANY, within(-1.0, 1.0), lambda a: np.frexp(a)[0],
     FLAT),
    ({"whole_and_fraction": _MODF}, (-20.0, 20.0), monotone, _curved_steps),
    ({"modf_fraction": "jnp.modf({0})[0]"}, ANY,
     given(lambda a: _remainder(a, (1.0, 1.0))), lambda a: np.modf(a)[0], FLAT),
    # a literal beside
    ({"ldexp": "jnp.ldexp"}, (-100.0, 100.0), monotone, lambda a, n: np.ldexp(a, int(n)),
     ((1, 3),), FLAT),
    ({"integer_pow": "jax.lax.integer_pow"}, (-4.0, 4.0), valley(0.0),
     lambda a, n: a**n, ((2, 4),)),
    ({"lax_pow_constant": _filled("jax.lax.pow")}, (0.05, 10.0), monotone, np.power,
     ((0.4, 2.6),)),
    ({"lax_rem_constant": _filled("jax.lax.rem")}, (-100.0, 100.0), given(_remainder), np.fmod,
     ((0.5, 2.0),), FLAT | WIDE),
    ({"lax_max_constant": _filled("jax.lax.max")}, ANY, given(iv.maximum), np.maximum,
     ((-1.0, 0.0),), {"active": (0.0, iv.LIMIT)}),
    ({"lax_igamma_constant": _filled("jax.lax.igamma", second=True)}, (0.1, 20.0),
     monotone, lambda x, a: sc.gammainc(a, x), ((0.6, 4.0),)),
    ({"lax_igammac_constant": _filled("jax.lax.igammac", second=True)}, (0.1, 20.0),
     monotone, lambda x, a: sc.gammaincc(a, x), ((0.6, 4.0),)),
    ({"lax_polygamma": _filled("jax.lax.polygamma", second=True)}, (0.5, iv.LIMIT), monotone,
     lambda x, n: sc.polygamma(int(n), x), ((1, 3),)),
    ({"lax_betainc": _BETAINC}, (-4.0, 4.0), monotone,
     lambda x, a, b: sc.betainc(a, b, sc.expit(x)), ((0.6, 4.0), (0.6, 4.0))),
    ({"clip_below": "jnp.clip({0}, min={#0})"}, ANY, given(iv.maximum), np.maximum,
     ((-1.0, 0.0),), {"active": (0.0, iv.LIMIT)}),
    ({"clip_above": "jnp.clip({0}, max={#0})"}, (-4.0, 4.0), given(iv.minimum), np.minimum,
     ((1.5, 3.0),)),
    ({"clip_method": "{0!!}.clip({#0}, {#1})",
      "lax_clamp":
      "jax.lax.clamp(jnp.full_like({0}, {#0}), {0}, jnp.full_like({0}, {#1}))"},
     (-2.0, 2.0), monotone, np.clip, (_LOW, _HIGH)),
    ({"array_heaviside": "jnp.heaviside"}, ANY, monotone, np.heaviside, ((0.2, 0.8),), FLAT),
    # two and three arguments
    ({"array_add": "jnp.add"}, BOTH, monotone, np.add, {"linear": True}),
    ({"array_subtract": "jnp.subtract"}, BOTH, monotone, np.subtract, {"linear": True}),
    ({"array_multiply": "jnp.multiply"}, _FACTORS, monotone, np.multiply),
    ({"array_divide": "jnp.divide", "true_divide": "jnp.true_divide"}, (ANY, DIVISOR), monotone,
     np.divide),
    ({"floor_divide": "jnp.floor_divide"}, ((-100.0, 100.0), DIVISOR), monotone, np.floor_divide,
     FLAT),
    ({"array_pow": "jnp.pow", "float_power": "jnp.float_power"}, ((0.05, 10.0), (-2.0, 2.0)),
     monotone, np.power),
    ({"array_atan2": "jnp.atan2"}, (ANY, DIVISOR), monotone, np.arctan2),
    ({"array_mod": "jnp.mod", "array_remainder": "jnp.remainder",
      "divmod_remainder": "jnp.divmod({0}, {1})[1]"}, ((-100.0, 100.0), DIVISOR),
     given(lambda a, b: (0.0, b[1])), np.mod, FLAT),
    ({"array_fmod": "jnp.fmod"}, ((-100.0, 100.0), DIVISOR), given(_remainder), np.fmod, FLAT),
    ({"hypot": "jnp.hypot"}, BOTH,
     given(lambda a, b: monotone(math.hypot)(iv.absolute(a), iv.absolute(b))), np.hypot),
    ({"logaddexp": "jnp.logaddexp"}, BOTH, monotone, np.logaddexp),
    ({"logaddexp2": "jnp.logaddexp2"}, BOTH, monotone, np.logaddexp2),
    ({"array_copysign": "jnp.copysign"}, BOTH, given(_swing), np.copysign),
    ({"fmax": "jnp.fmax"}, BOTH, given(iv.maximum), np.fmax),
    ({"fmin": "jnp.fmin"}, BOTH, given(iv.minimum), np.fmin),
    ({"clip_symmetric": "jnp.clip({0}, -jnp.abs({1}), jnp.abs({1}))"}, BOTH, given(_swing),
     lambda a, b: np.clip(a, -np.abs(b), np.abs(b))),
    ({"where_negative": "jnp.where(jnp.signbit({0}), {1}, {0})"}, BOTH, given(_hull),
     lambda a, b: np.where(a < 0, b, a)),
    ({"select_outside": _SELECT}, (ANY, ANY, ANY), given(lambda a, b, c, *_: _hull(a, b, c)),
     lambda a, b, c, low, high: np.where(a < low, b, np.where(a > high, c, a)),
     ((-1.0, -0.2), (0.2, 1.0))),
    ({"lax_select_larger": "jax.lax.select({0} > {1}, {0} - {1}, {1} * {0})"}, _FACTORS,
     given(lambda a, b: iv.hull(iv.sub(a, b), iv.mul(a, b))),
     lambda a, b: np.where(a > b, a - b, a * b), SAME),
    ({"piecewise_named": _PIECES}, (-8.0, 8.0), within(-1.0, 1.0), _sine_or_tanh),
    ({"piecewise_huber": _HUBER}, (-50.0, 50.0), valley(0.0), _huber, ((0.5, 2.0),)),
    ({"lax_add": "jax.lax.add"}, BOTH, monotone, np.add, SAME | {"linear": True}),
    ({"lax_sub": "jax.lax.sub"}, BOTH, monotone, np.subtract, SAME | {"linear": True}),
    ({"lax_mul": "jax.lax.mul"}, _FACTORS, monotone, np.multiply, SAME),
    ({"lax_div": "jax.lax.div"}, (ANY, DIVISOR), monotone, np.divide, SAME),
    ({"lax_max": "jax.lax.max"}, BOTH, given(iv.maximum), np.maximum, SAME),
    ({"lax_min": "jax.lax.min"}, BOTH, given(iv.minimum), np.minimum, SAME),
    ({"lax_pow": "jax.lax.pow"}, ((0.05, 10.0), (-2.0, 2.0)), monotone, np.power, SAME),
    ({"lax_atan2": "jax.lax.atan2"}, (ANY, DIVISOR), monotone, np.arctan2, SAME),
    ({"lax_rem": "jax.lax.rem"}, ((-100.0, 100.0), DIVISOR), given(_remainder), np.fmod,
     SAME | FLAT),
    ({"lax_igamma": "jax.lax.igamma({1}, {0})"}, ((0.1, 20.0), (0.5, 4.0)), monotone,
     lambda x, a: sc.gammainc(a, x), SAME | {"sides": (Side("shape", (0.5, 4.0)),)}),
    ({"lax_igammac": "jax.lax.igammac({1}, {0})"}, ((0.1, 20.0), (0.5, 4.0)), monotone,
     lambda x, a: sc.gammaincc(a, x), SAME | {"sides": (Side("shape", (0.5, 4.0)),)}),
    ({"lax_clamp_between": "jax.lax.clamp({1}, {0}, {2})"}, ((-2.0, 2.0), _LOW, _HIGH), monotone,
     np.clip, {"dims": "...d,...d,...d->...d",
               "sides": (Side("lower", _LOW), Side("upper", _HIGH))}),
)  # fmt: skip

ROWS: tuple[Operation, ...] = _ROWS
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = _JAX
