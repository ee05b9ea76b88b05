"""Guards on whole arrays: never drawn, put where a value has the wrong extent for an operation."""

from __future__ import annotations

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation
from generators.spellings import PRODUCT, Spelling


def _resize(a: np.ndarray, *shape: int) -> np.ndarray:
    return np.resize(a, shape)


def _spread(a: np.ndarray, *shape: int) -> np.ndarray:
    return np.resize(a, shape) * np.linspace(0.5, 1.5, shape[-1])


_KINDS = "fciub"
ROWS = (
    Operation(
        "guard_scale_c", "c", "c", (ANY,), iv.mul, lambda a, c: a * c, ((0.1, 0.9),), guard=True,
        linear=True,
    ),
    Operation(  # of a single number, which would be one in all places
        "guard_spread", "f", "f", (ANY,), lambda a, *_: iv.mul(a, (0.5, 1.5)), _spread,
        dims="...d->...e", guard=True, linear=True,
    ),
    *(
        Operation(
            f"guard_resize_{kind}", kind, kind, (ANY,), iv.same, _resize, dims="...d->...e",
            guard=True, linear=kind in "fc",
        )
        for kind in _KINDS
    ),
)  # fmt: skip
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {
    "guard_scale_c": Spelling("{0} * {#0}", PRODUCT),
    "guard_spread": Spelling(
        "jnp.resize({0}, {shape}) * jnp.linspace(0.5, 1.5, {last}, dtype={float})", PRODUCT
    ),
    **{f"guard_resize_{kind}": Spelling("jnp.resize({0}, {shape})") for kind in _KINDS},
}
