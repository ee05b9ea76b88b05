"""One row on the terminal: the Python beside what it became, highlighted."""

from __future__ import annotations

from typing import Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

import extractors
import verification
from extractors.outcomes import COLUMNS
from jit_synthesis import JitSynthesisConfig
from verification import Made, Rejection, sources

BESIDE = 140  # columns of a terminal from which texts stand beside each other


def find_row(config: JitSynthesisConfig, split: str, index: int, variant: int | None) -> Made:
    """Row ``index`` of a split, or what one variant of it gives; and what is missing of it."""
    with extractors.Extractor(config.name) as compiler:
        if variant is not None:
            return verification.attempt(config, split, [index], variant, compiler)[0]
        missed: list[Rejection] = []
        made = verification.rows(
            config, split, index, index + 1, batch=1, compiler=compiler, on_reject=missed.append
        )
        row = next(made)
    return Made(row, missed[-1] if missed and missed[-1].kept else None)


def print_row(config: str, row: dict[str, Any], console: Console) -> None:
    """Print a row of a config: what is known of it, its Python, and each compiled text."""
    facts = {
        "type": row["type"],
        "category": row["category"],
        "inputs": ", ".join(
            f"{a['name']}: {a['dtype']}{a['shape'] or ''}" for a in row["inputs"] or []
        ),
        "operations": ", ".join(row["operations"] or []),
        "differentiable": row["differentiable"],
        "verified": row["verified"],
        "row_key": row["row_key"],
    }
    told = [f"{name}: {value}" for name, value in facts.items() if value not in (None, "")]
    console.print(Text(f"{row['kernel_name']} (row {row['id']})", style="bold"))
    console.print(Text("\n".join(told)))
    left = [_panel(name, row[name], "python") for name in sources(config)]
    right = []
    for column in COLUMNS[config]:
        if row[column]:
            lexer = (
                column if column in ("cpp", "cuda") and config != "stablehlo" else "llvm"
            )  # the nearest to HLO and StableHLO
            right.append(_panel(column, row[column], lexer))
    console.print(_arranged(left, right, console.width))


def _panel(column: str, text: str, lexer: str) -> Panel:
    code = Syntax(text.strip("\n"), lexer, theme="ansi_dark", word_wrap=True)
    return Panel(code, title=column, title_align="left")


def _arranged(left: list[Panel], right: list[Panel], width: int) -> RenderableType:
    """The Python to the left of the rest where there is room, else one under the other."""
    if width < BESIDE:
        return Group(*left, *right)
    for panel in left:
        panel.width = width // 3
    for panel in right:
        panel.width = width - width // 3 - 1
    return Columns([Group(*left), Group(*right)], padding=(0, 1, 0, 0))
