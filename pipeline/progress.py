"""What a run shows on stderr: a bar while it lasts, and in the end what came of it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.export import Exported

err = Console(stderr=True, highlight=False, soft_wrap=True)


class InterruptedRun(Exception):
    """Ctrl-C, and what has become of the work."""


class Bar(Progress):
    """Rows done, rows a second, rejections (or what ``failing`` is) and time left."""

    def __init__(self, title: str, count: int, failing: str = "rejected", *more: str) -> None:
        """``more`` are columns as Rich formats them, of the task and its field ``told``."""
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]} rows/s"),
            TextColumn(f"{{task.fields[rejected]}} {failing}"),
            *map(TextColumn, more),
            TimeRemainingColumn(),
            console=err,
            transient=True,
        )
        self.shown = self.add_task(title, total=count, rejected=0, pace="-", told="")

    def add(self, rows: int, rejections: int) -> None:
        """Count what was added."""
        task = self.tasks[0]
        self.update(
            self.shown,
            advance=rows,
            rejected=task.fields["rejected"] + rejections,
            pace=f"{task.speed:.0f}" if task.speed else "-",
        )


def summarise(done: Exported, path: Path, seconds: float) -> None:
    """Print what an export did: rows, pace, the yield, and the reasons met most."""
    new = done.rows - done.resumed
    kept = f", {done.resumed} of them from an earlier run" if done.resumed else ""
    err.print(
        f"{path}: {done.rows} rows{kept}, {seconds:.1f} s, {new / max(seconds, 1e-9):.1f} rows/s, "
        f"{done.found.replaced} kernels rejected and replaced"
    )
    head, *lines = done.found.table()
    table = Table(*head, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for line in lines:
        table.add_row(*line)
    err.print(table)
    for reason in done.found.told()["reasons"][:10]:
        kept = "kept" if reason["kept"] else "replaced"
        told = f"{reason['stage']}: {reason['reason']} ({reason['repro']})"
        err.print(f"  {reason['count']} {kept}, {told}", markup=False)
