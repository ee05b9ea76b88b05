"""Publishing: shards made and staged, then shown at once with a card that is made from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import datasets
from filelock import FileLock, Timeout
from huggingface_hub import DatasetCard, DatasetCardData

import extractors
from jit_synthesis import CONFIGS, FEATURES, JitSynthesisConfig
from pipeline.crew import Hand, Progress, check_workers, share_out
from pipeline.retrying import MovedError
from pipeline.shards import SHARD_ROWS, Shard, make_shard, manifest, plan
from pipeline.summaries import metadata_path, sample_file, sample_path, sample_rows, summarise
from pipeline.target import Target

MOVES = 5  # times that somebody else may commit while the last commit is made
CHANGES = "metadata/changelog.json"


@dataclass
class Published:
    """What came of it: where to look, rows by config, and what an earlier run had done."""

    where: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    resumed: int = 0
    already: list[str] = field(default_factory=list)


def publish(
    target: Target,
    repo: str,
    configs: Sequence[JitSynthesisConfig],
    command: Callable[[JitSynthesisConfig], str],
    *,
    shard_rows: int = SHARD_ROWS,
    workers: int | None = None,
    restart: bool = False,
    progress: Progress = lambda rows, rejections: None,
    say: Callable[[str], None] = lambda line: None,
) -> Published:
    """Publish configs to a target as the repository ``repo``; a later run goes on from a stop.

    ``command`` says how a config is made again. Raises ValueError for bad input before anything is
    made, `UnreachableError` for a server that stays away; what is done is kept either way.
    """
    check_workers(workers)
    if shard_rows < 1:
        raise ValueError(f"shard_rows={shard_rows} must be 1 or more")
    for config in configs:
        extractors.check_toolchain(config.name)
    check_extra()
    done = Published()
    with ExitStack() as stack:
        target.open()
        target.work.mkdir(parents=True, exist_ok=True)
        try:
            stack.enter_context(FileLock(target.work / "lock").acquire(timeout=0))
        except Timeout:
            raise ValueError(f"another run is publishing {repo}: wait for it to end") from None
        paths, texts = target.published()
        check_schema(repo, paths, texts)
        runs = []
        for config in configs:
            told = manifest(config, shard_rows)
            if _is_there(told, paths, texts):
                done.already.append(config.name)
            else:
                runs.append((config, told, plan(config, shard_rows)))
        records: dict[str, dict[str, Any]] = {}
        for config, told, shards in runs:
            target.stage(told, restart)
            records |= _made(target, config, shards, workers, progress, done)
            done.rows[config.name] = sum(config.count(s) for s in told_splits(shards))
        if runs:
            say("reading it once more, drawing plots, writing the card")
            done.where = _show(target, repo, runs, records, command)
        else:
            target.clean([config.name for config in configs])
    return done


def told_splits(shards: Sequence[Shard]) -> list[str]:
    """The splits of some shards, each once."""
    return list(dict.fromkeys(shard.split for shard in shards))


def check_extra() -> None:
    """Refuse, with ValueError, an installation that could not draw a card in the end."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import tenacity  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"{error.name} is not installed: pip install 'jit-synthesis[publish]'"
        ) from None


def check_schema(repo: str, paths: Sequence[str], texts: Mapping[str, bytes]) -> None:
    """Refuse, with ValueError, a repository whose data is not of this kind."""
    card = texts.get("README.md", b"").decode(errors="replace")
    data: Any = DatasetCard(card).data if card.startswith("---") else DatasetCardData()
    infos = datasets.info.DatasetInfosDict.from_dataset_card_data(data)
    for name, info in infos.items():
        ours = FEATURES.get(name.removesuffix("-sample"))
        if name == "default" or (ours and info.features not in (None, ours)):
            had = ", ".join(info.features or {}) or "unknown"
            raise ValueError(
                f"{repo} holds config {name!r} with another schema ({had}): publish to another "
                "repository, or remove that config first"
            )
    known = {f"{name}{suffix}" for name in (*CONFIGS, *infos) for suffix in ("", "-sample")}
    for path in paths:
        if path.endswith((".parquet", ".jsonl", ".csv")) and path.split("/")[0] not in known:
            raise ValueError(
                f"{repo} holds other data ({path}): publish to another repository, or remove it"
            )


