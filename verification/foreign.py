"""Inside the sandbox: somebody else's kernels are compiled and run, and what came of it is told.

Reads a request a line from stdin and answers with a line on stdout, both JSON lists with an entry a
row. What a row claims to compile to never comes in here: comparing is for who asks.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from extractors.outcomes import Job, Rejected
from extractors.workers import Died, Extractor, each_in_turn, extract_one
from generators import Argument, specs
from generators.fingerprints import fingerprints
from verification.plain import is_plain
from verification.tasks import TIERS, Task, Verdict


@dataclass(frozen=True)
class Foreign:
    """A row as it comes in: ``jobs`` are the compilations to do, each with columns of its own."""

    language: str
    task: Task
    jobs: tuple[Job, ...]
    runs: bool


@dataclass(frozen=True)
class Made:
    """What was made of a row's text."""

    texts: dict[str, str]
    fingerprint: str | None
    structure: str | None
    rejected: Rejected | None


def read_row(entry: dict[str, Any]) -> Foreign:
    """A row from its JSON; raises whatever comes of one that is not as it should be."""
    arguments = tuple(
        Argument(**argument | {"shape": tuple(argument["shape"])}) for argument in entry["inputs"]
    )
    language, python, name = entry["language"], entry["python"], entry["name"]
    jobs = tuple(
        Job(
            language=half["language"],
            python=entry["twin"] if half["twin"] else python,
            name=name,
            inputs=specs(arguments),
            device=half["device"],
            mode=half["mode"],
            preamble=half["preamble"],
        )
        for half in entry["jobs"]
    )
    task = Task(language, python, name, arguments, twin=entry["twin"])
    return Foreign(language, task, jobs, entry["runs"])


def compile_rows(rows: Sequence[Foreign], deadline_s: float) -> list[Made]:
    """Compile rows in turn, in the worker."""
    return each_in_turn(_compile, rows, deadline_s)


def _compile(row: Foreign) -> Made:
    try:
        whole, masked = fingerprints(row.task.python)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        whole = masked = None
    texts: dict[str, str] = {}
    for job in row.jobs:
        outcome = extract_one(job)
        if isinstance(outcome, Rejected):
            return Made(texts, whole, masked, outcome)
        texts |= outcome.texts
    return Made(texts, whole, masked, None)


class Workshop:
    """Two workers of a language: kernels are compiled in one and run in the other.

    Machine code that writes where it should not thus never touches a compiler.
    """

    def __init__(self, language: str, deadline_s: float, memory_mb: float) -> None:
        self._workers = ExitStack()
        self.compiler, self.runner = (
            self._workers.enter_context(Extractor(language, deadline_s, memory_mb=memory_mb))
            for _ in range(2)
        )

    def close(self) -> None:
        """End both."""
        self._workers.close()

    def answer(self, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What came of each row: the compiled texts, or the stage that stopped it and why."""
        rows: list[Foreign | None] = []
        answers: list[dict[str, Any]] = [{} for _ in entries]
        for entry, answer in zip(entries, answers, strict=True):
            texts = [text for text in (entry["python"], entry["twin"]) if text]
            alone = entry["alone"] or all(map(is_plain, texts))
            rows.append(read_row(entry) if alone else None)
            if not alone:
                answer["alone"] = True
        chosen = [(row, answer) for row, answer in zip(rows, answers, strict=True) if row]
        made = self.compiler.each(compile_rows, [row for row, _ in chosen])
        running: list[tuple[Foreign, dict[str, Any]]] = []
        for (row, answer), found in zip(chosen, made, strict=True):
            if isinstance(found, Died):
                answer |= {"stage": "worker", "reason": found.reason}
                continue
            answer |= {"fingerprint": found.fingerprint, "structure": found.structure}
            if found.rejected is not None:
                answer |= {"stage": found.rejected.stage, "reason": found.rejected.reason}
                continue
            answer["texts"] = found.texts
            if row.runs:
                running.append((row, answer))
        verdicts = self.runner.each(examiner(), [row.task for row, _ in running])
        for (_, answer), verdict in zip(running, verdicts, strict=True):
            if isinstance(verdict, Died):
                verdict = Verdict("extracted", "run", verdict.reason)
            answer["ran"] = TIERS.index(verdict.tier) >= TIERS.index("ran")
            if not answer["ran"]:
                answer |= {"stage": verdict.stage, "reason": verdict.reason}
        return answers


def examiner() -> Callable[[Sequence[Task], float], list[Verdict]]:
    """The function that runs kernels, imported where it is used: it is slow to import."""
    from verification.examine import examine

    return examine


def main(language: str, deadline_s: float, memory_mb: float) -> None:
    """Answer requests until there are no more."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, prints elsewhere
    workshop = Workshop(language, deadline_s, memory_mb)
    try:
        for line in sys.stdin.buffer:
            out.write(json.dumps(workshop.answer(json.loads(line))).encode() + b"\n")
            out.flush()
    finally:
        workshop.close()


def command(language: str, deadline_s: float, memory_mb: float, root: str) -> list[str]:
    """How to start this with the packages in ``root``, without the current folder on the path."""
    start = "import sys; sys.path.append(sys.argv[1]); from verification.foreign import main; "
    start += "main(sys.argv[2], *map(float, sys.argv[3:]))"
    return [sys.executable, "-P", "-c", start, root, language, str(deadline_s), str(memory_mb)]
