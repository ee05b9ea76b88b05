"""What is told of a published config: one JSON object, made from records and from the data."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, BinaryIO

import extractors
from jit_synthesis import FEATURES, SPLITS, TIERS, __version__, sources
from pipeline.card.statistics import Statistics
from pipeline.parquet import read_rows, write_parquet
from pipeline.shards import Run, Shard
from verification import Yield, differing

SAMPLE_ROWS = 1000
EXAMPLE_LINES = 6  # of Python, at least, in the row that is shown

Open = Callable[[str], BinaryIO]  # a staged file, by its path


def metadata_path(config: str) -> str:
    """Where the summary of a config stands in a repository."""
    return f"metadata/{config}.json"


def sample_path(config: str) -> str:
    """Where the sample config of a config has its rows."""
    return f"{config}-sample/train-00000-of-00001.parquet"


class Totals:
    """What the records of a run's shards say together, added in any order, by any thread.

    Statistics, most of a record, are added up at once and not kept.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.counted = Statistics()
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, Any]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Count a shard in."""
        kept = {name: value for name, value in record.items() if name != "statistics"}
        with self._lock:
            self.counted.join(record["statistics"])
            self._kept[record["path"]] = kept

    def __contains__(self, shard: Shard) -> bool:
        return shard.path in self._kept

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records in the order of the plan, without statistics."""
        return [self._kept[shard.path] for shard in self.run.shards if shard in self]

    @property
    def rows(self) -> int:
        """Rows of the shards that were added."""
        return sum(record["rows"] for record in self._kept.values())

    @property
    def found(self) -> Yield:
        """The yield, joined in the order of the plan."""
        found = Yield(self.run.config.level)
        for record in self.records:
            found.join(record["yield"])
        return found


def summarise(
    run: Run,
    command: str,
    totals: Totals,
    sample: Sequence[Mapping[str, Any]],
    uniqueness: Mapping[str, Any],
) -> dict[str, Any]:
    """The summary of a config whose shards are all there, and distinct."""
    config, manifest, records = run.config, run.manifest, totals.records
    kept = ("path", "rows", "bytes", "sha256")
    tools = extractors.toolchain(config.name)
    return {
        "config": config.name,
        "version": __version__,
        "code": manifest["code"],
        "toolchain": {name: manifest[name] for name in manifest if name in tools},
        "seed": config.seed,
        "options": differing(config),
        "command": command,
        "manifest": manifest,
        "splits": {
            split: {
                "rows": sum(r["rows"] for r in of_split),
                "bytes": sum(r["bytes"] for r in of_split),
                "memory_bytes": sum(r["memory_bytes"] for r in of_split),
                "shards": len(of_split),
            }
            for split in SPLITS
            if (of_split := [r for r in records if r["split"] == split])
        },
        "sample_rows": len(sample),
        "yield": totals.found.told(),
        "statistics": totals.counted.told(),
        "uniqueness": dict(uniqueness),
        "example": _example(config.name, sample),
        "shards": [{k: record[k] for k in kept} for record in records],
    }


def sample_rows(config: str, shards: Sequence[Shard], read: Open) -> list[dict[str, Any]]:
    """The first rows of train (or of the first split that there is), labels by name."""
    first = next(shard.split for shard in shards)
    found = _rows(config, [shard for shard in shards if shard.split == first], read)
    return list(islice(found, SAMPLE_ROWS))


def _rows(config: str, shards: Iterable[Shard], read: Open) -> Iterator[dict[str, Any]]:
    for shard in shards:
        with closing(read(shard.path)) as file:
            yield from read_rows(file, FEATURES[config])


def sample_file(config: str, rows: Sequence[Mapping[str, Any]]) -> tuple[bytes, int]:
    """The rows of a sample config as a Parquet file, and their bytes as Arrow."""
    held = io.BytesIO()
    size = write_parquet(held, rows, FEATURES[config])
    return held.getvalue(), size


def _example(config: str, sample: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The shortest row of the highest tier that is not trivial."""

    def size(row: Mapping[str, Any]) -> int:
        return sum(len(value) for value in row.values() if isinstance(value, str))

    def trivial(row: Mapping[str, Any]) -> bool:
        return any(row[column].count("\n") < EXAMPLE_LINES for column in sources(config))

    return dict(
        min(sample, key=lambda r: (trivial(r), -TIERS.index(r["verified"]), size(r), r["id"]))
    )
