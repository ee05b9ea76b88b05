"""What a test can make the Hub server do wrong.

A fault meets the next ``times`` requests (None: all) of a method ("*": any) in whose path, without
its query, the regular expression ``path`` is found. Each call returns the Fault, whose ``hits``
counts the requests that it has met: a test asserts that it did happen.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WRITES = ("POST", "PUT", "DELETE")
# They are sent by POST and change nothing.
QUESTIONS = re.compile("/validate-yaml$|/paths-info/")


@dataclass
class Fault:
    """One fault: what it does, to which requests, how often, and how often it has."""

    kind: str
    method: str
    path: str
    times: int | None
    value: Any = None
    writes: bool = False
    hits: int = field(default=0, compare=False)

    def meets(self, kind: str, method: str, path: str) -> bool:
        """Whether a request is met."""
        if kind != self.kind or self.method not in ("*", method) or not re.search(self.path, path):
            return False
        if self.writes and (method not in WRITES or QUESTIONS.search(path)):
            return False
        return self.times is None or self.hits < self.times


class Faults:
    """The faults switched on, the oldest first; of each kind one meets a request."""

    def __init__(self) -> None:
        self._all: list[Fault] = []
        self._lock = threading.Lock()

    def fail(
        self,
        status: int,
        times: int | None = 1,
        *,
        method: str = "*",
        path: str = "",
        message: str = "",
        retry_after: int | None = None,
        writes: bool = False,
    ) -> Fault:
        """Answer a status (429, 500, 503, 409 …) and do nothing.

        ``retry_after`` in seconds is sent as Retry-After; a client of the Hub adds one second.
        ``writes``: only requests that change something.
        """
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return self._add(Fault("fail", method, path, times, (status, message, headers), writes))

    def forbid(self, times: int | None = None) -> Fault:
        """Answer 403 to everything that changes something."""
        return self.fail(403, times, message="Authorization error.", writes=True)

    def fill_disk(self, times: int | None = None) -> Fault:
        """Answer 507 to the sending of large files."""
        return self.fail(507, times, method="PUT", path="^/lfs/", message="No space left on device")

    def drop(
        self, after: int, times: int | None = 1, *, method: str = "PUT", path: str = ""
    ) -> Fault:
        """Drop the connection when ``after`` bytes of the body are there, or at its end."""
        return self._add(Fault("drop", method, path, times, after))

    def lose(self, times: int | None = 1, *, method: str = "POST", path: str = "/commit/") -> Fault:
        """Do what is asked, then drop the connection in the place of an answer."""
        return self._add(Fault("lose", method, path, times))

    def slow(
        self, seconds: float, times: int | None = None, *, method: str = "*", path: str = ""
    ) -> Fault:
        """Wait before doing what is asked."""
        return self._add(Fault("slow", method, path, times, seconds))

    def overtake(
        self, times: int | None = 1, files: Mapping[str, bytes] | None = None, *, path: str = ""
    ) -> Fault:
        """Before a commit, let another come in between, with these files (or one of no interest).

        A commit that names its parent is then answered 412.
        """
        files = {"overtaken.txt": b"by another\n"} if files is None else dict(files)
        return self._add(Fault("overtake", "POST", path or "/commit/", times, files))

    def clear(self) -> None:
        """Switch all of them off."""
        with self._lock:
            self._all.clear()

    def take(self, kind: str, method: str, path: str) -> Fault | None:
        """The fault of a kind that meets a request now, if any; counted."""
        with self._lock:
            for fault in self._all:
                if fault.meets(kind, method, path):
                    fault.hits += 1
                    return fault
        return None

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self._all.append(fault)
        return fault
