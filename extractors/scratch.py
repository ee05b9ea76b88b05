"""Folders for temporary files, which the next process removes where their own was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from filelock import FileLock, Timeout

PREFIX = "jit_synthesis_"
LOCK = "in_use"  # locked by the folder's process: the system ends that with it
YOUNG_S = 60.0  # such a folder is left alone, its process may not have come to lock it


def take(folder: Path) -> FileLock:
    """Make a folder, or what is left of it, this process's own until it ends; sweep its parent."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    lock = FileLock(folder / LOCK)
    lock.acquire(timeout=0)
    sweep(folder.parent)
    return lock


@contextlib.contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """A folder of this process's own among its temporary files, removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}_"))
    lock = take(folder)
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path, young_s: float | None = None) -> None:
    """Remove this user's folders whose processes are gone; what cannot be removed stays."""
    young_s = YOUNG_S if young_s is None else young_s
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, Timeout):
            found = (folder / LOCK).stat(follow_symlinks=False)
            mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
            if mine and S_ISREG(found.st_mode) and time.time() - found.st_mtime > young_s:
                with FileLock(folder / LOCK, timeout=0):
                    shutil.rmtree(folder)
