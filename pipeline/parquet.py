"""Parquet as the Hub's viewer and ``datasets`` like it: small row groups, page index, zstd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 256  # of a row group: some 10 MB, where the viewer's limit is 300 MB a scan


def write_parquet(
    path: Path | BinaryIO, rows: Iterable[Mapping[str, Any]], features: datasets.Features
) -> int:
    """Write rows, labels by name, with the builder's own schema; return their bytes as Arrow.

    The page index lets a reader fetch the pages of the rows and columns it wants.
    """
    rows = iter(rows)
    schema = features.arrow_schema
    size = 0
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_index=True) as writer:
        while group := list(islice(rows, GROUP_ROWS)):
            encoded = [features.encode_example(dict(row)) for row in group]
            table = pa.Table.from_pylist(encoded, schema=schema)
            writer.write_table(table)
            size += table.nbytes
    return size


def read_rows(file: Path | BinaryIO, features: datasets.Features) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file as ``rows`` makes them: labels by name."""
    with pq.ParquetFile(file) as parquet:
        labels = labels_of(features)
        for batch in parquet.iter_batches(GROUP_ROWS):
            yield from (named(labels, row) for row in batch.to_pylist())


def labels_of(features: datasets.Features) -> dict[str, datasets.ClassLabel]:
    """The columns that hold the numbers of names."""
    return {k: each for k, each in features.items() if isinstance(each, datasets.ClassLabel)}


def named(labels: Mapping[str, datasets.ClassLabel], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of Parquet with its labels by name instead of number."""
    return {**row, **{column: label.int2str(row[column]) for column, label in labels.items()}}
