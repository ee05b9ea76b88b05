"""A run folder: the shards of one config, on a disk or wherever fsspec can write.

    manifest.json                         what the shards' bytes depend on; written first
    jax/train-00000-of-00049.parquet      a shard
    jax/train-00000-of-00049.json         its record, written after it

Many processes on many machines may fill it at the same time. Nothing has a shard's name before it
is whole, and only what has a record, of this run, counts. `pipeline.scale.gathering` adds the rest.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

import extractors
from extractors.scratch import scratch
from jit_synthesis import JitSynthesisConfig
from pipeline.card.showing import CHANGES
from pipeline.card.summaries import metadata_path, sample_path
from pipeline.crew import Hand, Progress
from pipeline.parts import whole
from pipeline.publishing.retrying import UnreachableError
from pipeline.publishing.target import MANIFEST, check_manifest
from pipeline.shards import SHARD, Shard, checksum, checksum_of, digest, make_shard

MISSING = "missing"  # what is wrong with a shard that is not there
AT_ONCE = 16  # requests to a store that is far away
CARD = "README.md"
GATHERED = ("croissant.json", "yield.json")  # beside the card, summary and sample
Value = TypeVar("Value")
Found = TypeVar("Found")


class Store:
    """The run folder at a path or URL (``s3://bucket/run``, ``hf://datasets/me/run``).

    ``storage_options`` are those of its fsspec file system; what the environment says, such as
    AWS_ENDPOINT_URL, holds without. Raises ValueError for a URL that nothing here can open,
    `UnreachableError` for a store that does not answer; other errors of it are OSErrors.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self.url = url.rstrip("/") or url
        try:
            self.files, root = url_to_fs(self.url, **(storage_options or {}))
        except ImportError as error:
            extra = ": pip install 'jit-synthesis[scale]'" if "s3fs" in str(error) else ""
            raise ValueError(f"{url}: {' '.join(str(error).split())}{extra}") from None
        except ValueError as error:
            raise ValueError(f"{url}: {error}: name a folder, or a URL as s3://…") from None
        self.root = str(root).rstrip("/")
        self.local = isinstance(self.files, LocalFileSystem)

    def open(self, manifest: Mapping[str, Any], restart: bool | None = None) -> None:
        """Begin the run of a manifest, or go on with it.

        ValueError, naming what differs, for a folder with another run's shards, which ``restart``
        throws away; None where that is not offered. ValueError for a place that cannot be written.
        """
        self._check_place()
        found = self._manifest()
        if found is not None and not self._same(found, manifest, restart):
            self._throw_away(found)
            found = None
        if found is None:
            try:
                self.write(MANIFEST, json.dumps(dict(manifest), indent=1).encode())
            except PermissionError as error:
                told = f"cannot write in folder {self.url}: {error.strerror}"
                raise ValueError(f"{told}; choose another") from None
            # Another run may have begun here at the same time.
            self._same(self.manifest(), manifest, None)
        self.run = digest(manifest)

    def _throw_away(self, manifest: Mapping[str, Any]) -> None:
        """Remove what a run and its gathering have made, and nothing else."""
        name = manifest["config"]
        there = self.sizes()
        made = {
            p for p in there if p.startswith(f"{name}/") and SHARD.fullmatch(p[len(name) + 1 :])
        }
        if metadata_path(name) in there:
            card = self.content(CARD).decode() if CARD in there else ""
            made |= {CARD, CHANGES, metadata_path(name), sample_path(name), *GATHERED}
            made |= set(re.findall(r"assets/[\w.-]+", card))
        self.remove(sorted(made & there.keys()))
        self.remove([MANIFEST])

    def _same(self, found: Mapping[str, Any], now: Mapping[str, Any], restart: bool | None) -> bool:
        otherwise = "name another folder"
        if restart is not None:
            otherwise += ", or throw them away with --restart"
        return check_manifest(self.url, found, now, bool(restart), otherwise)

    def _check_place(self) -> None:
        if not self.local:
            return
        folder = Path(self.root)
        for each in (folder, folder.parent):
            if each.exists() and not each.is_dir():
                raise ValueError(f"{each} is a file: name a folder")
        if not folder.parent.is_dir():
            raise ValueError(f"folder {folder.parent} does not exist: mkdir -p {folder.parent}")
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            told = f"cannot write in folder {folder.parent}: {error.strerror}"
            raise ValueError(f"{told}; choose another") from None

    def manifest(self) -> dict[str, Any]:
        """The manifest of the run; ValueError where there is none."""
        found = self._manifest()
        if found is None:
            raise ValueError(f"{self.url} holds no {MANIFEST}: name a folder that shards are in")
        return found

    def _manifest(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self.content(MANIFEST))
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise ValueError(f"{self.url} is a file: name a folder") from None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValueError(f"{self.url}/{MANIFEST} cannot be read: remove it")
        return found

    @cached_property
    def run(self) -> str:
        """The digest of the manifest, which stands in the records of its shards."""
        return digest(self.manifest())

    def finished(self, shard: Shard, deep: bool | None = None) -> dict[str, Any] | None:
        """The record of a shard that stands whole; None where it does not.

        ``deep`` compares the checksum too, which reads the whole file: on a disk by default.
        """
        found = self.look(shard, self._sizes_of(shard), deep)
        return None if isinstance(found, str) else found

    def records(
        self, shards: Sequence[Shard], deep: bool | None = None
    ) -> dict[str, dict[str, Any]]:
        """The records of those shards that stand whole, by path; of all with one listing."""
        sizes = self.sizes()
        found = at_once(lambda shard: self.look(shard, sizes, deep), shards)
        return {
            shard.path: record
            for shard, record in zip(shards, found, strict=True)
            if not isinstance(record, str)
        }

    def missing(self, shards: Sequence[Shard], deep: bool | None = None) -> list[Shard]:
        """Those shards that do not stand whole; of all with one listing."""
        sizes = self.sizes()
        found = at_once(lambda shard: isinstance(self.look(shard, sizes, deep), str), shards)
        return [shard for shard, lacking in zip(shards, found, strict=True) if lacking]

    def look(
        self, shard: Shard, sizes: Mapping[str, int], deep: bool | None = None
    ) -> dict[str, Any] | str:
        """The record of a shard that stands whole, or in a few words what is wrong with it."""
        if shard.path not in sizes:
            return MISSING
        if shard.record not in sizes:
            return "without a record"
        try:
            record = json.loads(self.content(shard.record))
            told = (record["path"], record["start"], record["rows"])
            run, size, checksum = record["run"], record["bytes"], record["sha256"]
        except FileNotFoundError:
            return "without a record"
        except (KeyError, TypeError, ValueError):
            return "its record cannot be read"
        if run != self.run:
            return "of another run"
        if told != (shard.path, shard.start, shard.rows):
            return f"its record is of {told[0]}, {told[2]} rows from {told[1]}"
        if sizes[shard.path] != size:
            return f"{sizes[shard.path]} bytes instead of {size}"
        if (self.local if deep is None else deep) and self.checksum(shard.path) != checksum:
            return "its checksum is not the one in its record"
        return record

    def put(self, shard: Shard, folder: Path) -> dict[str, Any]:
        """Bring a shard that stands in a folder into place, then its record, which is returned."""
        record = json.loads((folder / shard.record).read_text(encoding="utf-8"))
        record["run"] = self.run
        if self.local:
            with self._whole(shard.path) as beside:
                try:
                    shutil.copyfile(folder / shard.path, beside)
                except OSError as error:  # it names the file that is read: the full disk is here
                    raise OSError(error.errno, error.strerror, self._at(shard.path)) from None
        else:
            with self.plainly(writing=True):
                self.files.put_file(str(folder / shard.path), self._at(shard.path))
        self.write(shard.record, json.dumps(record).encode())
        return record

    def fetch(self, shard: Shard, folder: Path) -> dict[str, Any]:
        """Copy a shard to a folder and return its record; ValueError where it is not whole."""
        found = self.look(shard, self._sizes_of(shard), deep=False)
        path = folder / shard.path
        if isinstance(found, dict):
            path.parent.mkdir(parents=True, exist_ok=True)
            (folder / shard.record).write_text(json.dumps(found), encoding="utf-8")
            with whole(path) as beside, self.plainly():
                self.files.get_file(self._at(shard.path), str(beside))
            if checksum(path) == found["sha256"]:
                return found
            path.unlink()
            found = "damaged"
        raise ValueError(f"{self.url}/{shard.path}: {found}: jit-synthesis gather {self.url}")

    def read(self, path: str) -> BinaryIO:
        """A file of the folder, opened."""
        with self.plainly():
            found: Any = self.files.open(self._at(path), "rb")
            return found

    def content(self, path: str) -> bytes:
        """All of a small file; FileNotFoundError where it is not there."""
        with self.plainly():
            return self.files.cat_file(self._at(path))

    def checksum(self, path: str) -> str:
        """SHA-256 of a file, in hexadecimal."""
        with self.plainly(), self.read(path) as file:
            return checksum_of(file)

    def write(self, path: str, content: bytes) -> None:
        """Write a small file, whole or not at all."""
        if self.local:
            with self._whole(path) as beside:
                beside.write_bytes(content)
        else:
            with self.plainly(writing=True):
                self.files.pipe_file(self._at(path), content)

    def sizes(self) -> dict[str, int]:
        """The sizes of all files of the folder by path, hidden ones left out."""
        with self.plainly():
            self.files.invalidate_cache()  # others write here too
            found: Any = self.files.find(self.root, detail=True)
        paths = {name.removeprefix(f"{self.root}/"): of["size"] for name, of in found.items()}
        return {path: paths[path] for path in sorted(paths) if not _hidden(path)}

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; one that is gone already is no error."""

        def remove(path: str) -> None:
            with suppress(FileNotFoundError), self.plainly():
                self.files.rm_file(self._at(path))

        list(at_once(remove, list(paths)))

    def tidy(self) -> None:
        """Remove what killed workers have left half-written."""
        if self.local:
            for left in Path(self.root).glob("**/.*.tmp"):
                left.unlink(missing_ok=True)

    @contextmanager
    def plainly(self, writing: bool = False) -> Iterator[None]:
        """Say errors of the store's client in a line that names the store.

        FileNotFoundError passes but for ``writing``, where it means that there is no such bucket.
        """
        try:
            yield
        except FileNotFoundError as error:
            if not writing:
                raise
            raise ValueError(f"{self.url}: {error}: make it first, or name another") from None
        except OSError as error:
            if self.local or isinstance(error, UnreachableError):
                raise
            raise OSError(f"{self.url}: {error}") from error
        except _strangers() as error:
            raise UnreachableError(
                f"{self.url}: {error}: see that it is there, and that address and keys are right"
            ) from error

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _whole(self, path: str) -> Any:
        """As `parts.whole`, under a name of its own: other workers may write the same file."""
        place = Path(self._at(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        return whole(place, f".{place.name}.{uuid.uuid4().hex[:8]}.tmp")

    def _size(self, path: str) -> int | None:
        with self.plainly():
            self.files.invalidate_cache()
            try:
                return self.files.info(self._at(path))["size"]
            except FileNotFoundError:
                return None

    def _sizes_of(self, shard: Shard) -> dict[str, int]:
        sizes = {path: self._size(path) for path in (shard.path, shard.record)}
        return {path: size for path, size in sizes.items() if size is not None}


def make_one(
    config: JitSynthesisConfig,
    shard: Shard,
    store: Store,
    compiler: extractors.Extractor | None = None,
    *,
    again: bool = False,
    deep: bool | None = None,
    progress: Progress = lambda rows, rejections: None,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """Have a shard in a store, and return its record: what every engine calls.

    One that stands there whole (see `Store.finished` for ``deep``) is left as it is, unless it is
    wanted ``again``. ``compiler`` is used as it is, or started for this shard alone. ``stop``, once
    set, ends it between two rows with `extractors.workers.Stopped`. Errors of disk and store pass,
    with nothing half-written left in the store.
    """
    if not again and (found := store.finished(shard, deep)):
        return found
    own = extractors.Extractor(config.name) if compiler is None else nullcontext(compiler)
    with scratch("shard") as folder, own as worker:
        hand = Hand(config, worker, progress, stop or threading.Event())
        make_shard(shard, folder, hand)
        return store.put(shard, folder)


def at_once(do: Callable[[Value], Found], values: Sequence[Value]) -> Iterator[Found]:
    """What ``do`` says of each, in order, some of them at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(do, values)


def _hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _strangers() -> tuple[type[Exception], ...]:
    """Errors of clients that are no OSError, of those clients that are loaded."""
    s3 = sys.modules.get("botocore.exceptions")
    return (s3.BotoCoreError,) if s3 else ()
