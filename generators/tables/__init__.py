"""The tables: every operation, and how it is spelled in each language that has it.

A module holds ``ROWS`` and the spellings ``WARP`` and ``JAX`` keyed by the rows' names. Adding an
operation is one line in each table that it takes part in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generators.operations import Operation
from generators.spellings import Spelling
from generators.tables import floats

_MODULES = (floats,)


def _joined(tables: list[dict]) -> dict:
    joined = {name: value for table in tables for name, value in table.items()}
    if len(joined) != sum(map(len, tables)):
        raise AssertionError("two tables have a row of the same name")
    return joined


OPERATIONS: dict[str, Operation] = _joined([{r.name: r for r in m.ROWS} for m in _MODULES])
WARP: dict[str, Spelling] = _joined([m.WARP for m in _MODULES])
JAX: dict[str, Spelling] = _joined([m.JAX for m in _MODULES])
COMPARISONS: dict[str, Callable] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
