"""Export a split to one JSONL or Parquet file, with several workers, and go on after a stop."""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

import extractors
import jit_synthesis
import verification
from extractors.workers import Stopped
from jit_synthesis import CODE_HASH, FEATURES, JitSynthesisConfig, Rejection
from pipeline.parts import Parts
from verification import Yield

PART_ROWS = 64
GROUP_ROWS = 256  # of a Parquet row group
FORMATS = (".jsonl", ".parquet")


@dataclass(frozen=True)
class Exported:
    """What an export did: rows in the file, rows found in finished parts, and the yield."""

    rows: int
    resumed: int
    found: Yield


Progress = Callable[[int, int], None]  # rows and replaced kernels that were added


def file_format(output: Path, jsonl: bool = False) -> str:
    """The format an output's suffix names; ``jsonl`` forces JSONL. ValueError names both."""
    if jsonl and output.suffix != ".parquet":
        return ".jsonl"
    if output.suffix not in FORMATS or jsonl:
        flag = ", which --jsonl cannot write" if jsonl else ""
        raise ValueError(f"output {output} must end in .jsonl or .parquet{flag}")
    return output.suffix


def check_output(output: Path, overwrite: bool) -> None:
    """Refuse, with ValueError, an output that cannot or must not be written."""
    if not output.parent.is_dir():
        raise ValueError(f"folder {output.parent} does not exist: mkdir -p {output.parent}")
    if output.is_dir():
        raise ValueError(f"output {output} is a folder: name a file in it")
    if output.exists() and not overwrite:
        raise ValueError(f"{output} exists: give --overwrite to replace it, or another --output")
    if not os.access(output.parent, os.W_OK):
        raise ValueError(f"cannot write in folder {output.parent}: choose another")


def export(
    config: JitSynthesisConfig,
    split: str,
    output: Path,
    *,
    jsonl: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda rows, rejections: None,
) -> Exported:
    """Write a split of ``config`` to ``output``, in order of index, whole or not at all.

    What an earlier run of the same options finished is used; the bytes are those of an undisturbed
    run. ``workers`` compile at the same time, one a usable core by default. Raises ValueError for
    bad input, and lets KeyboardInterrupt pass with the finished parts kept.
    """
    output = output.absolute()
    suffix = file_format(output, jsonl)
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers} must be 1 or more")
    check_output(output, overwrite)
    extractors.check_toolchain(config.name)
    count = config.count(split)
    numbers = range(-(-count // PART_ROWS))
    with Parts(output, manifest(config, split), discard=overwrite) as parts:
        check_output(output, overwrite)  # again: another run may have ended before the lock
        missing = [number for number in numbers if not parts.path(number).exists()]
        finished = [number for number in numbers if number not in missing]
        resumed = finished_rows(output, count)
        progress(resumed, parts.joined(finished, config.level).replaced)
        _fill(config, split, parts, missing, workers or usable_cores(), progress)
        found = parts.joined(numbers, config.level)
        whole = parts.folder / f"whole{suffix}"
        if suffix == ".parquet":
            write_parquet(whole, parts.lines(len(numbers)), FEATURES[config.name])
        else:
            with whole.open("w", encoding="utf-8", newline="") as file:
                file.writelines(parts.lines(len(numbers)))
        parts.publish(whole, found)
    return Exported(count, resumed, found)


def finished_rows(output: Path, count: int) -> int:
    """Rows of an unfinished export of ``count`` that an interruption has left."""
    parts = Parts(output.absolute(), {})
    numbers = range(-(-count // PART_ROWS))
    return sum(
        min(PART_ROWS, count - number * PART_ROWS)
        for number in numbers
        if parts.path(number).exists()
    )


def manifest(config: JitSynthesisConfig, split: str) -> dict[str, Any]:
    """All that the rows of an export depend on, and its size."""
    return {
        "config": config.name,
        "split": split,
        "count": config.count(split),
        "seed": config.seed,
        **verification.differing(config),
        "part_rows": PART_ROWS,
        "code": CODE_HASH,
        **extractors.toolchain(config.name),
    }


def usable_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _fill(
    config: JitSynthesisConfig,
    split: str,
    parts: Parts,
    missing: list[int],
    workers: int,
    progress: Progress,
) -> None:
    """Make the missing parts, each thread with a worker process of its own."""
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in missing:
        todo.put(number)
    news: queue.SimpleQueue[tuple[int, int] | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()
    compilers: list[extractors.Extractor] = []

    def work() -> None:
        end: BaseException | None = None
        try:
            with extractors.Extractor(config.name) as compiler:
                compilers.append(compiler)
                while not stop.is_set():
                    _fill_one(config, split, parts, todo.get_nowait(), compiler, stop, news)
        except (queue.Empty, _Stopped, Stopped):
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            end = error
        news.put(end)

    threads = [threading.Thread(target=work) for _ in range(min(workers, len(missing)))]
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


class _Stopped(Exception):
    """The export was interrupted: the part at hand is left undone."""


def _fill_one(
    config: JitSynthesisConfig,
    split: str,
    parts: Parts,
    number: int,
    compiler: extractors.Extractor,
    stop: threading.Event,
    news: queue.SimpleQueue,
) -> None:
    start = number * PART_ROWS
    found = Yield(config.level)

    def note(missed: Rejection) -> None:
        found.note(missed)
        if not missed.kept:
            news.put((0, 1))

    def made() -> Any:
        low_stop = min(start + PART_ROWS, config.count(split))
        for row in jit_synthesis.rows(
            config, split, start, low_stop, compiler=compiler, on_reject=note
        ):
            if stop.is_set():
                raise _Stopped
            news.put((1, 0))
            found.add(row)
            yield row

    parts.write(number, made(), found)


def write_parquet(path: Path, lines: Any, features: datasets.Features) -> None:
    """Write JSON lines as Parquet with the builder's own schema, labels and all."""
    lines = iter(lines)
    schema = features.arrow_schema
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(lines, GROUP_ROWS)):
            encoded = [features.encode_example(json.loads(line)) for line in group]
            writer.write_table(pa.Table.from_pylist(encoded, schema=schema))
