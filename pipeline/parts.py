"""The parts of an unfinished export: a hidden folder beside the output, owned by one run at a time.

They are small shards (`pipeline.shards`). The manifest beside them says what shaped them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from verification import Yield


class Parts:
    """The parts folder of an output: a context manager that holds its lock.

    ``manifest`` is flat: what the rows depend on, as JSON values. Raises ValueError, in one line
    and with the remedy, when the folder cannot be written, is in use, or holds other parts.
    """

    def __init__(self, output: Path, manifest: dict[str, Any], *, discard: bool = False) -> None:
        self.output = output
        self.folder = output.with_name(f".{output.name}.parts")
        self.manifest = manifest
        self.discard = discard  # parts of other options are thrown away, not refused
        self._lock = FileLock(self.folder / "lock")

    def __enter__(self) -> Parts:
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(
                f"another run is writing {self.output}: wait for it, or choose another output"
            ) from None
        except OSError as error:
            raise ValueError(
                f"cannot write in folder {self.output.parent}: {error.strerror}; choose another"
            ) from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _open(self) -> None:
        path = self.folder / "manifest.json"
        found = json.loads(path.read_text()) if path.is_file() else None
        if found is not None and found != self.manifest:
            if not self.discard:
                told = differences(found, self.manifest)
                raise ValueError(
                    f"{self.folder} holds parts of another run ({told}): go on with its options, "
                    f"or throw them away with --overwrite"
                )
            for folder in filter(Path.is_dir, list(self.folder.iterdir())):
                shutil.rmtree(folder)
            found = None
        if found is None:
            write_whole(path, [json.dumps(self.manifest, indent=1)])

    def publish(self, whole: Path, found: Yield) -> None:
        """Put the assembled file in the output's place, its yield beside it; remove the parts."""
        write_whole(yield_path(self.output), [json.dumps(found.told(), indent=1) + "\n"])
        sync(whole)
        whole.replace(self.output)
        sync(self.output.parent)
        shutil.rmtree(self.folder)


def yield_path(output: Path) -> Path:
    """Where the yield of an output stands, as JSON; no loader of folders takes it for rows."""
    return output.with_name(f"{output.name}.yield")


def differences(found: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two manifests, in words."""
    return ", ".join(
        f"{name} {found.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(found.keys() | now.keys())
        if found.get(name) != now.get(name)
    )


def write_whole(path: Path, texts: Iterable[str]) -> None:
    """Write a file that is either whole or not there, also after a crash."""
    with whole(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        file.writelines(texts)


@contextmanager
def whole(path: Path, beside: str = "") -> Iterator[Path]:
    """A path to write a file to, which is then renamed into place, whole or not at all.

    ``beside`` is its name, where more than one process may write the same file.
    """
    other = path.with_name(beside or path.name + ".tmp")
    try:
        yield other
        sync(other)
        other.replace(path)
    finally:
        other.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
