"""What is told of a published config: one JSON object, made from records and from the data."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jit_synthesis import FEATURES, SPLITS, TIERS, JitSynthesisConfig, __version__, sources
from pipeline.parquet import GROUP_ROWS, write_parquet
from pipeline.shards import Shard
from pipeline.statistics import Statistics
from verification import Yield, differing

SAMPLE_ROWS = 1000
POINTS = 24  # of the curve of distinct structures
EXAMPLE_LINES = 6  # of Python, at least, in the row that is shown

Open = Callable[[str], BinaryIO]  # a staged file, by its path


def metadata_path(config: str) -> str:
    """Where the summary of a config stands in a repository."""
    return f"metadata/{config}.json"


def sample_path(config: str) -> str:
    """Where the sample config of a config has its rows."""
    return f"{config}-sample/train-00000-of-00001.parquet"


def summarise(
    config: JitSynthesisConfig,
    manifest: Mapping[str, Any],
    command: str,
    shards: Sequence[Shard],
    records: Mapping[str, Mapping[str, Any]],
    sample: Sequence[Mapping[str, Any]],
    read: Open,
) -> dict[str, Any]:
    """The summary of a config whose shards are all there; ValueError where two rows are alike.

    Fingerprints and structures are read from the shards, which shows as well that each can be
    read and holds the rows that its record says.
    """
    in_order = [records[shard.path] for shard in shards]
    found, counted = Yield(config.level), Statistics()
    for record in in_order:
        found.join(record["yield"])
        counted.join(record["statistics"])
    kept = ("path", "rows", "bytes", "sha256")
    return {
        "config": config.name,
        "version": __version__,
        "code": manifest["code"],
        "toolchain": {k: v for k, v in manifest.items() if k in _toolchain(config)},
        "seed": config.seed,
        "options": differing(config),
        "command": command,
        "manifest": dict(manifest),
        "splits": {
            split: {
                "rows": sum(r["rows"] for r in of_split),
                "bytes": sum(r["bytes"] for r in of_split),
                "memory_bytes": sum(r["memory_bytes"] for r in of_split),
                "shards": len(of_split),
            }
            for split in SPLITS
            if (of_split := [r for r in in_order if r["split"] == split])
        },
        "sample_rows": len(sample),
        "yield": found.told(),
        "statistics": counted.told(),
        "uniqueness": _uniqueness(config.name, shards, read),
        "example": _example(config.name, sample),
        "shards": [{k: record[k] for k in kept} for record in in_order],
    }


def _toolchain(config: JitSynthesisConfig) -> dict[str, str]:
    import extractors

    return extractors.toolchain(config.name)


def sample_rows(config: str, shards: Sequence[Shard], read: Open) -> list[dict[str, Any]]:
    """The first rows of train (or of the first split that there is), labels by name."""
    first = next(shard.split for shard in shards)
    found = _rows(config, [shard for shard in shards if shard.split == first], read)
    return list(islice(found, SAMPLE_ROWS))


def _rows(config: str, shards: Iterable[Shard], read: Open) -> Iterator[dict[str, Any]]:
    for shard in shards:
        with closing(read(shard.path)) as file:
            for batch in pq.ParquetFile(file).iter_batches(GROUP_ROWS):
                yield from (named(config, row) for row in batch.to_pylist())


def named(config: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of Parquet as ``rows`` makes it: labels by name instead of number."""
    features = FEATURES[config]
    labels = {column: features[column] for column in ("category", "verified")}
    return {**row, **{column: label.int2str(row[column]) for column, label in labels.items()}}


def sample_file(config: str, rows: Sequence[Mapping[str, Any]]) -> tuple[bytes, int]:
    """The rows of a sample config as a Parquet file, and their bytes as Arrow."""
    held = io.BytesIO()
    size = write_parquet(held, rows, FEATURES[config])
    return held.getvalue(), size


def _uniqueness(config: str, shards: Sequence[Shard], read: Open) -> dict[str, Any]:
    """How many fingerprints and structures are distinct, and how that grows with the rows."""
    columns = ["fingerprint", "structure"]
    tables = []
    for shard in shards:
        with closing(read(shard.path)) as file:
            table = pq.ParquetFile(file).read(columns)
        if table.num_rows != shard.stop - shard.start:
            raise ValueError(f"{shard.path} holds {table.num_rows} rows: throw it away, try again")
        tables.append(table)
    both = pa.concat_tables(tables)
    whole, masked = (np.unique(_keys(both[c]), return_index=True)[1] for c in columns)
    if len(whole) != both.num_rows:
        raise ValueError(
            f"{both.num_rows - len(whole)} of {both.num_rows} {config} rows have the fingerprint "
            "of another: an error of this project, please report it"
        )
    firsts = np.sort(masked)
    at = sorted({-(-both.num_rows * n // POINTS) for n in range(1, POINTS + 1)})
    return {
        "rows": both.num_rows,
        "fingerprints": len(whole),
        "structures": len(masked),
        "curve": [[rows, int(np.searchsorted(firsts, rows))] for rows in at],
    }


def _keys(column: pa.ChunkedArray) -> np.ndarray:
    """Hexadecimal texts as numbers of 16 bytes, which sort without Python."""
    texts = "".join(column.to_pylist())
    return np.frombuffer(bytes.fromhex(texts), dtype="V16")


def _example(config: str, sample: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The shortest row of the highest tier that is not trivial."""

    def size(row: Mapping[str, Any]) -> int:
        return sum(len(value) for value in row.values() if isinstance(value, str))

    def trivial(row: Mapping[str, Any]) -> bool:
        return any(row[column].count("\n") < EXAMPLE_LINES for column in sources(config))

    return dict(
        min(sample, key=lambda r: (trivial(r), -TIERS.index(r["verified"]), size(r), r["id"]))
    )
