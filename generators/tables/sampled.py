"""Random numbers inside JAX kernels: every draw is of float32 whatever the program's type is.

The number of random bits that a draw takes depends on its type, so each row names it; the result
is then brought to the type of the value at hand. The seed is an argument of the kernel.
"""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import PRODUCT, SUM, Spelling
from generators.tables import threefry as fry

_SEED = Side("seed", (0, 1000))
_KEY = "jax.random.key({1})"
_LIKE = "{0!!}.shape, jnp.float32"
_CAST = ".astype({0!!}.dtype)"
_AMOUNT = ((0.05, 0.5),)


def _soft(a: np.ndarray) -> np.ndarray:
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _within(f):
    """Make the symmetric range of what is at most ``f`` of the extents and the magnitudes."""

    def sized(n):
        def of(a, _, *more):
            high = f(n, iv.magnitude(a), *map(iv.magnitude, more))
            return -high, high

        return of

    return sized


_SAME = _within(lambda n, a, *_: a)


def _noisy(name, lines, template, reference, sized, dims="...d,->...d", **more):
    """Make a row whose second argument is a seed."""
    spelling = Spelling(
        template, more.pop("binds", SUM), lines, more.pop("locals", ("key", "noise", "drawn"))
    )
    row = Operation(
        name, "fk", more.pop("result", "f"), (more.pop("domain", ANY), (0, 1000)), sized,
        lambda a, seed, *c: reference(a, fry.key(int(seed)), *c), sized=True, dims=dims,
        sides=(_SEED,), family="random", **more,
    )  # fmt: skip
    return row, spelling


def _plus(name, draw, amount, reference, **more):
    """Make a row that adds a multiple of a draw."""
    return _noisy(
        name, ("{t0} = " + _KEY, "{t1} = jax.random." + draw), "{0} + {#0} * {t1}" + _CAST,
        lambda a, k, c: a + c * reference(k, a.shape),
        _within(lambda n, a, c: a + c * amount), literals=_AMOUNT, **more,
    )  # fmt: skip


