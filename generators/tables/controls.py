"""Control flow inside JAX kernels: scans, loops and branches.

Each row is a small block of fixed body. Its lines may hold a nested function, whose own lines are
indented by four more blanks.
"""

from __future__ import annotations

import math

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation, Side
from generators.spellings import PRODUCT, SUM, Spelling

_DECAY = ((0.5, 0.95),)
_GENTLE = ((0.05, 0.3),)
_BASE = (-2.0, 2.0)


SAME = iv.within(lambda n, a, *_: a)
UNIT = lambda n: lambda *_: (-1.0, 1.0)  # noqa: E731


def block(name, lines, template, reference, sized, dims="nd->nd", args="f", **more):
    """Make a row of the family; what is no field of the row belongs to its spelling."""
    binds = {k: more.pop(k) for k in ("binds", "helper", "helpers", "locals") if k in more}
    domains = more.pop("domains", (ANY,) * len(args))
    if not dims:
        plain = sized
        sized = lambda *a: plain(None)(*a)  # noqa: E731
    row = Operation(
        name, args, more.pop("result", "f"), domains, sized, reference, sized=bool(dims),
        dims=dims, family="control", **more,
    )  # fmt: skip
    return row, Spelling(template, lines=lines, **binds)


def _rows(step, start=None, reverse=False):
    """Make the reference of a scan over the first axis that gives the carry of every step."""

    def of(a, *c):
        carry = np.zeros_like(a[0]) if start is None else start(a)
        found = []
        for row in a[::-1] if reverse else a:
            carry = step(carry, row, *c)
            found.append(carry)
        return np.stack(found[::-1] if reverse else found)

    return of


def _two_averages(a, c, d):
    fast, slow = (_rows(lambda h, r, k: k * h + (1 - k) * r)(a, k) for k in (c, d))
    return fast - slow


def _kalman(a, q, r):
    mean, spread, found = np.zeros_like(a[0]), 1.0, []
    for row in a:
        spread = spread + q
        gain = spread / (spread + r)
        mean = mean + gain * (row - mean)
        spread = (1 - gain) * spread
        found.append(mean)
    return np.stack(found)


def _gated(a, g):
    carry, found = np.zeros_like(a[0]), []
    for row, gate in zip(a, 1 / (1 + np.exp(-g)), strict=True):
        carry = gate * carry + (1 - gate) * row
        found.append(carry)
    return np.stack(found)


def _recurrent(a, w, u):
    carry, found = np.zeros(u.shape[0]), []
    for row in a:
        carry = np.tanh(row @ w + carry @ u)
        found.append(carry)
    return np.stack(found)


def _iterated(step, times):
    def of(a, *c):
        state = a
        for _ in range(times):
            state = step(state, a, *c)
        return state

    return of


def _kepler(a, c):
    y = a
    for _ in range(60):
        y = y - (y - c * np.sin(y) - a) / (1 - c * np.cos(y))
    return y


def _cubic_root(a):
    y = np.zeros_like(a)
    for _ in range(60):
        y = y - (y + y**3 - a) / (1 + 3 * y * y)
    return y


def _halved(a):
    scale = 1.0
    while np.max(np.abs(a)) * scale > 1.0:
        scale *= 0.5
    return a * scale


def _heat(u, _, c):
    return u + c * (np.roll(u, 1, -1) + np.roll(u, -1, -1) - 2 * u)


def _jacobi(u, f, c):
    around = sum(np.roll(u, s, axis) for s in (1, -1) for axis in (0, 1))
    return (1 - c) * f + c * 0.25 * around


def _power_vector(a):
    v = np.ones(a.shape[-1])
    for _ in range(3):
        v = a.T @ (a @ v) / len(a) + v
        v = v / np.linalg.norm(v)
    return v


def _orthogonal(a):
    x = a / (np.linalg.norm(a) + 1.0)
    for _ in range(3):
        x = 1.5 * x - 0.5 * x @ x.T @ x
    return x


def _in_place(a, c):
    out = a.copy()
    for i in range(1, len(a)):
        out[i] = out[i] + c * out[i - 1]
    return out


def _descent(a, c):
    v = np.zeros_like(a)
    for _ in range(5):
        v = v - c * (v - a + v**3)
    return v


def _clipped_norm(a, c):
    norm = np.linalg.norm(a)
    return a * (c / norm) if norm > c else a


def _linear_scan(a, g):
    gate, carry, found = 1 / (1 + np.exp(-g)), np.zeros_like(a[0]), []
    for row, decay in zip(a, gate, strict=True):
        carry = decay * carry + row
        found.append(carry)
    return np.stack(found)


