"""One page to look at rows with: a self-contained HTML file that fetches nothing.

The texts stand in it in blocks, compressed and in base64: no text of a row is ever read as HTML,
and the browser unpacks the block of the row that is looked at. Highlighting happens there too.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq

from extractors.outcomes import COLUMNS
from pipeline.export import check_output
from pipeline.foreign_rows import Row, config_of, count_rows, is_parquet, read_rows
from pipeline.parquet import labels_of
from pipeline.parts import write_whole
from verification import TIERS, sources

ROWS = 1000  # unless asked for more
BLOCK_ROWS = 64
BLOCK_LENGTH = 1 << 20  # of a block's JSON, where its rows are not fewer
EXACT = 2**53  # integers beyond it are not what they were in JavaScript
FOLDER = Path(__file__).parent / "page"
START = '"use strict"; window.Prism = { manual: true }'
SCRIPTS = (
    *(f"prism/{name}.min.js" for name in ("core", "clike", "c", "cpp", "python")),
    *(f"{name}.js" for name in ("code", "sources", "panes", "list", "browse")),
)
TIER_MEANINGS = {
    "extracted": "the compiler took the text; nothing was run",
    "ran": "the compiled code ran and gave finite output",
    "matched": "its output equals a float64 reference, element by element",
    "gradient": "output and adjoint both equal their references",
}
assert tuple(TIER_MEANINGS) == TIERS

_SLOT = re.compile(r"<!--(\w+)-->")


@dataclass(frozen=True)
class Browsed:
    """What a page holds: rows, rows that ``--rows`` left out, and what could not be read."""

    rows: int
    left_out: int
    unreadable: tuple[str, ...]


def page_path(file: Path, output: Path | None, rows: int, overwrite: bool) -> Path:
    """Where the page of a file goes; ValueError, before any row is read, for what would not work.

    Without ``output`` it stands beside the file, with the suffix ``.html``.
    """
    if rows < 1:
        raise ValueError(f"rows={rows} must be 1 or more")
    if not file.exists():
        raise ValueError(f"no such file: {file}")
    if file.is_dir():
        raise ValueError(f"{file} is a folder: name a .jsonl or .parquet file in it")
    output = output or file.with_suffix(".html")
    if output.suffix not in (".html", ".htm"):
        raise ValueError(f"output {output} must end in .html")
    if output.resolve() == file.resolve():
        raise ValueError(f"output {output} is the file to read: give another --output")
    check_output(output.absolute(), overwrite)
    return output


def write_page(
    file: Path,
    output: Path,
    *,
    rows: int = ROWS,
    progress: Callable[[int, int], None] = lambda rows, unreadable: None,
) -> Browsed:
    """Write the page of the first ``rows`` rows of a file, whole or not at all.

    ``progress`` is told of rows and of what is unreadable as they are read. The bytes are a
    function of the file's name and content and of ``rows``. Raises ValueError for a file that
    holds no row, OSError for Parquet that is cut short.
    """
    made = _Page(file, rows, progress)
    write_whole(output.absolute(), made.pieces())
    return Browsed(len(made.index), made.left_out, tuple(made.unreadable))


class _Page:
    """A page as it is written: the index is known when the last block is out."""

    def __init__(self, file: Path, rows: int, progress: Callable[[int, int], None]) -> None:
        self.file = file
        self.rows = rows
        self.progress = progress
        self.index: list[list[Any]] = []
        self.starts: list[int] = []  # the first row of each block
        self.unreadable: list[str] = []
        self.left_out = 0

    def pieces(self) -> Iterator[str]:
        """The page in order, in pieces that need not be held together."""
        script = ";\n".join([START, *map(_source, SCRIPTS)])
        style = _source("browse.css")
        parts = {
            "title": html.escape(self.file.name),
            "policy": _policy(script, style),
            "style": f"<style>{style}</style>",
            "licence": _source("prism/LICENSE").strip(),
            "script": f"<script>{script}</script>",
        }
        slots = _SLOT.split(_source("browse.html"))
        for text, slot in zip(slots[::2], [*slots[1::2], ""], strict=True):
            yield text
            if slot == "data":
                yield from self._data()
            elif slot:
                yield parts[slot]

    def _data(self) -> Iterator[str]:
        total = count_rows(self.file)
        if total == 0:
            raise ValueError(f"{self.file} is empty: there is no row to show")
        for block in self._blocks(total):
            self.starts.append(len(self.index) - len(block))
            yield _packed(f"block-{len(self.starts) - 1}", f"[{','.join(block)}]")
        if not self.index:
            what = f"it is not rows of kernels ({self.unreadable[0]})" if self.unreadable else ""
            raise ValueError(f"{self.file} has no row to show: {what or 'it is blank'}")
        self._name_rows()
        about = {
            "file": self.file.name,
            "leftOut": self.left_out,
            "unreadable": self.unreadable[:20],
            "unreadableCount": len(self.unreadable),
            "tiers": TIER_MEANINGS,
            "sources": {config: sources(config) for config in COLUMNS},
            "compiled": COLUMNS,
            "starts": self.starts,
            "rows": self.index,
        }
        yield _packed("about", json.dumps(about))

    def _blocks(self, total: int) -> Iterator[list[str]]:
        """Rows as JSON, in the order of the file."""
        labels = _labels(self.file)
        block: list[str] = []
        for row in read_rows(self.file):
            if len(self.index) == self.rows:
                self.left_out = total - row.number + 1
                break
            try:
                columns = _readable(row, labels)
            except ValueError as error:
                self.unreadable.append(f"row {row.number}: {error}")
                self.progress(0, 1)
                continue
            self.index.append(_entry(columns, row.number))
            block.append(json.dumps(columns))
            self.progress(1, 0)
            if len(block) == BLOCK_ROWS or sum(map(len, block)) > BLOCK_LENGTH:
                yield block
                block = []
        if block:
            yield block

    def _name_rows(self) -> None:
        """Links name a row by its id, or by its place where ids are missing or not unique."""
        found = Counter(entry[0] for entry in self.index)
        if None in found or max(found.values()) > 1:
            for place, entry in enumerate(self.index):
                entry[0] = str(place)


def _readable(row: Row, labels: dict[str, datasets.ClassLabel]) -> dict[str, Any]:
    """A row's columns as JSON values, labels by name; ValueError for what is no row of kernels."""
    if row.columns is None:
        raise ValueError(row.unreadable)
    try:
        columns = {name: _plain(value) for name, value in row.columns.items()}
    except RecursionError:
        raise ValueError("nested too deeply") from None
    for name, label in labels.items():
        value = columns.get(name)
        if isinstance(value, int) and 0 <= value < len(label.names):
            columns[name] = label.names[value]
    config = config_of(columns)
    texts = (*sources(config), *COLUMNS[config])
    if not any(isinstance(columns.get(name), str) and columns[name].strip() for name in texts):
        raise ValueError(f"no text in {', '.join(texts)}")
    return columns


