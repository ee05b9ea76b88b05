"""Floats and small vectors: the operations that both languages have."""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, POSITIVE, UNIT, Operation
from generators.spellings import NEGATIVE, PRODUCT, SUM, Spelling, call


def _norm(a: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(a * a, axis=-1))


def _sigmoid(a: float) -> float:
    return 1.0 / (1.0 + math.exp(-a))


def _softplus(a: float) -> float:
    return math.log1p(math.exp(a))


_erf = np.vectorize(math.erf, otypes=[float])
_erfc = np.vectorize(math.erfc, otypes=[float])

ROWS = (
    # scalar functions of one value
    Operation("sin", "f", "f", (ANY,), iv.always(-1, 1), np.sin, weight=2),
    Operation("cos", "f", "f", (ANY,), iv.always(-1, 1), np.cos, weight=2),
    Operation("tan", "f", "f", ((-1.2, 1.2),), iv.rising(math.tan), np.tan),
    Operation("asin", "f", "f", (UNIT,), iv.rising(math.asin), np.arcsin),
    Operation("acos", "f", "f", (UNIT,), iv.falling(math.acos), np.arccos),
    Operation("atan", "f", "f", (ANY,), iv.rising(math.atan), np.arctan),
    Operation("sinh", "f", "f", ((-3.0, 3.0),), iv.rising(math.sinh), np.sinh),
    Operation("cosh", "f", "f", ((-3.0, 3.0),), iv.even(math.cosh), np.cosh),
    Operation("tanh", "f", "f", ((-8.0, 8.0),), iv.rising(math.tanh), np.tanh, weight=2),
    Operation("exp", "f", "f", ((-8.0, 4.0),), iv.rising(math.exp), np.exp, weight=2),
    Operation("log", "f", "f", (POSITIVE,), iv.rising(math.log), np.log),
    Operation("log2", "f", "f", (POSITIVE,), iv.rising(math.log2), np.log2),
    Operation("log10", "f", "f", (POSITIVE,), iv.rising(math.log10), np.log10),
    Operation("sqrt", "f", "f", (POSITIVE,), iv.rising(math.sqrt), np.sqrt, weight=2),
    Operation("cbrt", "f", "f", (POSITIVE,), iv.rising(math.cbrt), np.cbrt),
    Operation("abs", "f", "f", (ANY,), iv.absolute, np.abs, weight=2),
    Operation("neg", "f", "f", (ANY,), iv.falling(lambda x: -x), np.negative, linear=True),
    Operation("erf", "f", "f", ((-3.0, 3.0),), iv.rising(math.erf), _erf),
    Operation("erfc", "f", "f", ((-3.0, 3.0),), iv.falling(math.erfc), _erfc),
    Operation("radians", "f", "f", (ANY,), iv.rising(math.radians), np.radians, linear=True),
    Operation(
        "sigmoid", "f", "f", ((-8.0, 8.0),), iv.rising(_sigmoid), lambda a: 1 / (1 + np.exp(-a))
    ),
    Operation(
        "softplus", "f", "f", ((-8.0, 8.0),), iv.rising(_softplus), lambda a: np.log1p(np.exp(a))
    ),
    Operation(
        "relu", "f", "f", (ANY,), iv.rising(lambda x: max(x, 0.0)), lambda a: np.maximum(a, 0),
        active=(0.0, iv.LIMIT),
    ),
    # one value and constants
    Operation(
        "scale", "f", "f", (ANY,), iv.mul, lambda a, c: c * a, ((0.1, 3.0),), linear=True,
        weight=2,
    ),
    Operation(
        "offset", "f", "f", (ANY,), iv.sub, lambda a, c: a - c, ((0.1, 2.0),), linear=True,
        weight=2,
    ),
    Operation(
        "reciprocal", "f", "f", (DIVISOR,), lambda a, c: iv.div(c, a), lambda a, c: c / a,
        ((0.5, 2.0),),
    ),
    Operation("pow", "f", "f", ((0.05, 10.0),), iv.power, np.power, ((0.4, 2.6),)),
    Operation(
        "clamp", "f", "f", (ANY,), lambda a, low, high: (low[0], high[1]), np.clip,
        ((-1.0, 0.0), (0.0, 1.0)),  # placed among the values at hand instead
    ),
    # two and three values
    Operation("add", "ff", "f", (ANY, ANY), iv.add, np.add, linear=True, weight=2),
    Operation("sub", "ff", "f", (ANY, ANY), iv.sub, np.subtract, linear=True, weight=2),
    Operation("mul", "ff", "f", (ANY, ANY), iv.mul, np.multiply, weight=2),
    Operation("div", "ff", "f", (ANY, DIVISOR), iv.div, np.divide, weight=2),
    Operation("min", "ff", "f", (ANY, ANY), iv.minimum, np.minimum, weight=2),
    Operation("max", "ff", "f", (ANY, ANY), iv.maximum, np.maximum, weight=2),
    Operation("power", "ff", "f", ((0.05, 10.0), (-2.0, 2.0)), iv.power, np.power),
    Operation("atan2", "ff", "f", (ANY, DIVISOR), iv.always(-math.pi / 2, math.pi / 2), np.arctan2),
    Operation(
        "lerp", "fff", "f", (ANY, ANY, (-1.0, 1.0)), iv.lerp, lambda a, b, t: (1 - t) * a + t * b
    ),
    # vectors
    Operation("vadd", "vv", "v", (ANY, ANY), iv.add, np.add, linear=True, family="vector"),
    Operation("vsub", "vv", "v", (ANY, ANY), iv.sub, np.subtract, linear=True, family="vector"),
    Operation("vmul", "vv", "v", (ANY, ANY), iv.mul, np.multiply, family="vector"),
    Operation(
        "vneg", "v", "v", (ANY,), iv.falling(lambda x: -x), np.negative, linear=True,
        family="vector",
    ),
    Operation(
        "vscale", "vf", "v", (ANY, ANY), iv.mul, lambda a, s: a * s[..., None], family="vector",
    ),
    Operation(
        "vdiv", "vf", "v", (ANY, DIVISOR), iv.div, lambda a, s: a / s[..., None], family="vector",
    ),
    Operation(
        "cross", "vv", "v", (ANY, ANY), lambda a, b: iv.sub(iv.mul(a, b), iv.mul(a, b)),
        np.cross, width=3, family="vector",
    ),
    Operation(
        "normalize", "v", "v", (ANY,), iv.always(-1, 1), lambda a: a / _norm(a)[..., None],
        family="vector",
    ),
    Operation(
        "dot", "vv", "f", (ANY, ANY), iv.dot, lambda a, b: np.sum(a * b, -1), sized=True,
        family="vector",
    ),
    Operation("length", "v", "f", (ANY,), iv.length, _norm, sized=True, family="vector"),
    Operation(
        "length_sq", "v", "f", (ANY,), lambda n: lambda a: (0.0, n * iv.magnitude(a) ** 2),
        lambda a: np.sum(a * a, axis=-1), sized=True, family="vector",
    ),
    # guards: never drawn, put where an argument would leave its domain
    Operation(
        "guard_positive", "f", "f", (ANY,), lambda a, c: iv.add(iv.absolute(a), c),
        lambda a, c: np.abs(a) + c, ((0.1, 0.9),), guard=True,
    ),
    Operation(
        "guard_scale", "f", "f", (ANY,), iv.mul, lambda a, c: a * c, ((0.1, 0.9),), guard=True,
        linear=True,
    ),
    Operation(
        "guard_shift", "f", "f", (ANY,), iv.add, lambda a, c: a + c, ((0.1, 0.9),), guard=True,
        linear=True,
    ),
    Operation(
        "guard_squash", "f", "f", (ANY,), iv.rising(lambda x: x / (1.0 + abs(x))),
        lambda a: a / (1.0 + np.abs(a)), guard=True,
    ),
    Operation(
        "guard_scale_v", "v", "v", (ANY,), iv.mul, lambda a, c: a * c, ((0.1, 0.9),), guard=True,
        linear=True,
    ),
)  # fmt: skip


