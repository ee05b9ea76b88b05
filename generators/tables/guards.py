"""Guards on whole arrays: never drawn, put where a value has the wrong extent for an operation."""

from __future__ import annotations

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, SMALL, Operation
from generators.spellings import PRODUCT, Spelling


def _fill(a: np.ndarray, more: int) -> np.ndarray:
    return np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, more)], mode="edge")


def _cut(a: np.ndarray, kept: int) -> np.ndarray:
    return a[..., :kept]


def _resize(a: np.ndarray, *shape: int) -> np.ndarray:
    return np.resize(a, shape)


_KEEP = lambda a, *_: a  # noqa: E731

ROWS = (
    Operation(
        "guard_fill", "f", "f", (ANY,), _KEEP, _fill, ((1, 3),), dims="...d->...e", guard=True,
        linear=True,
    ),
    Operation(
        "guard_scale_c", "c", "c", (ANY,), iv.mul, lambda a, c: a * c, ((0.1, 0.9),), guard=True,
        linear=True,
    ),
    Operation(
        "guard_resize", "f", "f", (ANY,), _KEEP, _resize, dims="...d->...e", guard=True,
        linear=True,
    ),
    Operation(
        "guard_cut_f", "f", "f", (ANY,), _KEEP, _cut, ((4, 4),), dims="...d->...e", guard=True,
        linear=True,
    ),
    Operation(
        "guard_cut_i", "i", "i", (SMALL,), _KEEP, _cut, ((4, 4),), dims="...d->...e", guard=True
    ),
)  # fmt: skip
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {
    "guard_fill": Spelling('jnp.pad({0}, [(0, 0)] * ({0}.ndim - 1) + [(0, {#0})], mode="edge")'),
    "guard_scale_c": Spelling("{0} * {#0}", PRODUCT),
    "guard_resize": Spelling("jnp.resize({0}, {shape})"),
    "guard_cut_f": Spelling("jax.lax.slice_in_dim({0}, 0, {#0}, axis=-1)"),
    "guard_cut_i": Spelling("jax.lax.slice_in_dim({0}, 0, {#0}, axis=-1)"),
}
