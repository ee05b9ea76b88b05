"""What the README shows of rows, columns and tiers, between its markers; run this to renew it."""

from __future__ import annotations

import re
from pathlib import Path

from jit_synthesis import CONFIGS, JitSynthesisConfig, rows
from pipeline.card import columns
from pipeline.card.markdown import example, table

README = Path(__file__).parent.parent / "README.md"
MARK = re.compile(r"<!-- row (\w+) (\d+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
TABLES = {
    "columns": lambda: table(
        ("column", "configs", "type", "what it holds"), columns.lines(CONFIGS, more=True)
    ),
    "tiers": lambda: table(
        ("tier", "shown"), [(f"`{tier}`", told) for tier, told in columns.TIERS.items()]
    ),
}


def shown(config: str, index: int) -> str:
    """Return a row as Markdown: its texts in blocks that fold, the rest as JSON."""
    options = JitSynthesisConfig(config, num_train=index + 1)
    [row] = rows(options, "train", index, index + 1)
    return f"**`{config}`**\n\n{example(config, row)}"


def renewed(text: str) -> str:
    """Return the README's text with its rows and tables made now."""
    for name, made in TABLES.items():
        head, marked, rest = text.partition(f"<!-- {name} -->\n")
        _, end, tail = rest.partition(f"<!-- end {name} -->")
        text = f"{head}{marked}{made()}\n{end}{tail}"
    return MARK.sub(
        lambda m: f"<!-- row {m[1]} {m[2]} -->\n{shown(m[1], int(m[2]))}<!-- end -->\n", text
    )


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