_SHARED = {
    "neg": Spelling("-{0!}", NEGATIVE),
    "scale": Spelling("{#0} * {0!}", PRODUCT),
    "offset": Spelling("{0} - {#0}", SUM),
    "reciprocal": Spelling("{#0} / {0!}", PRODUCT),
    "add": Spelling("{0} + {1!}", SUM),
    "sub": Spelling("{0} - {1!}", SUM),
    "mul": Spelling("{0} * {1!}", PRODUCT),
    "div": Spelling("{0} / {1!}", PRODUCT),
    "vadd": Spelling("{0} + {1!}", SUM),
    "vsub": Spelling("{0} - {1!}", SUM),
    "vneg": Spelling("-{0!}", NEGATIVE),
    "guard_scale": Spelling("{0} * {#0}", PRODUCT),
    "guard_shift": Spelling("{0} + {#0}", SUM),
    "guard_scale_v": Spelling("{0} * {#0}", PRODUCT),
}

_WARP_CALLS = (
    "sin cos tan asin acos atan sinh cosh tanh exp log log2 log10 sqrt cbrt abs erf erfc radians"
)

WARP: dict[str, Spelling] = _SHARED | {
    **{name: call(f"wp.{name}") for name in _WARP_CALLS.split()},
    "sigmoid": Spelling("{one} / ({one} + wp.exp(-{0!!}))", PRODUCT),
    "softplus": Spelling("wp.log({one} + wp.exp({0}))"),
    "relu": Spelling("wp.max({0}, {zero})"),
    "pow": call("wp.pow", 1, "exponent"),
    "clamp": call("wp.clamp", 1, "low", "high"),
    "min": call("wp.min", 2),
    "max": call("wp.max", 2),
    "power": call("wp.pow", 2),
    "atan2": call("wp.atan2", 2),
    "lerp": call("wp.lerp", 3),
    "vmul": call("wp.cw_mul", 2),
    "vscale": Spelling("{0} * {1!}", PRODUCT),
    "vdiv": Spelling("{0} / {1!}", PRODUCT),
    "cross": call("wp.cross", 2),
    "normalize": call("wp.normalize"),
    "dot": call("wp.dot", 2),
    "length": call("wp.length"),
    "length_sq": call("wp.length_sq"),
    "guard_positive": Spelling("wp.abs({0}) + {#0}", SUM),
    "guard_squash": Spelling("{0} / ({one} + wp.abs({0}))", PRODUCT),
}

