"""What a run of a million rows or more takes, by measured costs: writes a table of docs/scale.md.

``python benchmarks/plan.py``; CPU a row is the README's, bytes a row are those of `scale.json`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.card.markdown import table
from pipeline.shards import SHARD_ROWS

HERE = Path(__file__).parent
README, MADE, DOC = HERE.parent / "README.md", HERE / "scale.json", HERE.parent / "docs/scale.md"
MARK = re.compile(r"(<!-- plan -->\n).*?(<!-- end plan -->)", re.DOTALL)
FOLDER = 10_000  # files that the Hub wants at most in a folder; a shard has a record beside it
ROWS = (10**6, 10**8, 10**9)
CORES = 1000
EXTRACTED = r"\| `{}`: CPU a row, beside the plain method .*?: ([\d.]+) ms beside"
VERIFIED = r"\| `{}`: `verify=\"gradient\"` .*?: ([\d.]+) rows/s and core beside"


@dataclass(frozen=True)
class Plan:
    """A run: milliseconds of CPU and bytes a row, and rows of a shard."""

    config: str
    level: str
    rows: int
    ms: float
    row_bytes: float
    shard_rows: int

    @property
    def core_hours(self) -> float:
        """CPU hours of all rows."""
        return self.rows * self.ms / 3.6e6

    @property
    def shards(self) -> int:
        """Shards of train."""
        return -(-self.rows // self.shard_rows)

    @property
    def lost_minutes(self) -> float:
        """CPU minutes of a whole shard: the most that a death costs."""
        return self.shard_rows * self.ms / 6e4


def fitting(rows: int) -> int:
    """The least power of two, from the default on, with which shards and records fit a folder."""
    size = SHARD_ROWS
    while 2 * -(-rows // size) >= FOLDER:
        size *= 2
    return size


def milliseconds(readme: str, config: str, level: str) -> float:
    """CPU of a row; ValueError where the README does not tell it."""
    pattern = VERIFIED if level == "gradient" else EXTRACTED
    found = re.search(pattern.format(config), readme)
    if found is None:
        raise ValueError(f"README.md has no line for {config} at {level}: make bench")
    number = float(found[1])
    return 1000 / number if level == "gradient" else number


def plans(readme: str, made: list[dict]) -> list[Plan]:
    """The plan of each config and tier at each size."""
    sizes = {run["config"]: run["bytes"] / run["rows"] for run in made}
    return [
        Plan(config, level, rows, milliseconds(readme, config, level), size, fitting(rows))
        for config, size in sizes.items()
        for level in ("extract", "gradient")
        for rows in ROWS
    ]


def told(readme: str, made: list[dict]) -> str:
    """The plans as Markdown."""
    head = ["config", "tier", "rows", "CPU ms a row", "core-hours", f"hours on {CORES:,} cores"]
    head += ["GB", "`--shard-rows`", "shards", "MB a shard", "minutes a shard"]
    lines = [
        [
            f"`{plan.config}`",
            plan.level,
            f"10^{len(str(plan.rows)) - 1}",
            f"{plan.ms:.1f}",
            f"{plan.core_hours:,.1f}" if plan.core_hours < 10 else f"{plan.core_hours:,.0f}",
            f"{plan.core_hours / CORES:,.2f}",
            f"{plan.rows * plan.row_bytes / 1e9:,.0f}",
            f"{plan.shard_rows:,}",
            f"{plan.shards:,}",
            f"{plan.shard_rows * plan.row_bytes / 1e6:,.0f}",
            f"{plan.lost_minutes:,.1f}",
        ]
        for plan in plans(readme, made)
    ]
    return table(head, lines)


def renewed(text: str) -> str:
    """The document with the plan of now."""
    content = told(README.read_text(encoding="utf-8"), json.loads(MADE.read_text()))
    return MARK.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


if __name__ == "__main__":
    DOC.write_text(renewed(DOC.read_text(encoding="utf-8")), encoding="utf-8")
