"""The machine-learning building blocks of JAX kernels: one row a variant, a family a category.

A variant is lines of source. ``{x}`` is the value at hand, ``{a}`` to ``{d}`` its weights,
``{#0}`` a literal, ``{@k}`` the extent of axis k, ``{t0}`` … local names; the last line is the
expression that the block yields. No two variants read alike, since distinct kernels owe their
distinct texts to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from generators import intervals as iv
from generators.program import Interval

Axes = tuple[str, ...]
WEIGHT: Interval = (-0.5, 0.5)
GAIN: Interval = (0.5, 1.5)


@dataclass(frozen=True)
class Weight:
    """A parameter of a block: its name's stem, its axes, its type letter and interval."""

    stem: str
    axes: Axes
    interval: Interval = WEIGHT
    type: str = "f"


@dataclass(frozen=True)
class Variant:
    """One way to write a block: axes in, axes out, its weights, source lines and bound.

    ``bound`` maps the largest |x| and the extents by axis to the largest |result|.
    """

    axes: Axes
    result: Axes
    weights: tuple[Weight, ...]
    lines: tuple[str, ...]
    bound: Callable[[float, dict[str, int]], float]
    literals: tuple[Interval, ...] = ()
    locals: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()


def _linear(axis: str, weight: float = 0.5, bias: float = 0.0) -> Callable:
    return lambda m, n: m * weight * n[axis] + bias


def _normal(*axes: str) -> Callable:
    # |x - mean| / std is at most the square root of the number of elements.
    return lambda m, n: 1.5 * math.sqrt(math.prod(n[a] for a in axes)) + 1.0


_same = lambda m, n: max(m, 1.0)  # noqa: E731
_ND, _NK, _HND = ("n", "d"), ("n", "k"), ("h", "n", "d")
_W, _B = Weight("weight", ("d", "k")), Weight("bias", ("k",))
_GAMMA, _BETA = Weight("gamma", ("d",), GAIN), Weight("beta", ("d",))
_KEY, _VALUE = Weight("key", ("m", "d")), Weight("value", ("m", "d"))
_SEED = Weight("seed", (), (0.0, 1000.0), "i")
_IMAGE = ("b", "c", "y", "z")
_KERNEL = Weight("filters", ("k", "c", "r", "s"))
_CONV_BOUND = lambda m, n: m * 0.5 * n["c"] * n["r"] * n["s"]  # noqa: E731
_CHANNEL = "[None, :, None, None]"


def _conv(strides: str, padding: str, numbers: str = '("NCHW", "OIHW", "NCHW")', more: str = ""):
    return (
        f'jax.lax.conv_general_dilated({{x}}, {{a}}, {strides}, "{padding}", '
        f"dimension_numbers={numbers}{more})"
    )


