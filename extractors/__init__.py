"""Extractors: a kernel's source text in, what the real JIT made of it out."""

from __future__ import annotations

from .jobs import extract_job, translation_unit
from .outcomes import COLUMNS, Extracted, Job, Outcome, Rejected, UserKernel
from .toolchain import check_toolchain, toolchain
from .user_files import extract
from .workers import Extractor

__all__ = [
    "COLUMNS",
    "Extracted",
    "Extractor",
    "Job",
    "Outcome",
    "Rejected",
    "UserKernel",
    "check_toolchain",
    "extract",
    "extract_job",
    "toolchain",
    "translation_unit",
]
