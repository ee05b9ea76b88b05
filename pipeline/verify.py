"""Verify a file of rows from its Python texts and inputs alone, in sandboxes."""

from __future__ import annotations

import json
import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import extractors
from extractors.outcomes import COLUMNS
from extractors.spawning import PACKAGE_ROOT
from pipeline.crew import check_workers, usable_cores
from pipeline.foreign_rows import Claim, Row, claim_of, read_rows
from verification import foreign
from verification.sandbox import Limits, Sandbox, SandboxError

BATCH = 16
START_S = 120.0  # to import compilers on a busy machine
RECYCLE = 512  # rows in one sandbox: compilers leave files in its scratch folder
LEAST_MB = 1024  # for two compilers
SHOWN = 64  # characters of a line


@dataclass(frozen=True)
class Difference:
    """What is not so in a row, and the stage at which that was found."""

    row: int  # its number in the file, from 1
    id: str
    kernel_name: str
    stage: str
    what: str


@dataclass
class Verified:
    """How many rows compile to the texts beside them, and ran; and what differs.

    ``not_run`` have inputs that do not say what to run them on; ``alone`` do more than define a
    kernel: what such code makes of itself is only as true as the code.
    """

    rows: int = 0
    compiled: int = 0
    ran: int = 0
    not_run: int = 0
    alone: int = 0
    configs: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many rows differ."""
        return len({found.row for found in self.differences})


@dataclass(frozen=True)
class _Item:
    row: Row
    claim: Claim

    def difference(self, stage: str, what: str) -> Difference:
        return difference(self.row, stage, what)


def difference(row: Row, stage: str, what: str) -> Difference:
    """What differs in a row, with what tells the row."""
    columns = row.columns or {}
    place, name = (printable(str(columns.get(key, ""))[:40]) for key in ("id", "kernel_name"))
    return Difference(row.number, place, name, stage, printable(what))


def printable(text: str) -> str:
    """Somebody else's text without what a terminal would act on."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def check_verify_options(
    path: Path, config: str | None, deadline_s: float, memory_mb: int, workers: int | None
) -> None:
    """Refuse, with ValueError, what the command line cannot do."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file: name one of JSONL or Parquet")
    if config is not None and config not in COLUMNS:
        raise ValueError(f"unknown config {config!r}: choose from {', '.join(COLUMNS)}")
    if not 0 < deadline_s < math.inf:
        raise ValueError(f"--deadline {deadline_s:g} must be more than 0")
    if not LEAST_MB <= memory_mb <= 1 << 24:
        raise ValueError(f"--memory {memory_mb} must be {LEAST_MB} or more, in MB")
    check_workers(workers)


def verify(
    path: Path,
    *,
    config: str | None = None,
    deadline_s: float = 60,
    workers: int | None = None,
    memory_mb: int = 4096,
    progress: Callable[[int, int], None] = lambda rows, differing: None,
) -> Verified:
    """Compile and run each row of a JSONL or Parquet file again and compare, trusting no more.

    Rows are taken for those of ``config``, by default each for what its columns are. ``deadline_s``
    is for compiling a kernel and for running it; ``memory_mb`` for each of ``workers`` sandboxes.
    ValueError for a compiler that is missing, OSError for a file that is not there
    or nothing of which can be read. Differences come in order of rows.
    """
    run = _Run(config, deadline_s, Limits(memory=memory_mb), progress)
    slots = [threading.Thread(target=run.work) for _ in range(workers or usable_cores())]
    try:
        for slot in slots:
            slot.start()
        for batch in run.batches(read_rows(path)):
            run.hand_out(batch)
        for _ in slots:
            run.hand_out(None)
    except BaseException:
        run.stop.set()
        raise
    finally:
        for slot in slots:
            if slot.ident is not None:
                slot.join()
    if run.errors:
        raise run.errors[0]
    if not run.result.rows:
        raise OSError(f"{path} holds no rows")
    run.result.differences.sort(key=lambda found: found.row)
    return run.result


class _Run:
    """One verification: the main thread reads and hands out rows, others wait for sandboxes."""

    def __init__(
        self, config: str | None, deadline_s: float, limits: Limits, progress: Callable
    ) -> None:
        self.config = config
        self.deadline_s = deadline_s
        self.limits = limits
        self.progress = progress
        self.result = Verified()
        self.stop = threading.Event()
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._todo: queue.Queue[list[_Item] | None] = queue.Queue(maxsize=4)

    def batches(self, rows: Iterator[Row]) -> Iterator[list[_Item]]:
        """Rows that can be verified, a few of one config at a time; what cannot is noted."""
        batch: list[_Item] = []
        for row in rows:
            self.result.rows += 1
            try:
                item = _Item(row, claim_of(row, self.config))
            except ValueError as error:
                self._note([difference(row, "read", str(error))])
                continue
            config = item.claim.config
            if config not in self.result.configs:
                extractors.check_toolchain(config)
                self.result.configs.add(config)
            if batch and (len(batch) == BATCH or batch[0].claim.config != config):
                yield batch
                batch = []
            batch.append(item)
        if batch:
            yield batch

    def hand_out(self, batch: list[_Item] | None) -> None:
        """Give a batch to whichever thread is free; None ends one."""
        while not self.stop.is_set():
            try:
                return self._todo.put(batch, timeout=0.5)
            except queue.Full:
                continue
        return None

    def work(self) -> None:
        """What a thread does: one sandbox after the other, as the rows need them."""
        sandbox: Sandbox | None = None
        language, done = "", 0
        try:
            while batch := self._take():
                if sandbox and (language != batch[0].claim.config or done >= RECYCLE):
                    sandbox.close()
                    sandbox = None
                if sandbox is None:
                    language, done = batch[0].claim.config, 0
                    sandbox = self._open(language)
                done += len(batch)
                sandbox = self._do(sandbox, batch)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  raised again in the main thread
            self.errors.append(error)
            self.stop.set()
        finally:
            if sandbox is not None:
                sandbox.close()

    def _take(self) -> list[_Item] | None:
        while not self.stop.is_set():
            try:
                return self._todo.get(timeout=0.5)
            except queue.Empty:
                continue
        return None

    def _open(self, language: str) -> Sandbox:
        settings = (self.deadline_s, self.limits.memory, PACKAGE_ROOT)
        return Sandbox(foreign.command(language, *settings), self.limits)

    def _do(self, sandbox: Sandbox, batch: list[_Item]) -> Sandbox | None:
        """Verify a batch; the sandbox if it still works. What breaks it is tried by itself."""
        left: Sandbox | None = sandbox
        answers: list[dict[str, Any] | None]
        try:
            answers = [*self._ask(sandbox, [item.claim.request for item in batch])]
        except SandboxError:
            answers = [None] * len(batch)
            left = None
        for item, answer in zip(batch, answers, strict=True):
            if answer is None or answer.get("alone"):
                with self._lock:
                    self.result.alone += answer is not None
                answer = self._alone(item)
            self._judge(item, answer)
        return left

    def _alone(self, item: _Item) -> dict[str, Any]:
        """Verify a row in a sandbox of its own, which nothing else can be harmed in."""
        try:
            with self._open(item.claim.config) as sandbox:
                return self._ask(sandbox, [item.claim.request | {"alone": True}])[0]
        except SandboxError as error:
            return {"stage": "sandbox", "reason": str(error)}

    def _ask(self, sandbox: Sandbox, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # Compiling and running, each tried twice. A batch that takes longer is done row by row.
        limit_s = START_S + 4 * self.deadline_s
        try:
            line = sandbox.ask(json.dumps(requests).encode(), limit_s, self.stop)
        except SandboxError:
            if self.stop.is_set():
                raise _Stopped from None
            raise
        answers = _answers(line, len(requests))
        if answers is None:
            sandbox.close()
            raise SandboxError("an answer that is none")
        return answers

    def _judge(self, item: _Item, answer: dict[str, Any]) -> None:
        """Compare what came out of the sandbox with what the row says."""
        found = []
        texts = answer.get("texts")
        for column, hashed in item.claim.hashes.items():
            made = answer.get(column)
            if texts is not None and made != hashed:
                found.append(item.difference("compare", f"{column}: {hashed!r} is {made!r} here"))
        if texts is not None:
            for column, text in item.claim.texts.items():
                if text != texts.get(column, ""):
                    what = f"{column}, {first_difference(text, texts.get(column, ''))}"
                    found.append(item.difference("compare", what))
        compiled = texts is not None and not found
        if answer.get("stage"):
            found.append(item.difference(answer["stage"], answer.get("reason", "")))
        with self._lock:
            self.result.compiled += compiled
            self.result.ran += answer.get("ran") is True
            self.result.not_run += texts is not None and not item.claim.request["runs"]
        self._note(found)

    def _note(self, found: list[Difference]) -> None:
        with self._lock:
            self.result.differences += found
            self.progress(1, bool(found))


class _Stopped(Exception):
    """Somebody else has failed, or a key was pressed."""


def _answers(line: bytes, count: int) -> list[dict[str, Any]] | None:
    """What came out of a sandbox, None unless it has the form of answers."""
    try:
        answers = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answers, list) or len(answers) != count:
        return None
    for answer in answers:
        if not isinstance(answer, dict) or not isinstance(answer.get("texts", {}), dict):
            return None
        words = [
            answer.get("stage", ""),
            answer.get("reason", ""),
            *answer.get("texts", {}).values(),
        ]
        if not all(isinstance(word, str) for word in words):
            return None
    return answers


def first_difference(claimed: str, made: str) -> str:
    """The first line in which two texts differ, and both forms of it from where they do."""
    pairs = enumerate(zip_longest(claimed.split("\n"), made.split("\n")), 1)
    number, (ours, theirs) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
    forms = [ours, theirs]
    if ours is not None and theirs is not None:
        same = next(
            (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
            min(len(ours), len(theirs)),
        )
        start = max(0, same - SHOWN // 2) if max(len(ours), len(theirs)) > SHOWN else 0
        forms = [_shortened(form, start) for form in (ours, theirs)]
    said = ["no such line" if form is None else _visible(form[: SHOWN + 2]) for form in forms]
    return f"line {number}: {said[0]} | here: {said[1]}"


def _visible(form: str) -> str:
    """A piece of a line, in quotes where blanks at its ends would not be seen."""
    return form if form and form == form.strip() else repr(form)


def _shortened(line: str, start: int) -> str:
    shown = line[start : start + SHOWN]
    return ("…" if start else "") + shown + ("…" if len(line) > start + SHOWN else "")
