"""Guards on whole arrays: never drawn, put where a value has the wrong extent for an operation."""

from __future__ import annotations

import numpy as np

from generators import intervals as iv
from generators.operations import ANY, Operation
from generators.program import Interval
from generators.spellings import PRODUCT, Spelling


def _resize(a: np.ndarray, *shape: int) -> np.ndarray:
    return np.resize(a, shape)


def _kept(a: Interval, *_: Interval) -> Interval:
    return a


_KINDS = "fciub"
ROWS = (
    Operation(
        "guard_scale_c", "c", "c", (ANY,), iv.mul, lambda a, c: a * c, ((0.1, 0.9),), guard=True,
        linear=True,
    ),
    *(
        Operation(
            f"guard_resize_{kind}", kind, kind, (ANY,), _kept, _resize, dims="...d->...e",
            guard=True, linear=kind in "fc",
        )
        for kind in _KINDS
    ),
)  # fmt: skip
WARP: dict[str, Spelling] = {}
JAX: dict[str, Spelling] = {
    "guard_scale_c": Spelling("{0} * {#0}", PRODUCT),
    **{f"guard_resize_{kind}": Spelling("jnp.resize({0}, {shape})") for kind in _KINDS},
}
