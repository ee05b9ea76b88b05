"""Verification: rows made from kernels and their texts, each with what was shown for it."""

from __future__ import annotations

from verification.lazy import LazyRow
from verification.rows import (
    BATCH,
    DEFAULT_MODES,
    TIERS,
    Compiler,
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

__all__ = [
    "BATCH",
    "DEFAULT_MODES",
    "TIERS",
    "Compiler",
    "LazyRow",
    "Options",
    "Rejection",
    "attempt",
    "differing",
    "repro_command",
    "row_key",
    "rows",
    "sources",
    "warn",
]
