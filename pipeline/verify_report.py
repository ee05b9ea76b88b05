"""What a verification found, for people and for machines."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

import extractors
from pipeline.verify import Difference, Verified

HEADS = {"row": "row", "id": "id", "kernel_name": "kernel", "stage": "stage", "what": "what"}


def print_differences(found: list[Difference], as_json: bool) -> None:
    """Print a table of what differs, or a line of JSON for each; nothing where nothing does."""
    if as_json:
        for one in found:
            print(json.dumps(asdict(one)))
    elif found:
        table = Table(*HEADS.values())
        table.columns[-1].overflow = "fold"
        for one in found:
            table.add_row(*(Text(str(getattr(one, name))) for name in HEADS))
        Console(highlight=False).print(table)


def summary(done: Verified) -> list[str]:
    """What there is to say in the end, a line each."""
    whole = "rows verified" if not done.differences else f"rows, {done.failed} differ"
    lines = [f"{done.rows} {whole}: {done.compiled} compiled to the same texts, {done.ran} ran"]
    if done.not_run:
        lines.append(f"{done.not_run} were not run: their inputs name no interval to draw from")
    if done.alone:
        what = "do more than define a kernel: what they compile to and that they ran"
        lines.append(f"{done.alone} {what} is only as true as their code")
    if any(one.stage == "compare" for one in done.differences):
        lines.append(f"compared with what {_versions(done)} make; other versions print other texts")
    return lines


def _versions(done: Verified) -> str:
    versions: dict[str, str] = {}
    for config in sorted(done.configs):
        versions |= extractors.toolchain(config)
    return ", ".join(f"{name} {version}" for name, version in versions.items())