_JAX_SAME = "sin cos tan sinh cosh tanh exp log log2 log10 sqrt cbrt abs radians"
_JAX_CALLS = {
    **{name: name for name in _JAX_SAME.split()},
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
}
_NORM = "jnp.linalg.norm({0}, axis=-1, keepdims=True)"

JAX: dict[str, Spelling] = _SHARED | {
    **{name: call(f"jnp.{spelled}") for name, spelled in _JAX_CALLS.items()},
    "erf": call("jax.lax.erf"),
    "erfc": call("jax.lax.erfc"),
    "sigmoid": call("jax.nn.sigmoid"),
    "softplus": call("jax.nn.softplus"),
    "relu": call("jax.nn.relu"),
    "pow": Spelling("jnp.power({0}, {#0})"),
    "clamp": call("jnp.clip", 1, "low", "high"),
    "min": call("jnp.minimum", 2),
    "max": call("jnp.maximum", 2),
    "power": call("jnp.power", 2),
    "atan2": call("jnp.arctan2", 2),
    "lerp": Spelling("({one} - {2}) * {0!!} + {2} * {1!!}", SUM),
    "vmul": Spelling("{0} * {1!}", PRODUCT),
    "vscale": Spelling("{0} * {1!!}[..., None]", PRODUCT),
    "vdiv": Spelling("{0} / {1!!}[..., None]", PRODUCT),
    "cross": call("jnp.cross", 2),
    "normalize": Spelling(f"{{0}} / {_NORM}", PRODUCT),
    "dot": Spelling("jnp.vecdot({0}, {1})"),
    "length": Spelling("jnp.linalg.norm({0}, axis=-1)"),
    "length_sq": Spelling("jnp.sum(jnp.square({0}), axis=-1)"),
    "guard_positive": Spelling("jnp.abs({0}) + {#0}", SUM),
    "guard_squash": Spelling("{0} / ({one} + jnp.abs({0}))", PRODUCT),
}
