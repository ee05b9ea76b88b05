"""Compilers that misbehave in the worker over one kernel, and compile the others as they should."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from extractors import Extractor, Job, extract_job
from extractors.outcomes import Outcome
from extractors.workers import each_in_turn, extract_all

MOST_MB = 3000  # where no limit ends it, the test fails and the machine lives on


def hang() -> None:
    threading.Event().wait()


def raise_error() -> None:
    raise LookupError("the compiler has lost /home/someone/kernel.cpp")


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def eat_memory() -> None:
    held = [bytearray(10**6) for _ in range(MOST_MB)]
    raise AssertionError(f"{len(held)} MB were to be had")


def fail_an_xla_check() -> None:
    from jax._src.lib import xla_client

    xla_client.Shape.tuple_shape([]).dimensions()  # CHECK failed: a tuple has none


def print_much() -> None:
    print("noise" * 20_000, flush=True)
    os.write(1, b"noise" * 20_000)
    sys.__stdout__.write("noise")


def die_in_the_answer() -> None:
    """Leave the parent with half a message, and a lock held that nobody gives back."""

    def half(self: Connection, message: bytes) -> None:
        os.write(self.fileno(), struct.pack("!i", len(message)) + message[: len(message) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    Connection._send_bytes = half


WAYS: dict[str, Callable[[], Any]] = {
    "hang": hang,
    "exit": lambda: os._exit(3),
    "exit as if all were well": lambda: os._exit(0),
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "be killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "die in the answer": die_in_the_answer,
    "raise": raise_error,
    "interrupt": raise_interrupt,
    "eat memory": eat_memory,
    "xla": fail_an_xla_check,
    "print": print_much,
    "wait to be killed": hang,
    "go on": lambda: None,
}


class Misbehaving(Extractor):
    """A worker that does ``ways[python]`` before it compiles a kernel of that text.

    With ``marks``, a folder, once for each: a file there, holding the worker's process id, says
    that it has begun, and stays.
    """

    def __init__(
        self, language: str, ways: Mapping[str, str], marks: Path | None = None, **settings: Any
    ) -> None:
        super().__init__(language, **settings)
        self.function = partial(compile_or_not, ways=dict(ways), marks=marks)

    def each(self, function: Callable[..., Any], tasks: Sequence[Any]) -> list[Any]:
        assert function is extract_all
        return super().each(self.function, tasks)


def compile_or_not(
    jobs: Sequence[Job], deadline_s: float, ways: Mapping[str, str], marks: Path | None
) -> list[Outcome]:
    def do(job: Job) -> Outcome:
        if job.python in ways and (marks is None or first(mark_of(marks, job.python))):
            WAYS[ways[job.python]]()
        return extract_job(job)

    return each_in_turn(do, jobs, deadline_s)


def mark_of(marks: Path, python: str) -> Path:
    return marks / hashlib.sha256(python.encode()).hexdigest()


def first(mark: Path) -> bool:
    if mark.exists():
        return False
    draft = mark.with_suffix(".draft")
    draft.write_text(str(os.getpid()))
    draft.rename(mark)  # whoever sees it can read it
    return True
