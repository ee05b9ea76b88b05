"""The command ``browse``: a page to look at the rows of a file with."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from pipeline.browse import ROWS, page_path, write_page
from pipeline.foreign_rows import count_rows
from pipeline.options import Overwrite
from pipeline.progress import Bar, err


def browse(
    file: Annotated[Path, typer.Argument(help="Rows as JSONL or Parquet, of any config.")],
    output: Annotated[
        Path | None, typer.Option(help="File to write.", show_default="FILE with .html")
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows to take, from the first on.")] = ROWS,
    overwrite: Overwrite = False,
) -> None:
    """Write a page to browse rows with: one HTML file that needs no network.

    Search, filters, Python beside its compiled forms; of Warp's, the lines that a source line
    became light up with it.

    jit-synthesis browse data/large.parquet

    jit-synthesis browse mine.jsonl --output mine.html --rows 5000
    """
    path = page_path(file, output, rows, overwrite)
    bar = Bar(file.name, min(count_rows(file), rows), "unreadable")
    with bar if err.is_terminal else nullcontext():
        made = write_page(file, path, rows=rows, progress=bar.add)
    size = path.stat().st_size
    told = [f"{path}: {made.rows} rows, {size / 1e6:.1f} MB"]
    if made.left_out:
        told.append(f"the last {made.left_out} rows of the file are left out: --rows takes more")
    if made.unreadable:
        told.append(f"{len(made.unreadable)} rows cannot be shown, the first {made.unreadable[0]}")
    for line in told:
        err.print(line, markup=False)
