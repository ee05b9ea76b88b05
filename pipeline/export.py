"""Export a split to one JSONL or Parquet file, with several workers, and go on after a stop."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import extractors
import verification
from jit_synthesis import CODE_HASH, FEATURES, JitSynthesisConfig
from pipeline.crew import Hand, Progress, check_workers, share_out
from pipeline.parquet import read_rows, write_parquet
from pipeline.parts import Parts
from pipeline.shards import Shard, finished, make_shard, plan
from verification import Yield

PART_ROWS = 64  # of a shard: what a stop loses at most, for each worker
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
    shards = _shards(config, split)
    with Parts(output, manifest(config, split), discard=overwrite) as parts:
        check_output(output, overwrite)  # again: another run may have ended before the lock
        yields = {
            shard: record["yield"] for shard in shards if (record := finished(shard, parts.folder))
        }
        resumed = sum(shard.rows for shard in yields)
        progress(resumed, _joined(yields.values(), config.level).replaced)

        def fill(shard: Shard, hand: Hand) -> None:
            yields[shard] = make_shard(shard, parts.folder, hand, statistics=False)["yield"]

        missing = [shard for shard in shards if shard not in yields]
        share_out(config, missing, fill, workers=workers, progress=progress)
        found = _joined([yields[shard] for shard in shards], config.level)
        whole = parts.folder / f"whole{suffix}"
        _assemble(config.name, [parts.folder / shard.path for shard in shards], whole)
        parts.publish(whole, found)
    return Exported(config.count(split), resumed, found)


def _shards(config: JitSynthesisConfig, split: str) -> list[Shard]:
    return [shard for shard in plan(config, PART_ROWS) if shard.split == split]


def _joined(yields: Iterable[dict[str, Any]], level: str) -> Yield:
    found = Yield(level)
    for each in yields:
        found.join(each)
    return found


def _assemble(config: str, shards: Iterable[Path], whole: Path) -> None:
    """Write the rows of all shards, in order, to one file of the format its suffix names."""

    def rows() -> Iterator[dict[str, Any]]:
        for shard in shards:
            yield from read_rows(shard, FEATURES[config])

    if whole.suffix == ".parquet":
        write_parquet(whole, rows(), FEATURES[config])
        return
    with whole.open("w", encoding="utf-8", newline="") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows())


def finished_rows(config: JitSynthesisConfig, split: str, output: Path) -> int:
    """Rows of an unfinished export that an interruption has left."""
    folder = Parts(output.absolute(), {}).folder
    return sum(shard.rows for shard in _shards(config, split) if finished(shard, folder))


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
