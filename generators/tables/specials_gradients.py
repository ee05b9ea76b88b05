"""Functions with a gradient of their own: `jax.custom_jvp`, `jax.custom_vjp` and the like."""

from __future__ import annotations

import math

import numpy as np
import scipy.special as sc

from generators import intervals as iv
from generators.operations import ANY, DIVISOR, POSITIVE
from generators.program import Interval
from generators.spellings import PRODUCT, SUM, Spelling
from generators.tables.specials import FLAT, given, joined, monotone, peaked, valley

_USUAL: Interval = (-8.0, 8.0)
_PAIR: tuple[Interval, Interval] = ((-8.0, 8.0), (-8.0, 8.0))


def _forward(name: str, x: str, body: str, head: str = "jax.custom_jvp") -> tuple[str, ...]:
    return (f"@{head}", f"def {name}({x}):", f"    return {body}", "")


def _jvp(
    stem: str, body: str, rule: str, setup: tuple[str, ...] = (), x: str = "x", more: str = ""
) -> Spelling:
    """Spell a `custom_jvp` of ``body``; ``setup`` and ``rule`` speak of x and dx.

    ``rule`` is what is returned: the value and its tangent.
    """
    tangents = ", ".join(f"d{n}" for n in x.split(", "))
    one = "," if "," not in x else ""
    unpacked = f"({x}{one}), ({tangents}{one}) = primals, tangents"
    helper = (
        *_forward("{h0}", x, body),
        "@{h0}.defjvp",
        "def {h1}(primals, tangents):",
        *(f"    {line}" for line in (unpacked, *setup, f"return {rule}")),
    )
    called = "{h0}({0}, {1})" if "," in x else "{h0}({0})"
    return Spelling(called, helper=helper, helpers=(stem, f"{stem}_jvp"))


def _vjp(stem: str, body: str, kept: str, cotangent: str, setup: tuple[str, ...] = ()) -> Spelling:
    """Spell a `custom_vjp` of ``body``, which keeps ``kept`` of x and of its value y.

    ``cotangent`` is what the backward pass returns, of the residual ``kept`` and of g.
    """
    forward = ("y = {h0}(x)", "return y, y") if kept == "y" else ("return {h0}(x), " + kept,)
    helper = (
        *_forward("{h0}", "x", body, "jax.custom_vjp"),
        "def {h1}(x):",
        *(f"    {line}" for line in forward),
        "",
        "def {h2}(%s, g):" % ("_" if kept == "None" else kept),
        *(f"    {line}" for line in (*setup, f"return ({cotangent},)")),
        "",
        "{h0}.defvjp({h1}, {h2})",
    )
    return Spelling("{h0}({0})", helper=helper, helpers=(stem, f"{stem}_fwd", f"{stem}_bwd"))


def _helper(stem: str, *lines: str, call: str = "{h0}({0})") -> Spelling:
    return Spelling(call, helper=lines, helpers=(stem,))


def _swish(x, beta):
    return x * sc.expit(beta * x)


def _logcosh(x):
    return np.logaddexp(x, -x) - math.log(2)


def _smooth_abs(x):
    return np.sqrt(x * x + 1e-4)


def _curl(x):
    return np.sin(x) * np.exp(-x * x)


def _swing(a: Interval, *_: Interval) -> Interval:
    return -iv.magnitude(a), iv.magnitude(a)


def _norm_range(a: Interval, b: Interval) -> Interval:
    return 0.0, math.hypot(iv.magnitude(a), iv.magnitude(b)) + 1e-3


def _residual_range(a: Interval, b: Interval) -> Interval:
    return iv.add(a, iv.mul(iv.sub(b, a), b))