_ROWS = (
    _plus("noise_uniform", f"uniform({{t0}}, {_LIKE})", 1.0, fry.uniform, linear=True),
    _plus("noise_uniform_between", f"uniform({{t0}}, {_LIKE}, minval=-1.0, maxval=1.0)", 1.0,
          lambda k, s: fry.uniform(k, s, -1.0, 1.0), linear=True),
    _plus("noise_normal", f"normal({{t0}}, {_LIKE})", 5.5, fry.normal, linear=True, weight=2),
    _plus("noise_truncated", f"truncated_normal({{t0}}, -2.0, 2.0, {_LIKE})", 2.0,
          lambda k, s: fry.truncated_normal(k, s, -2.0, 2.0), linear=True),
    _plus("noise_exponential", f"exponential({{t0}}, {_LIKE})", 17.0, fry.exponential,
          linear=True),
    _plus("noise_gumbel", f"gumbel({{t0}}, {_LIKE})", 17.0, fry.gumbel, linear=True),
    _plus("noise_laplace", f"laplace({{t0}}, {_LIKE})", 17.0, fry.laplace, linear=True),
    _plus("noise_logistic", f"logistic({{t0}}, {_LIKE})", 17.0, fry.logistic, linear=True),
    _noisy("noise_old_key", (
        "{t0} = jax.random.PRNGKey({1})", f"{{t1}} = jax.random.normal({{t0}}, {_LIKE})"),
        "{0} + {#0} * {t1}" + _CAST, lambda a, k, c: a + c * fry.normal(k, a.shape),
        _within(lambda n, a, c: a + 5.5 * c), literals=_AMOUNT, linear=True),
    _noisy("noise_folded", (
        "{t0} = jax.random.fold_in(" + _KEY + ", {#1})",
        f"{{t1}} = jax.random.normal({{t0}}, {_LIKE})"),
        "{0} + {#0} * {t1}" + _CAST,
        lambda a, k, c, d: a + c * fry.normal(fry.fold_in(k, d), a.shape),
        _within(lambda n, a, c, d: a + 5.5 * c), literals=((0.05, 0.5), (1, 99)), linear=True),
    _noisy("noise_wrapped", (
        "{t0} = jnp.array([0, {1}], dtype=jnp.uint32)",
        f"{{t1}} = jax.random.uniform(jax.random.wrap_key_data({{t0}}), {_LIKE})"),
        "{0} - {#0} * {t1}" + _CAST, lambda a, k, c: a - c * fry.uniform(k, a.shape),
        _within(lambda n, a, c: a + c), literals=_AMOUNT, linear=True,
        locals=("data", "noise")),
    _noisy("noise_two_keys", (
        "{t0}, {t1} = jax.random.split(" + _KEY + ")",
        f"{{t2}} = jax.random.uniform({{t0}}, {_LIKE}){_CAST}",
        f"{{t3}} = jax.random.normal({{t1}}, {_LIKE}){_CAST}"),
        "{0} * {t2} + {#0} * {t3}",
        lambda a, k, c: (lambda s: a * fry.uniform(s[0], a.shape)
                         + c * fry.normal(s[1], a.shape))(fry.split(k)),
        _within(lambda n, a, c: a + 5.5 * c), literals=_AMOUNT, linear=True,
        locals=("first", "second", "gain", "noise")),
    _noisy("noise_indexed_key", (
        "{t0} = jax.random.split(" + _KEY + ", 4)",
        f"{{t1}} = jax.random.normal({{t0}}[{{#1}}], {_LIKE})"),
        "{0} + {#0} * {t1}" + _CAST,
        lambda a, k, c, d: a + c * fry.normal(fry.split(k, 4)[d], a.shape),
        _within(lambda n, a, c, d: a + 5.5 * c), literals=((0.05, 0.5), (0, 3)), linear=True,
        locals=("keys", "noise")),
    _noisy("noise_by_row", (
        "{t0} = jax.random.split(" + _KEY + ", {@n})",
        "{t1} = jax.vmap(lambda k: jax.random.normal(k, ({@d},), jnp.float32))({t0})"),
        "{0} + {#0} * {t1}" + _CAST,
        lambda a, k, c: a + c * np.stack(
            [fry.normal(s, a.shape[1:]) for s in fry.split(k, len(a))]),
        _within(lambda n, a, c: a + 5.5 * c), "nd,->nd", literals=_AMOUNT, linear=True,
        locals=("keys", "noise")),
    _noisy("noise_lognormal", (
        "{t0} = " + _KEY, f"{{t1}} = jax.random.normal({{t0}}, {_LIKE}){_CAST}"),
        "{0} * jnp.exp({#0} * {t1})", lambda a, k, c: a * np.exp(c * fry.normal(k, a.shape)),
        _within(lambda n, a, c: a * math.exp(5.5 * c)), literals=_AMOUNT, binds=PRODUCT,
        linear=True),
    _noisy("noise_langevin", (
        "{t0} = " + _KEY, f"{{t1}} = jax.random.normal({{t0}}, {_LIKE}){_CAST}"),
        "{0!!} - {#0} * jnp.tanh({0}) + jnp.sqrt(2.0 * {#0}) * {t1}",
        lambda a, k, c: a - c * np.tanh(a) + np.sqrt(2 * c) * fry.normal(k, a.shape),
        _within(lambda n, a, c: a + c + 5.5 * math.sqrt(2 * c)), literals=_AMOUNT, wide=True),
    _noisy("noise_walk", (
        "{t0} = " + _KEY, f"{{t1}} = jnp.cumsum(jax.random.normal({{t0}}, {_LIKE}), axis=-1)"),
        "{0} + {#0} * {t1}" + _CAST,
        lambda a, k, c: a + c * np.cumsum(fry.normal(k, a.shape), -1),
        _within(lambda n, a, c: a + 5.5 * c * n["d"]), literals=_AMOUNT, linear=True),
    _noisy("noise_columns", (
        "{t0} = " + _KEY, "{t1} = jax.random.uniform({t0}, ({@d},), jnp.float32)"),
        "{0} * (1.0 - {#0} * {t1}" + _CAST + ")",
        lambda a, k, c: a * (1 - c * fry.uniform(k, a.shape[-1:])), _SAME, literals=_AMOUNT,
        binds=PRODUCT, linear=True),
    # masks
    _noisy("mask_signs", (
        "{t0} = " + _KEY, "{t1} = jax.random.bernoulli({t0}, jnp.float32({#0}), {0!!}.shape)"),
        "jnp.where({t1}, {0}, -{0!!})",
        lambda a, k, c: np.where(fry.uniform(k, a.shape) < np.float32(c), a, -a), _SAME,
        literals=((0.3, 0.7),), linear=True, locals=("key", "keep")),
    _noisy("mask_columns", (
        "{t0} = " + _KEY, "{t1} = jax.random.bernoulli({t0}, jnp.float32({#0}), ({@d},))"),
        "{0} * {t1}" + _CAST,
        lambda a, k, c: a * (fry.uniform(k, a.shape[-1:]) < np.float32(c)), _SAME,
        literals=((0.5, 0.9),), linear=True, binds=PRODUCT, locals=("key", "kept")),
    _noisy("mask_bits", (
        "{t0} = " + _KEY, "{t1} = jax.random.bits({t0}, {0!!}.shape, jnp.uint32) & 1"),
        "jnp.where({t1} == 0, {0}, {#0} * {0!!})",
        lambda a, k, c: np.where(fry.bits(k, a.shape) & np.uint32(1) == 0, a, c * a), _SAME,
        literals=((0.1, 0.9),), linear=True, locals=("key", "parity")),
    _noisy("mask_steps", (
        "{t0} = " + _KEY,
        "{t1} = jax.random.randint({t0}, {0!!}.shape, 1, 5, dtype=jnp.int32)"),
        "{0} / {t1}" + _CAST, lambda a, k: a / fry.randint(k, a.shape, 1, 5), _SAME,
        linear=True, binds=PRODUCT, locals=("key", "level")),
    _noisy("stochastic_round", (
        "{t0} = " + _KEY, f"{{t1}} = jax.random.uniform({{t0}}, {_LIKE}){_CAST}"),
        "jnp.floor({0!!} * 4.0 + {t1}) / 4.0",
        lambda a, k: np.floor(a * 4 + fry.uniform(k, a.shape)) / 4,
        _within(lambda n, a: a + 0.25), differentiable=False, wide=True, binds=PRODUCT),
    # orders
    _noisy("shuffle_rows", ("{t0} = " + _KEY,), "jax.random.permutation({t0}, {0})",
           lambda a, k: a[fry.permutation(k, len(a))], _SAME, "nd,->nd", linear=True),
    _noisy("shuffle_columns", ("{t0} = " + _KEY,), "jax.random.permutation({t0}, {0}, axis=-1)",
           lambda a, k: a[..., fry.permutation(k, a.shape[-1])], _SAME, linear=True),
    _noisy("mix_up", (
        "{t0} = jax.random.permutation(" + _KEY + ", {@n})",),
        "{#0} * {0!!} + (1.0 - {#0}) * {0!!}[{t0}]",
        lambda a, k, c: c * a + (1 - c) * a[fry.permutation(k, len(a))], _SAME, "nd,->nd",
        literals=((0.3, 0.9),), linear=True, locals=("partner",)),
    _noisy("bootstrap", (
        "{t0} = jax.random.randint(" + _KEY + ", ({@n},), 0, {@n}, dtype=jnp.int32)",),
        "{0!!}[{t0}]", lambda a, k: a[fry.randint(k, (len(a),), 0, len(a))], _SAME, "nd,->nd",
        linear=True, locals=("picked",)),
    _noisy("roll_random", (
        "{t0} = jax.random.randint(" + _KEY + ", (), 0, {@d}, dtype=jnp.int32)",),
        "jnp.roll({0}, {t0}, axis=-1)",
        lambda a, k: np.roll(a, int(fry.randint(k, (1,), 0, a.shape[-1])[0]), -1), _SAME,
        linear=True, locals=("shift",)),
    _noisy("crop_random", (
        "{t0} = jax.random.randint(" + _KEY + ", (), 0, {@n} - 3, dtype=jnp.int32)",),
        "jax.lax.dynamic_slice_in_dim({0}, {t0}, 4, axis=0)",
        lambda a, k: (lambda i: a[i : i + 4])(int(fry.randint(k, (1,), 0, len(a) - 3)[0])),
        _SAME, "nd,->4d", linear=True, locals=("start",)),
    # choices
    _noisy("categorical", (
        "{t0} = jax.random.key({1})",),
        "jax.random.categorical({t0}, {0!!}.astype(jnp.float32)).astype(jnp.int32)",
        lambda a, k: np.argmax(a + fry.gumbel(k, a.shape), -1).astype(np.int32),
        lambda n: lambda *_: (0, n["d"] - 1), "...d,->...", result="i", differentiable=False,
        domain=(-20.0, 20.0)),
    _noisy("gumbel_softmax", (
        "{t0} = " + _KEY, f"{{t1}} = jax.random.gumbel({{t0}}, {_LIKE}){_CAST}"),
        "jax.nn.softmax(({0} + {t1}) / {#0}, axis=-1)",
        lambda a, k, c: _soft((a + fry.gumbel(k, a.shape)) / c),
        lambda n: lambda *_: (0.0, 1.0), literals=((0.5, 2.0),)),
    _noisy("relaxed_bernoulli", (
        "{t0} = " + _KEY, f"{{t1}} = jax.random.logistic({{t0}}, {_LIKE}){_CAST}"),
        "jax.nn.sigmoid(({0} + {t1}) / {#0})",
        lambda a, k, c: 1 / (1 + np.exp(-(a + fry.logistic(k, a.shape)) / c)),
        lambda n: lambda *_: (0.0, 1.0), literals=((0.5, 2.0),)),
    # projections
    _noisy("random_projection", (
        "{t0} = " + _KEY, f"{{t1}} = jax.random.normal({{t0}}, ({{@d}}, 4), jnp.float32){_CAST}"),
        "{0} @ {t1} / {@d}", lambda a, k: a @ fry.normal(k, (a.shape[-1], 4)) / a.shape[-1],
        _within(lambda n, a: 5.5 * a), "...nd,->...n4", linear=True, binds=PRODUCT),
    _noisy("random_features", (
        "{t0}, {t1} = jax.random.split(" + _KEY + ")",
        f"{{t2}} = jax.random.normal({{t0}}, ({{@d}}, 8), jnp.float32){_CAST}",
        f"{{t3}} = jax.random.uniform({{t1}}, (8,), jnp.float32){_CAST}"),
        "jnp.cos({0} @ {t2} + 2.0 * jnp.pi * {t3})",
        lambda a, k: (lambda s: np.cos(a @ fry.normal(s[0], (a.shape[-1], 8))
                                       + 2 * np.pi * fry.uniform(s[1], (8,))))(fry.split(k)),
        lambda n: lambda *_: (-1.0, 1.0), "...nd,->...n8", wide=True, domain=(-4.0, 4.0),
        locals=("first", "second", "weights", "phases")),
    _noisy("rademacher_sketch", (
        "{t0} = " + _KEY, "{t1} = jax.random.bernoulli({t0}, jnp.float32(0.5), ({@d}, 4))"),
        "{0} @ (2.0 * {t1}" + _CAST + " - 1.0)",
        lambda a, k: a @ (2.0 * (fry.uniform(k, (a.shape[-1], 4)) < 0.5) - 1),
        _within(lambda n, a: n["d"] * a), "...nd,->...n4", linear=True, binds=PRODUCT,
        locals=("key", "signs")),
    _noisy("hutchinson_trace", (
        "{t0} = jax.random.normal(" + _KEY + ", ({@d},), jnp.float32)",
        "{t0} = {t0}" + _CAST),
        'jnp.einsum("i,...ni,...nj,j->...n", {t0}, {0}, {0}, {t0}) / {@d}',
        lambda a, k: (a @ fry.normal(k, a.shape[-1:])) ** 2 / a.shape[-1],
        _within(lambda n, a: n["d"] * 30.3 * a * a), "...nd,->...n", binds=PRODUCT,
        domain=(-0.8, 0.8), locals=("probe",)),
    (Operation("reparameterize", "ffk", "f", (ANY, (-4.0, 4.0), (0, 1000)),
               lambda n: lambda a, b, _: (-iv.magnitude(a) - 5.5 * math.exp(0.5 * b[1]),
                                          iv.magnitude(a) + 5.5 * math.exp(0.5 * b[1])),
               lambda a, b, seed: a + np.exp(0.5 * b) * fry.normal(fry.key(int(seed)), a.shape),
               sized=True, dims="nd,nd,->nd", sides=(Side("log_variance", (-2.0, 1.0)), _SEED),
               family="random"),
     Spelling("{0!!} + jnp.exp(0.5 * {1!!}) * {t1}", SUM, (
         "{t0} = jax.random.key({2})", f"{{t1}} = jax.random.normal({{t0}}, {_LIKE}){_CAST}"),
              ("key", "noise"))),
)  # fmt: skip

ROWS: tuple[Operation, ...] = tuple(row for row, _ in _ROWS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _ROWS}
