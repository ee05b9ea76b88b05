"""What stands beside the shards of a dataset: summaries, samples and the card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jit_synthesis import CONFIGS
from pipeline.card.summaries import (
    Open,
    Totals,
    metadata_path,
    sample_file,
    sample_path,
    sample_rows,
    summarise,
)
from pipeline.shards import Run

CHANGES = "metadata/changelog.json"


@dataclass(frozen=True)
class Shown:
    """What is told of a config: its summary, and its sample as a Parquet file."""

    summary: dict[str, Any]
    sample: bytes

    @property
    def rows(self) -> int:
        """The rows of all splits."""
        return sum(split["rows"] for split in self.summary["splits"].values())


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


def describe(
    run: Run,
    command: str,
    totals: Totals,
    read: Open,
    uniqueness: Mapping[str, Any],
) -> Shown:
    """What is told of a config whose shards are all there; ``command`` makes it again."""
    sample = sample_rows(run.config.name, run.shards, read)
    content, size = sample_file(run.config.name, sample)
    summary = summarise(run, command, totals, sample, uniqueness)
    return Shown(summary | {"sample": {"bytes": len(content), "memory_bytes": size}}, content)


def files_of(repo: str, new: Mapping[str, Shown], texts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Path → content of all that shows new configs, beside those that ``texts`` tells of.

    ``texts`` are the README.md and metadata/ that stand there now.
    """
    from pipeline.card.readme import make_card

    today = datetime.now(UTC).date().isoformat()
    news = [f"{today}: {_change(shown)}" for shown in new.values()]
    changes = [*news, *json.loads(texts.get(CHANGES, b"[]"))]
    summaries = [
        new[name].summary if name in new else json.loads(texts[metadata_path(name)])
        for name in CONFIGS
        if name in new or metadata_path(name) in texts
    ]
    return {
        **{sample_path(name): shown.sample for name, shown in new.items()},
        **{metadata_path(name): as_json(shown.summary) for name, shown in new.items()},
        CHANGES: as_json(changes),
        **make_card(repo, summaries, changes, texts.get("README.md", b"").decode()),
    }


def are_shown(new: Mapping[str, Shown], texts: Mapping[str, bytes]) -> bool:
    """Whether just these are what ``texts`` tells of."""
    return all(texts.get(metadata_path(n)) == as_json(shown.summary) for n, shown in new.items())


def foreign_card(texts: Mapping[str, bytes]) -> bool:
    """Whether a README.md stands there that is not the card, and says something."""
    if any(metadata_path(name) in texts for name in CONFIGS):
        return False
    body = texts.get("README.md", b"").decode(errors="replace")
    if body.startswith("---"):
        body = body.partition("\n---")[2].lstrip("-")
    # The words of datasets' push_to_hub: nobody's own.
    return bool(body.strip()) and "[More Information needed](https://github.com" not in body


def as_json(value: Any) -> bytes:
    """JSON as it stands in a repository."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _change(shown: Shown) -> str:
    summary = shown.summary
    splits = ", ".join(f"{split} {of['rows']:,}" for split, of in summary["splits"].items())
    level = summary["options"].get("verify", "extract")
    return (
        f"`{summary['config']}`, {splits} rows, verified up to `{level}`, seed {summary['seed']}, "
        f"code {summary['code']}"
    )
