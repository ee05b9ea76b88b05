"""Shards: what a dataset is made in, one Parquet file each, a function of (config, shard) alone.

A finished shard has a *record* beside it, a line of the manifest: rows, bytes, checksum, yield and
statistics. The record is written last, so what has one is whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import extractors
import verification
from jit_synthesis import CODE_HASH, FEATURES, SPLITS, JitSynthesisConfig
from pipeline.card.statistics import Statistics
from pipeline.crew import Hand
from pipeline.parquet import write_parquet
from pipeline.parts import differences, whole, write_whole
from verification import Yield

# The file names of shards and of their records.
SHARD = re.compile(rf"(?:{'|'.join(SPLITS)})-\d{{5,}}-of-\d{{5,}}\.(?:parquet|json)")
SHARD_ROWS = 2048  # some 5 MB; one core verifies them in two (warp) to six (jax) minutes


@dataclass(frozen=True)
class Shard:
    """Rows [start, stop) of a split, the ``number``-th of ``total`` shards of it."""

    config: str
    split: str
    number: int
    total: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.stop - self.start

    @property
    def path(self) -> str:
        """Where it stands in a repository."""
        return f"{self.config}/{self.split}-{self.number:05d}-of-{self.total:05d}.parquet"

    @property
    def record(self) -> str:
        """Where its record stands."""
        return self.path.removesuffix(".parquet") + ".json"


@dataclass(frozen=True)
class Run:
    """All shards of a config, and the manifest that says what their bytes depend on."""

    config: JitSynthesisConfig
    manifest: dict[str, Any]
    shards: list[Shard]


def run_of(config: JitSynthesisConfig, shard_rows: int = SHARD_ROWS) -> Run:
    """The run that makes a config in shards; ValueError for less than a row a shard."""
    if shard_rows < 1:
        raise ValueError(f"shard_rows={shard_rows} must be 1 or more")
    return Run(config, manifest(config, shard_rows), plan(config, shard_rows))


def plan(config: JitSynthesisConfig, shard_rows: int = SHARD_ROWS) -> list[Shard]:
    """The shards of all splits, of ``shard_rows`` rows but for the last of each."""
    return [
        Shard(config.name, split, number, total, start, min(start + shard_rows, count))
        for split in SPLITS
        for count in [config.count(split)]
        for total in [-(-count // shard_rows)]
        for number, start in enumerate(range(0, count, shard_rows))
    ]


def manifest(config: JitSynthesisConfig, shard_rows: int = SHARD_ROWS) -> dict[str, Any]:
    """All that the bytes of a dataset's shards depend on."""
    return {
        "config": config.name,
        **{f"num_{split}": config.count(split) for split in SPLITS},
        "seed": config.seed,
        **verification.differing(config),
        "shard_rows": shard_rows,
        "code": CODE_HASH,
        **extractors.toolchain(config.name),
    }


def run_told_by(where: str, found: Mapping[str, Any]) -> Run:
    """The run of a manifest; ValueError where it is none, or of other code than this.

    The versions of the compilers may be others: what was made is looked at, nothing is compiled.
    """
    named = {field.name for field in fields(JitSynthesisConfig)} & found.keys()
    try:
        config = JitSynthesisConfig(found["config"], **{name: found[name] for name in named})
        run = run_of(config, found["shard_rows"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is no manifest of a run ({error}): remove it") from None
    there = {name: value for name, value in found.items() if name not in _versions(config)}
    here = {name: value for name, value in run.manifest.items() if name not in _versions(config)}
    if told := differences(there, here):
        raise ValueError(f"{where} is of other code ({told}): use the version that made it")
    return Run(config, dict(found), run.shards)


def _versions(config: JitSynthesisConfig) -> dict[str, str]:
    return extractors.toolchain(config.name)


def digest(manifest: Mapping[str, Any]) -> str:
    """A short name for a manifest: the same for the same values."""
    told = json.dumps(manifest, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def make_shard(
    shard: Shard, folder: Path, hand: Hand, *, statistics: bool = True
) -> dict[str, Any]:
    """Make a shard and its record in a folder, and return the record.

    Both are renamed into place whole; a shard that stands there, with the checksum in its record,
    is not made again. Errors of the disk pass, with nothing half-written left. ``statistics`` are
    for a card, and take a twentieth of the CPU that extracting a Warp row does.
    """
    path = folder / shard.path
    if found := finished(shard, folder):
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    found, counted = Yield(hand.config.level), Statistics()

    def rows() -> Iterator[dict[str, Any]]:
        for row in hand.rows(shard.split, shard.start, shard.stop, found):
            if statistics:
                counted.add(row)
            yield row

    with whole(path) as beside:
        size = write_parquet(beside, rows(), FEATURES[shard.config])
        record = {
            "path": shard.path,
            "split": shard.split,
            "start": shard.start,
            "rows": shard.rows,
            "bytes": beside.stat().st_size,
            "memory_bytes": size,
            "sha256": checksum(beside),
            "yield": found.told(),
            **({"statistics": counted.told()} if statistics else {}),
        }
    write_whole(folder / shard.record, [json.dumps(record)])
    return record


def finished(shard: Shard, folder: Path) -> dict[str, Any] | None:
    """The record of a shard that stands whole in a folder; None where it does not."""
    path, record = folder / shard.path, folder / shard.record
    if not (path.is_file() and record.is_file()):
        return None
    found = json.loads(record.read_text(encoding="utf-8"))
    same = path.stat().st_size == found["bytes"] and checksum(path) == found["sha256"]
    return found if same else None


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return checksum_of(file)


def checksum_of(file: Any) -> str:
    """SHA-256 of an open file, in hexadecimal."""
    return hashlib.file_digest(file, "sha256").hexdigest()
