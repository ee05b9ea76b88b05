"""Work shared out among threads, each with a worker process that compiles for it."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import extractors
import jit_synthesis
from extractors.workers import Stopped
from jit_synthesis import JitSynthesisConfig, Rejection
from verification import Yield

Progress = Callable[[int, int], None]  # rows and replaced kernels that were added
Task = TypeVar("Task")


def usable_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_workers(workers: int | None) -> None:
    """Refuse, with ValueError, a number of workers that is none; None is one a usable core."""
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers} must be 1 or more")


class Hand:
    """One of the crew: makes rows with its own compiler until it is told to stop."""

    def __init__(
        self,
        config: JitSynthesisConfig,
        compiler: extractors.Extractor,
        tell: Progress,
        stop: threading.Event,
    ) -> None:
        self.config = config
        self.compiler = compiler
        self.tell = tell
        self.stop = stop

    def rows(self, split: str, start: int, stop: int, found: Yield) -> Iterator[dict[str, Any]]:
        """Rows [start, stop) of a split, counted in ``found``."""

        def note(missed: Rejection) -> None:
            found.note(missed)
            if not missed.kept:
                self.tell(0, 1)

        for row in jit_synthesis.rows(
            self.config, split, start, stop, compiler=self.compiler, on_reject=note
        ):
            self.check()
            self.tell(1, 0)
            found.add(row)
            yield row

    def check(self) -> None:
        """Raise an exception that ends this thread quietly once the crew is to stop."""
        if self.stop.is_set():
            raise Stopped


def share_out(
    config: JitSynthesisConfig,
    tasks: Sequence[Task],
    do: Callable[[Task, Hand], None],
    *,
    workers: int | None = None,
    progress: Progress = lambda rows, rejections: None,
) -> None:
    """Have each task done once, by ``workers`` threads, one a usable core by default.

    What one raises stops all and is raised here, as is Ctrl-C; ``progress`` is called in this
    thread.
    """
    todo: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        todo.put(task)
    news: queue.SimpleQueue[tuple[int, int] | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()
    compilers: list[extractors.Extractor] = []

    def work() -> None:
        end: BaseException | None = None
        try:
            with extractors.Extractor(config.name) as compiler:
                compilers.append(compiler)
                hand = Hand(config, compiler, lambda *added: news.put(added), stop)
                while not stop.is_set():
                    do(todo.get_nowait(), hand)
        except (queue.Empty, Stopped):
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            end = error
        news.put(end)

    threads = [
        threading.Thread(target=work) for _ in range(min(workers or usable_cores(), len(tasks)))
    ]
    try:
        for thread in threads:
            thread.start()
        running = len(threads)
        while running:
            new = news.get()
            if isinstance(new, BaseException):
                raise new
            if new is None:
                running -= 1
            else:
                progress(*new)
    finally:
        stop.set()  # first: a compiler that comes into being now is not used
        for compiler in compilers:
            compiler.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
