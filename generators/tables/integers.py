"""Whole numbers and truth values: arithmetic, bits, hashes, comparisons, conversions.

``i`` values stay small, so that every width from 8 bits holds them; ``u`` values wrap around at
whatever width the program's unsigned type has, and the references wrap with the type of the
arrays they are given. ``{int}`` and ``{uint}`` name the program's two types. Warp's ``%`` and
``/`` on integers are C's (towards zero), JAX's ``%`` takes the sign of the divisor: rows that
differ there are told apart by name. Nothing here has a gradient but the choice among floats.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, SMALL, WRAPPING, Operation, Side
from generators.program import Interval
from generators.spellings import NEGATIVE, PRODUCT, SUM, Spelling, call

_LOOSE = 0  # comparisons and bit operators bind weaker than a sum: bracketed inside any other
_HALF = (-60, 60)  # two of them add up to a small one
_FACTOR = (-10, 10)
_BYTE = (0, 120)
_TRUTH = (0, 1)
_DIVISOR = Side("divisor", (1, 20))
_MODULUS = Side("modulus", (2, 30))
_BUCKETS = Side("buckets", (2, 100))
_SHIFT = (0, 4)
_WRAP = iv.always(*WRAPPING)
_FLAG = iv.always(0, 1)


def _corners(f):
    """Make the range of a function that is monotone in each argument."""

    def of(*intervals: Interval) -> Interval:
        found = [f(*ends) for ends in itertools.product(*intervals)]
        return min(found), max(found)

    return of


def _bits(*intervals: Interval) -> Interval:
    """Return what bitwise operations on integers of some intervals can give."""
    low, high = min(a[0] for a in intervals), max(a[1] for a in intervals)
    size = max(int(high), -int(low) - 1).bit_length()
    return (-(2.0**size) if low < 0 else 0.0), 2.0**size - 1


def _remainder(a: Interval, m: Interval) -> Interval:
    """Return the range of C's remainder by a positive integer."""
    top = m[1] - 1
    return (max(a[0], -top) if a[0] < 0 else 0), (min(a[1], top) if a[1] > 0 else 0)


def _unsigned(a: np.ndarray) -> np.ndarray:
    return a.astype(f"u{a.dtype.itemsize}")


def _mul_high(a: np.ndarray, b: np.ndarray, s: int) -> np.ndarray:
    product = a.astype(np.uint64) * b.astype(np.uint64)
    return (product >> np.uint64(s)).astype(a.dtype)


def _xorshift(a: np.ndarray, left: int, right: int) -> np.ndarray:
    a = a ^ (a << left)
    return a ^ (a >> right)


def _mix(a: np.ndarray, first: int, by: int, second: int) -> np.ndarray:
    a = (a ^ (a >> first)) * by
    return a ^ (a >> second)


def _smear(a: np.ndarray) -> np.ndarray:
    for shift in (1, 2, 4):
        a = a | (a >> shift)
    return a


def _reverse8(a: np.ndarray) -> np.ndarray:
    out = a * 0
    for k in range(8):
        out = (out << 1) | ((a >> k) & 1)
    return out


def _leading_zeros(a: np.ndarray) -> np.ndarray:
    length = np.frompyfunc(lambda x: a.dtype.itemsize * 8 - int(x).bit_length(), 1, 1)
    return np.asarray(length(a)).astype(np.int64)


def _isqrt(a: np.ndarray) -> np.ndarray:
    root = np.frompyfunc(lambda x: math.isqrt(int(x)), 1, 1)
    return np.asarray(root(a)).astype(np.int64)


def _multiplied(a: np.ndarray) -> np.ndarray:
    return ((a.astype(np.uint32) * np.uint32(747796405)) >> np.uint32(27)).astype(np.int64)


def _spread(a: np.ndarray) -> np.ndarray:
    wide = a.astype(np.uint64) * np.uint64(6364136223846793005)
    return (wide >> np.uint64(58)).astype(np.int64)


def _row(name: str, args: str, result: str, domains: tuple, range_, reference, **more) -> Operation:
    more.setdefault("differentiable", False)
    more.setdefault("family", "integer")
    return Operation(name, args, result, domains, range_, reference, **more)


def _i(name: str, domains: tuple, range_, reference, **more) -> Operation:
    return _row(name, "i" * len(domains), "i", domains, range_, reference, **more)


def _u(name: str, arity: int, reference, **more) -> Operation:
    return _row(name, "u" * arity, "u", (WRAPPING,) * arity, _WRAP, reference, **more)


def _test(name: str, kind: str, domain: Interval, reference) -> Operation:
    return _row(name, kind * 2, "b", (domain, domain), _FLAG, reference)


