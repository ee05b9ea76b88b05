"""Verification: rows made from kernels and their texts, each with what was shown for it."""

from __future__ import annotations

from verification.lazy import LazyRow
from verification.rows import (
    BATCH,
    DEFAULT_MODES,
    Compiler,
    Made,
    Options,
    Rejection,
    attempt,
    differing,
    repro_command,
    row_key,
    rows,
    sources,
    warn,
)
from verification.tasks import LEVELS, TIERS, Place, Task, Verdict
from verification.yields import Yield

__all__ = [
    "BATCH",
    "DEFAULT_MODES",
    "LEVELS",
    "TIERS",
    "Compiler",
    "LazyRow",
    "Made",
    "Options",
    "Place",
    "Rejection",
    "Task",
    "Verdict",
    "Yield",
    "attempt",
    "differing",
    "repro_command",
    "row_key",
    "rows",
    "sources",
    "warn",
]
