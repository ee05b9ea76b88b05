"""Where a dataset is published to: what a repository on the Hub and a folder have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from pipeline.parts import differences
from pipeline.shards import Shard

MANIFEST = "manifest.json"


def tells(path: str) -> bool:
    """Whether a file of a repository tells of what is published: its card, its summaries."""
    return path == "README.md" or path.startswith("metadata/")


class Target(Protocol):
    """A repository in the making. Shards are staged, then shown all at once by ``finish``."""

    name: str
    where: str  # what to look at in the end
    work: Path  # where shards are made, on this machine

    def open(self) -> None:
        """See that it can be written, and make it unless it is there."""
        ...

    def published(self) -> tuple[list[str], dict[str, bytes]]:
        """The paths that users see, and of README.md and metadata/ what is in them."""
        ...

    def stage(self, manifest: Mapping[str, Any], restart: bool) -> None:
        """Begin or go on with the run of a manifest; ValueError if another's is half done."""
        ...

    def finished(self, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
        """The records of those shards that are staged."""
        ...

    def put(self, shard: Shard) -> None:
        """Stage a shard that stands in ``work``."""
        ...

    def flush(self) -> None:
        """Have what was put safe."""
        ...

    def read(self, path: str) -> BinaryIO:
        """A staged file, opened."""
        ...

    def finish(
        self,
        shards: Sequence[Shard],
        files: Mapping[str, bytes],
        stale: Sequence[str],
        message: str,
    ) -> None:
        """Show shards and files, remove what is stale, and what was staged."""
        ...

    def clean(self, configs: Sequence[str]) -> None:
        """Remove what was staged."""
        ...


def check_manifest(
    where: str,
    found: Mapping[str, Any],
    now: Mapping[str, Any],
    restart: bool,
    otherwise: str = "throw them away with --restart",
) -> bool:
    """Whether a run half done is the one at hand; ValueError, naming what differs, if not.

    With ``restart`` another run is told by False, not refused. ``otherwise`` is what the user may
    do but to go on with that one.
    """
    if found == now:
        return True
    if restart:
        return False
    raise ValueError(
        f"{where} holds shards of another run ({differences(found, now)}): go on with its "
        f"options, or {otherwise}"
    )
