"""Positions given to attention: rotary and sinusoidal embeddings."""

from __future__ import annotations

import math

import numpy as np

from generators.operations import Side
from generators.spellings import Spelling
from generators.tables.blocks import MODERATE, Block, block, within


def _angles(x: np.ndarray, half: int, base: float = 10000.0) -> np.ndarray:
    return np.arange(x.shape[-2])[:, None] * base ** (-np.arange(half) / half)


def _rotated(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Turn the first half of the last axis and the second by angles."""
    a, b = np.split(x, 2, axis=-1)
    c, s = np.cos(angles), np.sin(angles)
    return np.concatenate([a * c - b * s, a * s + b * c], axis=-1)


def _half(x: np.ndarray) -> np.ndarray:
    return _rotated(x, _angles(x, x.shape[-1] // 2))


def _interleaved(x: np.ndarray) -> np.ndarray:
    a, b = np.split(_half(np.concatenate([x[..., ::2], x[..., 1::2]], axis=-1)), 2, axis=-1)
    return np.stack([a, b], axis=-1).reshape(x.shape)


def _sinusoid(x: np.ndarray) -> np.ndarray:
    angles = _angles(x, x.shape[-1] // 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


def _sinusoid_interleaved(x: np.ndarray) -> np.ndarray:
    angles = _angles(x, x.shape[-1] // 2)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(x.shape[-2:])


def _at_positions(x: np.ndarray, positions: np.ndarray) -> np.ndarray:
    half = x.shape[-1] // 2
    return _rotated(x, positions[:, None] * 10000.0 ** (-np.arange(half) / half))


def _partial(x: np.ndarray) -> np.ndarray:
    angles = np.repeat(_angles(x, 2, 100.0), 2, axis=-1)
    swapped = np.stack([-x[..., 1::2], x[..., ::2]], axis=-1).reshape(x.shape)
    return x * np.cos(angles) + swapped * np.sin(angles)


_ANGLES = (
    "{t0} = 10000.0 ** (-jnp.arange(0, {@d}, 2) / {@d})",
    "{t1} = jnp.arange({@n})[:, None] * {t0}",
)
_turned = lambda m, n: 1.42 * m  # noqa: E731
_ROTARY: tuple[Block, ...] = (
    block(
        "rotary", "rotary_half", "...nd->...nd",
        (*_ANGLES,
         "{t1} = {t1}.astype({0}.dtype)",
         "{t2}, {t3} = jnp.cos({t1}), jnp.sin({t1})",
         "{t4}, {t5} = jnp.split({0}, 2, axis=-1)",
         "jnp.concatenate([{t4} * {t2} - {t5} * {t3}, {t4} * {t3} + {t5} * {t2}], axis=-1)"),
        _half, _turned, multiple=2, weight=2,
        locals=("frequencies", "angles", "cosine", "sine", "left", "right"),
    ),
    block(
        "rotary", "rotary_interleaved", "...nd->...nd",
        (*_ANGLES,
         "{t1} = {t1}.astype({0}.dtype)",
         "{t2}, {t3} = jnp.cos({t1}), jnp.sin({t1})",
         "{t4}, {t5} = {0}[..., ::2], {0}[..., 1::2]",
         "{t6} = jnp.stack([{t4} * {t2} - {t5} * {t3}, {t4} * {t3} + {t5} * {t2}], axis=-1)",
         "{t6}.reshape({0}.shape)"),
        _interleaved, _turned, multiple=2, weight=2,
        locals=("frequencies", "angles", "cosine", "sine", "even", "odd", "turned"),
    ),
    block(
        "rotary", "rotary_rotate_half", "...nd->...nd",
        (*_ANGLES,
         "{t2} = jnp.concatenate([{t1}, {t1}], axis=-1)",
         "{t3} = jnp.concatenate([-{0}[..., {@d} // 2 :], {0}[..., : {@d} // 2]], axis=-1)",
         "({0} * jnp.cos({t2}) + {t3} * jnp.sin({t2})).astype({0}.dtype)"),
        _half, _turned, multiple=2, locals=("frequencies", "half_angles", "angles", "turned"),
    ),
    block(
        "rotary", "rotary_complex", "...nd->...nd",
        (*_ANGLES,
         "{t2} = jax.lax.complex({0}[..., ::2], {0}[..., 1::2]) * jnp.exp(1j * {t1})",
         "{t3} = jnp.stack([{t2}.real, {t2}.imag], axis=-1).reshape({0}.shape)",
         "{t3}.astype({0}.dtype)"),
        _interleaved, _turned, multiple=2, wide=True,
        locals=("frequencies", "angles", "turned", "pairs"),
    ),
    block(
        "rotary", "rotary_tables", "...nd,nd,nd->...nd",
        ("{t0}, {t1} = jnp.split({0}, 2, axis=-1)",
         "{0} * {1} + jnp.concatenate([-{t1}, {t0}], axis=-1) * {2}"),
        lambda x, c, s: x * c + np.concatenate(
            [-x[..., x.shape[-1] // 2:], x[..., : x.shape[-1] // 2]], axis=-1) * s,
        lambda m, n: 2 * m, (Side("cosine", (-1.0, 1.0)), Side("sine", (-1.0, 1.0))), multiple=2,
        locals=("left", "right"),
    ),
    block(
        "rotary", "rotary_positions", "...nd,n->...nd",
        ("{t0} = 10000.0 ** (-jnp.arange({@d} // 2) / ({@d} // 2))",
         "{t1} = {1}[:, None] * {t0}",
         "{t2}, {t3} = jnp.split({0}, [{@d} // 2], axis=-1)",
         "{t4} = {t2} * jnp.cos({t1}) - {t3} * jnp.sin({t1})",
         "{t5} = {t3} * jnp.cos({t1}) + {t2} * jnp.sin({t1})",
         "jnp.concatenate([{t4}, {t5}], axis=-1).astype({0}.dtype)"),
        _at_positions, _turned, (Side("positions", (0, 100)),), args="fi", multiple=2,
        locals=("frequencies", "angles", "left", "right", "first", "second"),
    ),
    block(
        "rotary", "rotary_heads", "nhd->nhd",
        (*_ANGLES,
         "{t1} = {t1}[:, None, :].astype({0}.dtype)",
         "{t2}, {t3} = jnp.split({0}, 2, axis=-1)",
         "{t4} = [{t2} * jnp.cos({t1}) - {t3} * jnp.sin({t1})]",
         "{t4}.append({t2} * jnp.sin({t1}) + {t3} * jnp.cos({t1}))",
         "jnp.concatenate({t4}, axis=-1)"),
        lambda x: np.swapaxes(_half(np.swapaxes(x, 0, 1)), 0, 1), _turned, multiple=2,
        locals=("frequencies", "angles", "left", "right", "halves"),
    ),
    block(
        "rotary", "rotary_partial", "...n8->...n8",
        ("{t0}, {t1} = {0}[..., :4], {0}[..., 4:]",
         "{t2} = jnp.arange({@n})[:, None] * 100.0 ** (-jnp.arange(0, 4, 2) / 4)",
         "{t2} = jnp.repeat({t2}, 2, axis=-1).astype({0}.dtype)",
         "{t3} = jnp.stack([-{t0}[..., 1::2], {t0}[..., ::2]], axis=-1)",
         "{t4} = {t0} * jnp.cos({t2}) + {t3}.reshape({t0}.shape) * jnp.sin({t2})",
         "jnp.concatenate([{t4}, {t1}], axis=-1)"),
        lambda x: np.concatenate(
            [_partial(x[..., :4]), x[..., 4:]], axis=-1), _turned,
        locals=("turning", "kept", "angles", "swapped", "turned"),
    ),
    block(
        "rotary", "rotary_matrix", "...nd->...nd",
        (*_ANGLES,
         "{t2}, {t3} = jnp.cos({t1}), jnp.sin({t1})",
         "{t2} = jnp.array([[{t2}, -{t3}], [{t3}, {t2}]])",
         "{t4} = {0}.reshape(*{0}.shape[:-1], -1, 2)",
         '{t5} = jnp.einsum("ijnp,...npj->...npi", {t2}.astype({0}.dtype), {t4})',
         "{t5}.reshape({0}.shape)"),
        _interleaved, _turned, multiple=2,
        locals=("frequencies", "angles", "rotation", "sine", "pairs", "turned"),
    ),
    block(
        "rotary", "sinusoidal_positions", "...nd->...nd",
        (*_ANGLES,
         "{t2} = jnp.concatenate([jnp.sin({t1}), jnp.cos({t1})], axis=-1)",
         "{0} + {t2}.astype({0}.dtype)"),
        lambda x: x + _sinusoid(x), lambda m, n: m + 1, multiple=2,
        locals=("frequencies", "angles", "encoding"),
    ),
    block(
        "rotary", "sinusoidal_interleaved", "...nd->...nd",
        (*_ANGLES,
         "{t2} = jnp.zeros(({@n}, {@d}), dtype={0}.dtype)",
         "{t2} = {t2}.at[:, 0::2].set(jnp.sin({t1}).astype({0}.dtype))",
         "{t2} = {t2}.at[:, 1::2].set(jnp.cos({t1}).astype({0}.dtype))",
         "{0} + {t2}"),
        lambda x: x + _sinusoid_interleaved(x), lambda m, n: m + 1, multiple=2,
        locals=("frequencies", "angles", "encoding"),
    ),
    block(
        "rotary", "sinusoidal_scaled", "...nd->...nd",
        ("{t0} = jnp.arange({@n})[:, None] / 10000.0 ** (jnp.arange(0, {@d}, 2) / {@d})",
         "{t1} = jnp.stack([jnp.sin({t0}), jnp.cos({t0})], axis=-1).reshape({@n}, {@d})",
         "{0} * jnp.sqrt({@d}) + {t1}.astype({0}.dtype)"),
        lambda x: x * math.sqrt(x.shape[-1]) + _sinusoid_interleaved(x),
        lambda m, n: m * math.sqrt(n["d"]) + 1, multiple=2, locals=("angles", "encoding"),
    ),
    block(
        "rotary", "time_embedding", "n->n8",
        ("{t0} = jnp.exp(-jnp.log(10000.0) * jnp.arange(4) / 4)",
         "{t1} = {0}[:, None] * {t0}.astype({0}.dtype)",
         "jnp.concatenate([jnp.sin({t1}), jnp.cos({t1})], axis=-1)"),
        lambda t: np.concatenate(
            [f(t[:, None] * 10000.0 ** (-np.arange(4) / 4)) for f in (np.sin, np.cos)], axis=-1),
        within(-1, 1), locals=("frequencies", "angles"), domain=MODERATE,
    ),
)  # fmt: skip

ROWS = tuple(row for row, _ in _ROTARY)
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {row.name: spelling for row, spelling in _ROTARY}
