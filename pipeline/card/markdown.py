"""Pieces of Markdown: tables, fences that hold any text, numbers as people read them, a whole row.

Nothing here escapes HTML: it is for text of this project, and for rows inside fences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from extractors.outcomes import COLUMNS
from verification.rows import sources

NONE = "-"
LANGUAGES = {"python": "python", "cpp": "cpp", "cuda": "cuda"}  # of fences; none knows HLO


def table(head: Sequence[str], lines: Iterable[Sequence[str]], right: bool = False) -> str:
    """A table; with ``right`` all columns but the first stand on the right."""
    rule = ["---", *["---:" if right else "---"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(_cell, cells))} |" for cells in (head, rule, *lines))


def _cell(text: str) -> str:
    """One line, its bars escaped: a table would take them for borders, also inside of code."""
    return " ".join(re.sub(r"(?<!\\)\|", r"\\|", text).split("\n"))


def code(text: str) -> str:
    """Any text on one line as code."""
    text = " ".join(text.splitlines())
    ticks = "`" * (_longest_ticks(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str, language: str = "") -> str:
    """A text as a block of code, whatever is in it."""
    ticks = "`" * max(3, _longest_ticks(text) + 1)
    text = text.strip("\n")
    return f"{ticks}{language}\n{text}\n{ticks}"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def folded(summary: str, inside: str) -> str:
    """What opens on a click; ``summary`` is HTML."""
    return f"<details><summary>{summary}</summary>\n\n{inside}\n\n</details>"


def example(config: str, row: Mapping[str, Any]) -> str:
    """A whole row: its Python in blocks, its compiled texts in blocks that fold, the rest as JSON.

    An empty text has no block: it stands in the JSON.
    """
    rest = dict(row)
    parts = [fence(rest.pop(name), "python") for name in sources(config)]
    for column in COLUMNS[config]:
        if not rest[column]:
            continue
        text = rest.pop(column).strip("\n")
        language = LANGUAGES.get(column, "") if config != "stablehlo" else ""
        told = f"<code>{column}</code>, {number(text.count(chr(10)) + 1)} lines"
        parts.append(folded(told, fence(text, language)))
    told = json.dumps(rest, indent=1, ensure_ascii=False)
    told = re.sub(r"\n {3,}|\n  (?=[}\]])", " ", told)
    return "\n\n".join([*parts, folded("the other columns", fence(told, "json"))]) + "\n"


def number(value: int) -> str:
    """With thousands separators."""
    return f"{value:,}"


def counted(value: int, what: str) -> str:
    """As in "1 row", "2,000 rows"."""
    return f"{number(value)} {what}{'' if value == 1 else 's'}"


def rounded(value: int) -> str:
    """To two significant digits, for what is only known so well."""
    digits = max(0, len(str(abs(value))) - 2)
    return number(round(value, -digits))


def megabytes(size: int) -> str:
    """A size in bytes as MB of a million."""
    value = size / 1e6
    places = 0 if value >= 100 else 1 if value >= 1 else 2
    return f"{value:,.{places}f} MB" if value >= 0.01 else "under 0.01 MB"


def share(part: int, whole: int) -> str:
    """A share in per cent: "100 %" and "0 %" are exact, whatever is near them says so."""
    if not whole:
        return NONE
    if part in (0, whole):
        return "100 %" if part else "0 %"
    value = 100 * part / whole
    if value > 99.9 or value < 0.1:
        return "over 99.9 %" if value > 50 else "under 0.1 %"
    return f"{value:.1f} %"


def listed(words: Sequence[str]) -> str:
    """As in "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