def _entry(columns: dict[str, Any], number: int) -> list[Any]:
    """What the list knows of a row without unpacking its block."""
    identity, operations = columns.get("id"), columns.get("operations")
    return [
        str(identity) if isinstance(identity, int | str) else None,
        str(columns.get("kernel_name") or f"row {number}"),
        config_of(columns),
        *(_word(columns.get(name)) for name in ("type", "category", "verified")),
        columns.get("differentiable"),
        [str(each) for each in operations] if isinstance(operations, list) else [],
    ]


def _word(value: Any) -> str:
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    """A value of a row as JSON that JavaScript reads as what it was."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, int) and not -EXACT <= value <= EXACT:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _labels(file: Path) -> dict[str, datasets.ClassLabel]:
    """The columns of a Parquet file that hold the numbers of names."""
    if not is_parquet(file):
        return {}
    try:
        features = datasets.Features.from_arrow_schema(pq.read_schema(file))
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # its metadata is not what datasets writes: the numbers stay
    return labels_of(features)


def _packed(name: str, text: str) -> str:
    """A block of data: zlib, since its bytes hold no date, in base64."""
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return f'<script type="text/plain" id="{name}">{packed}</script>\n'


def _policy(script: str, style: str) -> str:
    """What the page may do: run its one script. No network, no HTML from text."""
    script, style = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (script, style)
    )
    return (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
