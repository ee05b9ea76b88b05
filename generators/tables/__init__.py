"""The tables: every operation, and how it is spelled in each language that has it.

A module holds ``ROWS`` and the spellings ``WARP`` and ``JAX`` keyed by the rows' names. Adding an
operation is one line in each table that it takes part in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generators.operations import Operation
from generators.spellings import Spelling
from generators.tables import (
    algebra,
    attention,
    blocks,
    contraction,
    controls,
    convolutions,
    cumulative,
    definite,
    embeddings,
    floats,
    fourier,
    geometry,
    guards,
    indexing,
    integers,
    losses,
    matrices,
    networks,
    normalizations,
    ordering,
    randoms,
    recurrent,
    rotary,
    rotations,
    sampled,
    shaping,
    spatials,
    specials,
    specials_gradients,
    specials_more,
    specials_stats,
    specials_warp,
    statistics,
    tiles,
    training,
    transformed,
    transforms,
    windows,
)

MODULES = (
    *(floats, guards, matrices, rotations, transforms, spatials, tiles),
    *(specials_warp, integers, geometry, randoms),
    *(specials, specials_more, specials_stats, specials_gradients),
    *(shaping, ordering, cumulative, statistics, indexing),
    *(definite, algebra, contraction, fourier, sampled, windows, controls, transformed),
    *(blocks, normalizations, attention, rotary, networks, recurrent, embeddings),
    *(convolutions, losses, training),
)


def _joined(tables: list[dict]) -> dict:
    joined = {name: value for table in tables for name, value in table.items()}
    if len(joined) != sum(map(len, tables)):
        names = [name for table in tables for name in table]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise AssertionError(f"two tables have a row of the same name: {', '.join(twice)}")
    return joined


OPERATIONS: dict[str, Operation] = _joined([{r.name: r for r in m.ROWS} for m in MODULES])
WARP: dict[str, Spelling] = _joined([m.WARP for m in MODULES])
JAX: dict[str, Spelling] = _joined([m.JAX for m in MODULES])
TILE: dict[str, Spelling] = tiles.TILE

# Families whose operations a family's kernels may use beside their own and the plain ones. No two
# families name each other, even in a round: which one a kernel belongs to can be read off it.
_COMPANIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "warp": {
        "matrix": ("vector",),
        "geometry": ("vector",),
        "random": ("vector",),
        "quaternion": ("vector", "matrix"),
        "transform": ("vector", "matrix", "quaternion"),
        "spatial": ("vector", "matrix", "quaternion", "transform"),
        "integer": ("special",),
    },
    "jax": {"random": ("integer",)},
    "tile": {},
}


def companions(language: str, family: str) -> tuple[str, ...]:
    """Return the families beside its own whose operations a family's kernels may use."""
    return _COMPANIONS[language].get(family, ())


def families(language: str) -> tuple[str, ...]:
    """Return the families that a language has operations of, in the order of the tables."""
    spelled = {"warp": WARP | TILE, "jax": JAX, "tile": TILE}[language]
    found = dict.fromkeys(row.family for row in OPERATIONS.values() if row.name in spelled)
    return tuple(name for name in found if name not in ("", "vector"))


COMPARISONS: dict[str, Callable] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
