"""Publishing: shards made and staged, then shown at once with a card that is made from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import datasets
from filelock import FileLock, Timeout
from huggingface_hub import DatasetCard, DatasetCardData

import extractors
from jit_synthesis import CONFIGS, FEATURES, JitSynthesisConfig
from pipeline.card.showing import (
    Shown,
    are_shown,
    check_extra,
    describe,
    files_of,
    foreign_card,
)
from pipeline.card.summaries import Totals, metadata_path
from pipeline.card.uniqueness import uniqueness
from pipeline.crew import Hand, Progress, check_workers, share_out
from pipeline.parts import differences
from pipeline.publishing.retrying import MovedError
from pipeline.publishing.target import Target
from pipeline.scale.gathering import Gathered
from pipeline.shards import SHARD, SHARD_ROWS, Run, Shard, finished, make_shard, run_of

MOVES = 5  # times that somebody else may commit while the last commit is made

Supply = Callable[[Shard, Hand], dict[str, Any]]  # brings a shard to the work folder


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
    overwrite: bool = False,
    progress: Progress = lambda rows, rejections: None,
    say: Callable[[str], None] = lambda line: None,
) -> Published:
    """Publish configs to a target as the repository ``repo``; a later run goes on from a stop.

    ``command`` says how a config is made again. Only with ``overwrite`` are a config's other rows,
    or a README that is not ours, replaced. Raises ValueError for bad input before anything is
    made, `UnreachableError` for a server that stays away; what is done is kept either way.
    """
    check_workers(workers)
    runs = [run_of(config, shard_rows) for config in configs]
    check_extra()

    def told(run: Run, totals: Totals) -> Shown:
        say(f"{run.config.name}: reading it once more, for the card")
        distinct = uniqueness(run.config.name, run.shards, target.read)
        return describe(run, command(run.config), totals, target.read, distinct)

    def supply(shard: Shard, hand: Hand) -> dict[str, Any]:
        return make_shard(shard, target.work, hand)

    return _publish(target, repo, runs, supply, told, workers, restart, overwrite, progress)


def publish_gathered(
    target: Target,
    repo: str,
    source: Gathered,
    command: Callable[[JitSynthesisConfig], str],
    *,
    workers: int | None = None,
    restart: bool = False,
    overwrite: bool = False,
    progress: Progress = lambda rows, rejections: None,
) -> Published:
    """As `publish`, with the shards of a run folder, as they are, and what gathering told of it."""
    check_workers(workers)
    check_extra()

    def told(run: Run, totals: Totals) -> Shown:
        summary = source.shown.summary | {"command": command(run.config)}
        return Shown(summary, source.shown.sample)

    def supply(shard: Shard, hand: Hand) -> dict[str, Any]:
        hand.check()
        record = source.store.fetch(shard, target.work)
        hand.tell(record["rows"], 0)
        return record

    runs = [source.run]
    return _publish(target, repo, runs, supply, told, workers, restart, overwrite, progress)


def _publish(
    target: Target,
    repo: str,
    runs: Sequence[Run],
    supply: Supply,
    told: Callable[[Run, Totals], Shown],
    workers: int | None,
    restart: bool,
    overwrite: bool,
    progress: Progress,
) -> Published:
    for run in runs:
        extractors.check_toolchain(run.config.name)
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
        new: dict[str, Shown] = {}
        shards: list[Shard] = []
        for run in runs:
            if _is_there(run.manifest, paths, texts):
                done.already.append(run.config.name)
        missing = [run for run in runs if run.config.name not in done.already]
        if missing and not overwrite:
            check_replaced(target.name, [run.manifest for run in missing], paths, texts)
        totals: dict[str, Totals] = {}
        for run in missing:
            target.stage(run.manifest, restart)
            totals[run.config.name] = _staged(target, run, supply, workers, progress, done)
        for run in missing:
            new[run.config.name] = told(run, totals[run.config.name])
            done.rows[run.config.name] = new[run.config.name].rows
            shards += run.shards
        if new:
            done.where = _show(target, repo, new, shards)
        else:
            target.clean([run.config.name for run in runs])
    return done


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


def check_replaced(
    where: str,
    told: Sequence[Mapping[str, Any]],
    paths: Sequence[str],
    texts: Mapping[str, bytes],
) -> None:
    """Refuse, with ValueError, to replace what nobody has said may be replaced."""
    for manifest in told:
        name = manifest["config"]
        if metadata_path(name) in texts:
            found = json.loads(texts[metadata_path(name)])
            differing = differences(found["manifest"], manifest)
            raise ValueError(
                f"{where} holds other rows of {name} ({differing}): --overwrite replaces them, "
                "another name keeps both"
            )
        if any(_is_of(path, name) for path in paths):
            raise ValueError(f"{where} holds rows of {name} already: --overwrite replaces them")
    if foreign_card(texts):
        raise ValueError(
            f"{where} has a README.md that the card would replace: --overwrite does so, or "
            "publish to another place"
        )


def _is_of(path: str, config: str) -> bool:
    """Whether a path is that of a shard, or of the sample, of a config."""
    folder, _, name = path.partition("/")
    of_config = folder in (config, f"{config}-sample") and name.endswith(".parquet")
    return of_config and SHARD.fullmatch(name) is not None


def _is_there(told: Mapping[str, Any], paths: Sequence[str], texts: Mapping[str, bytes]) -> bool:
    """Whether just this is published already."""
    found = json.loads(texts.get(metadata_path(told["config"]), b"{}"))
    shards = [shard["path"] for shard in found.get("shards", [])]
    return found.get("manifest") == dict(told) and set(shards) <= set(paths)


def _staged(
    target: Target,
    run: Run,
    supply: Supply,
    workers: int | None,
    progress: Progress,
    done: Published,
) -> Totals:
    """Have every shard of a config staged; what their records say."""
    totals = Totals(run)
    for record in target.finished(run.shards):
        totals.add(record)
    missing = [shard for shard in run.shards if shard not in totals]
    made = {shard for shard in missing if finished(shard, target.work)}  # not sent yet
    earlier = totals.rows + sum(shard.rows for shard in made)
    done.resumed += earlier
    progress(earlier, 0)

    def bring(shard: Shard, hand: Hand) -> None:
        found = finished(shard, target.work) if shard in made else None
        totals.add(found or supply(shard, hand))
        target.put(shard)

    try:
        share_out(run.config, missing, bring, workers=workers, progress=progress)
    except BaseException:
        target.flush()
        raise
    target.flush()
    return totals


def _show(target: Target, repo: str, new: Mapping[str, Shown], shards: Sequence[Shard]) -> str:
    """The last step: summaries, samples, card, and one commit of it all."""
    for left in reversed(range(MOVES)):
        paths, texts = target.published()
        if are_shown(new, texts):
            # The commit was made, and its answer lost.
            target.clean(list(new))
            return target.where
        check_schema(repo, paths, texts)
        files = files_of(repo, new, texts)
        try:
            told = ", ".join(f"{name} ({shown.rows:,} rows)" for name, shown in new.items())
            target.finish(shards, files, _stale(paths, new, shards, files), f"Publish {told}")
            return target.where
        except MovedError:
            if not left:
                raise ValueError(f"{repo} keeps changing: stop the other writer") from None
    raise AssertionError("unreachable")


def _stale(
    paths: Sequence[str],
    new: Mapping[str, Any],
    shards: Sequence[Shard],
    files: Mapping[str, bytes],
) -> list[str]:
    """Shards of an earlier version of these configs that nothing takes the place of."""
    kept = {shard.path for shard in shards} | files.keys()
    return [p for p in paths if p not in kept and any(_is_of(p, name) for name in new)]
