"""Rows of a stream: compiled when they are looked into, by one warm worker a process."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import extractors
from extractors.outcomes import Job, Outcome
from verification.rows import Options, rows


class SharedCompiler:
    """One warm worker for all streams of this process: it ends with the last of its users."""

    _alive: ClassVar[weakref.WeakValueDictionary] = weakref.WeakValueDictionary()

    def __init__(self, language: str) -> None:
        self._lock = threading.Lock()
        self._worker = extractors.Extractor(language)
        weakref.finalize(self, self._worker.close)

    @classmethod
    def of(cls, language: str) -> SharedCompiler:
        """The one of this process: after a fork, the parent's lock may be held for ever."""
        key = (os.getpid(), language)
        found = cls._alive.get(key)
        return found or cls._alive.setdefault(key, cls(language))

    def extract(self, jobs: Sequence[Job]) -> list[Outcome]:
        """One outcome a job, in order; any thread may ask."""
        with self._lock:
            return self._worker.extract(jobs)

    def each(self, function: Callable[..., Any], tasks: Sequence[Any]) -> list[Any]:
        """What ``function`` says of each task; any thread may ask."""
        with self._lock:
            return self._worker.each(function, tasks)


class LazyRow(Mapping):
    """A streamed row, compiled when first looked into: skipping rows, as a resumed or a divided
    stream does, costs nothing, and nothing is compiled ahead of what is read.
    """

    def __init__(self, options: Options, split: str, index: int, columns: Sequence[str]) -> None:
        self._place = (options, split, index, index + 1)
        self._columns = columns
        self._compiler = SharedCompiler.of(options.name)
        self._row: dict[str, Any] = {}

    def __getitem__(self, column: str) -> Any:
        if not self._row:
            self._row = next(rows(*self._place, batch=1, compiler=self._compiler))
        return self._row[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)
