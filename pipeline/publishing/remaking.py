"""Frozen equals fresh: published rows, made again from their row_key and compared."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem
from huggingface_hub.utils import validate_repo_id

import extractors
from jit_synthesis import CODE_HASH, FEATURES, attempt, differing, parse_row_key, sources
from pipeline.card.summaries import metadata_path
from pipeline.foreign_rows import Row, config_of, read_rows
from pipeline.parquet import labels_of, named
from pipeline.verify import Difference, difference, first_difference

BATCH = 32


@dataclass
class Remade:
    """How many rows were made again, what is worth knowing of it, and what differs."""

    rows: int = 0
    notes: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """Where published rows are: a file, a folder or a repository on the Hub."""

    files: Any  # an fsspec file system
    root: str

    def read(self, path: str) -> Any:
        """A file of it, opened: it is fetched as far as it is read."""
        return self.files.open(f"{self.root}/{path}", "rb")


def find_source(name: str, revision: str | None) -> Source:
    """The file, folder or repository of a name; ValueError where there is none."""
    if Path(name).exists():
        return Source(fsspec.filesystem("file"), str(Path(name).absolute()))
    validate_repo_id(name)
    files = HfFileSystem()
    root = f"datasets/{name}" + (f"@{revision}" if revision else "")
    if not files.exists(root):
        raise ValueError(f"{name} is no file, no folder and no dataset that you may see")
    return Source(files, root)


def remake(
    name: str,
    rows: int,
    *,
    revision: str | None = None,
    config: str | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda rows, differing: None,
) -> Remade:
    """Draw ``rows`` published rows, make them again, and compare every column, byte for byte.

    Raises ValueError for bad input, for rows that name no row_key of this project, and where
    another toolchain made them: its texts would differ for reasons of its own.
    """
    if rows < 1:
        raise ValueError(f"rows={rows} must be 1 or more")
    source = find_source(name, revision)
    done = Remade()
    drawn = _drawn(source, name, rows, config, seed)
    by_config: dict[str, list[Row]] = defaultdict(list)
    for row in drawn:
        by_config[config_of(row.columns or {})].append(row)
    for each in by_config:
        done.notes += _compared_toolchains(source, each)
    for each, of_config in by_config.items():
        with extractors.Extractor(each) as worker:
            for row, made in _made(each, of_config, worker):
                found = [difference(row, "regenerate", w) for w in _differing(each, row, made)]
                done.differences += found
                done.rows += 1
                progress(1, bool(found))
    return done


def _drawn(source: Source, name: str, count: int, config: str | None, seed: int) -> list[Row]:
    """So many rows, or all if there are fewer, drawn evenly from the whole; in its order."""
    if source.files.isfile(source.root):
        whole = list(read_rows(Path(source.root)))
        wanted = _chosen(len(whole), count, seed)
        return [row for n, row in enumerate(whole) if n in wanted]
    paths = sorted(source.files.glob(f"{source.root}/**/*.parquet"))
    paths = [path.removeprefix(f"{source.root}/") for path in paths]
    paths = [path for path in paths if not path.split("/")[0].endswith("-sample")]
    if config is not None:
        paths = [path for path in paths if path.split("/")[0] == config]
    if not paths:
        of = f" of config {config}" if config else ""
        raise ValueError(f"{name} holds no Parquet files{of}: name a published dataset")
    sizes = [_size(source, path) for path in paths]
    wanted = sorted(_chosen(sum(sizes), count, seed))
    found = []
    for path, end, size in zip(paths, accumulate(sizes), sizes, strict=True):
        mine = [number - (end - size) for number in wanted if end - size <= number < end]
        found += [Row(end - size + n + 1, row) for n, row in _picked(source, path, mine)]
    return found


def _chosen(total: int, count: int, seed: int) -> set[int]:
    return set(random.Random(seed).sample(range(total), min(count, total)))


def _opened(source: Source, path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source.read(path))
    except pa.ArrowException as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from None


def _size(source: Source, path: str) -> int:
    with closing(_opened(source, path)) as file:
        return file.metadata.num_rows


def _picked(source: Source, path: str, numbers: Sequence[int]) -> Iterator[tuple[int, dict]]:
    """Rows of a Parquet file; only the row groups that hold one are read."""
    if not numbers:
        return
    with closing(_opened(source, path)) as file:
        start = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            mine = [n - start for n in numbers if start <= n < start + size]
            if mine:
                rows = file.read_row_group(group).take(mine).to_pylist()
                yield from zip([n + start for n in mine], rows, strict=True)
            start += size


def _compared_toolchains(source: Source, config: str) -> list[str]:
    """What to say of how rows were made; ValueError where it was by other compilers."""
    here = extractors.toolchain(config)
    if source.files.isfile(source.root) or not source.files.exists(
        f"{source.root}/{metadata_path(config)}"
    ):
        told = ", ".join(f"{k} {v}" for k, v in here.items())
        return [f"{config}: nothing says which versions made it; compared with {told}"]
    with closing(source.read(metadata_path(config))) as file:
        summary = json.load(file)
    there = summary["toolchain"]
    others = {k for k in here.keys() | there.keys() if here.get(k) != there.get(k)}
    told = ", ".join(f"{k} {there.get(k)} (here {here.get(k)})" for k in sorted(others))
    if others - {"python"}:
        raise ValueError(
            f"{config} was made with {told}: other versions make other texts, install those first"
        )
    notes = [f"{config} was made with {told}"] if others else []
    if summary["code"] != CODE_HASH:
        notes.append(
            f"{config} was made by version {summary['version']}, code {summary['code']}; this is "
            f"code {CODE_HASH}, which may generate other kernels"
        )
    return notes


def _made(
    config: str, rows: Sequence[Row], worker: extractors.Extractor
) -> Iterator[tuple[Row, Mapping[str, Any] | str]]:
    """Each row with what its row_key gives now: a row, or why there is none."""
    alike: dict[str, list[tuple[Row, Any, str, int, int]]] = defaultdict(list)
    for row in rows:
        key = (row.columns or {}).get("row_key")
        if not key:
            raise ValueError(f"row {row.number} has no row_key: it was not generated")
        try:
            options, split, index, variant = parse_row_key(key)
        except ValueError as error:
            yield row, str(error)
            continue
        if options.name != config:
            yield row, f"row_key is of config {options.name}"
            continue
        same = json.dumps([options.seed, differing(options), split, variant], sort_keys=True)
        alike[same].append((row, options, split, index, variant))
    for group in alike.values():
        for low in range(0, len(group), BATCH):
            batch = group[low : low + BATCH]
            _, options, split, _, variant = batch[0]
            found = attempt(options, split, [index for *_, index, _ in batch], variant, worker)
            for (row, *_), made in zip(batch, found, strict=True):
                why = made.missed.reason if made.missed else "unknown"
                yield row, made.row if made.row is not None else f"it is rejected here: {why}"


def _differing(config: str, row: Row, made: Mapping[str, Any] | str) -> Iterator[str]:
    if isinstance(made, str):
        yield made
        return
    columns = row.columns or {}
    if not isinstance(columns.get("category"), str):
        columns = named(labels_of(FEATURES[config]), columns)
    if columns.get("kernel_name") != made["kernel_name"] and not any(
        columns.get(column) == made[column] for column in ("fingerprint", *sources(config))
    ):
        yield f"another kernel: {columns.get('kernel_name')}, here {made['kernel_name']}"
        return
    for column in FEATURES[config]:
        ours, theirs = made[column], columns.get(column)
        if ours == theirs:
            continue
        if isinstance(theirs, str) and isinstance(ours, str):
            yield f"{column}, {first_difference(theirs, ours)}"
        else:
            yield f"{column}: {theirs!r} is {ours!r} here"
