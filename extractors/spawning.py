"""Starting a child process from any parent: plain scripts, stdin, notebooks, daemonic processes."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from multiprocessing import process, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any

PACKAGE_ROOT = str(Path(__file__).resolve().parent.parent)


class WorkerProcess(SpawnProcess):
    """A spawned process that leaves the parent's main module alone."""

    def start(self) -> None:
        """Start, from a daemonic parent too.

        multiprocessing forbids daemonic processes to have children, lest those outlive them; this
        child sees to it by itself that it ends with its parent (``confinement.end_with_parent``).
        """
        config: dict[str, Any] = process.current_process()._config  # pyright: ignore
        daemonic = config.get("daemon", False)
        self._config["daemon"] = True  # pyright: ignore  # ended, not waited for, at exit
        config["daemon"] = False
        try:
            super().start()
        finally:
            config["daemon"] = daemonic

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _no_main_import(), _no_interrupts():
            return SpawnProcess._Popen(process_obj)  # pyright: ignore


class Context(SpawnContext):
    """The spawn context with ``WorkerProcess``, remembering those that were started."""

    def __init__(self) -> None:
        self.started: list[WorkerProcess] = []

    @property
    def latest(self) -> WorkerProcess | None:
        """The one started last."""
        return self.started[-1] if self.started else None

    def Process(self, *args: Any, **kwargs: Any) -> WorkerProcess:  # pyright: ignore
        """The process that multiprocessing's users ask a context for."""
        worker = WorkerProcess(*args, **kwargs)
        self.started.append(worker)
        return worker


_lock = threading.Lock()


@contextlib.contextmanager
def _no_main_import() -> Iterator[None]:
    """Keep the child from running the parent's script again.

    A spawned child imports the parent's main module so that it can unpickle what is defined there.
    Nothing of ours is, and a script without an ``if __name__ == "__main__"`` would start over.
    """
    with _lock:
        thread = threading.get_ident()
        original = spawn.get_preparation_data

        def prepared(name: str) -> dict[str, Any]:
            data = original(name)
            if threading.get_ident() == thread:
                data.pop("init_main_from_name", None)
                data.pop("init_main_from_path", None)
                if PACKAGE_ROOT not in data["sys_path"]:
                    data["sys_path"] = [*data["sys_path"], PACKAGE_ROOT]
            return data

        spawn.get_preparation_data = prepared
        try:
            yield
        finally:
            spawn.get_preparation_data = original


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Let the child inherit a blocked Ctrl-C: the parent ends it, without a second traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