_ROWS_TRUE, _JAX_TRUE = joined(
    "custom_gradient",
    ({
        "custom_log1pexp": _jvp(
            "log1pexp", "jnp.log(1.0 + jnp.exp(x))",
            "{h0}(x), (1.0 - 1.0 / (1.0 + jnp.exp(x))) * dx"),
        "custom_softplus": _vjp(
            "softplus", "jnp.logaddexp(x, 0.0)", "x", "g * jax.nn.sigmoid(x)"),
        "custom_softplus_tail": _vjp(
            "smooth_relu", "jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))", "y",
            "g * (1.0 - jnp.exp(-y))"),
     }, _USUAL, monotone, lambda x: np.logaddexp(x, 0.0)),
    ({
        "custom_tanh": _vjp("tanh", "jnp.tanh(x)", "y", "g * (1.0 - y * y)"),
        "custom_tanh_jvp": _jvp(
            "squash", "jnp.tanh(x)", "y, (1.0 - jnp.square(y)) * dx", ("y = {h0}(x)",)),
     }, _USUAL, monotone, np.tanh),
    ({
        "custom_sigmoid": _vjp("sigmoid", "1.0 / (1.0 + jnp.exp(-x))", "y", "g * y * (1.0 - y)"),
        "custom_sigmoid_rules": _helper(
            "logistic", *_forward("{h0}", "x", "0.5 * (jnp.tanh(0.5 * x) + 1.0)"),
            "{h0}.defjvps(lambda dx, y, x: y * (1.0 - y) * dx)"),
     }, _USUAL, monotone, sc.expit),
    ({
        "custom_square": _vjp("square", "x * x", "x", "2.0 * x * g"),
        "custom_square_jvp": _jvp("sq", "jnp.square(x)", "{h0}(x), 2.0 * x * dx"),
     }, (-30.0, 30.0), valley(0.0), np.square),
    ({"custom_cube": _jvp("cube", "x * x * x", "x * x_sq, 3.0 * x_sq * dx", ("x_sq = x * x",))},
     (-8.0, 8.0), monotone, lambda x: x**3),
    ({
        "custom_smooth_abs": _vjp(
            "smooth_abs", "jnp.sqrt(x * x + 1e-4)", "x", "g * x / jnp.sqrt(x * x + 1e-4)"),
        "custom_smooth_abs_jvp": _jvp(
            "soft_abs", "jnp.sqrt(jnp.square(x) + 1e-4)", "y, x / y * dx", ("y = {h0}(x)",)),
     }, (-100.0, 100.0), valley(0.0), _smooth_abs),
    ({
        "custom_clipped_sqrt": _vjp(
            "safe_sqrt", "jnp.sqrt(jnp.maximum(x, 1e-6))", "y", "0.5 * g / y"),
        "custom_sqrt_jvp": _jvp(
            "clipped_sqrt", "jnp.sqrt(jnp.clip(x, min=1e-6))", "y, 0.5 / y * dx",
            ("y = {h0}(x)",)),
     }, POSITIVE, monotone, np.sqrt),
    ({
        "custom_safe_log": _vjp(
            "safe_log", "jnp.log(jnp.maximum(x, 1e-6))", "x", "g / jnp.maximum(x, 1e-6)"),
        "custom_log_jvp": _jvp(
            "clipped_log", "jnp.log(jnp.clip(x, min=1e-6))", "{h0}(x), dx / x"),
     }, POSITIVE, monotone, np.log),
    ({
        "custom_reciprocal": _vjp("inverse", "1.0 / x", "y", "-g * y * y"),
        "custom_reciprocal_rules": _helper(
            "recip", *_forward("{h0}", "x", "jnp.reciprocal(x)"),
            "{h0}.defjvps(lambda dx, y, x: -dx * jnp.square(y))"),
     }, DIVISOR, monotone, np.reciprocal),
    ({
        "custom_exp": _vjp("exp", "jnp.exp(x)", "y", "g * y"),
        "custom_exp_rules": _helper(
            "grow", *_forward("{h0}", "x", "jnp.exp(x)"), "{h0}.defjvps(lambda dx, y, x: dx * y)"),
        "custom_gradient_exp": _helper(
            "exp_once", "@jax.custom_gradient", "def {h0}(x):", "    y = jnp.exp(x)",
            "    return y, lambda g: g * y"),
     }, (-8.0, 4.0), monotone, np.exp),
    ({"custom_gaussian": _vjp("gaussian", "jnp.exp(-x * x)", "x",
                              "-2.0 * x * jnp.exp(-x * x) * g")},
     (-3.0, 3.0), peaked(0.0), lambda x: np.exp(-x * x)),
    ({"custom_logcosh": _jvp(
        "log_cosh", "jnp.logaddexp(x, -x) - jnp.log(2.0)", "{h0}(x), jnp.tanh(x) * dx")},
     (-20.0, 20.0), valley(0.0), _logcosh),
    ({"custom_arctan": _vjp("arctan", "jnp.arctan(x)", "x", "g / (1.0 + x * x)")},
     ANY, monotone, np.arctan),
    ({"custom_silu": _vjp(
        "silu", "x * jax.nn.sigmoid(x)", "x", "g * s * (1.0 + x * (1.0 - s))",
        ("s = jax.nn.sigmoid(x)",))},
     _USUAL, valley(-1.27846), lambda x: x * sc.expit(x)),
    ({"custom_mish": _jvp(
        "mish", "x * jnp.tanh(jax.nn.softplus(x))",
        "x * t, (t + x * (1.0 - t * t) * jax.nn.sigmoid(x)) * dx",
        ("t = jnp.tanh(jax.nn.softplus(x))",))},
     _USUAL, valley(-1.19243), lambda x: x * np.tanh(np.logaddexp(x, 0.0))),
    ({"custom_relu_gradient": _helper(
        "relu", "@jax.custom_gradient", "def {h0}(x):", "    mask = x > 0",
        "    return jnp.where(mask, x, 0.0), lambda g: jnp.where(mask, g, 0.0)")},
     ANY, monotone, lambda x: np.maximum(x, 0.0), (), {"active": (0.0, 1e3)}),
    ({"custom_norm": _jvp(
        "safe_norm", "jnp.sqrt(x * x + y * y + 1e-6)", "r, (x * dx + y * dy) / r",
        ("r = {h0}(x, y)",), x="x, y")},
     ((-100.0, 100.0), (-100.0, 100.0)), given(_norm_range),
     lambda x, y: np.sqrt(x * x + y * y + 1e-6)),
    ({"custom_swish_beta": _jvp(
        "swish", "x * jax.nn.sigmoid(beta * x)",
        "x * s, s * dx + x * s * (1.0 - s) * (beta * dx + x * dbeta)",
        ("s = jax.nn.sigmoid(beta * x)",), x="x, beta")},
     ((-8.0, 8.0), (-3.0, 3.0)), given(_swing), _swish),
    ({"custom_product_rules": _helper(
        "product", *_forward("{h0}", "x, y", "x * y"),
        "{h0}.defjvps(lambda dx, out, x, y: dx * y, lambda dy, out, x, y: x * dy)",
        call="{h0}({0}, {1})")},
     _PAIR, monotone, np.multiply),
    ({"custom_logaddexp": _jvp(
        "log_add", "jnp.logaddexp(x, y)", "z, dx * jnp.exp(x - z) + dy * jnp.exp(y - z)",
        ("z = {h0}(x, y)",), x="x, y")},
     _PAIR, monotone, np.logaddexp),
    ({"custom_scaled_tanh": Spelling(
        "{h0}({0}, {#0})",
        helper=(
            "def {h1}(x, scale):", "    return scale * jnp.tanh(x / scale)", "",
            "{h0} = jax.custom_jvp({h1}, nondiff_argnums=(1,))", "",
            "@{h0}.defjvp", "def {h2}(scale, primals, tangents):",
            "    y = {h1}(primals[0], scale)",
            "    return y, tangents[0] * (1.0 - jnp.square(y / scale))",
        ),
        helpers=("soft_clip", "scaled_tanh", "soft_clip_jvp"))},
     _USUAL, monotone, lambda x, c: c * np.tanh(x / c), ((0.5, 3.0),)),
    # not other gradients, but other ways of getting them
    ({
        "checkpoint_block": _helper(
            "block", "@jax.checkpoint", "def {h0}(x):", "    return jnp.sin(x) * jnp.exp(-x * x)"),
        "remat_block": _helper(
            "bump", "{h0} = jax.remat(lambda x: jnp.sin(x) * jnp.exp(-jnp.square(x)))"),
        "checkpoint_policy": Spelling(
            "{h1}({0})",
            helper=("def {h0}(x):", "    return jnp.sin(x) * jnp.exp(-x * x)", "",
                    "{h1} = jax.checkpoint({h0}, policy=jax.checkpoint_policies.nothing_saveable)"),
            helpers=("wavelet", "cheap_wavelet")),
        "jit_block": _helper(
            "damped_sine", "@jax.jit", "def {h0}(x):", "    decay = jnp.exp(-x * x)",
            "    return decay * jnp.sin(x)"),
     }, (-3.0, 3.0), given(lambda a: (-0.4, 0.4)), _curl),
    ({"jit_static": Spelling(
        "{h1}({0}, power=3)",
        helper=("def {h0}(x, power):", "    y = x", "    for _ in range(power - 1):",
                "        y = y * jnp.cos(x)", "    return y", "",
                '{h1} = jax.jit({h0}, static_argnames="power")'),
        helpers=("repeated", "repeated_jit"))},
     (-8.0, 8.0), given(_swing),
     lambda x: x * np.cos(x) ** 2),
    ({"jit_inline": _helper("ramp", "{h0} = jax.jit(lambda x: x / jnp.sqrt(1.0 + x * x), "
                            "inline=True)")},
     (-100.0, 100.0), monotone, lambda x: x / np.sqrt(1 + x * x)),
)  # fmt: skip