def _is_there(told: Mapping[str, Any], paths: Sequence[str], texts: Mapping[str, bytes]) -> bool:
    """Whether just this is published already."""
    found = json.loads(texts.get(metadata_path(told["config"]), b"{}"))
    shards = [shard["path"] for shard in found.get("shards", [])]
    return found.get("manifest") == dict(told) and set(shards) <= set(paths)


def _made(
    target: Target,
    config: JitSynthesisConfig,
    shards: Sequence[Shard],
    workers: int | None,
    progress: Progress,
    done: Published,
) -> dict[str, dict[str, Any]]:
    """Have every shard of a config made and staged; their records by path."""
    records = target.finished(shards)
    earlier = sum(record["rows"] for record in records.values())
    done.resumed += earlier
    progress(earlier, 0)

    def make(shard: Shard, hand: Hand) -> None:
        records[shard.path] = make_shard(shard, target.work, hand)
        target.put(shard)

    missing = [shard for shard in shards if shard.path not in records]
    try:
        share_out(config, missing, make, workers=workers, progress=progress)
    except BaseException:
        target.flush()
        raise
    target.flush()
    return records


def _show(
    target: Target,
    repo: str,
    runs: Sequence[tuple[JitSynthesisConfig, dict[str, Any], list[Shard]]],
    records: Mapping[str, dict[str, Any]],
    command: Callable[[JitSynthesisConfig], str],
) -> str:
    """The last step: summaries, samples, card, and one commit of it all."""
    from pipeline.card import make_card

    new, samples = {}, {}
    for config, told, shards in runs:
        sample = sample_rows(config.name, shards, target.read)
        content, size = sample_file(config.name, sample)
        samples[sample_path(config.name)] = content
        new[config.name] = summarise(
            config, told, command(config), shards, records, sample, target.read
        ) | {"sample": {"bytes": len(content), "memory_bytes": size}}
    shards = [shard for *_, of_config in runs for shard in of_config]
    today = datetime.now(UTC).date().isoformat()
    news = [f"{today}: {_change(summary)}" for summary in new.values()]
    for left in reversed(range(MOVES)):
        paths, texts = target.published()
        if all(texts.get(metadata_path(name)) == _json(summary) for name, summary in new.items()):
            # The commit was made, and its answer lost.
            target.clean(list(new))
            return target.where
        check_schema(repo, paths, texts)
        held = {name: _summary(texts, name) for name in CONFIGS}
        summaries = [s for s in (held | new).values() if s]
        changes = [*news, *json.loads(texts.get(CHANGES, b"[]"))]
        files = {
            **samples,
            **{metadata_path(name): _json(summary) for name, summary in new.items()},
            CHANGES: _json(changes),
            **make_card(repo, summaries, changes, texts.get("README.md", b"").decode()),
        }
        try:
            message = f"Publish {', '.join(f'{n} ({_rows(s):,} rows)' for n, s in new.items())}"
            target.finish(shards, files, _stale(paths, new, shards, files), message)
            return target.where
        except MovedError:
            if not left:
                raise ValueError(f"{repo} keeps changing: stop the other writer") from None
    raise AssertionError("unreachable")


def _summary(texts: Mapping[str, bytes], name: str) -> dict[str, Any] | None:
    found = texts.get(metadata_path(name))
    return None if found is None else json.loads(found)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _rows(summary: Mapping[str, Any]) -> int:
    return sum(split["rows"] for split in summary["splits"].values())


def _change(summary: Mapping[str, Any]) -> str:
    splits = ", ".join(f"{split} {of['rows']:,}" for split, of in summary["splits"].items())
    level = summary["options"].get("verify", "extract")
    return (
        f"`{summary['config']}`, {splits} rows, verified up to `{level}`, seed {summary['seed']}, "
        f"code {summary['code']}"
    )


def _stale(
    paths: Sequence[str],
    new: Mapping[str, Any],
    shards: Sequence[Shard],
    files: Mapping[str, bytes],
) -> list[str]:
    """Files of an earlier version of these configs that nothing takes the place of."""
    kept = {shard.path for shard in shards} | files.keys()
    ours = {f"{name}{suffix}" for name in new for suffix in ("", "-sample")}
    return [p for p in paths if p not in kept and p.split("/")[0] in ours]
