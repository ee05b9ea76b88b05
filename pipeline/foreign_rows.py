"""Rows of a file that anyone hands over, read one by one and checked before anything uses them."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from extractors.outcomes import COLUMNS, PAIRED
from verification import DEFAULT_MODES, sources
from verification.foreign import read_row

LINE_BYTES = 1 << 26  # of one row in JSONL
TEXT_LENGTH = 1 << 20  # of one kernel
ELEMENTS = 1 << 26  # of all arguments of a kernel together
GROUP_ROWS = 64  # of Parquet in memory at once
ROLES = ("input", "output", "launch")

_DTYPE = re.compile(r"[a-z]+(_[a-z]+)?[0-9]*[a-z]*")
_WARP_ENTRY = re.compile(r"_c(?:pu|uda)_kernel_(forward|backward)\(")
_MODULE = re.compile(r"^(?:module @|HloModule )", re.MULTILINE)
_PREAMBLE = '#include "builtin.h"'


@dataclass(frozen=True)
class Row:
    """A row as read: ``number`` counts from 1; ``columns`` is None where ``unreadable`` says why.

    In JSONL the number is that of the line.
    """

    number: int
    columns: dict[str, Any] | None
    unreadable: str = ""


@dataclass(frozen=True)
class Claim:
    """What is to be found out about a row, and what the row says of it.

    ``request`` goes into the sandbox; ``texts`` and ``hashes``, by column, stay outside.
    """

    config: str
    request: dict[str, Any]
    texts: dict[str, str]
    hashes: dict[str, str]


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its suffix or its first bytes."""
    with path.open("rb") as file:
        return path.suffix == ".parquet" or file.read(4) == b"PAR1"


