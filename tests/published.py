"""A small repository as it is published, in a folder: Parquet of real rows, and its summaries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import extractors
from jit_synthesis import CODE_HASH, FEATURES, JitSynthesisConfig, rows
from pipeline.card.statistics import Statistics
from pipeline.parquet import write_parquet
from verification import Yield, differing

Splits = Mapping[str, Sequence[Mapping[str, Any]]]
SAMPLE = 4


def make(config: JitSynthesisConfig) -> tuple[dict[str, list[dict[str, Any]]], Yield]:
    """Make a config's rows, split by split, and their yield."""
    found, made = Yield(config.level), {}
    with extractors.Extractor(config.name) as compiler:
        for split in ("train", "validation", "test"):
            if count := config.count(split):
                made[split] = list(
                    rows(config, split, 0, count, compiler=compiler, on_reject=found.note)
                )
    for row in (row for part in made.values() for row in part):
        found.add(row)
    return made, found


def publish(
    folder: Path, config: JitSynthesisConfig, made: Splits, found: Yield, shards: int = 2
) -> dict[str, Any]:
    """Write a config's files into a folder as they lie in a repository; return its summary."""
    name, splits = config.name, {}
    for split, part in made.items():
        edges = [len(part) * shard // shards for shard in range(shards + 1)]
        sizes = [
            _write(
                folder / name / f"{split}-{n:05d}-of-{shards:05d}.parquet",
                name,
                part[edges[n] : edges[n + 1]],
            )
            for n in range(shards)
        ]
        size, memory = map(sum, zip(*sizes, strict=True))
        told = {"rows": len(part), "bytes": size, "memory_bytes": memory, "shards": shards}
        splits[split] = told
    first = next(iter(made.values()))[:SAMPLE]
    _write(folder / f"{name}-sample" / "train-00000-of-00001.parquet", name, first)
    everything = [row for part in made.values() for row in part]
    counted = Statistics()
    for row in everything:
        counted.add(row)
    seen: set[str] = set()
    curve = []
    for number, row in enumerate(everything, 1):
        seen.add(row["structure"])
        if number % max(1, len(everything) // 20) == 0 or number == len(everything):
            curve.append([number, len(seen)])
    summary = {
        "config": name,
        "version": "0.1.0",
        "code": CODE_HASH,
        "toolchain": extractors.toolchain(name),
        "seed": config.seed,
        "options": differing(config),
        "command": f"jit-synthesis publish me/jit-kernels --configs {name}",
        "splits": splits,
        "sample_rows": len(first),
        "yield": found.told(),
        "statistics": counted.told(),
        "uniqueness": {
            "rows": len(everything),
            "fingerprints": len({row["fingerprint"] for row in everything}),
            "structures": len(seen),
            "curve": curve,
        },
        "example": everything[0],
    }
    return json.loads(json.dumps(summary))  # as it comes back from the repository


def _write(path: Path, name: str, part: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, part, FEATURES[name])
    return path.stat().st_size, pq.read_table(path).nbytes


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write what makes up a card."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