# Their gradients are not those of the numbers they return, and are meant not to be.
_ROWS_FALSE, _JAX_FALSE = joined(
    "custom_gradient",
    ({
        "straight_through_round": _vjp("round_ste", "jnp.round(x)", "None", "g"),
        "straight_through_round_jvp": _jvp(
            "soft_round", "jnp.round(x)", "{h0}(x), dx"),
        "straight_through_round_frozen": Spelling(
            "{0} + jax.lax.stop_gradient(jnp.round({0}) - {0})", SUM),
     }, ANY, monotone, np.rint, (), FLAT),
    ({
        "straight_through_floor": _helper(
            "floor_ste", *_forward("{h0}", "x", "jnp.floor(x)"),
            "{h0}.defjvps(lambda dx, y, x: dx)"),
        "straight_through_floor_frozen": Spelling(
            "{0} - jax.lax.stop_gradient({0} - jnp.floor({0}))", SUM),
     }, ANY, monotone, np.floor, (), FLAT),
    ({
        "straight_through_sign": _vjp(
            "binarize", "jnp.sign(x)", "x", "jnp.where(jnp.abs(x) <= 1.0, g, 0.0)"),
        "straight_through_sign_frozen": Spelling(
            "{t0} + jax.lax.stop_gradient(jnp.sign({0}) - {t0})", SUM,
            ("{t0} = jnp.clip({0}, -1.0, 1.0)",), ("surrogate",)),
        "straight_through_sign_tanh": _jvp(
            "spike", "jnp.sign(x)", "{h0}(x), dx * (1.0 - jnp.square(jnp.tanh(x)))"),
     }, ANY, monotone, np.sign, (), FLAT),
    ({
        "straight_through_step": _vjp(
            "fire", "jnp.where(x > 0, 1.0, 0.0).astype(x.dtype)", "x",
            "g / jnp.square(1.0 + jnp.abs(x))"),
     }, ANY, monotone, lambda x: np.where(x > 0, 1.0, 0.0), (), FLAT),
    ({
        "straight_through_clip": _vjp("clip_ste", "jnp.clip(x, -1.0, 1.0)", "None", "g"),
     }, (-1.5, 1.5), monotone, lambda x: np.clip(x, -1.0, 1.0), (), FLAT),
    ({"straight_through_levels": _vjp(
        "quantize", "jnp.round(x * 8.0) / 8.0", "None", "g")},
     ANY, monotone, lambda x: np.rint(x * 8) / 8, (), FLAT),
    ({
        "clip_gradient": _vjp("clip_grad", "x", "None", "jnp.clip(g, -1.0, 1.0)"),
        "scale_gradient": _vjp("scale_grad", "x", "None", "0.1 * g"),
        "reverse_gradient": _vjp("reverse_grad", "x", "None", "-g"),
        "sign_gradient": _vjp("sign_grad", "x", "None", "jnp.sign(g)"),
        "squash_gradient": _vjp("soften_grad", "x", "None", "jnp.tanh(g)"),
        "clean_gradient": _vjp("clean_grad", "x", "None", "jnp.nan_to_num(g)"),
        "reverse_gradient_jvp": _jvp("reversal", "x", "x, -dx"),
        "mask_gradient": _vjp("mask_grad", "x", "x", "g * (jnp.abs(x) < 1.0)"),
     }, ANY, monotone, np.positive, (), FLAT),
    ({"clip_gradient_bound": Spelling(
        "{h0}({0}, {#0})",
        helper=(
            "def {h1}(x, bound):", "    return x", "",
            "{h0} = jax.custom_vjp({h1}, nondiff_argnums=(1,))",
            "{h0}.defvjp(",
            "    lambda x, bound: (x, None),",
            "    lambda bound, _, g: (jnp.clip(g, -bound, bound),),",
            ")",
        ),
        helpers=("bounded_grad", "identity"))},
     ANY, given(lambda a, c: a), lambda x, c: x, ((0.1, 2.0),), FLAT),
    ({"scale_gradient_frozen": Spelling(
        "{#0} * {0!} + (1.0 - {#0}) * jax.lax.stop_gradient({0})", SUM)},
     ANY, given(lambda a, c: a), lambda x, c: x, ((0.1, 0.9),), FLAT),
    ({"gate_frozen": Spelling("{0} * jax.lax.stop_gradient(jax.nn.sigmoid({0}))", PRODUCT)},
     _USUAL, valley(-1.27846), lambda x: x * sc.expit(x), (), FLAT),
    ({"residual_frozen": Spelling("{0} + jax.lax.stop_gradient({1} - {0}) * {1}", SUM)},
     _PAIR, given(_residual_range),
     lambda x, y: x + (y - x) * y, (), FLAT),
)  # fmt: skip

ROWS = (*_ROWS_TRUE, *_ROWS_FALSE)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = _JAX_TRUE | _JAX_FALSE
