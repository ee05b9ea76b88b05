"""Rows from kernels that a user wrote: the same columns, null where generation would have known."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import generators
from extractors import Rejected, UserKernel
from jit_synthesis import FEATURES
from pipeline.export import check_output, file_format, write_parquet
from pipeline.parts import sync


def user_rows(kernels: list[UserKernel]) -> list[dict[str, Any]]:
    """A row for each kernel that compiled, ``id`` counting from 0."""
    made = [kernel for kernel in kernels if not isinstance(kernel.outcome, Rejected)]
    return [_row(number, kernel) for number, kernel in enumerate(made)]


def _row(number: int, kernel: UserKernel) -> dict[str, Any]:
    known = {
        "id": number,
        "kernel_name": kernel.name,
        "python": kernel.python,
        **kernel.texts,
        "type": "extract",
        "inputs": [_input(name, spelled) for name, spelled in kernel.arguments],
        "verified": "extracted",
        "fingerprint": _or_none(generators.fingerprint, kernel.python),
        "structure": _or_none(generators.structure, kernel.python),
    }
    return {column: known.get(column) for column in FEATURES[kernel.language]}


def _input(name: str, spelled: str) -> dict[str, Any]:
    """An argument: of a user's kernel only its name and type are known."""
    unknown = {"shape": None, "low": None, "high": None}
    return {"name": name, "role": None, "dtype": spelled, **unknown}


def _or_none(hashed: Any, python: str) -> str | None:
    try:
        return hashed(python)
    except SyntaxError:  # a method's source, as found, may not stand by itself
        return None


def check_user_output(output: Path, jsonl: bool, overwrite: bool) -> None:
    """Refuse, with ValueError, an output that could not be written in the end."""
    file_format(output, jsonl)
    check_output(output.absolute(), overwrite)


def write_rows(rows: list[dict[str, Any]], language: str, output: Path, jsonl: bool) -> None:
    """Write rows to a JSONL or Parquet file, whole or not at all."""
    beside = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    try:
        if file_format(output, jsonl) == ".parquet":
            write_parquet(beside, lines, FEATURES[language])
        else:
            beside.write_text("".join(lines), encoding="utf-8", newline="")
        sync(beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
