"""Blocks of neural networks: products, softmax and activations of whole arrays.

A block is a row beside its text: lines of source, the last of them the value. Its weights are
parameters of their own with telling names. Most end in a form that no other row has, since a block
that could be put together from smaller rows would read like them.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.program import Interval
from generators.spellings import ATOM, NEGATIVE, PRODUCT, SUM, Spelling

_ALONE = re.compile(r"(?<=[(\[,])( ?)\{0!!\}(?=[,)\]])")  # an argument that is no operand
Axes = int | tuple[int, ...]
Block = tuple[Operation, Spelling]
Bound = Callable[[float, dict[str, int]], float | Interval]

GAIN: Interval = (0.5, 1.5)
MODERATE: Interval = (-30.0, 30.0)  # its square fits into 16 bits
CLOSE: Interval = (-6.0, 6.0)
NEAR: Interval = (-1.0, 1.0)


def block(
    family: str,
    name: str,
    dims: str,
    text: tuple[str, ...],
    reference: Callable,
    bound: Bound,
    sides: tuple[Side, ...] = (),
    *,
    args: str = "",
    domain: Interval = ANY,
    locals: tuple[str, ...] = (),
    **more,
) -> Block:
    """Pair a row with its spelling: ``text`` is its lines, the last of which is the value.

    ``bound`` maps the largest magnitude of the first argument and the extents by axis to the
    interval of the result, or to its largest magnitude. ``args`` is needed where not all are
    floats, ``more`` are further fields of the row.
    """

    def sized(n: dict[str, int]) -> iv.Range:
        def of(a: Interval, *_: Interval) -> Interval:
            found = bound(iv.magnitude(a), n)
            return found if isinstance(found, tuple) else (-found, found)

        return of

    *lines, value = text
    value = _ALONE.sub(r"\1{0}", value.replace("{0}", "{0!!}"))
    row = Operation(
        name,
        args or "f" * (1 + len(sides)),
        "f",
        (domain, *(side.interval for side in sides)),
        sized,
        reference,
        sized=True,
        dims=dims,
        sides=sides,
        family=family,
        **more,
    )
    return row, Spelling(value, binding(value), tuple(lines), locals)


def binding(template: str) -> int:
    """Return how tightly a template's outermost operator binds."""
    text = re.sub(r"\{@?#?(\w+)!{0,2}\}", r"slot_\1", template)
    match ast.parse(text, mode="eval").body:
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return SUM
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.MatMult()):
            return PRODUCT
        case ast.UnaryOp() | ast.BinOp():
            return NEGATIVE
        case ast.Compare():
            return 0
    return ATOM


# What references are made of.


def shifted(x: np.ndarray, axis: Axes = -1) -> np.ndarray:
    """Subtract the largest element along axes."""
    return x - np.max(x, axis=axis, keepdims=True)


