"""Export a split to one JSONL or Parquet file, with several workers, and go on after a stop."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import extractors
import verification
from jit_synthesis import CODE_HASH, FEATURES, JitSynthesisConfig
from pipeline.crew import Hand, Progress, check_workers, share_out
from pipeline.parquet import write_parquet
from pipeline.parts import Parts
from verification import Yield

PART_ROWS = 64
FORMATS = (".jsonl", ".parquet")


@dataclass(frozen=True)
class Exported:
    """What an export did: rows in the file, rows found in finished parts, and the yield."""

    rows: int
    resumed: int
    found: Yield


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
    check_workers(workers)
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

        def fill(number: int, hand: Hand) -> None:
            low, high = number * PART_ROWS, min((number + 1) * PART_ROWS, count)
            of_part = Yield(config.level)
            parts.write(number, hand.rows(split, low, high, of_part), of_part)

        share_out(config, missing, fill, workers=workers, progress=progress)
        found = parts.joined(numbers, config.level)
        whole = parts.folder / f"whole{suffix}"
        if suffix == ".parquet":
            rows = map(json.loads, parts.lines(len(numbers)))
            write_parquet(whole, rows, FEATURES[config.name])
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