def _series(a):
    return 1 + a + a**2 / 2 + a**3 / 6 + a**4 / 24


_SCANS = (
    block("scan_average", (
        "def {t0}(carry, row):",
        "    carry = {#0} * carry + (1.0 - {#0}) * row",
        "    return carry, carry"),
        "jax.lax.scan({t0}, {0!!}[0], {0})[1]",
        _rows(lambda h, r, c: c * h + (1 - c) * r, lambda a: a[0]), SAME, literals=_DECAY,
        locals=("smooth",), linear=True),
    block("scan_running_max", (
        "{t0} = lambda best, row: (jnp.maximum(best, row),) * 2",),
        "jax.lax.scan({t0}, {0!!}[0], {0})[1]", lambda a: np.maximum.accumulate(a, 0), SAME,
        locals=("step",)),
    block("scan_tanh", (
        "def {t0}(hidden, row):",
        "    hidden = jnp.tanh({#0} * hidden + row)",
        "    return hidden, hidden",
        "_, {t1} = jax.lax.scan({t0}, jnp.zeros_like({0!!}[0]), {0})"),
        "{t1}", _rows(lambda h, r, c: np.tanh(c * h + r)), UNIT, literals=_DECAY,
        locals=("step", "states")),
    block("scan_returns", (
        "def {t0}(total, reward):",
        "    total = reward + {#0} * total",
        "    return total, total",
        "_, {t1} = jax.lax.scan({t0}, jnp.zeros_like({0!!}[0]), {0}, reverse=True)"),
        "{t1}", _rows(lambda h, r, c: r + c * h, reverse=True),
        iv.within(lambda n, a, c: a / (1 - c)), literals=_DECAY, locals=("discount", "returns"),
        linear=True),
    block("scan_two_averages", (
        "def {t0}(carry, row):",
        "    fast, slow = carry",
        "    fast = {#0} * fast + (1.0 - {#0}) * row",
        "    slow = {#1} * slow + (1.0 - {#1}) * row",
        "    return (fast, slow), fast - slow",
        "{t1} = jnp.zeros_like({0!!}[0])"),
        "jax.lax.scan({t0}, ({t1}, {t1}), {0})[1]", _two_averages,
        iv.within(lambda n, a, *_: 2 * a),
        literals=((0.3, 0.6), (0.8, 0.95)), locals=("step", "zero"), linear=True),
    block("scan_running_mean", (
        "def {t0}(carry, row):",
        '    count = carry["count"] + 1.0',
        '    mean = carry["mean"] + (row - carry["mean"]) / count',
        "    return dict(mean=mean, count=count), mean",
        "{t1} = dict(mean=jnp.zeros_like({0!!}[0]), count=jnp.zeros((), {0!!}.dtype))"),
        "jax.lax.scan({t0}, {t1}, {0})[1]",
        lambda a: np.cumsum(a, 0) / np.arange(1, len(a) + 1)[:, None], SAME,
        locals=("step", "start"), linear=True),
    block("scan_variance", (
        "def {t0}(carry, row):",
        "    count, mean, total = carry",
        "    count, delta = count + 1.0, row - mean",
        "    mean = mean + delta / count",
        "    return (count, mean, total + delta * (row - mean)), None",
        "{t1} = jnp.zeros_like({0!!}[0])",
        "{t2} = (jnp.zeros((), {0!!}.dtype), {t1}, {t1})",
        "({t3}, _, {t4}), _ = jax.lax.scan({t0}, {t2}, {0})"),
        "{t4} / {t3}", lambda a: a.var(0), lambda n: lambda a: (0.0, iv.magnitude(a) ** 2),
        "nd->d", binds=PRODUCT, locals=("welford", "zero", "start", "count", "total")),
    block("scan_gated", (
        "def {t0}(state, inputs):",
        "    row, gate = inputs",
        "    state = gate * state + (1.0 - gate) * row",
        "    return state, state",
        "{t1} = jax.nn.sigmoid({1})"),
        "jax.lax.scan({t0}, jnp.zeros_like({0!!}[0]), ({0}, {t1}))[1]", _gated,
        iv.within(lambda n, a, g: a), "nd,nd->nd", "ff", sides=(Side("gates", (-2.0, 2.0)),),
        locals=("step", "opened")),
    block("scan_repeated", (
        "{t0}, _ = jax.lax.scan(lambda s, _: (s - {#0} * jnp.sin(s), None), {0}, length=4)",),
        "{t0}", _iterated(lambda s, a, c: s - c * np.sin(s), 4), SAME, "", literals=_GENTLE,
        locals=("settled",), domains=((-3.0, 3.0),)),
    block("scan_unrolled", (
        "def {t0}(level, row):",
        "    level = level + {#0} * (row - level)",
        "    return level, row - level",
        "{t1}, {t2} = jax.lax.scan({t0}, jnp.zeros_like({0!!}[0]), {0}, unroll=2)"),
        "{t1} + {t2}",
        lambda a, c: (lambda s: s[-1] + a - s)(_rows(lambda h, r, c: h + c * (r - h))(a, c)),
        iv.within(lambda n, a, c: 3 * a), binds=SUM, literals=_GENTLE,
        locals=("leak", "level", "residuals"), linear=True),
    block("scan_recurrent", (
        "def {t0}(hidden, row):",
        "    hidden = jnp.tanh(row @ {1} + hidden @ {2})",
        "    return hidden, hidden",
        "{t1} = jnp.zeros({@k}, dtype={0!!}.dtype)"),
        "jax.lax.scan({t0}, {t1}, {0})[1]", _recurrent, UNIT, "nd,dk,kk->nk", "fff",
        sides=(Side("weight"), Side("recurrent")), locals=("cell", "start")),
    block("scan_kalman", (
        "def {t0}(carry, seen):",
        "    mean, spread = carry[0], carry[1] + {#0}",
        "    gain = spread / (spread + {#1})",
        "    mean = mean + gain * (seen - mean)",
        "    return (mean, (1.0 - gain) * spread), mean",
        "{t1} = (jnp.zeros_like({0!!}[0]), jnp.ones((), {0!!}.dtype))"),
        "jax.lax.scan({t0}, {t1}, {0})[1]", _kalman, SAME, literals=((0.1, 0.5), (0.5, 2.0)),
        locals=("filtered", "prior"), linear=True),
    block("associative_linear", (
        "def {t0}(left, right):",
        "    return left[0] * right[0], right[0] * left[1] + right[1]"),
        "jax.lax.associative_scan({t0}, (jax.nn.sigmoid({1}), {0}))[1]", _linear_scan,
        iv.within(lambda n, a, g: min(n["n"], 1 + math.exp(min(g, 20.0))) * a), "nd,nd->nd", "ff",
        sides=(Side("gates", (-2.0, 2.0)),), locals=("combine",)),
    block("associative_max", (
        "{t0} = lambda a, b: jnp.where(a > b, a, b)",),
        "jax.lax.associative_scan({t0}, {0}, axis=-1)",
        lambda a: np.maximum.accumulate(a, -1), SAME, "...d->...d", locals=("larger",)),
    block("associative_log_sum", (),
        "jax.lax.associative_scan(jnp.logaddexp, {0}, reverse=True)",
        lambda a: np.logaddexp.accumulate(a[::-1], 0)[::-1],
        iv.within(lambda n, a: a + math.log(n["n"]))),
)  # fmt: skip