def count_rows(path: Path) -> int:
    """Rows of a file, as far as it can be read. OSError for Parquet that is cut short."""
    if is_parquet(path):
        return _opened(path).metadata.num_rows
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            count, last = count + part.count(b"\n"), part[-1:]
    return count + (last != b"\n")


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file in order; one that cannot be read is given with the reason.

    OSError, naming the file, for Parquet that is cut short.
    """
    return _parquet_rows(path) if is_parquet(path) else _jsonl_rows(path)


def _jsonl_rows(path: Path) -> Iterator[Row]:
    number = 0
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES):
            number += 1
            if len(line) == LINE_BYTES and not line.endswith(b"\n"):
                while (rest := file.readline(LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield Row(number, None, f"a line of over {LINE_BYTES >> 20} MB")
            elif line.strip():
                yield _parsed(number, line)


def _parsed(number: int, line: bytes) -> Row:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {error}")
    if not isinstance(found, dict):
        return Row(number, None, f"not a JSON object but {type(found).__name__}")
    return Row(number, found)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowException as error:
        why = str(error).splitlines()[0]
        raise OSError(f"{path} cannot be read as Parquet, is it cut short? {why}") from None


def _parquet_rows(path: Path) -> Iterator[Row]:
    file = _opened(path)
    number = 0
    for group in range(file.num_row_groups):
        end = number + file.metadata.row_group(group).num_rows
        try:
            for batch in file.iter_batches(GROUP_ROWS, row_groups=[group]):
                for columns in batch.to_pylist():
                    number += 1
                    yield Row(number, columns)
        except (pa.ArrowException, OSError, ValueError) as error:
            why = f"rows {number + 1} to {end} cannot be read: {error}"
            yield Row(number + 1, None, why.splitlines()[0])
            number = end


def config_of(columns: dict[str, Any]) -> str:
    """The config whose columns a row has, by their names and, of two of the same, by the texts."""
    if "python_warp" in columns:
        return PAIRED
    if any(column in columns for column in COLUMNS["jax"]):
        return "jax"
    texts = [columns.get("cpp"), columns.get("cuda")]
    of_jax = any(isinstance(text, str) and _MODULE.match(text) for text in texts)
    return "stablehlo" if of_jax else "warp"


def claim_of(row: Row, config: str | None = None) -> Claim:
    """What a row claims, as a row of ``config``; ValueError names the column that is no good."""
    columns = row.columns
    if columns is None:
        raise ValueError(row.unreadable)
    config = config or config_of(columns)
    pythons = [_text(columns, column) for column in sources(config)]
    for column, text in zip(sources(config), pythons, strict=True):
        if not text.strip():
            raise ValueError(f"no {column} in it")
    name = _text(columns, "kernel_name")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"kernel_name {name[:40]!r} is not a name")
    claimed = {column: _text(columns, column, 1 << 26) for column in COLUMNS[config]}
    claimed = {column: text for column, text in claimed.items() if text}
    if not claimed:
        raise ValueError(f"no compiled text in {', '.join(COLUMNS[config])}: nothing to compare")
    inputs, known = _inputs(columns.get("inputs"))
    request = {
        "language": config,
        "python": pythons[0],
        "twin": pythons[1] if config == PAIRED else "",
        "name": name,
        "inputs": inputs,
        "jobs": [
            {
                "language": half,
                "twin": config == PAIRED and half == "jax",
                **_options(half, claimed),
            }
            for half in (("warp", "jax") if config == PAIRED else (config,))
            if any(column in claimed for column in COLUMNS[half])
        ],
        "runs": known,
        "alone": False,
    }
    try:
        read_row(request)
    except Exception as error:  # noqa: BLE001  whatever it is, it is the row's
        raise ValueError(f"inputs: {error}") from None
    hashes = {column: columns.get(column) for column in ("fingerprint", "structure")}
    return Claim(config, request, claimed, {k: str(v) for k, v in hashes.items() if v is not None})


def _text(columns: dict[str, Any], column: str, limit: int = TEXT_LENGTH) -> str:
    value = columns.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{column} is not text but {type(value).__name__}")
    if len(value) > limit:
        raise ValueError(f"{column} has {len(value)} characters, more than {limit}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{column} is not Unicode text") from None
    return value


def _options(language: str, claimed: dict[str, str]) -> dict[str, Any]:
    """With which options the texts were made, told from the texts."""
    texts = [claimed[column] for column in COLUMNS[language] if column in claimed]
    device = "both"
    if language != "jax" and len(texts) == 1:
        device = "cpu" if "cpp" in claimed else "cuda"
    if language == "warp":
        # An adjoint or the forward entry is left out of the whole text or stands in it.
        parts = {part for text in texts for part in _WARP_ENTRY.findall(text)}
    elif language == "jax":
        parts = {"backward"} if "hlo_backward" in claimed else set()
        parts |= {"forward"} if {"hlo_forward", "hlo_optimized"} & claimed.keys() else set()
    else:
        heads = [text[found.end() :] for text in texts for found in _MODULE.finditer(text)]
        grads = [re.match(r"\w+_grad\b", head) is not None for head in heads]
        parts = {"backward" if grad else "forward" for grad in grads}
    mode = DEFAULT_MODES[language] if not parts else "both" if len(parts) == 2 else parts.pop()
    preamble = language == "warp" and all(_PREAMBLE in text for text in texts)
    return {"device": device, "mode": mode, "preamble": preamble}


def _inputs(value: Any) -> tuple[list[dict[str, Any]], bool]:
    """The arguments of a row, and whether they say what to run it on.

    Rows of a user's own kernels do not: what no compiler needs is left out of those.
    """
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError("inputs is not a list of structs")
    known = not value or any(entry.get("low") is not None for entry in value)
    checked = []
    elements = 0
    for entry in value:
        where = f"inputs, {str(entry.get('name'))[:40]!r}:"
        if not known:
            if entry.get("role") is None or entry.get("shape") is None:
                continue
            entry = entry | {"low": 0.0, "high": 0.0}
        if not isinstance(entry.get("name"), str):
            raise ValueError(f"{where} name is not text")
        if entry.get("role") not in ROLES:
            raise ValueError(f"{where} role is not one of {', '.join(ROLES)}")
        dtype, shape = entry.get("dtype"), entry.get("shape")
        if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
            raise ValueError(f"{where} dtype {str(dtype)[:40]!r} is not a dtype")
        if not isinstance(shape, list) or not all(_is_size(size) for size in shape):
            raise ValueError(f"{where} shape is not a list of sizes")
        bounds = [entry.get("low"), entry.get("high")]
        if not all(_is_number(bound) for bound in bounds):
            raise ValueError(f"{where} low and high are not finite numbers")
        elements += math.prod(shape)
        if len(shape) > 8 or elements > ELEMENTS:
            raise ValueError(f"{where} more than {ELEMENTS} elements or 8 axes")
        kept = ("name", "role", "dtype", "shape")
        checked.append(
            {k: entry[k] for k in kept} | {"low": float(bounds[0]), "high": float(bounds[1])}  # pyright: ignore
        )
    return checked, known


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ELEMENTS


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) < 1e300
