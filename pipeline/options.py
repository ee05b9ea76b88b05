"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jit_synthesis import LEVELS, SPLITS, TIERS

Seed = Annotated[int, typer.Option(help="Rows are a function of seed, split and index.")]
Split = Annotated[str, typer.Option(help=f"One of {', '.join(SPLITS)}: they share no structure.")]
Device = Annotated[
    str, typer.Option(help="Of the columns cpp and cuda, which to fill; jax has none.")
]
Mode = Annotated[
    str | None,
    typer.Option(
        help="forward, backward or both.",
        show_default="both; forward for stablehlo",
    ),
]
Extended = Annotated[
    bool, typer.Option("--extended", help="Add the kernel types beyond the ten of all configs.")
]
Categories = Annotated[
    str | None,
    typer.Option(
        help="Kernel types, as in branch,loop; an unknown one lists them.",
        show_default="the ten, or all with --extended",
    ),
]
Preamble = Annotated[
    bool,
    typer.Option("--preamble", help="warp and paired: keep what Warp prints before each kernel."),
]
Verify = Annotated[
    str | None,
    typer.Option(
        help=f"Up to which tier to show each row right: {', '.join(LEVELS)}.",
        show_default="extract, or what --min-verified needs",
    ),
]
MinVerified = Annotated[
    str | None,
    typer.Option(
        help=f"Replace kernels that reach less: {', '.join(TIERS)}.", show_default="keep them"
    ),
]
Count = Annotated[int, typer.Option(help="Rows to write.")]
Output = Annotated[
    Path | None,
    typer.Option(
        help="File to write; its suffix, .jsonl or .parquet, says how.",
        show_default="CONFIG.jsonl in this folder",
    ),
]
Jsonl = Annotated[bool, typer.Option("--jsonl", help="Write JSONL whatever the suffix is.")]
Workers = Annotated[
    int | None, typer.Option(help="Compilers to run at once.", show_default="one a usable core")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