def softmax(x: np.ndarray, axis: Axes = -1) -> np.ndarray:
    """Return exponentials that sum to one along axes."""
    e = np.exp(shifted(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def logsumexp(x: np.ndarray, axis: Axes = -1, keepdims: bool = False) -> np.ndarray:
    """Return the logarithm of the sum of exponentials."""
    top = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


def log_softmax(x: np.ndarray, axis: Axes = -1) -> np.ndarray:
    """Return the logarithm of softmax."""
    return x - logsumexp(x, axis, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the logistic function."""
    return 1.0 / (1.0 + np.exp(-x))


def relu(x: np.ndarray) -> np.ndarray:
    """Return the positive part."""
    return np.maximum(x, 0.0)


def silu(x: np.ndarray) -> np.ndarray:
    """Return x * sigmoid(x)."""
    return x * sigmoid(x)


def gelu(x: np.ndarray) -> np.ndarray:
    """Return GELU by its tanh formula."""
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


_erf = np.vectorize(math.erf, otypes=[float])


def gelu_exact(x: np.ndarray) -> np.ndarray:
    """Return x times the normal distribution function."""
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def softplus(x: np.ndarray) -> np.ndarray:
    """Return log(1 + exp(x))."""
    return np.logaddexp(x, 0.0)


def mean(x: np.ndarray, axis: Axes = -1) -> np.ndarray:
    """Return the mean along axes, which are kept."""
    return np.mean(x, axis=axis, keepdims=True)


def standardized(x: np.ndarray, axis: Axes = -1, epsilon: float = 1e-5) -> np.ndarray:
    """Return x with mean zero and variance one along axes."""
    return (x - mean(x, axis)) / np.sqrt(np.var(x, axis=axis, keepdims=True) + epsilon)


def rms(x: np.ndarray, epsilon: float = 1e-6) -> np.ndarray:
    """Return the root of the mean square along the last axis."""
    return np.sqrt(mean(x * x) + epsilon)


# How far results reach.


def linear(axis: str, weight: float = 0.5, bias: float = 0.0) -> Bound:
    """Bound a product with weights over an axis, and a bias."""
    return lambda m, n: m * weight * n[axis] + bias


def normal(*axes: str, more: float = 1.0) -> Bound:
    """Bound normalized values: the root of the number of elements."""
    return lambda m, n: 1.5 * math.sqrt(math.prod(n.get(a, 8) for a in axes)) + more


def within(low: float, high: float) -> Bound:
    """Bound what lies between two numbers."""
    return lambda m, n: (low, high)


W, BIAS = Side("weight"), Side("bias")
GAMMA, BETA = Side("gamma", GAIN), Side("beta")


def _times(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return x @ w


_MATMUL = (
    block("matmul", "matmul_weight", "...d,dk->...k", ("{0} @ {1}",), _times, linear("d"), (W,)),
    block(
        "matmul", "dense", "...d,dk,k->...k", ("jnp.dot({0}, {1}) + {2}",),
        lambda x, w, b: x @ w + b, linear("d", bias=0.5), (W, BIAS),
    ),
    block(
        "matmul", "einsum_weight", "nd,dk->nk", ('jnp.einsum("nd,dk->nk", {0}, {1})',), _times,
        linear("d"), (W,),
    ),
    block(
        "matmul", "matmul_transposed_weight", "...d,kd->...k", ("{0} @ {1}.T",),
        lambda x, w: x @ w.T, linear("d"), (W,),
    ),
    block(
        "matmul", "matmul_heads", "hnd,hdk->hnk", ("jnp.matmul({0}, {1})",), _times, linear("d"),
        (W,),
    ),
    block(
        "matmul", "dot_general_weight", "nd,dk->nk",
        ("jax.lax.dot_general({0}, {1}, dimension_numbers=(((1,), (0,)), ((), ())))",), _times,
        linear("d"), (W,),
    ),
    block(
        "matmul", "matmul_highest", "...d,dk->...k",
        ("jnp.matmul({0}, {1}, precision=jax.lax.Precision.HIGHEST)",), _times, linear("d"), (W,),
    ),
    block(
        "matmul", "dense_vmap", "nd,dk->nk", ("jax.vmap(jnp.dot, in_axes=(0, None))({0}, {1})",),
        _times, linear("d"), (W,),
    ),
    block(
        "matmul", "block_diagonal", "...hd,hdk->...hk",
        ('jnp.einsum("...hd,hdk->...hk", {0}, {1})',),
        lambda x, w: np.einsum("...hd,hdk->...hk", x, w), linear("d"), (W,),
    ),
    block(
        "matmul", "kronecker_product", "...nd,nm,dk->...mk",
        ('jnp.einsum("...nd,nm,dk->...mk", {0}, {1}, {2})',),
        lambda x, a, b: np.einsum("...nd,nm,dk->...mk", x, a, b),
        lambda m, n: 0.25 * m * n["n"] * n["d"], (Side("left"), Side("right")),
    ),
    block(
        "matmul", "quadratic_layer", "...d,dd->...",
        ('jnp.einsum("...i,ij,...j->...", {0}, {1}, {0})',),
        lambda x, w: np.einsum("...i,ij,...j->...", x, w, x),
        lambda m, n: 0.5 * m * m * n["d"] ** 2, (W,), domain=NEAR,
    ),
    block(
        "matmul", "bilinear", "...d,dkm,...m->...k",
        ('jnp.einsum("...i,iko,...o->...k", {0}, {1}, {2})',),
        lambda x, w, y: np.einsum("...i,iko,...o->...k", x, w, y),
        lambda m, n: 0.25 * m * n["d"] * n["m"], (W, Side("context")),
    ),
    block(
        "matmul", "low_rank_update", "nd,dk,dm,mk->nk",
        ("jnp.dot({0}, {1}) + {#0} * jnp.linalg.multi_dot([{0}, {2}, {3}])",),
        lambda x, w, a, b, s: x @ w + s * (x @ a @ b),
        lambda m, n: m * n["d"] * (0.5 + 0.25 * n["m"]), (W, Side("down"), Side("up")),
        literals=((0.1, 1.0),),
    ),
    block(
        "matmul", "matmul_triangular", "...d,dd->...d", ("jnp.matmul({0}, jnp.tril({1}))",),
        lambda x, w: x @ np.tril(w), linear("d"), (W,),
    ),
)  # fmt: skip


def _sparsemax(x: np.ndarray) -> np.ndarray:
    z = np.sort(x, axis=-1)[..., ::-1]
    total = np.cumsum(z, axis=-1)
    held = 1.0 + np.arange(1, x.shape[-1] + 1) * z > total
    size = np.sum(held, axis=-1, keepdims=True)
    return relu(x - (np.take_along_axis(total, size - 1, axis=-1) - 1.0) / size)


def _with_sink(x: np.ndarray) -> np.ndarray:
    top = np.max(x, axis=-1, keepdims=True)
    e = np.exp(x - top)
    return e / (np.exp(-top) + np.sum(e, axis=-1, keepdims=True))


def _causal(x: np.ndarray) -> np.ndarray:
    return softmax(np.where(np.tri(*x.shape[-2:], dtype=bool), x, -np.inf))


_SOFTMAX = (
    block(
        "softmax", "softmax", "...d->...d", ("jax.nn.softmax({0}, axis=-1)",), softmax,
        within(0, 1), weight=2,
    ),
    block(
        "softmax", "softmax_shifted", "...d->...d",
        ("{t0} = {0} - jnp.max({0}, axis=-1, keepdims=True)",
         "{t1} = jnp.exp({t0})",
         "{t1} / jnp.sum({t1}, axis=-1, keepdims=True)"),
        softmax, within(0, 1), locals=("shifted", "weights"),
    ),
    block(
        "softmax", "log_softmax", "...d->...d", ("jax.nn.log_softmax({0}, axis=-1)",), log_softmax,
        lambda m, n: (-2 * m - math.log(n["d"]), 0.0),
    ),
    block(
        "softmax", "softmax_temperature", "...d->...d",
        ("jax.nn.softmax({0} / {#0}, axis=-1)",), lambda x, t: softmax(x / t), within(0, 1),
        literals=((0.5, 4.0),),
    ),
    block(
        "softmax", "softmax_logsumexp", "...d->...d",
        ("{t0} = jax.nn.logsumexp({0}, axis=-1, keepdims=True)", "jnp.exp({0} - {t0})"), softmax,
        within(0, 1), locals=("normalizer",),
    ),
    block(
        "softmax", "softmax_columns", "nd->nd", ("jax.nn.softmax({0}, axis=0)",),
        lambda x: softmax(x, 0), within(0, 1),
    ),
    block(
        "softmax", "softmax_joint", "...nd->...nd", ("jax.nn.softmax({0}, axis=(-2, -1))",),
        lambda x: softmax(x, (-2, -1)), within(0, 1),
    ),
    block(
        "softmax", "softmax_causal", "...nm->...nm",
        ("{t0} = jnp.tri({@n}, {@m}, dtype=bool)", "jax.nn.softmax({0}, axis=-1, where={t0})"),
        _causal, within(0, 1), locals=("visible",), domain=MODERATE,
    ),
    block(
        "softmax", "log_softmax_shifted", "...d->...d",
        ("{t0} = {0} - jnp.max({0}, axis=-1, keepdims=True)",
         "{t0} - jnp.log(jnp.sum(jnp.exp({t0}), axis=-1, keepdims=True))"),
        log_softmax, lambda m, n: (-2 * m - math.log(n["d"]), 0.0), locals=("shifted",),
    ),
    block(
        "softmax", "softmax_sink", "...d->...d",
        ("{t0} = jnp.max({0}, axis=-1, keepdims=True)",
         "{t1} = jnp.exp({0} - {t0})",
         "{t1} / (jnp.exp(-{t0}) + {t1}.sum(axis=-1, keepdims=True))"),
        _with_sink, within(0, 1), locals=("peak", "weights"), domain=CLOSE,
    ),
    block(
        "softmax", "softmax_top", "...d->...d",
        ("{t0} = jax.lax.top_k({0}, {#0})[0][..., -1:]",
         "jax.nn.softmax(jnp.where({0} < {t0}, -jnp.inf, {0}), axis=-1)"),
        lambda x, k: softmax(np.where(x < np.sort(x, -1)[..., -k, None], -np.inf, x)),
        within(0, 1), literals=((2, 4),), locals=("threshold",),
    ),
    block(
        "softmax", "soft_argmax", "...d->...",
        ("{t0} = jax.nn.softmax({#0} * {0}, axis=-1)", "jnp.sum({t0} * jnp.arange({@d}), axis=-1)"),
        lambda x, b: softmax(b * x) @ np.arange(x.shape[-1]), lambda m, n: (0.0, n["d"] - 1.0),
        literals=((1.0, 4.0),), locals=("weights",),
    ),
    block(
        "softmax", "softmax_entropy", "...d->...",
        ("{t0} = jax.nn.log_softmax({0}, axis=-1)",
         '-jnp.einsum("...d,...d->...", jnp.exp({t0}), {t0})'),
        lambda x: -np.sum(softmax(x) * log_softmax(x), axis=-1),
        lambda m, n: (0.0, math.log(n["d"])), locals=("log_probs",), domain=MODERATE,
    ),
    block(
        "softmax", "sparsemax", "...d->...d",
        ("{t0} = -jnp.sort(-{0}, axis=-1)",
         "{t1} = jnp.cumsum({t0}, axis=-1) - 1.0",
         "{t2} = jnp.arange(1, {@d} + 1) * {t0} > {t1}",
         "{t3} = jnp.sum({t2}, axis=-1, keepdims=True)",
         "{t4} = jnp.take_along_axis({t1}, {t3} - 1, axis=-1) / {t3}",
         "jnp.maximum({0} - {t4}, 0.0)"),
        _sparsemax, within(0, 1), domain=CLOSE,
        locals=("ordered", "excess", "support", "size", "threshold"),
    ),
)  # fmt: skip


def _top(x: np.ndarray, k: int) -> np.ndarray:
    return np.where(x >= np.sort(x, -1)[..., -k, None], x, 0.0)


_same: Bound = lambda m, n: (-0.2, max(m, 0.2))  # noqa: E731
_GELU = (
    block("gelu", "gelu", "...d->...d", ("jax.nn.gelu({0})",), gelu, _same, weight=2),
    block(
        "gelu", "gelu_exact", "...d->...d", ("jax.nn.gelu({0}, approximate=False)",), gelu_exact,
        _same,
    ),
    block(
        "gelu", "gelu_tanh", "...d->...d",
        ("{t0} = jnp.sqrt(2.0 / jnp.pi) * ({0} + 0.044715 * {0} ** 3)",
         "0.5 * {0} * (1.0 + jnp.tanh({t0}))"),
        gelu, _same, locals=("inner",), domain=MODERATE,
    ),
    block(
        "gelu", "gelu_cdf", "...d->...d", ("{0} * jax.scipy.stats.norm.cdf({0})",), gelu_exact,
        _same, wide=True,
    ),
    block(
        "gelu", "dense_gelu", "...d,dk,k->...k",
        ("jax.nn.gelu({0} @ {1} + {2}, approximate=True)",), lambda x, w, b: gelu(x @ w + b),
        lambda m, n: (-0.2, 0.5 * m * n["d"] + 0.5), (W, BIAS),
    ),
    block(
        "gelu", "gelu_erf", "...d->...d",
        ("0.5 * {0} * (1.0 + jax.lax.erf({0} / jnp.sqrt(2.0)))",), gelu_exact, _same,
        domain=MODERATE,
    ),
    block(
        "gelu", "gelu_erfc", "...d->...d",
        ("{t0} = jax.lax.erfc(-{0} * jnp.sqrt(0.5))", "{0} * {t0} / 2.0"), gelu_exact, _same,
        locals=("tail",), domain=MODERATE,
    ),
    block(
        "gelu", "gelu_quick", "...d->...d", ("{0} / (1.0 + jnp.exp(-1.702 * {0}))",),
        lambda x: x * sigmoid(1.702 * x), _same, domain=CLOSE,
    ),
    block(
        "gelu", "gelu_cubic", "...d->...d",
        ("{t0} = {0} * (1.0 + 0.044715 * {0} * {0})",
         "{0} * jax.nn.sigmoid(2.0 * jnp.sqrt(2.0 / jnp.pi) * {t0})"),
        gelu, _same, locals=("inner",), domain=MODERATE,
    ),
    block(
        "gelu", "bias_gelu", "...d,d->...d",
        ("{t0} = {0} + {1}", "{t0} * 0.5 * (1.0 + jax.lax.erf({t0} * jnp.sqrt(0.5)))"),
        lambda x, b: gelu_exact(x + b), lambda m, n: (-0.2, m + 0.5), (BIAS,), locals=("biased",),
        domain=MODERATE,
    ),
)  # fmt: skip

_ACTIVATION = (
    block(
        "activation", "mish", "...d->...d", ("{0} * jnp.tanh(jnp.logaddexp({0}, 0.0))",),
        lambda x: x * np.tanh(softplus(x)), lambda m, n: (-0.32, max(m, 0.1)),
    ),
    block(
        "activation", "prelu", "...d,d->...d",
        ("jnp.maximum({0}, 0.0) + {1} * jnp.minimum({0}, 0.0)",),
        lambda x, a: relu(x) - a * relu(-x), lambda m, n: m, (Side("slope", (0.05, 0.5)),),
    ),
    block(
        "activation", "maxout", "...8->...4",
        ("jnp.max({0}.reshape(*{0}.shape[:-1], 4, 2), axis=-1)",),
        lambda x: np.max(x.reshape(*x.shape[:-1], 4, 2), axis=-1), lambda m, n: m,
    ),
    block(
        "activation", "fourier_features", "...d,d4->...8",
        ("{t0} = 2.0 * jnp.pi * {0} @ {1}",
         "jnp.concatenate([jnp.cos({t0}), jnp.sin({t0})], axis=-1)"),
        lambda x, w: np.concatenate(
            [f(2 * math.pi * x @ w) for f in (np.cos, np.sin)], axis=-1),
        within(-1, 1), (Side("frequencies"),), locals=("phases",), domain=CLOSE,
    ),
    block(
        "activation", "radial_basis", "...d,kd->...k",
        ("{t0} = {0}[..., None, :] - {1}",
         "jnp.exp(-{#0} * jnp.sum({t0} ** 2, axis=-1))"),
        lambda x, c, s: np.exp(-s * np.sum((x[..., None, :] - c) ** 2, axis=-1)), within(0, 1),
        (Side("centers", (-1.0, 1.0)),), literals=((0.02, 0.2),), locals=("offsets",),
        domain=CLOSE,
    ),
    block(
        "activation", "rational_activation", "...d,4,3->...d",
        ("{t0} = jnp.polyval({2}, {0})", "jnp.polyval({1}, {0}) / (1.0 + jnp.abs({0} * {t0}))"),
        lambda x, p, q: np.polyval(p, x) / (1.0 + np.abs(x * np.polyval(q, x))),
        lambda m, n: 0.5 * (1 + m + m**2 + m**3), (Side("numerator"), Side("denominator")),
        locals=("scale",), domain=(-3.0, 3.0),
    ),
    block(
        "activation", "winners_take_all", "...d->...d",
        ("{t0}, {t1} = jax.lax.top_k({0}, {#0})", "jnp.where({0} >= {t0}[..., -1:], {0}, 0.0)"),
        _top, lambda m, n: m, literals=((2, 3),), locals=("winners", "places"),
    ),
    block(
        "activation", "divisive_normalization", "...d->...d",
        ("{0} / (1.0 + jnp.sum(jnp.abs({0}), axis=-1, keepdims=True))",),
        lambda x: x / (1.0 + np.sum(np.abs(x), axis=-1, keepdims=True)), within(-1, 1),
        domain=MODERATE,
    ),
)  # fmt: skip

_BLOCKS = (*_MATMUL, *_SOFTMAX, *_GELU, *_ACTIVATION)
ROWS = tuple(row for row, _ in _BLOCKS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _BLOCKS}