def _infix(sign: str, binds: int = _LOOSE) -> Spelling:
    """Spell an operator that both languages share; a loose one takes atoms only."""
    if sign in ("<", "<=", ">", ">=", "==", "!="):
        return Spelling(f"{{0!}} {sign} {{1!}}", _LOOSE)
    if binds == _LOOSE:
        return Spelling(f"{{0!!}} {sign} {{1!!}}", _LOOSE)
    return Spelling(f"{{0}} {sign} {{1!}}", binds)


def _wp(name: str, arity: int = 1) -> Spelling:
    return call(f"wp.{name}", arity)


def _jnp(name: str, arity: int = 1) -> Spelling:
    return call(f"jnp.{name}", arity)


def _lax(name: str, arity: int = 1) -> Spelling:
    return call(f"jax.lax.{name}", arity)


def _to(target: str, text: str, binds: int = 4) -> Spelling:
    """Spell a value of JAX that is converted at the end."""
    return Spelling(f"{text}.astype({target})", binds)


_TO_INT = "{0!!}.astype({int})"
_S_ADD, _S_SUB, _S_MUL = _infix("+", SUM), _infix("-", SUM), _infix("*", PRODUCT)
_S_NEG = Spelling("-{0!!}", NEGATIVE)
_S_INVERT = Spelling("~{0!!}", NEGATIVE)
_S_LOW_BIT = Spelling("{t0}", lines=("{t0} = {0}", "{t0} &= -{t0}"), locals=("lowest",))
_S_CEIL = Spelling("({0} + ({1!!} - {int}(1))) // {1!!}", PRODUCT)

