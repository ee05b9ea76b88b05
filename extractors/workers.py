"""The worker process in which compilers run: warm, watched, replaced when it dies or hangs.

A process that has used JAX must not be forked from and a compiler can crash or hang, so compiling
is done in a spawned child. It works from a plain script, from stdin, from a notebook, in a daemonic
process (a DataLoader worker) and after a fork, and it never outlives its parent.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import util
from typing import Any, NamedTuple

from pebble import ProcessExpired, ProcessPool

from .confinement import begin, scratch_folder
from .jobs import extract_job
from .outcomes import Job, Outcome, Rejected, one_line
from .spawning import Context, WorkerProcess
from .toolchain import NEEDS, check_toolchain

START_S = 300.0  # to import a compiler on a machine that is busy with other things
STARTS = 3  # workers that may die before taking a job, until that is called an error
POLL_S = 0.1

log = logging.getLogger("jit_synthesis")


class Died(NamedTuple):
    """What became of a task whose worker gave no answer."""

    reason: str
    hung: bool = False


class Stopped(Exception):
    """Another thread has stopped the extractor."""


class Extractor:
    """One warm compile worker for a language: jobs in, outcomes out in the same order.

    A job that takes over ``deadline_s`` seconds, or ``memory_mb`` MB of data more than the
    imported compiler, or that ends its worker, comes back as ``Rejected("worker", ...)``; the
    others are unharmed. After ``recycle`` jobs the worker is replaced. ValueError for settings
    that are not positive, and when the compiler is missing or of an unsupported version. Memory
    is limited on Linux alone, no other system counts it. The worker starts with the first job;
    after a fork the child starts its own. For one thread at a time, but for ``stop``.
    """

    def __init__(
        self,
        language: str,
        deadline_s: float = 60,
        recycle: int = 2000,
        memory_mb: float = 4096,
    ) -> None:
        check_toolchain(language)
        settings = {"deadline_s": deadline_s, "recycle": recycle, "memory_mb": memory_mb}
        for name, value in settings.items():
            if not value > 0:
                raise ValueError(f"{name}={value} must be positive")
        self.language = language
        self.deadline_s = deadline_s
        self.recycle = recycle
        self.memory_mb = memory_mb
        self._stopped = threading.Event()
        self._forget()

    def __enter__(self) -> Extractor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: the settings, never the worker."""
        kept = ("language", "deadline_s", "recycle", "memory_mb")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._stopped = threading.Event()
        self._forget()

    def extract(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Compile ``jobs`` in the worker, as one message; one outcome a job, in their order."""
        return [
            Rejected("worker", found.reason) if isinstance(found, Died) else found
            for found in self.each(extract_all, jobs)
        ]

    def each(self, function: Callable[..., Any], tasks: Sequence[Any]) -> list[Any]:
        """What ``function(tasks, deadline_s)``, run in the worker, says of each, in their order.

        It is a function of an importable module. Where it raises, runs out of memory or ends the
        worker, each task is tried by itself in a fresh one, and the answer for a task that does
        so twice, or hangs, is a ``Died``.
        """
        tasks = list(tasks)
        if len(tasks) > 1:
            answer = self.call(function, (tasks, self.deadline_s), self.deadline_s * len(tasks))
            if not isinstance(answer, Died):
                self._done += len(tasks)
                return answer
        return [self._alone(function, task) for task in tasks]

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...], limit_s: float) -> Any:
        """Run a function of an importable module in the worker; its value, or a ``Died``.

        RuntimeError when the worker dies again and again with nothing to do; Stopped by ``stop``.
        """
        for _ in range(STARTS):
            if self._stopped.is_set():
                raise Stopped
            pool = self._running_pool()
            worker = self._context.latest
            try:
                future = pool.schedule(function, arguments, timeout=limit_s)
                return self._wait(future, worker, limit_s)
            except (BrokenProcessPool, RuntimeError) as error:
                # Pebble's word for a worker that died with no task in hand: not a job's fault.
                if pool.active:
                    raise
                reason = one_line(error)
                self.close()
            except BaseException:
                self.close()  # Ctrl-C, or an error of ours: the worker may be in mid task
                raise
        raise RuntimeError(
            f"the {self.language} worker died {STARTS} times before it took a job ({reason}); "
            f"does `python -c 'import {NEEDS[self.language][0].removesuffix('-lang')}'` work?"
        )

    def stop(self) -> None:
        """End it for good, from any thread: one that waits for it, or comes to, gets Stopped."""
        self._stopped.set()

    def close(self) -> None:
        """End the worker at once; the next job starts another."""
        pool, closed, pid = self._pool, self._closed, self._pid
        context = self._context
        self._forget()
        if pool is not None and pid == os.getpid():
            pool.stop()
            pool.join()
            closed.set()
            for worker in context.started:
                if worker.pid is not None:
                    shutil.rmtree(scratch_folder(worker.pid), ignore_errors=True)

    def _forget(self) -> None:
        self._pool: ProcessPool | None = None
        self._context = Context()
        self._closed = threading.Event()
        self._pid = 0
        self._done = 0

    def _alone(self, function: Callable[..., Any], task: Any) -> Any:
        """Do one task by itself; a worker that dies gets a second chance, a hang does not."""
        answer: Any = None
        for _ in range(2):
            self._done += 1
            answer = self.call(function, ([task], 0.0), self.deadline_s)
            if not isinstance(answer, Died):
                return answer[0]
            if answer.hung:
                break
        return answer

    def _running_pool(self) -> ProcessPool:
        if self._pid != os.getpid():
            self._forget()  # a fork took the object along, but not the worker and its threads
        elif self._done >= self.recycle:
            self.close()
        if self._pool is None:
            self._pid = os.getpid()
            self._pool = ProcessPool(
                max_workers=1,
                initializer=begin,
                initargs=(self.language, os.getpid(), self.memory_mb),
                context=self._context,
            )
            self._start(self._pool)
            # Runs before multiprocessing waits for children, which a restarting pool would hang.
            util.Finalize(self, Extractor.close, args=(self,), exitpriority=10)
        return self._pool

    def _start(self, pool: ProcessPool) -> None:
        """Start the pool from a thread that lasts as long as the pool does.

        Linux signals a parent's death when the thread that forked ends, so it must not be a
        passing thread of the caller's.
        """
        started, closed = threading.Event(), self._closed
        failures: list[BaseException] = []

        def keep() -> None:
            try:
                _ = pool.active  # this is what starts it
            except BaseException as error:  # noqa: BLE001  handed to the caller below
                failures.append(error)
            started.set()
            closed.wait()

        threading.Thread(target=keep, name="jit-synthesis-keeper", daemon=True).start()
        started.wait()
        if failures:
            self._forget()
            raise RuntimeError(f"the compile worker did not start: {one_line(failures[0])}")

    def _wait(self, future: Future[Any], worker: WorkerProcess | None, limit_s: float) -> Any:
        """The value of a task, or a Died once the worker that had it is known to be gone."""
        since = time.monotonic()
        while True:
            # Not result(timeout=...): Ctrl-C would show its TimeoutError as a second traceback.
            done, _ = wait([future], timeout=POLL_S)
            if done:
                error = future.exception()  # raised here, a KeyboardInterrupt of theirs was ours
                if error is None:
                    return future.result()
                if isinstance(error, BrokenProcessPool):
                    raise error
                died = self._died(error, limit_s)
            elif self._stopped.is_set():
                raise Stopped
            elif future.running():
                if worker is None or worker.exitcode != 0:
                    continue
                died = Died(_exit_reason(0))  # which Pebble takes for an orderly end
            elif time.monotonic() - since > START_S:
                raise BrokenProcessPool(f"no worker within {START_S:g} s")
            else:
                continue
            self.close()
            return died

    def _died(self, error: BaseException, limit_s: float) -> Died:
        """What an error of Pebble's, or one that a function raised, says of the task."""
        if isinstance(error, ProcessExpired):
            return Died(_exit_reason(error.exitcode))
        if isinstance(error, MemoryError):
            return Died(f"out of memory (limit {self.memory_mb:g} MB)")
        if isinstance(error, TimeoutError) and error.__cause__ is None:  # not a function's own
            return Died(f"no answer within {limit_s:g} s", hung=True)
        log.debug("raised in the %s worker", self.language, exc_info=error)
        return Died(one_line(error))


def _exit_reason(code: int | None) -> str:
    if code is not None and code < 0:
        return f"worker died (signal {-code})"
    return f"worker died (exit code {code})"


# What follows runs in the worker.


def each_in_turn(do: Callable[[Any], Any], tasks: Sequence[Any], deadline_s: float) -> list[Any]:
    """Do tasks in turn; with a deadline, one that overruns it ends this process."""
    found: list[Any] = []
    armed = 0.0
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  faulthandler needs the descriptor
        try:
            for task in tasks:
                now = time.monotonic()
                if deadline_s and now - armed > 1.0:
                    # A thread in C: it goes off even while a compiler holds the interpreter.
                    faulthandler.dump_traceback_later(deadline_s + 1.0, exit=True, file=nowhere)
                    armed = now
                found.append(do(task))
        except MemoryError:
            raise MemoryError from None  # a library's own may not survive the way back
        finally:
            faulthandler.cancel_dump_traceback_later()
    return found


def extract_all(jobs: Sequence[Job], deadline_s: float) -> list[Outcome]:
    """Compile jobs in turn, as ``each_in_turn`` does."""
    return each_in_turn(extract_one, jobs, deadline_s)


def extract_one(job: Job) -> Outcome:
    """Compile one job in this process, whatever its text raises."""
    try:
        return extract_job(job)
    except (KeyboardInterrupt, GeneratorExit) as error:
        return Rejected("import", one_line(error))  # raised by the text: nobody pressed a key
