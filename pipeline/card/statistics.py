"""What is in a dataset, in numbers: counted row by row, joined over shards, bounded in size.

It is told by counts alone, so that shards joined in any order give those of the whole.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from extractors.outcomes import COLUMNS
from verification.rows import sources

TEXTS = tuple(
    dict.fromkeys(
        [column for name in COLUMNS for column in sources(name)]
        + [column for own in COLUMNS.values() for column in own]
    )
)
LINE_BITS = 10  # lines are counted exactly below 1,024
CHARACTER_BITS = 6  # characters in bins of 1.6 to 3.2 % of their size
EVERY = 10  # of the rows are parsed again for the depth of their trees

NAME = re.compile(r"\b(?:jnp|jax|wp)(?:\.[A-Za-z_]\w*)+")
# An instruction of HLO text: its name, its shape (of a tuple, with comments in it), the opcode.
OPCODE = re.compile(r"^ *(?:ROOT )?%?[\w.-]+ = (?:\(.*?\)|\S+) ([a-z][a-z0-9-]*)\(", re.MULTILINE)
# An operation of StableHLO text; attributes and types have a sign before their dialect.
STABLEHLO = re.compile(r"(?<![\w#!.])(?:stablehlo\.|(?=chlo\.))((?:chlo\.)?[a-z_]\w*)")
# A statement of Warp's C++ or CUDA text that calls a built-in, no adjoint.
BUILTIN = re.compile(r"^ *(?:\w+ = )?wp::(?!adj_)(\w+)(?:<[^()=\n]*>)?\(", re.MULTILINE)

Group = tuple[str, Mapping[str, Mapping[str, int]]]  # what is counted, column → name → rows


class Statistics:
    """Counts of rows, by group and name, that add up over shards.

    Groups: ``categories`` (name → tier → rows, and how many are differentiable), ``lines`` and
    ``characters`` (text column → size → rows with a text of it), ``opcodes`` (compiled column →
    opcode, or built-in, or operation → rows), ``names`` (Python column → name of a library →
    rows), ``depths`` (Python column → depth of the syntax tree → rows, every tenth row),
    ``operations`` (``rows``: operation → rows; ``each``: number of them → rows), ``arguments``
    (``dtype`` and ``rank`` → arguments, no launch among them), ``total`` (``rows``; ``texts`` of
    a column; ``characters``).
    """

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, Counter[str]]] = {}

    def _count(self, group: str, name: str, keys: Iterable[str]) -> None:
        self.counts.setdefault(group, {}).setdefault(name, Counter()).update(keys)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row, as it is made: labels by name. A column that is not there is not counted."""
        flags = ("differentiable",) if row["differentiable"] else ()
        self._count("categories", row["category"], (row["verified"], *flags))
        self._count("operations", "rows", set(row["operations"]))
        self._count("operations", "each", [str(len(row["operations"]))])
        arguments = [a for a in row["inputs"] if a["role"] != "launch"]
        self._count("arguments", "dtype", [a["dtype"] for a in arguments])
        self._count("arguments", "rank", [str(len(a["shape"])) for a in arguments])
        totals: Counter[str] = Counter()
        for column in TEXTS:
            text = row.get(column)
            if not text:
                continue
            totals[column] = len(text)
            size = len(text.rstrip("\n"))
            lines = text.count("\n", 0, size) + 1
            self._count("lines", column, [str(floor(lines, LINE_BITS))])
            self._count("characters", column, [str(floor(len(text), CHARACTER_BITS))])
            if column.startswith("python"):
                self._count("names", column, set(NAME.findall(text)))
                if row["id"] % EVERY == 0:
                    self._count("depths", column, [str(depth(ast.parse(text)))])
            elif column != "cuda" or not row.get("cpp") or text.startswith("HloModule"):
                self._count("opcodes", column, opcodes(text))
        self._count("total", "rows", ["all"])
        self._count("total", "texts", totals.keys())
        self.counts["total"].setdefault("characters", Counter()).update(totals)

    def join(self, other: Mapping[str, Any]) -> None:
        """Add what ``told`` returned of another."""
        for group, names in other.items():
            for name, counts in names.items():
                self.counts.setdefault(group, {}).setdefault(name, Counter()).update(counts)

    def told(self) -> dict[str, Any]:
        """All of it as JSON values, keys in order."""
        return {
            group: {name: dict(sorted(counts.items())) for name, counts in sorted(names.items())}
            for group, names in sorted(self.counts.items())
        }


def floor(number: int, bits: int) -> int:
    """The bin of a number: itself up to 2**bits, then rounded down to that many bits."""
    shift = max(0, number.bit_length() - bits)
    return number >> shift << shift


def depth(node: ast.AST) -> int:
    """How deep statements and expressions nest."""
    return 1 + max((depth(child) for child in ast.iter_child_nodes(node)), default=0)


def opcodes(text: str) -> set[str]:
    """What a compiled text is made of: HLO's opcodes, StableHLO's operations, Warp's built-ins."""
    if text.startswith("HloModule"):
        return set(OPCODE.findall(text))
    if text.startswith("module @"):
        return set(STABLEHLO.findall(text))
    return set(BUILTIN.findall(text))


def quantiles(counts: Mapping[str, int], *parts: float) -> list[int]:
    """For each part, the least counted number that so much of all is not above; parts in order.

    Raises ValueError where nothing is counted.
    """
    if not counts:
        raise ValueError("nothing is counted: there are no quantiles")
    numbers = iter(sorted((int(number), rows) for number, rows in counts.items()))
    whole, found = sum(counts.values()), []
    value, below = next(numbers)
    for part in parts:
        while below < part * whole:
            value, rows = next(numbers)
            below += rows
        found.append(value)
    return found


def ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most frequent first, equal ones by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def vocabularies(config: str, opcodes: Mapping[str, Mapping[str, int]]) -> list[Group]:
    """The compiled columns by what their texts are made of, and the counts of it."""
    found: dict[str, dict[str, Mapping[str, int]]] = {}
    for column in (column for column in TEXTS if column in opcodes):
        if column.startswith("hlo") or (config == "stablehlo" and column == "cuda"):
            what = "HLO opcodes"
        else:
            what = "StableHLO operations" if config == "stablehlo" else "built-ins of Warp"
        found.setdefault(what, {})[column] = opcodes[column]
    return list(found.items())