_LOOPS = (
    block("while_sqrt", (
        "{t0} = jax.lax.stop_gradient({0})",
        "{t1} = lambda state: (state[0] + 1, 0.5 * (state[1] + {t0} / state[1]))",
        "_, {t2} = jax.lax.while_loop(lambda state: state[0] < 12, {t1}, (0, 1.0 + {t0}))"),
        "0.5 * ({t2} + {0} / {t2})", lambda a: np.sqrt(a),
        lambda n: lambda a: (math.sqrt(a[0]), math.sqrt(a[1])), "", domains=((0.05, 100.0),),
        binds=PRODUCT, locals=("fixed", "newton", "root")),
    block("while_cbrt", (
        "{t0} = jax.lax.stop_gradient({0})",
        "{t1} = lambda s: (s[0] + 1, (2.0 * s[1] + {t0} / (s[1] * s[1])) / 3.0)",
        "_, {t2} = jax.lax.while_loop(lambda s: s[0] < 16, {t1}, (0, 1.0 + {t0}))"),
        "(2.0 * {t2} + {0} / ({t2} * {t2})) / 3.0", lambda a: np.cbrt(a),
        lambda n: lambda a: (math.cbrt(a[0]), math.cbrt(a[1])), "", domains=((0.05, 100.0),),
        binds=PRODUCT, locals=("fixed", "newton", "root")),
    block("while_kepler", (
        "def {t0}(y, mean):",
        "    return y - (y - {#0} * jnp.sin(y) - mean) / (1.0 - {#0} * jnp.cos(y))",
        "{t1} = jax.lax.stop_gradient({0})",
        "{t2} = jax.lax.while_loop(",
        "    lambda state: state[1] < 10, lambda state: ({t0}(state[0], {t1}), state[1] + 1),",
        "    ({t1}, 0)",
        ")[0]"),
        "{t0}({t2}, {0})", _kepler, iv.within(lambda n, a, c: a + c), "", literals=((0.1, 0.5),),
        domains=((-3.0, 3.0),), locals=("newton", "fixed", "anomaly"), wide=True),
    block("while_halved", (
        "{t0} = jnp.max(jnp.abs(jax.lax.stop_gradient({0})))",
        "{t1} = jnp.ones((), {0!!}.dtype)",
        "{t2} = jax.lax.while_loop(lambda s: s * {t0} > 1.0, lambda s: 0.5 * s, {t1})"),
        "{0!!} * {t2}", _halved, UNIT, binds=PRODUCT, locals=("largest", "one", "scale")),
    block("root_custom", (
        "def {t0}(f, guess):",
        "    step = lambda i, y: y - f(y) / (1.0 + 3.0 * y * y)",
        "    return jax.lax.fori_loop(0, 12, step, guess)",
        "{t1} = lambda g, b: b / g(jnp.ones_like(b))",
        "{t2} = lambda y: y + y**3 - {0}"),
        "jax.lax.custom_root({t2}, jnp.zeros_like({0}), {t0}, {t1})", _cubic_root, SAME, "",
        domains=((-3.0, 3.0),), locals=("solve", "tangent", "residual"), wide=True),
    block("fori_heat", (
        "def {t0}(i, u):",
        "    return u + {#0} * (jnp.roll(u, 1, -1) + jnp.roll(u, -1, -1) - 2.0 * u)"),
        "jax.lax.fori_loop(0, 6, {t0}, {0})", _iterated(_heat, 6), SAME, "...d->...d",
        literals=_GENTLE, locals=("diffuse",), linear=True),
    block("fori_jacobi", (
        "def {t0}(i, u):",
        "    around = jnp.roll(u, 1, 0) + jnp.roll(u, -1, 0)",
        "    around = around + jnp.roll(u, 1, 1) + jnp.roll(u, -1, 1)",
        "    return (1.0 - {#0}) * {0!!} + 0.25 * {#0} * around"),
        "jax.lax.fori_loop(0, 5, {t0}, {0})", _iterated(_jacobi, 5), SAME,
        literals=((0.2, 0.9),), locals=("relax",), linear=True),
    block("fori_series", (
        "def {t0}(i, carry):",
        "    term, total = carry",
        "    term = term * {0!!} / (i + 1.0)",
        "    return term, total + term",
        "_, {t1} = jax.lax.fori_loop(0, 4, {t0}, (jnp.ones_like({0}),) * 2)"),
        "{t1}", _series, lambda n: lambda a: (0.0, _series(iv.magnitude(a))), "",
        domains=(_BASE,), locals=("taylor", "total")),
    block("fori_power_vector", (
        "def {t0}(i, v):",
        "    v = {0!!}.T @ ({0!!} @ v) / {@n} + v",
        "    return v / jnp.linalg.norm(v)",
        "{t1} = jnp.ones({@d}, dtype={0!!}.dtype)"),
        "jax.lax.fori_loop(0, 3, {t0}, {t1})", _power_vector, UNIT, "nd->d",
        locals=("iterate", "start")),
    block("fori_orthogonal", (
        "{t0} = {0!!} / (jnp.linalg.norm({0}) + 1.0)",
        "{t1} = lambda _, m: 1.5 * m - 0.5 * m @ m.T @ m"),
        "jax.lax.fori_loop(0, 3, {t1}, {t0})", _orthogonal, UNIT, locals=("scaled", "step"),
        wide=True),
    block("fori_in_place", (
        "{t0} = lambda i, out: out.at[i].add({#0} * out[i - 1])",),
        "jax.lax.fori_loop(1, {@n}, {t0}, {0})", _in_place, iv.within(lambda n, a, c: a / (1 - c)),
        literals=_DECAY, locals=("sweep",), linear=True),
    block("fori_quadratic_map", (
        "{t0} = lambda i, z: 0.25 * z * z + {0!!}",),
        "jax.lax.fori_loop(0, 5, {t0}, jnp.zeros_like({0}))",
        lambda a: _iterated(lambda z, x: 0.25 * z * z + x, 4)(a),
        iv.within(lambda n, a: 2.0 * a), "", domains=((-0.9, 0.9),), locals=("step",)),
    block("fori_descent", (
        "{t0} = lambda v: jnp.sum(0.5 * (v - {0}) ** 2 + 0.25 * v**4)",
        "{t1} = lambda i, v: v - {#0} * jax.grad({t0})(v)"),
        "jax.lax.fori_loop(0, 5, {t1}, jnp.zeros_like({0}))", _descent, SAME, "nd->nd",
        literals=((0.02, 0.07),), domains=(_BASE,), locals=("energy", "descend")),
)  # fmt: skip

