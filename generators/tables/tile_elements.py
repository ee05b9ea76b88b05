"""Tiles, element by element: scalar operations lifted, operators, functions of the kernel's own."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, SMALL, Operation
from generators.program import Interval
from generators.spellings import NEGATIVE, PRODUCT, SUM, Spelling
from generators.tables import floats

EACH, PAIR = "...n->...n", "...n,...n->...n"
PLANE, LINE = "mn->mn", "n->n"
ZEROS = "{t0} = wp.tile_zeros(shape=({@m}, {@n}), dtype={float})"
ZEROS_LINE = "{t0} = wp.tile_zeros(shape={@n}, dtype={float})"
_BIT_OR, _BIT_XOR, _BIT_AND = 0.3, 0.6, 0.8  # binding strengths below that of a sum


def row(name: str, args: str, result: str, dims: str, domains, range_, reference, **more):
    """Make a row of the family."""
    return Operation(
        name, args, result, domains, range_, reference, dims=dims, family="tile", **more
    )


def lifted(scalar: Operation, name: str = "", **more) -> Operation:
    """Make the row that applies a scalar operation to each element of its tiles."""
    dims = ",".join(["...n"] * len(scalar.args)) + "->...n"
    name = name or f"tile_map_{scalar.name}"
    return replace(scalar, name=name, dims=dims, family="tile", weight=1, **more)


def mapped(function: str, arity: int = 1, literals: int = 0) -> Spelling:
    """Spell a function applied to each element of its tiles."""
    slots = [f"{{{i}}}" for i in range(arity)] + [f"{{#{i}}}" for i in range(literals)]
    return Spelling(f"wp.tile_map({', '.join([function, *slots])})")


def same(a: Interval, *_) -> Interval:
    """Return the range of what moves values about."""
    return a


# Elementwise: scalar operations lifted, and operators.

_FLOATS = {r.name: r for r in floats.ROWS}
_UNARY = [
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "exp",
    "log",
    "log2",
    "log10",
    "sqrt",
    "cbrt",
    "abs",
    "erf",
    "erfc",
    "radians",
]
_BINARY = {"add": "wp.add", "sub": "wp.sub", "mul": "wp.mul", "div": "wp.div", "min": "wp.min",
           "max": "wp.max", "power": "wp.pow", "atan2": "wp.atan2"}  # fmt: skip

_LIFTED = (
    *(lifted(_FLOATS[name]) for name in _UNARY),
    *(lifted(_FLOATS[name]) for name in _BINARY),
    lifted(_FLOATS["lerp"], "tile_blend"),
    lifted(_FLOATS["pow"]),
    lifted(_FLOATS["clamp"], "tile_limit"),
    lifted(_FLOATS["relu"]),
    lifted(_FLOATS["neg"], "tile_neg"),
    lifted(_FLOATS["add"], "tile_add"),
    lifted(_FLOATS["sub"], "tile_sub"),
    lifted(_FLOATS["mul"], "tile_mul"),
    lifted(_FLOATS["div"], "tile_div"),
    lifted(_FLOATS["scale"], "tile_scale"),
    lifted(_FLOATS["reciprocal"], "tile_reciprocal"),
    row("tile_divide", "f", "f", EACH, (ANY,), iv.div, lambda a, c: a / c, literals=((0.5, 3.0),),
        linear=True),
)  # fmt: skip

_OPERATORS = {
    "tile_neg": Spelling("-{0!}", NEGATIVE),
    "tile_add": Spelling("{0} + {1!}", SUM),
    "tile_sub": Spelling("{0} - {1!}", SUM),
    "tile_mul": Spelling("{0} * {1!}", PRODUCT),
    "tile_div": Spelling("{0} / {1!}", PRODUCT),
    "tile_scale": Spelling("{#0} * {0!}", PRODUCT),
    "tile_reciprocal": Spelling("{#0} / {0!}", PRODUCT),
    "tile_divide": Spelling("{0} / {#0}", PRODUCT),
    "tile_map_pow": mapped("wp.pow", 1, 1),
    "tile_map_relu": Spelling("wp.tile_map(wp.max, {0}, {zero})"),
    "guard_positive": Spelling("wp.tile_map(wp.add, wp.tile_map(wp.abs, {0}), {#0})"),
    "guard_scale": Spelling("{0} * {#0}", PRODUCT),
    "guard_shift": Spelling("wp.tile_map(wp.add, {0}, {#0})"),
    "guard_squash": Spelling(
        "{0!!} / wp.tile_map(wp.add, wp.tile_map(wp.abs, {0}), {one})", PRODUCT
    ),
    **{f"tile_map_{name}": mapped(f"wp.{name}") for name in _UNARY},
    **{f"tile_map_{name}": mapped(spelled, 2) for name, spelled in _BINARY.items()},
}


# Elementwise: a function of the kernel's own.


def _function(stem: str, body: tuple[str, ...], arity: int = 1, literals: int = 0) -> Spelling:
    names = "xyz"[: arity + literals]
    head = f"def {{h0}}({', '.join(f'{n}: {{float}}' for n in names)}):"
    return replace(
        mapped("{h0}", arity, literals),
        helper=("@wp.func", head, *(f"    {line}" for line in body)),
        helpers=(stem,),
    )


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _gelu(a):
    return 0.5 * a * (1 + np.tanh(0.79788456 * (a + 0.044715 * a**3)))


def _wave(a, b):
    return np.sin(a) * np.exp(-b * b)


_BELL: Interval = (-8.0, 8.0)
_FUNCTIONS = (
    row("tile_silu", "f", "f", EACH, (_BELL,), lambda a: (-0.2785, max(a[1], 0.0)),
        lambda a: a * _sigmoid(a)),
    row("tile_gelu", "f", "f", EACH, (_BELL,), lambda a: (-0.1701, max(a[1], 0.0)), _gelu),
    row("tile_leaky_relu", "f", "f", EACH, (ANY,), iv.rising(lambda x: x if x > 0 else 0.1 * x),
        lambda a: np.where(a > 0, a, 0.1 * a)),
    row("tile_elu", "f", "f", EACH, (_BELL,), iv.rising(lambda x: x if x > 0 else math.expm1(x)),
        lambda a: np.where(a > 0, a, np.expm1(a))),
    row("tile_gaussian", "f", "f", EACH, ((-3.0, 3.0),), iv.always(0, 1), lambda a: np.exp(-a * a)),
    row("tile_huber", "f", "f", EACH, (ANY,),
        iv.even(lambda x: 0.5 * x * x if x < 1 else x - 0.5),
        lambda a: np.where(np.abs(a) < 1, 0.5 * a * a, np.abs(a) - 0.5)),
    row("tile_smoothstep", "f", "f", EACH, ((-1.5, 1.5),), iv.always(0, 1),
        lambda a: (lambda u: u * u * (3 - 2 * u))(np.clip(0.5 * a + 0.5, 0, 1))),
    row("tile_hypot", "ff", "f", PAIR, (ANY, ANY),
        lambda a, b: (0.0, math.hypot(iv.magnitude(a), iv.magnitude(b)) + 0.1),
        lambda a, b: np.sqrt(a * a + b * b + 0.01)),
    row("tile_logaddexp", "ff", "f", PAIR, (_BELL, _BELL),
        lambda a, b: (max(a[0], b[0]), max(a[1], b[1]) + 0.694), np.logaddexp),
    row("tile_wave", "ff", "f", PAIR, (ANY, (-3.0, 3.0)), iv.always(-1, 1), _wave),
    row("tile_mix", "fff", "f", "...n,...n,...n->...n", (ANY, ANY, _BELL),
        lambda a, b, c: iv.hull(a, b),
        lambda a, b, c: b + (a - b) * _sigmoid(c)),
)  # fmt: skip

_FUNCTION_SPELLINGS = {
    "tile_silu": _function("silu", ("return x / ({one} + wp.exp(-x))",)),
    "tile_gelu": _function(
        "gelu",
        (
            "u = {float}(0.79788456) * (x + {float}(0.044715) * x * x * x)",
            "return {float}(0.5) * x * ({one} + wp.tanh(u))",
        ),
    ),
    "tile_leaky_relu": _function(
        "leaky_relu", ("if x > {zero}:", "    return x", "return {float}(0.1) * x")
    ),
    "tile_elu": _function("elu", ("return wp.where(x > {zero}, x, wp.exp(x) - {one})",)),
    "tile_gaussian": _function("bell", ("return wp.exp(-x * x)",)),
    "tile_huber": _function(
        "huber",
        (
            "r = wp.abs(x)",
            "if r < {one}:",
            "    return {float}(0.5) * x * x",
            "return r - {float}(0.5)",
        ),
    ),
    "tile_smoothstep": _function(
        "smooth",
        (
            "u = wp.clamp({float}(0.5) * x + {float}(0.5), {zero}, {one})",
            "return u * u * ({float}(3.0) - {float}(2.0) * u)",
        ),
    ),
    "tile_hypot": _function("hypot", ("return wp.sqrt(x * x + y * y + {float}(0.01))",), 2),
    "tile_logaddexp": _function(
        "log_add",
        ("m = wp.max(x, y)", "return m + wp.log(wp.exp(x - m) + wp.exp(y - m))"),
        2,
    ),
    "tile_blend": _function("blend", ("return wp.lerp(x, y, z)",), 3),
    # the adjoint of a map does not compile where a third argument is a constant
    "tile_limit": _function("limit", ("return wp.clamp(x, {#0}, {#1})",)),
    "tile_wave": _function("wave", ("return wp.sin(x) * wp.exp(-y * y)",), 2),
    "tile_mix": _function(
        "mix", ("gate = {one} / ({one} + wp.exp(-z))", "return gate * x + ({one} - gate) * y"), 3
    ),
}


# Whole numbers.


def _bits(a: Interval, b: Interval) -> Interval:
    top = 1 << int(max(iv.magnitude(a), iv.magnitude(b))).bit_length()
    return (0 if a[0] >= 0 and b[0] >= 0 else -top), top - 1


_NUMBERS = (
    row("tile_to_int", "f", "i", EACH, ((-100.0, 100.0),),
        lambda a: (math.trunc(a[0]), math.trunc(a[1])), lambda a: np.trunc(a).astype(int),
        differentiable=False),
    row("tile_to_float", "i", "f", EACH, (SMALL,), same, lambda a: a * 1.0, differentiable=False),
    row("tile_bit_and", "ii", "i", PAIR, (SMALL, SMALL), _bits, np.bitwise_and,
        differentiable=False),
    row("tile_bit_or", "ii", "i", PAIR, (SMALL, SMALL), _bits, np.bitwise_or, differentiable=False),
    row("tile_bit_xor", "ii", "i", PAIR, (SMALL, SMALL), _bits, np.bitwise_xor,
        differentiable=False),
    row("tile_and_inplace", "ii", "i", "n,n->n", (SMALL, SMALL), _bits, np.bitwise_and,
        differentiable=False),
    row("tile_or_inplace", "ii", "i", "n,n->n", (SMALL, SMALL), _bits, np.bitwise_or,
        differentiable=False),
    row("tile_xor_inplace", "ii", "i", "n,n->n", (SMALL, SMALL), _bits, np.bitwise_xor,
        differentiable=False),
    row("tile_map_invert", "i", "i", EACH, (SMALL,), lambda a: (-1 - a[1], -1 - a[0]), np.invert,
        differentiable=False),
    row("tile_map_lshift", "i", "i", EACH, ((0, 15),), lambda a, k: (0, int(a[1]) << int(k[1])),
        lambda a, k: np.left_shift(np.asarray(a, int), k), literals=((1, 3),),
        differentiable=False),
    row("tile_map_rshift", "i", "i", EACH, ((0, 120),), lambda a, k: (0, int(a[1]) >> int(k[0])),
        lambda a, k: np.right_shift(np.asarray(a, int), k), literals=((1, 3),),
        differentiable=False),
    row("tile_map_mod", "i", "i", EACH, ((0, 120),), lambda a, k: (0, int(k[1]) - 1),
        lambda a, k: np.asarray(a, int) % k, literals=((3, 11),), differentiable=False),
)  # fmt: skip


def _inplace(sign: str) -> Spelling:
    lines = ("{t0} = wp.tile_zeros(shape={@n}, dtype=int)", "{t0} += {0}", f"{{t0}} {sign}= {{1}}")
    return Spelling("{t0}", lines=lines, locals=("flags",))


_NUMBER_SPELLINGS = {
    "tile_to_int": Spelling("wp.tile_astype({0}, dtype=int)"),
    "tile_to_float": Spelling("wp.tile_astype({0}, dtype={float})"),
    "tile_bit_and": Spelling("{0!!} & {1!!}", _BIT_AND),
    "tile_bit_or": Spelling("{0!!} | {1!!}", _BIT_OR),
    "tile_bit_xor": Spelling("{0!!} ^ {1!!}", _BIT_XOR),
    "tile_and_inplace": _inplace("&"),
    "tile_or_inplace": _inplace("|"),
    "tile_xor_inplace": _inplace("^"),
    "tile_map_invert": mapped("wp.invert"),
    "tile_map_lshift": mapped("wp.lshift", 1, 1),
    "tile_map_rshift": mapped("wp.rshift", 1, 1),
    "tile_map_mod": mapped("wp.mod", 1, 1),
}


ROWS = _LIFTED + _FUNCTIONS + _NUMBERS
TILE: dict[str, Spelling] = _OPERATORS | _FUNCTION_SPELLINGS | _NUMBER_SPELLINGS
