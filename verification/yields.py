"""The yield: how many kernels of each category came how far, and what stopped the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import generators
from verification.rows import Rejection
from verification.tasks import LEVELS, TIERS

STAGES = ("generated", *TIERS)
_NUMBER = re.compile(r"-?(?:\d[\d.]*(?:e[+-]?\d+)?|\binf\b|\bnan\b)|\[[^\]]*\]|(?<=kernel_)\w+")


class Yield:
    """Counts of kernels by category and stage, and of reasons.

    ``verify`` says up to which tier was tried: what lies above is not counted, but unknown.
    """

    def __init__(self, verify: str = LEVELS[0]) -> None:
        self.verify = verify
        self.counts: dict[str, Counter[str]] = {}
        self.reasons: Counter[tuple[str, str, bool]] = Counter()
        self.examples: dict[tuple[str, str, bool], str] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row, as it is made: labels by name."""
        count = self.counts.setdefault(row["category"], Counter())
        count.update(STAGES[: STAGES.index(row["verified"]) + 1])
        count["differentiable"] += row["differentiable"]

    def note(self, missed: Rejection) -> None:
        """Count a reason; and a kernel that gave no row, as far as it came."""
        key = (missed.stage, _NUMBER.sub("#", missed.reason), missed.kept)
        self.reasons[key] += 1
        self.examples.setdefault(key, missed.repro)
        if not missed.kept:
            reached = LEVELS.index(missed.stage) if missed.stage in LEVELS else 0
            self.counts.setdefault(missed.category, Counter()).update(STAGES[: reached + 1])

    def join(self, other: Mapping[str, Any]) -> None:
        """Add what ``told`` returned of another."""
        self.verify = other["verify"]
        for category, count in other["categories"].items():
            self.counts.setdefault(category, Counter()).update(count)
        for reason in other["reasons"]:
            key = (reason["stage"], reason["reason"], reason["kept"])
            self.reasons[key] += reason["count"]
            self.examples.setdefault(key, reason["repro"])

    def told(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "verify": self.verify,
            "categories": {
                name: {stage: count[stage] for stage in self.columns}
                for name, count in self._in_order()
            },
            "reasons": [
                {"stage": s, "reason": r, "kept": k, "count": n, "repro": self.examples[s, r, k]}
                for (s, r, k), n in sorted(
                    self.reasons.items(), key=lambda pair: (-pair[1], pair[0])
                )
            ],
        }

    def _in_order(self) -> list[tuple[str, Counter[str]]]:
        """The categories in the order of their labels, whoever was counted first."""
        labels = list(generators.TYPES)
        return sorted(self.counts.items(), key=lambda pair: labels.index(pair[0]))

    @property
    def replaced(self) -> int:
        """Kernels that gave no row: their indices' next variants took their place."""
        return sum(n for (_, _, kept), n in self.reasons.items() if not kept)

    @property
    def columns(self) -> tuple[str, ...]:
        """The stages that were tried, and before the last how many rows say they have it."""
        tried = STAGES[: LEVELS.index(self.verify) + 2]
        return (*tried[:4], "differentiable", *tried[4:])

    def table(self) -> Iterator[tuple[str, ...]]:
        """The table's cells, line by line: head, categories, all together."""
        yield ("category", *self.columns)
        total: Counter[str] = Counter()
        for name, count in self._in_order():
            total.update(count)
            yield (name, *(str(count[stage]) for stage in self.columns))
        yield ("all", *(str(total[stage]) for stage in self.columns))

    def __str__(self) -> str:
        """The counts in one line, as in "branch 150/150/148/148/147"."""
        lines = list(self.table())
        return f"{'/'.join(self.columns)}: " + ", ".join(
            f"{name} {'/'.join(cells)}" for name, *cells in lines[1:]
        )