# A row, its spelling in Warp and in JAX: one spelling where they share it, None where one has none.
_ARITHMETIC = (
    (_i("i_add", (_HALF, _HALF), iv.add, np.add, weight=2), _S_ADD, _S_ADD),
    (_i("i_sub", (_HALF, _HALF), iv.sub, np.subtract, weight=2), _S_SUB, _S_SUB),
    (_i("i_mul", (_FACTOR, _FACTOR), iv.mul, np.multiply, weight=2), _S_MUL, _S_MUL),
    (_i("i_neg", (SMALL,), iv.falling(lambda x: -x), np.negative), _S_NEG, _S_NEG),
    (_i("i_abs", (SMALL,), iv.absolute, np.abs), _wp("abs"), _jnp("abs")),
    (_i("i_square", (_FACTOR,), iv.even(lambda x: x * x), np.square), None, _jnp("square")),
    (_i("i_cube", ((-4, 4),), iv.rising(lambda x: x**3), lambda a: a**3), None,
     Spelling("{0!!} ** 3", PRODUCT)),
    (_i("i_sign", (SMALL,), iv.always(-1, 1), lambda a: np.where(a < 0, -1, 1)),
     Spelling("{int}(wp.sign({0}))"), None),
    (_i("i_signum", (SMALL,), iv.always(-1, 1), np.sign), None, _jnp("sign")),
    (_i("i_lax_sign", (SMALL,), iv.always(-1, 1), np.sign), None, _lax("sign")),
    (_i("i_min", (SMALL, SMALL), iv.minimum, np.minimum), _wp("min", 2), _jnp("minimum", 2)),
    (_i("i_max", (SMALL, SMALL), iv.maximum, np.maximum), _wp("max", 2), _jnp("maximum", 2)),
    (_i("i_own_min", (SMALL, SMALL), iv.minimum, np.minimum), call("min", 2), _lax("min", 2)),
    (_i("i_own_max", (SMALL, SMALL), iv.maximum, np.maximum), call("max", 2), _lax("max", 2)),
    (_i("i_clamp", (SMALL,), _corners(lambda a, low, high: min(max(a, low), high)), np.clip,
        literals=((-40, -5), (5, 40))),
     Spelling("wp.clamp({0}, {int}({#0}), {int}({#1}))"), Spelling("jnp.clip({0}, {#0}, {#1})")),
    (_i("i_limit", (SMALL, _BYTE), lambda a, b: (
        max(a[0], -b[1]) if a[0] < 0 else min(a[0], b[0]),
        min(a[1], b[1]) if a[1] > 0 else max(a[1], -b[0])), lambda a, b: np.clip(a, -b, b)),
     Spelling("wp.clamp({0}, -{1!!}, {1})"), Spelling("jnp.clip({0}, -{1!!}, {1})")),
    (_i("i_floordiv", (SMALL, (1, 20)), _corners(lambda a, d: a // d), np.floor_divide,
        sides=(_DIVISOR,)), _infix("//", PRODUCT), _infix("//", PRODUCT)),
    (_i("i_floor_divide", (SMALL, (1, 20)), _corners(lambda a, d: a // d), np.floor_divide,
        sides=(_DIVISOR,)), _wp("floordiv", 2), _jnp("floor_divide", 2)),
    (_i("i_quotient", (SMALL, (1, 20)), _corners(lambda a, d: math.trunc(a / d)),
        lambda a, d: np.trunc(a / d).astype(a.dtype), sides=(_DIVISOR,)),
     _infix("/", PRODUCT), _lax("div", 2)),
    (_i("i_remainder", (SMALL, (2, 30)), _remainder, np.fmod, sides=(_MODULUS,)),
     _infix("%", PRODUCT), _lax("rem", 2)),
    (_i("i_fmod", (SMALL, (2, 30)), _remainder, np.fmod, sides=(_MODULUS,)),
     _wp("mod", 2), _jnp("fmod", 2)),
    (_i("i_modulo", (SMALL, (2, 30)), lambda a, m: (0, m[1] - 1), np.mod, sides=(_MODULUS,)),
     None, _infix("%", PRODUCT)),
    (_i("i_mod", (SMALL, (2, 30)), lambda a, m: (0, m[1] - 1), np.mod, sides=(_MODULUS,)),
     None, _jnp("mod", 2)),
    (_i("i_divmod_quotient", (SMALL, (1, 20)), _corners(lambda a, d: a // d), np.floor_divide,
        sides=(_DIVISOR,)), None,
     Spelling("{t0}", lines=("{t0}, {t1} = jnp.divmod({0}, {1})",), locals=("whole", "rest"))),
    (_i("i_divmod_rest", (SMALL, (2, 30)), lambda a, m: (0, m[1] - 1), np.mod, sides=(_MODULUS,)),
     None, Spelling("jnp.divmod({0}, {1})[1]")),
    (_i("i_cyclic", (SMALL, (2, 30)), lambda a, m: (0, m[1] - 1), np.mod, sides=(_MODULUS,)),
     Spelling("wp.where({t0} < {int}(0), {t0} + {1!!}, {t0})", lines=("{t0} = {0!} % {1!!}",),
              locals=("residue",)), None),
    (_i("i_ceil_divide", ((-100, 100), (1, 20)), _corners(lambda a, d: -(-a // d)),
        lambda a, d: -(-a // d), sides=(_DIVISOR,)),
     _S_CEIL, _S_CEIL),
    (_i("i_midpoint", (SMALL, SMALL), _corners(lambda a, b: (a + b) // 2),
        lambda a, b: (a.astype(np.int64) + b) // 2),
     Spelling("{int}((wp.int64({0}) + wp.int64({1})) // wp.int64(2))"),
     Spelling("(({0!!} & {1!!}) + (({0!!} ^ {1!!}) >> 1)).astype({int})")),
    (_i("i_fixed_point", (SMALL, SMALL), lambda a, b: tuple(
        math.floor(x / 128) for x in iv.mul(a, b)),
        lambda a, b: (a.astype(np.int64) * b) >> 7),
     Spelling("{int}((wp.int16({0}) * wp.int16({1})) >> wp.int16(7))"),
     _to("{int}", "(({0!!}.astype(jnp.int16) * {1!!}.astype(jnp.int16)) >> 7)")),
    (_i("i_multiply_add", (_FACTOR, (-9, 9), (-30, 30)), lambda a, b, c: iv.add(iv.mul(a, b), c),
        lambda a, b, c: a * b + c),
     Spelling("{int}(wp.int32({0}) * wp.int32({1}) + wp.int32({2}))"), None),
    (_i("i_wrap8", (SMALL,), iv.always(-128, 127),
        lambda a, c: (a.astype(np.int64) * c).astype(np.int8), literals=((2, 7),)),
     Spelling("{int}(wp.int8(wp.int32({0}) * {#0}))"),
     _to("{int}", "({0!!}.astype(jnp.int32) * {#0}).astype(jnp.int8)")),
    (_i("i_gcd", (SMALL, SMALL), lambda a, b: (0, max(iv.magnitude(a), iv.magnitude(b))), np.gcd),
     Spelling("{t0}", lines=(
         "{t0} = wp.abs({0})", "{t1} = wp.abs({1})", "while {t1} != {int}(0):",
         "    {t2} = {t0} % {t1}", "    {t0} = {t1}", "    {t1} = {t2}"),
         locals=("divisor", "rest", "swap")), _jnp("gcd", 2)),
    (_i("i_lcm", (_FACTOR, _FACTOR), lambda a, b: (0, iv.magnitude(a) * iv.magnitude(b)), np.lcm),
     None, _jnp("lcm", 2)),
    (_i("i_isqrt", (_BYTE,), iv.rising(lambda x: math.isqrt(int(x))), _isqrt),
     Spelling("{t0}", lines=(
         "{t0} = {int}(0)", "while ({t0} + {int}(1)) * ({t0} + {int}(1)) <= {0!}:",
         "    {t0} += {int}(1)"), locals=("root",)), None),
    (_i("i_collatz", ((-39, 39),), lambda a: (min(3 * a[0] + 1, a[0] // 2), max(
        3 * a[1] + 1, a[1] // 2)), lambda a: np.where(a % 2 == 0, a // 2, 3 * a + 1)),
     Spelling("{0!} // {int}(2) if {0!} % {int}(2) == {int}(0) else {int}(3) * {0!!} + {int}(1)",
              _LOOSE),
     Spelling("jnp.where({0!} % 2 == 0, {0!} // 2, 3 * {0!!} + 1)")),
    (_row("i_where", "bii", "i", (_TRUTH, SMALL, SMALL), lambda c, a, b: iv.hull(a, b), np.where),
     _wp("where", 3), _jnp("where", 3)),
    (_row("i_select_n", "bii", "i", (_TRUTH, SMALL, SMALL), lambda c, a, b: iv.hull(a, b),
        lambda c, a, b: np.where(c, b, a)), None, _lax("select_n", 3)),
    (_i("i_lax_clamp", (SMALL,), _corners(lambda a, low, high: min(max(a, low), high)), np.clip,
        literals=((-40, -5), (5, 40))), None,
     Spelling("jax.lax.clamp({int}({#0}), {0}, {int}({#1}))")),
)  # fmt: skip

_ON_BITS = (
    (_i("i_and", (_HALF, _HALF), _bits, np.bitwise_and), _infix("&"), _infix("&")),
    (_i("i_or", (_HALF, _HALF), _bits, np.bitwise_or), _infix("|"), _infix("|")),
    (_i("i_xor", (_HALF, _HALF), _bits, np.bitwise_xor), _infix("^"), _infix("^")),
    (_i("i_bit_and", (_HALF, _HALF), _bits, np.bitwise_and),
     _wp("bit_and", 2), _jnp("bitwise_and", 2)),
    (_i("i_bit_or", (_HALF, _HALF), _bits, np.bitwise_or),
     _wp("bit_or", 2), _jnp("bitwise_or", 2)),
    (_i("i_bit_xor", (_HALF, _HALF), _bits, np.bitwise_xor),
     _wp("bit_xor", 2), _jnp("bitwise_xor", 2)),
    (_i("i_lshift", ((-7, 7), _SHIFT), _corners(lambda a, n: a * 2**n), np.left_shift),
     _infix("<<"), _infix("<<")),
    (_i("i_rshift", (SMALL, _SHIFT), _corners(lambda a, n: math.floor(a / 2**n)), np.right_shift),
     _infix(">>"), _infix(">>")),
    (_i("i_left_shift", ((-7, 7), _SHIFT), _corners(lambda a, n: a * 2**n), np.left_shift),
     _wp("lshift", 2), _jnp("left_shift", 2)),
    (_i("i_right_shift", (SMALL, _SHIFT), _corners(lambda a, n: math.floor(a / 2**n)),
        np.right_shift), _wp("rshift", 2), _jnp("right_shift", 2)),
    (_i("i_shift_arithmetic", (SMALL, _SHIFT), _corners(lambda a, n: math.floor(a / 2**n)),
        np.right_shift), None, _lax("shift_right_arithmetic", 2)),
    (_i("i_power_of_two", ((0, 6),), iv.rising(lambda x: 2.0**x), lambda a: 1 << a),
     Spelling("{int}(1) << {0!!}", _LOOSE), Spelling("{int}(1) << {0!!}", _LOOSE)),
    (_i("i_tilde", ((-110, 110),), iv.falling(lambda x: -x - 1), np.invert), _S_INVERT, _S_INVERT),
    (_i("i_invert", ((-110, 110),), iv.falling(lambda x: -x - 1), np.invert),
     _wp("invert"), _jnp("invert")),
    (_i("i_bitwise_not", ((-110, 110),), iv.falling(lambda x: -x - 1), np.invert),
     None, _jnp("bitwise_not")),
    # of negative numbers the count would depend on the width
    (_i("i_bit_count", (_BYTE,), iv.always(0, 7), np.bitwise_count),
     Spelling("{int}(wp.bit_count({0}))"), _lax("population_count")),
    (_i("i_bitwise_count", (_BYTE,), iv.always(0, 7), np.bitwise_count),
     None, _to("{int}", "jnp.bitwise_count({0})")),
    (_i("i_nonzero", (_FACTOR,), _FLAG, lambda a: (a != 0).astype(a.dtype)),
     _wp("nonzero"), _to("{int}", "({0!} != 0)")),
    (_i("i_step", (SMALL,), _FLAG, lambda a: (a < 0).astype(a.dtype)), _wp("step"), None),
    (_i("i_low_bit", (_BYTE,), lambda a: (0, 64), lambda a: a & -a),
     _S_LOW_BIT, _S_LOW_BIT),
    (_i("i_byte_half", (SMALL,), iv.always(0, 127),
        lambda a: (a.astype(np.uint8) >> np.uint8(1)).astype(a.dtype)),
     Spelling("{int}(wp.uint8({0}) >> wp.uint8(1))"),
     _to("{int}", "({0!!}.astype(jnp.uint8) >> 1)")),
    (_i("i_bucket", (SMALL,), lambda a, c: (0, c[1] - 1),
        lambda a, c: (a.astype(np.uint16) % np.uint16(c)).astype(a.dtype), literals=((50, 120),)),
     Spelling("{int}(wp.uint16({0}) % wp.uint16({#0}))"),
     _to("{int}", "({0!!}.astype(jnp.uint16) % {#0})")),
    (_i("i_multiply_hash", (SMALL,), iv.always(0, 31), _multiplied),
     Spelling("{int}((wp.uint32({0}) * wp.uint32(747796405)) >> wp.uint32(27))"),
     _to("{int}", "(({0!!}.astype(jnp.uint32) * jnp.uint32(747796405)) >> 27)")),
    (_i("i_spread_hash", (SMALL,), iv.always(0, 63), _spread),
     Spelling("{int}((wp.uint64({0}) * wp.uint64(6364136223846793005)) >> wp.uint64(58))"), None),
)  # fmt: skip

_UNSIGNED = (
    (_u("u_add", 2, np.add), _S_ADD, _S_ADD),
    (_u("u_sub", 2, np.subtract), _S_SUB, _S_SUB),
    (_u("u_mul", 2, np.multiply), _S_MUL, _S_MUL),
    (_u("u_min", 2, np.minimum), _wp("min", 2), _jnp("minimum", 2)),
    (_u("u_max", 2, np.maximum), _wp("max", 2), _jnp("maximum", 2)),
    (_u("u_and", 2, np.bitwise_and), _infix("&"), _infix("&")),
    (_u("u_or", 2, np.bitwise_or), _infix("|"), _infix("|")),
    (_u("u_xor", 2, np.bitwise_xor), _infix("^"), _infix("^")),
    (_u("u_tilde", 1, np.invert), _S_INVERT, _S_INVERT),
    (_u("u_left", 1, lambda a, n: a << n, literals=((1, 5),)),
     Spelling("{0!!} << {uint}({#0})", _LOOSE), Spelling("{0!!} << {#0}", _LOOSE)),
    (_u("u_right", 1, lambda a, n: a >> n, literals=((1, 5),)),
     Spelling("{0!!} >> {uint}({#0})", _LOOSE), Spelling("{0!!} >> {#0}", _LOOSE)),
    (_u("u_left_by", 2, lambda a, b: a << (b & 7)),
     Spelling("{0!!} << ({1!!} & {uint}(7))", _LOOSE), Spelling("{0!!} << ({1!!} & 7)", _LOOSE)),
    (_u("u_right_by", 2, lambda a, b: a >> (b & 7)),
     Spelling("{0!!} >> ({1!!} & {uint}(7))", _LOOSE),
     Spelling("jax.lax.shift_right_logical({0}, {1!!} & 7)")),
    (_row("u_mod", "uu", "u", (WRAPPING, (2, 100)), lambda a, m: (0, m[1] - 1), np.mod,
          sides=(_BUCKETS,)), _infix("%", PRODUCT), _infix("%", PRODUCT)),
    (_row("u_divide", "uu", "u", (WRAPPING, (2, 100)), _WRAP, np.floor_divide, sides=(_BUCKETS,)),
     _infix("//", PRODUCT), _infix("//", PRODUCT)),
    # In JAX it would read like i_where, whose mask is the value at hand as well.
    (_row("u_where", "buu", "u", (_TRUTH, WRAPPING, WRAPPING), _WRAP, np.where),
     _wp("where", 3), None),
    (_u("u_lcg", 1, lambda a, m, c: a * m + c, literals=((5, 125), (1, 120))),
     Spelling("{0} * {uint}({#0}) + {uint}({#1})", SUM), Spelling("{0} * {#0} + {#1}", SUM)),
    (_u("u_combine", 2, lambda a, b, m: a * m ^ b, literals=((3, 125),)),
     Spelling("({0} * {uint}({#0})) ^ {1!!}", _LOOSE), Spelling("({0} * {#0}) ^ {1!!}", _LOOSE)),
    (_u("u_mul_high", 2, _mul_high, literals=((3, 7),)),
     Spelling("{uint}((wp.uint64({0}) * wp.uint64({1})) >> wp.uint64({#0}))"), None),
    (_u("u_low_byte", 1, lambda a: a.astype(np.uint8).astype(a.dtype)),
     Spelling("{uint}(wp.uint8({0}))"), _to("{uint}", "{0!!}.astype(jnp.uint8)")),
    (_u("u_low_word", 2, lambda a, b: (a.astype(np.uint16) * b.astype(np.uint16)).astype(a.dtype)),
     Spelling("{uint}(wp.uint16({0}) * wp.uint16({1}))"),
     _to("{uint}", "({0!!}.astype(jnp.uint16) * {1!!}.astype(jnp.uint16))")),
    (_u("u_difference", 2, lambda a, b: np.maximum(a, b) - np.minimum(a, b)),
     Spelling("{0} - {1!} if {0!} > {1!} else {1} - {0!}", _LOOSE),
     Spelling("jnp.select([{0!} > {1!}], [{0} - {1!}], {1} - {0!})")),
    (_u("u_xorshift", 1, _xorshift, literals=((1, 6), (1, 6))),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} ^= {t0} << {uint}({#0})",
                             "{t0} ^= {t0} >> {uint}({#1})"), locals=("state",)),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} ^= {t0} << {#0}", "{t0} ^= {t0} >> {#1}"),
              locals=("state",))),
    (_u("u_mix", 1, _mix, literals=((2, 6), (3, 125), (2, 6))),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} ^= {t0} >> {uint}({#0})", "{t0} *= {uint}({#1})",
                             "{t0} ^= {t0} >> {uint}({#2})"), locals=("hashed",)),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} ^= {t0} >> {#0}", "{t0} *= {#1}",
                             "{t0} ^= {t0} >> {#2}"), locals=("hashed",))),
    (_u("u_clear_lowest", 1, lambda a: a & (a - 1)),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} &= {t0} - {uint}(1)"), locals=("rest",)),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} &= {t0} - 1"), locals=("rest",))),
    (_u("u_smear", 1, _smear),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} |= {t0} >> {uint}(1)",
                             "{t0} |= {t0} >> {uint}(2)", "{t0} |= {t0} >> {uint}(4)"),
              locals=("filled",)),
     Spelling("{t0}", lines=("{t0} = {0}", "{t0} |= {t0} >> 1", "{t0} |= {t0} >> 2",
                             "{t0} |= {t0} >> 4"), locals=("filled",))),
    (_u("u_reverse_byte", 1, _reverse8),
     Spelling("{t0}", lines=(
         "{t0} = {uint}(0)", "for {t1} in range(8):",
         "    {t0} = ({t0} << {uint}(1)) | (({0!!} >> {uint}({t1})) & {uint}(1))"),
         locals=("mirrored", "bit")), None),
)  # fmt: skip

_TESTS = (
    *((_test(f"{kind}_{name}", kind, domain, reference), _infix(sign), _infix(sign))
      for kind, domain in (("i", SMALL), ("u", WRAPPING))
      for name, sign, reference in (
          ("less", "<", np.less), ("less_equal", "<=", np.less_equal),
          ("greater", ">", np.greater), ("greater_equal", ">=", np.greater_equal))),
    (_test("i_equal", "i", (-3, 3), np.equal), _infix("=="), _infix("==")),
    (_test("i_unequal", "i", (-3, 3), np.not_equal), _infix("!="), _infix("!=")),
    *((_test(f"i_jnp_{name}", "i", domain, getattr(np, name)), None, _jnp(name, 2))
      for name, domain in (("less", SMALL), ("greater_equal", SMALL), ("equal", (-3, 3)),
                           ("not_equal", (-3, 3)))),
    (_row("i_divisible", "i", "b", (SMALL,), _FLAG, lambda a, m: a % m == 0, literals=((2, 5),)),
     Spelling("{0!} % {int}({#0}) == {int}(0)", _LOOSE), Spelling("{0!} % {#0} == 0", _LOOSE)),
    (_row("i_true", "i", "b", ((-3, 3),), _FLAG, lambda a: a != 0),
     _wp("bool"), _to("bool", "{0!!}")),
    (_row("i_nearby", "ii", "b", (_HALF, _HALF), _FLAG, lambda a, b, d: np.abs(a - b) < d,
          literals=((5, 40),)),
     Spelling("-{int}({#0}) < {t0} < {int}({#0})", _LOOSE, ("{t0} = {0} - {1!}",), ("gap",)),
     Spelling("jnp.abs({0} - {1!}) < {#0}", _LOOSE)),
    (_row("u_bit_test", "u", "b", (WRAPPING,), _FLAG, lambda a, n: ((a >> n) & 1) != 0,
          literals=((0, 7),)),
     Spelling("(({0!!} >> {uint}({#0})) & {uint}(1)) != {uint}(0)", _LOOSE),
     Spelling("(({0!!} >> {#0}) & 1) != 0", _LOOSE)),
    (_row("b_and", "bb", "b", (_TRUTH, _TRUTH), _FLAG, np.logical_and),
     _infix("and"), _infix("&")),
    (_row("b_or", "bb", "b", (_TRUTH, _TRUTH), _FLAG, np.logical_or), _infix("or"), _infix("|")),
    (_row("b_xor", "bb", "b", (_TRUTH, _TRUTH), _FLAG, np.logical_xor),
     Spelling("{0!!} != {1!!}", _LOOSE), _infix("^")),
    (_row("b_not", "b", "b", (_TRUTH,), _FLAG, np.logical_not),
     Spelling("not {0!!}", _LOOSE), _S_INVERT),
    *((_row(f"b_{name}", "bb", "b", (_TRUTH, _TRUTH), _FLAG, getattr(np, name)), None,
       _jnp(name, 2)) for name in ("logical_and", "logical_or", "logical_xor")),
    (_row("b_logical_not", "b", "b", (_TRUTH,), _FLAG, np.logical_not),
     _wp("unot"), _jnp("logical_not")),
    (_row("f_close", "ff", "b", ((-2.0, 2.0), (-2.0, 2.0)), _FLAG,
          lambda a, b, d: np.abs(a - b) <= d + 1e-5 * np.abs(b), literals=((0.4, 1.2),)), None,
     Spelling("jnp.isclose({0}, {1}, atol={#0})")),
)  # fmt: skip

_CONVERSIONS = (
    (_row("i_to_f", "i", "f", (SMALL,), lambda a: a, lambda a: a.astype(float), weight=2),
     Spelling("{float}({0})"), _to("{float}", "{0!!}")),
    (_row("i_ratio", "i", "f", (SMALL,), iv.div, lambda a, c: a / c, literals=((32.0, 128.0),)),
     Spelling("{float}({0}) / {#0}", PRODUCT), Spelling("{0!!}.astype({float}) / {#0}", PRODUCT)),
    (_row("i_asarray", "i", "f", (SMALL,), lambda a: a, lambda a: a.astype(float)), None,
     Spelling("jnp.asarray({0}, dtype={float})")),
    (_row("i_convert", "i", "f", (SMALL,), lambda a: a, lambda a: a.astype(float)), None,
     Spelling("jax.lax.convert_element_type({0}, {float})")),
    (_row("u_to_unit", "u", "f", (WRAPPING,), _FLAG, lambda a: a / np.iinfo(a.dtype).max,
          wide=True),
     Spelling("{float}({0}) / {float}(~{uint}(0))", PRODUCT),
     Spelling("{0!!}.astype({float}) / {float}(jnp.iinfo({0!!}.dtype).max)", PRODUCT)),
    (_row("u_byte_unit", "u", "f", (WRAPPING,), _FLAG, lambda a: (a & 255) / 256),
     Spelling("{float}({0!!} & {uint}(255)) / {float}(256.0)", PRODUCT),
     Spelling("({0!!} & 255).astype({float}) / 256", PRODUCT)),
    (_row("u_modular_unit", "u", "f", (WRAPPING,), _FLAG, lambda a, m: (a % m) / m,
          literals=((50, 120),)),
     Spelling("{float}({0!!} % {uint}({#0})) / {float}({#0})", PRODUCT),
     Spelling("({0!!} % {#0}).astype({float}) / {#0}", PRODUCT)),
    (_row("b_to_f", "b", "f", (_TRUTH,), _FLAG, lambda a: a.astype(float)),
     Spelling("{float}({0})"), _to("{float}", "{0!!}")),
    (_row("b_to_i", "b", "i", (_TRUTH,), _FLAG, lambda a: a.astype(np.int64)),
     Spelling("{int}({0})"), _to("{int}", "{0!!}")),
    (_row("f_floor", "f", "i", ((-100.0, 100.0),), lambda a: tuple(map(math.floor, a)),
          lambda a: np.floor(a).astype(np.int64)), Spelling("{int}(wp.floor({0}))"), None),
    (_row("f_ceil", "f", "i", ((-100.0, 100.0),), lambda a: tuple(map(math.ceil, a)),
          lambda a: np.ceil(a).astype(np.int64)),
     Spelling("{int}(wp.ceil({0}))"), None),
    (_row("f_truncate", "f", "i", ((-100.0, 100.0),), lambda a: tuple(map(math.trunc, a)),
          lambda a: np.trunc(a).astype(np.int64)), Spelling("{int}({0})"), Spelling(_TO_INT)),
    (_row("f_levels", "f", "i", ((-4.0, 4.0),), lambda a, c: (
        math.floor(min(a[0] * x for x in c)), math.ceil(max(a[1] * x for x in c))),
        lambda a, c: np.rint(a * c).astype(np.int64), literals=((8.0, 28.0),)),
     Spelling("{int}(wp.rint({0} * {#0}))"), None),
    (_row("u_masked", "u", "i", (WRAPPING,), lambda a, m: (0, m[1]),
          lambda a, m: (a & m).astype(np.int64), literals=((7, 120),)),
     Spelling("{int}({0!!} & {uint}({#0}))"), _to("{int}", "({0!!} & {#0})")),
    (_row("u_residue", "u", "i", (WRAPPING,), lambda a, m: (0, m[1] - 1),
          lambda a, m: (a % m).astype(np.int64), literals=((7, 120),)),
     Spelling("{int}({0} % {uint}({#0}))"), _to("{int}", "({0} % {#0})")),
    (_row("u_bit_count", "u", "i", (WRAPPING,), iv.always(0, 64),
          lambda a: np.bitwise_count(a).astype(np.int64)),
     Spelling("{int}(wp.bit_count({0}))"), _to("{int}", "jax.lax.population_count({0})")),
    (_row("u_kernighan", "u", "i", (WRAPPING,), iv.always(0, 64),
          lambda a: np.bitwise_count(a).astype(np.int64)),
     Spelling("{t1}", lines=("{t0} = {uint}({0})", "{t1} = {int}(0)", "while {t0} != {uint}(0):",
                             "    {t0} = {t0} & ({t0} - {uint}(1))", "    {t1} += {int}(1)"),
              locals=("rest", "ones")), None),
    (_row("u_clz", "u", "i", (WRAPPING,), iv.always(0, 64), _leading_zeros), None,
     _to("{int}", "jax.lax.clz({0})")),
    (_row("i_to_u", "i", "u", (SMALL,), _WRAP, _unsigned),
     Spelling("{uint}({0})"), _to("{uint}", "{0!!}")),
    (_row("f_cell", "f", "u", ((-4.0, 4.0),), _WRAP,
          lambda a, c: np.floor(np.abs(a) * c).astype(np.uint64), literals=((8.0, 28.0),)),
     Spelling("{uint}(wp.abs({0}) * {#0})"), _to("{uint}", "(jnp.abs({0}) * {#0})")),
    (_row("scale_by_power", "fi", "f", ((-iv.LIMIT / 8, iv.LIMIT / 8), (-3, 3)),
          lambda a, n: iv.mul(a, (2.0 ** n[0], 2.0 ** n[1])), np.ldexp, differentiable=True),
     None, _jnp("ldexp", 2)),
    (_row("signed_parity", "fi", "f", (ANY, SMALL), lambda a, n: (
        -iv.magnitude(a), iv.magnitude(a)), lambda a, n: np.where(n & 1 == 0, a, -a),
        differentiable=True),
     Spelling("wp.where(({1!!} & {int}(1)) == {int}(0), {0}, -{0!})"),
     Spelling("jnp.where(({1!!} & 1) == 0, {0}, -{0!})")),
)  # fmt: skip

# C's remainder keeps a symmetric interval, a mask gives one from zero, whatever the sign.
_GUARDS = (
    (_i("guard_wrap", (SMALL,), lambda a, c: _remainder(a, c), np.fmod, literals=((2, 121),),
        guard=True, family=""),
     Spelling("{0} % {int}({#0})", PRODUCT), Spelling("jnp.fmod({0}, {#0})")),
    (_i("guard_mask", (SMALL,), lambda a, c: (0, c[1]), np.bitwise_and, literals=((1, 120),),
        guard=True, family=""),
     Spelling("{0!!} & {int}({#0})", _LOOSE), Spelling("{0!!} & {#0}", _LOOSE)),
)  # fmt: skip

_TRIPLES = (*_ARITHMETIC, *_ON_BITS, *_UNSIGNED, *_TESTS, *_CONVERSIONS, *_GUARDS)

ROWS: tuple[Operation, ...] = tuple(row for row, _, _ in _TRIPLES)
WARP: dict[str, Spelling] = {row.name: wp for row, wp, _ in _TRIPLES if wp is not None}
JAX: dict[str, Spelling] = {row.name: jax for row, _, jax in _TRIPLES if jax is not None}