FAMILIES: dict[str, tuple[Variant, ...]] = {
    "matmul": (
        Variant(_ND, _NK, (_W,), ("{x} @ {a}",), _linear("d")),
        Variant(_ND, _NK, (_W, _B), ("jnp.dot({x}, {a}) + {b}",), _linear("d", bias=0.5)),
        Variant(_ND, _NK, (_W,), ('jnp.einsum("nd,dk->nk", {x}, {a})',), _linear("d")),
        Variant(_ND, _NK, (Weight("weight", ("k", "d")),), ("{x} @ {a}.T",), _linear("d")),
        Variant(
            _HND, ("h", "n", "k"), (Weight("weight", ("h", "d", "k")),),
            ("jnp.matmul({x}, {a})",), _linear("d"),
        ),
        Variant(
            _ND, _NK, (_W,),
            ("jax.lax.dot_general({x}, {a}, dimension_numbers=(((1,), (0,)), ((), ())))",),
            _linear("d"),
        ),
    ),
    "softmax": (
        Variant(_ND, _ND, (), ("jax.nn.softmax({x}, axis=-1)",), lambda m, n: 1.0),
        Variant(
            _ND, _ND, (),
            ("{t0} = {x} - jnp.max({x}, axis=-1, keepdims=True)",
             "{t1} = jnp.exp({t0})",
             "{t1} / jnp.sum({t1}, axis=-1, keepdims=True)"),
            lambda m, n: 1.0, locals=("shifted", "weights"),
        ),
        Variant(
            _ND, _ND, (), ("jax.nn.log_softmax({x}, axis=-1)",),
            lambda m, n: 2 * m + math.log(n["d"]),
        ),
        Variant(
            _ND, _ND, (), ("jax.nn.softmax({x} / {#0}, axis=-1)",), lambda m, n: 1.0,
            literals=((0.5, 4.0),),
        ),
        Variant(
            _ND, _ND, (),
            ("{t0} = jax.nn.logsumexp({x}, axis=-1, keepdims=True)", "jnp.exp({x} - {t0})"),
            lambda m, n: 1.0, locals=("normalizer",),
        ),
        Variant(_ND, _ND, (), ("jax.nn.softmax({x}, axis=0)",), lambda m, n: 1.0),
    ),
    "attention": (
        Variant(
            _ND, _ND, (_KEY, _VALUE),
            ("{t0} = {x} @ {a}.T / jnp.sqrt({x}.shape[-1])",
             "{t1} = jax.nn.softmax({t0}, axis=-1)",
             "{t1} @ {b}"),
            lambda m, n: 0.5, locals=("scores", "weights"),
        ),
        Variant(
            _ND, _ND, (Weight("key", _ND), Weight("value", _ND)),
            ("{t0} = {x} @ {a}.T * {#0}",
             "{t1} = jnp.tril(jnp.ones({t0}.shape, dtype=bool))",
             "{t2} = jax.nn.softmax(jnp.where({t1}, {t0}, -1e9), axis=-1)",
             "{t2} @ {b}"),
            lambda m, n: 0.5, literals=((0.1, 0.5),), locals=("scores", "causal", "weights"),
        ),
        Variant(
            _HND, _HND, (Weight("key", ("h", "m", "d")), Weight("value", ("h", "m", "d"))),
            ('{t0} = jnp.einsum("hnd,hmd->hnm", {x}, {a}) * {#0}',
             "{t1} = jax.nn.softmax({t0}, axis=-1)",
             'jnp.einsum("hnm,hmd->hnd", {t1}, {b})'),
            lambda m, n: 0.5, literals=((0.1, 0.5),), locals=("scores", "weights"),
        ),
        Variant(
            _ND, _ND, (_KEY, _VALUE, Weight("bias", ("n", "m"))),
            ("{t0} = jnp.matmul({x}, {a}.T) * {#0} + {c}",
             "{t1} = jnp.exp({t0} - jnp.max({t0}, axis=-1, keepdims=True))",
             "{t1} @ {b} / jnp.sum({t1}, axis=-1, keepdims=True)"),
            lambda m, n: 0.5, literals=((0.1, 0.5),), locals=("logits", "weights"),
        ),
        Variant(
            _HND, _HND, (_KEY, _VALUE),
            ('{t0} = jnp.einsum("hnd,md->hnm", {x}, {a}) * {#0}',
             'jnp.einsum("hnm,md->hnd", jax.nn.softmax({t0}, axis=-1), {b})'),
            lambda m, n: 0.5, literals=((0.1, 0.5),), locals=("scores",),
        ),
    ),
    "layernorm": (
        Variant(
            _ND, _ND, (_GAMMA, _BETA),
            ("{t0} = jnp.mean({x}, axis=-1, keepdims=True)",
             "{t1} = jnp.var({x}, axis=-1, keepdims=True)",
             "({x} - {t0}) / jnp.sqrt({t1} + 1e-5) * {a} + {b}"),
            _normal("d"), locals=("mean", "variance"),
        ),
        Variant(
            _ND, _ND, (),
            ("{t0} = {x} - jnp.mean({x}, axis=-1, keepdims=True)",
             "{t0} * jax.lax.rsqrt(jnp.mean({t0} * {t0}, axis=-1, keepdims=True) + 1e-5)"),
            _normal("d"), locals=("centered",),
        ),
        Variant(
            _ND, _ND, (_GAMMA,),
            ("{t0} = jnp.mean(jnp.square({x}), axis=-1, keepdims=True)",
             "{x} * jax.lax.rsqrt({t0} + 1e-6) * {a}"),
            _normal("d"), locals=("power",),
        ),
        Variant(
            _HND, _HND, (_GAMMA, _BETA),
            ("{t0} = {x} - jnp.mean({x}, axis=(-2, -1), keepdims=True)",
             "{t1} = jnp.std({x}, axis=(-2, -1), keepdims=True)",
             "{a} * {t0} / ({t1} + 1e-3) + {b}"),
            _normal("n", "d"), locals=("centered", "spread"),
        ),
    ),
    "gelu": (
        Variant(_ND, _ND, (), ("jax.nn.gelu({x})",), _same),
        Variant(_ND, _ND, (), ("jax.nn.gelu({x}, approximate=False)",), _same),
        Variant(
            _ND, _ND, (),
            ("{t0} = jnp.sqrt(2.0 / jnp.pi) * ({x} + 0.044715 * {x} ** 3)",
             "0.5 * {x} * (1.0 + jnp.tanh({t0}))"),
            _same, locals=("inner",),
        ),
        Variant(_ND, _ND, (), ("{x} * jax.scipy.stats.norm.cdf({x})",), _same),
        Variant(_ND, _NK, (_W, _B), ("jax.nn.gelu({x} @ {a} + {b})",), _linear("d", bias=1.0)),
    ),
    "batchnorm": (
        Variant(
            _ND, _ND, (_GAMMA, _BETA),
            ("{t0} = jnp.mean({x}, axis=0)", "{t1} = jnp.var({x}, axis=0)",
             "{a} * ({x} - {t0}) / jnp.sqrt({t1} + 1e-5) + {b}"),
            _normal("n"), locals=("mean", "variance"),
        ),
        Variant(
            _ND, _ND, (Weight("running_mean", ("d",)), Weight("running_var", ("d",), GAIN), _GAMMA),
            ("({x} - {a}) * jax.lax.rsqrt({b} + 1e-5) * {c}",), lambda m, n: 2.2 * (m + 0.5),
        ),
        Variant(
            _IMAGE, _IMAGE, (Weight("gamma", ("c",), GAIN), Weight("beta", ("c",))),
            ("{t0} = jnp.mean({x}, axis=(0, 2, 3), keepdims=True)",
             "{t1} = jnp.var({x}, axis=(0, 2, 3), keepdims=True)",
             "{t2} = ({x} - {t0}) * jax.lax.rsqrt({t1} + 1e-5)",
             f"{{t2}} * {{a}}{_CHANNEL} + {{b}}{_CHANNEL}"),
            _normal("b", "y", "z"), locals=("mean", "variance", "normalized"),
        ),
        Variant(
            _ND, _ND, (),
            ("{t0} = {x} - jnp.mean({x}, axis=0, keepdims=True)",
             "{t0} / (jnp.std({x}, axis=0, keepdims=True) + 1e-3)"),
            _normal("n"), locals=("centered",),
        ),
    ),
    "conv": (
        Variant(
            _IMAGE, ("b", "k", "y", "z"), (_KERNEL,), (_conv("(1, 1)", "SAME"),), _CONV_BOUND
        ),
        Variant(
            _IMAGE, ("b", "k", "y/2", "z/2"), (_KERNEL,),
            ('jax.lax.conv({x}, {a}, window_strides=(2, 2), padding="SAME")',), _CONV_BOUND,
        ),
        Variant(
            ("b", "y", "z", "c"), ("b", "y", "z", "k"),
            (Weight("filters", ("r", "s", "c", "k")),),
            (_conv("(1, 1)", "SAME", '("NHWC", "HWIO", "NHWC")'),), _CONV_BOUND,
        ),
        Variant(
            ("b", "c", "y"), ("b", "k", "y"), (Weight("filters", ("k", "c", "r")),),
            (_conv("(1,)", "SAME", '("NCH", "OIH", "NCH")'),),
            lambda m, n: m * 0.5 * n["c"] * n["r"],
        ),
        Variant(
            _IMAGE, ("b", "k", "y", "z"), (_KERNEL, Weight("bias", ("k",))),
            ("{t0} = " + _conv("(1, 1)", "SAME", more=", rhs_dilation=(2, 2)"),
             f"{{t0}} + {{b}}{_CHANNEL}"),
            lambda m, n: _CONV_BOUND(m, n) + 0.5, locals=("response",),
        ),
    ),
    "dropout": (
        Variant(
            _ND, _ND, (_SEED,),
            ("{t0} = jax.random.bernoulli(jax.random.key({a}), {#0}, {x}.shape)",
             "jnp.where({t0}, {x} / {#0}, 0.0)"),
            lambda m, n: m / 0.5, literals=((0.5, 0.9),), locals=("keep",),
        ),
        Variant(
            _ND, _ND, (_SEED,),
            ("{t0} = jax.random.uniform(jax.random.PRNGKey({a}), {x}.shape) < {#0}",
             "{t0} * {x} / {#0}"),
            lambda m, n: m / 0.5, literals=((0.5, 0.9),), locals=("mask",),
        ),
        Variant(
            _HND, _HND, (_SEED,),
            ("{t0} = jax.random.bernoulli(jax.random.key({a}), {#0}, {x}.shape[:-1])",
             "jnp.where({t0}[..., None], {x} / {#0}, 0.0)"),
            lambda m, n: m / 0.5, literals=((0.5, 0.9),), locals=("keep",),
        ),
        Variant(
            _ND, _ND, (_SEED, _BETA),
            ("{t0} = jax.random.bernoulli(jax.random.key({a}), {#0}, {x}.shape)",
             "{b} + jnp.where({t0}, {x}, 0.0) / {#0}"),
            lambda m, n: m / 0.5 + 0.5, literals=((0.5, 0.9),), locals=("kept",),
        ),
    ),
}  # fmt: skip

EXTENTS: dict[str, tuple[int, ...]] = {
    "n": (8, 12, 16, 24, 32), "d": (8, 16, 32), "k": (4, 8, 16), "m": (8, 12, 20), "h": (2, 4),
    "b": (1, 2, 4), "c": (1, 3, 4), "y": (8, 12, 16), "z": (8, 10, 16), "r": (3, 5), "s": (1, 3),
}  # fmt: skip


def bound(family: str, variant: int, x: Interval, extents: dict[str, int]) -> Interval:
    """Return the interval of a block's result."""
    high = FAMILIES[family][variant].bound(iv.magnitude(x), extents)
    return -high, high
