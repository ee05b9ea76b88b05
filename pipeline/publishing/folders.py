"""A dataset repository as a folder on this machine, published as one on the Hub is."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.parts import sync, write_whole
from pipeline.publishing.target import MANIFEST, check_manifest, tells
from pipeline.shards import Shard, finished


class Folder:
    """A folder, as `pipeline.publishing.target.Target` says: staged in a hidden folder beside it.

    A new folder appears whole, by being renamed. In one that is there README.md, which names the
    data, is renamed into place last.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.name = self.where = str(path)
        self.work = self.path.with_name(f".{self.path.name}.publishing")

    def open(self) -> None:
        """See that it can be written; ValueError if not."""
        parent = self.path.parent
        if not parent.is_dir():
            raise ValueError(f"folder {parent} does not exist: mkdir -p {parent}")
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self.path} is a file: name a folder with --to")
        writable = [folder for folder in (parent, self.path) if folder.is_dir()]
        for folder in writable:
            if not os.access(folder, os.W_OK):
                raise ValueError(f"cannot write in folder {folder}: choose another with --to")

    def published(self) -> tuple[list[str], dict[str, bytes]]:
        """The paths in the folder, and its README and metadata."""
        found = [
            path.relative_to(self.path).as_posix()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and ".git" not in path.parts
        ]
        return found, {path: (self.path / path).read_bytes() for path in filter(tells, found)}

    def stage(self, manifest: Mapping[str, Any], restart: bool) -> None:
        """Begin or go on with the run of a manifest; ValueError if another's is half done."""
        folder = self.work / manifest["config"]
        path = folder / MANIFEST
        if path.is_file():
            found = json.loads(path.read_text())
            if not check_manifest(str(folder), found, manifest, restart):
                shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, [json.dumps(dict(manifest), indent=1)])

    def finished(self, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
        """The records of the shards that stand whole in the hidden folder."""
        return filter(None, (finished(shard, self.work) for shard in shards))

    def put(self, shard: Shard) -> None:
        """Nothing: shards are made where they are staged."""

    def flush(self) -> None:
        """Nothing: they are on the disk."""

    def read(self, path: str) -> BinaryIO:
        """A staged file, opened."""
        return (self.work / path).open("rb")

    def finish(
        self,
        shards: Sequence[Shard],
        files: Mapping[str, bytes],
        stale: Sequence[str],
        message: str,
    ) -> None:
        """Show shards and files, remove what is stale, and what was staged."""
        whole = self.work / "whole"
        shutil.rmtree(whole, ignore_errors=True)
        for path, content in files.items():
            (whole / path).parent.mkdir(parents=True, exist_ok=True)
            (whole / path).write_bytes(content)
            sync(whole / path)
        for shard in shards:
            (whole / shard.path).parent.mkdir(parents=True, exist_ok=True)
            _same(self.work / shard.path, whole / shard.path)
        try:
            whole.rename(self.path)  # whole or not at all, where there is nothing yet
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            self._into_place(whole, stale)
        sync(self.path.parent)
        shutil.rmtree(self.work)

    def _into_place(self, whole: Path, stale: Sequence[str]) -> None:
        found = [p.relative_to(whole) for p in sorted(whole.rglob("*")) if p.is_file()]
        for path in sorted(found, key=lambda path: path.name == "README.md"):
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            (whole / path).replace(self.path / path)
        for path in stale:
            (self.path / path).unlink(missing_ok=True)

    def clean(self, configs: Sequence[str]) -> None:
        """Remove the hidden folder."""
        shutil.rmtree(self.work, ignore_errors=True)


def _same(staged: Path, shown: Path) -> None:
    """Give a file a second name, or a copy where the disk knows only one name a file."""
    try:
        os.link(staged, shown)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        shutil.copyfile(staged, shown)
        sync(shown)
