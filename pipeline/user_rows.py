"""Rows from kernels that a user wrote: the same columns, null where generation would have known."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import generators
from extractors import Rejected, UserKernel
from extractors.outcomes import LANGUAGES
from jit_synthesis import FEATURES
from pipeline.export import check_output, file_format
from pipeline.parquet import write_parquet
from pipeline.parts import sync

_SHAPED = re.compile(r"(\w+)\[([\d,]*)\]")  # of JAX: float32[8,16]
_ARRAY = re.compile(r"\w+\(ndim=\d+, dtype=(.+)\)")  # of Warp: array(ndim=1, dtype=vec3)


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
    """An argument: of a user's kernel its values are not known, and of Warp's neither its role.

    ``shape`` is null for a Warp array, [] for what is no array.
    """
    role, dtype, shape = None, spelled, []
    if shaped := _SHAPED.fullmatch(spelled):
        role, dtype = "input", shaped[1]
        shape = [int(size) for size in shaped[2].split(",") if size]
    elif array := _ARRAY.fullmatch(spelled):
        dtype, shape = array[1], None
    return {"name": name, "role": role, "dtype": dtype, "shape": shape, "low": None, "high": None}


def _or_none(hashed: Any, python: str) -> str | None:
    try:
        return hashed(python)
    except SyntaxError:  # a method's source, as found, may not stand by itself
        return None


def check_options(
    function: str | None, inputs: str | None, config: str | None, deadline: float
) -> None:
    """Refuse options of ``extract`` that make no sense together, in words of the command line."""
    if not deadline > 0:
        raise ValueError(f"--deadline {deadline:g} must be more than 0")
    if config is not None and config not in LANGUAGES:
        choices = ", ".join(LANGUAGES)
        raise ValueError(f"unknown config {config!r}: choose from {choices}")
    if config == "warp" and inputs is not None:
        raise ValueError("--inputs is for JAX functions: a Warp kernel declares its own types")
    if inputs is not None and not function:
        raise ValueError("name the JAX function to extract: --function f")
    if config not in (None, "warp") and inputs is None:
        raise ValueError('a JAX function needs its argument types: --inputs "f32[8,16],i32[]"')


def complaint(file: Path, kernel: UserKernel) -> str | None:
    """What there is to say of a kernel in one line: no row, or a text that is not whole."""
    place = f"{file}:{kernel.line}" if kernel.line else f"{file}"
    if isinstance(kernel.outcome, Rejected):
        why = f"{kernel.outcome.stage}: {kernel.outcome.reason}"
        of_file = kernel.outcome.stage == "import" and not kernel.line
        return f"{place}: {why}" if of_file else f"{place}: {kernel.name}: {why}"
    if kernel.self_contained:
        return None
    return f"{place}: {kernel.name}: its python text needs more of {file.name} than it holds"


def check_user_output(output: Path, jsonl: bool, overwrite: bool) -> None:
    """Refuse, with ValueError, an output that could not be written in the end."""
    file_format(output, jsonl)
    check_output(output.absolute(), overwrite)


def write_rows(rows: list[dict[str, Any]], language: str, output: Path, jsonl: bool) -> None:
    """Write rows to a JSONL or Parquet file, whole or not at all."""
    beside = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        if file_format(output, jsonl) == ".parquet":
            write_parquet(beside, rows, FEATURES[language])
        else:
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            beside.write_text("".join(lines), encoding="utf-8", newline="")
        sync(beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