_BRANCHES = (
    block("cond_mean", (),
        "jax.lax.cond(jnp.mean({0}) > {#0}, jnp.tanh, jnp.sin, {0})",
        lambda a, c: np.tanh(a) if a.mean() > c else np.sin(a), UNIT, literals=((-0.1, 0.3),),
        wide=True),
    block("cond_clip_norm", (
        "{t0} = jnp.linalg.norm({0})",),
        "jax.lax.cond({t0} > {#0}, lambda v: v * ({#0} / {t0}), lambda v: v, {0})",
        _clipped_norm, SAME, literals=((0.5, 4.0),), locals=("norm",)),
    block("cond_sign", (),
        "jax.lax.cond(jnp.sum({0}) >= 0.0, lambda: {0}, lambda: -{0!!})",
        lambda a: a if a.sum() >= 0 else -a, SAME, wide=True),
    block("cond_agree", (
        "{t0} = jnp.vdot({0}, {1}) > 0.0",),
        "jax.lax.cond({t0}, lambda a, b: 0.5 * (a + b), lambda a, b: a - b, {0}, {1})",
        lambda a, b: 0.5 * (a + b) if np.vdot(a, b) > 0 else a - b,
        iv.within(lambda n, a, b: a + b), "nd,nd->nd", "ff", locals=("agree",), wide=True),
    block("switch_column", (
        "{t0} = jnp.argmax(jnp.mean({0}, axis=0)) % 3",),
        "jax.lax.switch({t0}, [jnp.sin, jnp.tanh, jnp.arctan], {0})",
        lambda a: (np.sin, np.tanh, np.arctan)[np.argmax(a.mean(0)) % 3](a),
        lambda n: lambda a: (-math.pi / 2, math.pi / 2), locals=("choice",), wide=True),
    block("switch_mode", (),
        "jax.lax.switch({1!!} % 3, (jnp.sin, jnp.cos, jnp.tanh), {0})",
        lambda a, k: (np.sin, np.cos, np.tanh)[int(k) % 3](a), UNIT, "", "fk",
        domains=(ANY, (0, 1000)), sides=(Side("mode", (0, 1000)),)),
    block("switch_scaled", (
        "{t0} = [lambda v: v, lambda v: {#0} * v, lambda v: v / (1.0 + v * v)]",),
        "jax.lax.switch(jnp.clip({1}, 0, 9) % 3, {t0}, {0})",
        lambda a, k, c: (a, c * a, a / (1 + a * a))[min(int(k), 9) % 3],
        iv.within(lambda n, a, k, c: max(1.0, c) * a), "", "fk", domains=(ANY, (0, 1000)),
        sides=(Side("mode", (0, 1000)),), literals=((0.3, 2.0),), locals=("forms",)),
    block("select_n", (),
        "jax.lax.select_n({0!!} > {#0}, {0}, {1})", lambda a, b, c: np.where(a > c, b, a),
        lambda n: lambda a, b, c: iv.hull(a, b), "nd,nd->nd", "ff", literals=((-0.5, 0.5),)),
    block("select_lax", (),
        "jax.lax.select({0!!} < {1!!}, {0!!} * {1!!}, {0!!} - {1!!})",
        lambda a, b: np.where(a < b, a * b, a - b),
        iv.within(lambda n, a, b: max(a * b, a + b)), "nd,nd->nd", "ff", wide=True),
    block("piecewise", (),
        "jnp.piecewise({0}, [{0!!} < -1.0, {0!!} > 1.0], [jnp.sin, jnp.cos, lambda v: v**3])",
        lambda a: np.where(a < -1, np.sin(a), np.where(a > 1, np.cos(a), a**3)), UNIT, "",
        wide=True),
)  # fmt: skip

_PAIRS = (*_SCANS, *_LOOPS, *_BRANCHES)
ROWS: tuple[Operation, ...] = tuple(row for row, _ in _PAIRS)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _PAIRS}
