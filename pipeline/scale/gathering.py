"""Gathering: a run folder is seen through, shard by shard, and told of once it is whole."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jit_synthesis import FEATURES
from pipeline.card.showing import (
    Shown,
    are_shown,
    as_json,
    check_extra,
    describe,
    files_of,
    foreign_card,
)
from pipeline.card.summaries import Totals, metadata_path, sample_path
from pipeline.card.uniqueness import COLUMNS, Keys
from pipeline.crew import Progress
from pipeline.publishing.target import MANIFEST, tells
from pipeline.scale.store import CARD, Store, at_once
from pipeline.shards import Run, Shard, checksum_of, run_told_by
from verification import Yield


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, and which shard of the plan is to be made for it, if one is."""

    path: str
    reason: str
    index: int | None = None


@dataclass
class Looked:
    """A run folder as it was found: what its records say together, and what is wrong."""

    run: Run
    totals: Totals
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class Gathered:
    """A run folder that is whole, and what was told of it."""

    store: Store
    run: Run
    shown: Shown


def run_in(store: Store) -> Run:
    """The run of a folder, told by its manifest; ValueError where it has none that is right."""
    return run_told_by(f"{store.url}/{MANIFEST}", store.manifest())


def look_through(
    store: Store, run: Run, progress: Progress = lambda rows, faults: None
) -> tuple[Looked, Keys]:
    """Read every shard of a run: checksum, schema, rows, and that no fingerprint is there twice.

    Some at a time, each once: memory holds 32 bytes a row and one row group of each.
    """
    sizes = store.sizes()
    starts, rows = [], 0
    for shard in run.shards:
        starts.append(rows)
        rows += shard.rows
    keys = Keys(rows)

    def look(at: int) -> dict[str, Any] | str:
        shard = run.shards[at]
        found = store.look(shard, sizes, deep=False)
        if isinstance(found, dict):
            found = _read(store, shard, found, keys, starts[at])
        return found

    done = Looked(run, Totals(run))
    for at, found in enumerate(at_once(look, range(len(run.shards)))):
        shard = run.shards[at]
        if isinstance(found, str):
            done.faults.append(Fault(shard.path, found, at))
        else:
            done.totals.add(found)
        progress(shard.rows, isinstance(found, str))
    if not done.faults:
        done.faults += _alike(run, keys, starts)
    done.faults += _others(run, sizes)
    return done, keys


def _read(
    store: Store, shard: Shard, record: dict[str, Any], keys: Keys, start: int
) -> dict[str, Any] | str:
    """Take in the keys of a shard; its record, or what is wrong with its content."""
    with store.plainly(), store.read(shard.path) as file:
        if checksum_of(file) != record["sha256"]:
            return "its checksum is not the one in its record"
        try:
            with pq.ParquetFile(file) as parquet:
                return _taken(parquet, shard, keys, start) or record
        except (pa.ArrowException, ValueError) as error:
            return f"cannot be read: {' '.join(str(error).split())}"


def _taken(parquet: pq.ParquetFile, shard: Shard, keys: Keys, start: int) -> str:
    schema, wanted = parquet.schema_arrow, FEATURES[shard.config].arrow_schema
    if not schema.equals(wanted) or schema.metadata != wanted.metadata:
        return f"another schema: {_differing(schema, wanted)}"
    if (rows := parquet.metadata.num_rows) != shard.rows:
        return f"{rows} rows instead of {shard.rows}"
    at = 0
    for group in range(parquet.num_row_groups):
        table = parquet.read_row_group(group, ["id", *COLUMNS])
        low = shard.start + at
        if table["id"].to_pylist() != list(range(low, low + table.num_rows)):
            return f"its rows are not {shard.start} to {shard.stop - 1}"
        keys.add(start + at, table)
        at += table.num_rows
    return ""


def _differing(schema: pa.Schema, wanted: pa.Schema) -> str:
    for name in dict.fromkeys([*wanted.names, *schema.names]):
        found, ours = (of.field(name).type if name in of.names else None for of in (schema, wanted))
        if found != ours:
            return f"{name} is {found or 'missing'} instead of {ours or 'missing'}"
    return "its columns are in another order, or its labels are others"


def _alike(run: Run, keys: Keys, starts: list[int]) -> list[Fault]:
    """Shards with rows whose fingerprint an earlier row has: both are to be made again."""
    found: dict[int, str] = {}

    def at(row: int) -> int:
        return bisect_right(starts, row) - 1

    def name(row: int) -> str:
        shard = run.shards[at(row)]
        return f"{shard.split} {shard.start + row - starts[at(row)]}"

    for first, again in keys.doubles():
        found.setdefault(at(first), f"{name(first)} has the fingerprint of {name(again)}")
        found.setdefault(at(again), f"{name(again)} has the fingerprint of {name(first)}")
    return [Fault(run.shards[n].path, found[n], n) for n in sorted(found)]


def _others(run: Run, sizes: Mapping[str, int]) -> list[Fault]:
    """Files among the shards that are none, and would be taken for some."""
    known = {path for shard in run.shards for path in (shard.path, shard.record)}
    return [
        Fault(path, "no file of this run: remove it")
        for path in sizes
        if path.startswith(f"{run.config.name}/") and path not in known
    ]


def gather(
    store: Store,
    repo: str,
    command: str,
    *,
    progress: Progress = lambda rows, faults: None,
    say: Callable[[str], None] = lambda line: None,
) -> Looked:
    """Look a run folder through; if it is whole, write yield, summary, sample and card beside.

    ``repo`` is the name in the card, ``command`` what makes the rows again. The same again writes
    nothing. Raises ValueError for a folder with no manifest, with one of other code, or with a
    README of the user's own.
    """
    check_extra()
    run = run_in(store)
    texts = {path: store.content(path) for path in filter(tells, store.sizes())}
    if foreign_card(texts):
        raise ValueError(f"{store.url} has a {CARD} that the card would replace: move it away")
    looked, keys = look_through(store, run, progress)
    if looked.faults:
        return looked
    say("drawing plots, writing the card")
    shown = describe(run, command, looked.totals, store.read, keys.told())
    new = {run.config.name: shown}
    if CARD not in texts or not are_shown(new, texts):
        found = Yield(run.config.level)
        found.join(shown.summary["yield"])
        files = {"yield.json": as_json(found.told()), **files_of(repo, new, texts)}
        last = (metadata_path(run.config.name), CARD)  # with these it counts as gathered
        for path in (*(files.keys() - last), *last):
            store.write(path, files[path])
    store.tidy()
    return looked


def gathered(store: Store) -> Gathered:
    """A folder that was gathered and is whole still; ValueError, naming `gather`, if it is not."""
    run = run_in(store)
    name = run.config.name
    try:
        summary = json.loads(store.content(metadata_path(name)))
        sample = store.content(sample_path(name))
    except FileNotFoundError:
        raise ValueError(f"{store.url} is not gathered: jit-synthesis gather {store.url}") from None
    told = {shard["path"]: shard["sha256"] for shard in summary["shards"]}
    sizes = store.sizes()

    def as_told(shard: Shard) -> bool:
        found = store.look(shard, sizes, deep=False)
        return not isinstance(found, str) and found["sha256"] == told.get(shard.path)

    right = sum(at_once(as_told, run.shards))
    if summary["manifest"] != run.manifest or right < len(run.shards):
        raise ValueError(
            f"{store.url} is not whole, {right} of {len(run.shards)} shards are as they were "
            f"gathered: jit-synthesis gather {store.url}"
        )
    return Gathered(store, run, Shown(summary, sample))
