"""Dataset repositories in a folder, as the Hub keeps them: settings, refs, commits, files.

    ROOT/datasets/NAMESPACE/NAME/settings.json      {"private": …, "author": …}
                                 refs/heads/BRANCH  a commit's name (refs/tags/TAG alike)
                                 commits/OID        parent, title, message, author, date, files
                                 blobs/SHA1         contents of small files, named as git does
                                 lfs/SHA256         contents of large files
    ROOT/new/                                       what is being written

Everything but settings and refs is named after what it holds and never changed, and whatever has
its name is whole: a commit exists once its branch names it, which happens last. One process serves
a folder at a time; it can be killed and another goes on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote, unquote

from hub_files import File, HubError, card_errors, git_hash, pointer

LARGE = ["arrow", "bin", "bz2", "gz", "jpg", "npy", "npz", "parquet", "png", "tar", "zip", "zst"]
GITATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE)
LFS_SIZE = 10 * 2**20  # a larger file is an LFS file whatever its name
NAME = re.compile(r"(?!.*(--|\.\.))(?!.*\.git$)[A-Za-z0-9_]([\w.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
REFUSED_NAME = (
    "Only regular characters and '-', '_', '.' are accepted. '--' and '..' are forbidden. "
    "'-' and '.' cannot start or end the name. The name cannot end with \".git\". "
    "Max length is 96."
)


class Repository:
    """One repository. Methods raise HubError for what the Hub would refuse."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.id = store, name
        self.folder = store.root / "datasets" / name
        self._commits: dict[str, dict[str, Any]] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """Author, whether it is private, when it was made."""
        return json.loads((self.folder / "settings.json").read_text())

    def set(self, **settings: Any) -> None:
        """Change settings."""
        old = self.settings if self.exists else {}
        self.store.put(self.folder / "settings.json", json.dumps(old | settings).encode())

    @property
    def exists(self) -> bool:
        return (self.folder / "refs" / "heads" / "main").is_file()

    def refs(self, kind: str = "heads") -> dict[str, str]:
        """Branches ("heads") or tags by name, and the commit each stands at."""
        found = sorted((self.folder / "refs" / kind).glob("*"))
        return {unquote(path.name): path.read_text() for path in found}

    def set_ref(self, name: str, commit: str | None, kind: str = "heads") -> None:
        """Let a branch or tag stand at a commit; None removes it."""
        path = self.folder / "refs" / kind / quote(name, safe="")
        if commit is None:
            path.unlink()
        else:
            self.store.put(path, commit.encode())

    def resolve(self, revision: str) -> str:
        """The commit that a branch, a tag or (the beginning of) a commit's name stands for."""
        for kind in ("heads", "tags"):
            if revision in (refs := self.refs(kind)):
                return refs[revision]
        if re.fullmatch("[0-9a-f]{7,40}", revision):
            found = list((self.folder / "commits").glob(f"{revision}*"))
            if len(found) == 1:
                return found[0].name
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def commit(self, oid: str) -> dict[str, Any]:
        """A commit: parent, title, message, author, date, and File by path."""
        if oid not in self._commits:
            made = json.loads((self.folder / "commits" / oid).read_text())
            made["files"] = {path: File(*file) for path, file in made["files"].items()}
            self._commits[oid] = made
        return self._commits[oid]

    def files(self, revision: str = "main") -> dict[str, File]:
        """Every file of a revision by its path, sorted."""
        return self.commit(self.resolve(revision))["files"]

    def history(self, revision: str = "main") -> Iterator[tuple[str, dict[str, Any]]]:
        """Commits from the newest to the first, each with its name."""
        oid: str | None = self.resolve(revision)
        while oid:
            yield oid, (made := self.commit(oid))
            oid = made["parent"]

    def last_change(self, revision: str, path: str) -> tuple[str, dict[str, Any]]:
        """The commit that last changed a file, or a file of a folder."""

        def seen(made: Mapping[str, Any]) -> list[tuple[str, File]]:
            files = made["files"].items()
            return [(p, file) for p, file in files if p == path or p.startswith(f"{path}/")]

        chain = list(self.history(revision))
        for (oid, made), (_, before) in pairwise(chain):
            if seen(made) != seen(before):
                return oid, made
        return chain[-1]

    def content(self, file: File) -> Path:
        """Where a file's bytes lie."""
        return self.folder / (f"lfs/{file.sha256}" if file.sha256 else f"blobs/{file.oid}")

    def read(self, path: str, revision: str = "main") -> bytes:
        """A file's bytes; KeyError if there is no such path."""
        return self.content(self.files(revision)[path]).read_bytes()

    def is_large(self, path: str, size: int, revision: str) -> bool:
        """Whether a file to be added at a path goes to LFS: by .gitattributes, or by its size."""
        if size > LFS_SIZE:
            return True
        rules = b""
        if ".gitattributes" in self.files(revision):
            rules = self.read(".gitattributes", revision)
        patterns = [line.split()[0] for line in rules.decode().splitlines() if "filter=lfs" in line]
        return any(fnmatch(path.rpartition("/")[2], pattern) for pattern in patterns)

    def write(self, branch: str, lines: Sequence[Mapping[str, Any]], author: str) -> str:
        """Commit the lines of a commit request (a header and operations) to a branch: its name."""
        header, *operations = lines
        about = header["value"]
        if header["key"] != "header" or not about.get("summary"):
            raise HubError(400, "a commit begins with a header that has a summary")
        with self.store.lock:
            heads = self.refs()
            if branch not in heads:
                raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
            head = heads[branch]
            if not head.startswith(about.get("parentCommit") or ""):
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            files = dict(self.files(head))
            for operation in operations:
                self._apply(files, operation["key"], operation["value"])
            made = {
                "parent": head,
                "title": about["summary"],
                "message": about.get("description", ""),
                "author": author,
                "date": now(),
                "files": dict(sorted(files.items())),
            }
            return self._keep(branch, made)

    def _keep(self, branch: str, made: Mapping[str, Any]) -> str:
        data = json.dumps(made, sort_keys=True).encode()
        oid = hashlib.sha1(data).hexdigest()
        self.store.put(self.folder / "commits" / oid, data)
        self.set_ref(branch, oid)
        return oid

    def _apply(self, files: dict[str, File], key: str, value: Mapping[str, Any]) -> None:
        path = value["path"].removesuffix("/") if key == "deletedFolder" else value["path"]
        if key in ("deletedFile", "deletedFolder"):
            gone = [p for p in files if p == path or p.startswith(f"{path}/")]
            if key == "deletedFile":
                gone = [p for p in gone if p == path]
            if not gone:
                raise HubError(404, f'"{path}" does not exist', "EntryNotFound")
            for p in gone:
                del files[p]
            return
        if key not in ("file", "lfsFile"):
            raise HubError(400, f"unknown operation {key!r}")
        parts = path.split("/")
        if not all(parts) or {".", "..", ".git"} & set(parts) or "\\" in path or len(path) > 512:
            raise HubError(400, f"Invalid file name: {path!r}")
        above = {"/".join(parts[:n]) for n in range(1, len(parts))}
        if above & files.keys() or any(p.startswith(f"{path}/") for p in files):
            raise HubError(400, f"{path!r} would be both a file and a folder")
        files[path] = self._large(path, value) if key == "lfsFile" else self._small(path, value)

    def _large(self, path: str, value: Mapping[str, Any]) -> File:
        sha256 = str(value["oid"])
        stored = self.folder / "lfs" / sha256
        if not re.fullmatch("[0-9a-f]{64}", sha256) or not stored.is_file():
            raise HubError(
                400,
                "Your push was rejected because an LFS pointer pointed to a file that does not "
                f"exist. Offending file: {path}",
            )
        size = stored.stat().st_size  # a copy's line says none
        return File(size, git_hash(pointer(sha256, size)), sha256)

    def _small(self, path: str, value: Mapping[str, Any]) -> File:
        try:
            base = value.get("encoding") == "base64"
            data = base64.b64decode(value["content"]) if base else value["content"].encode()
        except binascii.Error:
            raise HubError(400, f"content of {path!r} is not base64") from None
        if len(data) > LFS_SIZE:
            raise HubError(400, f"{path!r} is larger than 10 MiB: use LFS")
        if path == "README.md":
            errors, _ = card_errors(data.decode(errors="replace"))
            if errors:
                raise HubError(400, f"Invalid metadata in README.md: {'; '.join(errors)}")
        oid = git_hash(data)
        self.store.put(self.folder / "blobs" / oid, data)
        return File(len(data), oid, None)


class Store:
    """The repositories under a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()  # of refs and settings
        self._open: dict[str, Repository] = {}
        shutil.rmtree(root / "new", ignore_errors=True)  # of a server that was killed
        (root / "new").mkdir(parents=True)

    def new_file(self) -> Any:
        """An open file for bytes that get their name later, by `keep`."""
        return NamedTemporaryFile(dir=self.root / "new", delete=False)

    def keep(self, made: Path, path: Path) -> None:
        """Give a whole file its name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        made.replace(path)

    def put(self, path: Path, data: bytes) -> None:
        """Write a file whole."""
        with self.new_file() as file:
            file.write(data)
        self.keep(Path(file.name), path)

    def find(self, name: str) -> Repository | None:
        """The repository of a name, "namespace/name", if there is one."""
        if not all(NAME.fullmatch(part) for part in name.split("/")) or name.count("/") != 1:
            return None
        with self.lock:
            found = self._open.setdefault(name, Repository(self, name))
        return found if found.exists else None

    def repositories(self) -> dict[str, Repository]:
        """All of them by name."""
        folders = sorted((self.root / "datasets").glob("*/*"))
        names = (f"{folder.parent.name}/{folder.name}" for folder in folders)
        return {name: found for name in names if (found := self.find(name))}

    def create(self, name: str, author: str, private: bool = False) -> Repository:
        """Make a repository whose first commit holds .gitattributes, as the Hub does."""
        if not all(NAME.fullmatch(part) for part in name.split("/")):
            raise HubError(400, REFUSED_NAME)
        with self.lock:
            if self.find(name):
                raise HubError(409, f"You already created this dataset repo: {name}")
            made = self._open[name]
            made.set(private=private, author=author, created=now())
            data = GITATTRIBUTES.encode()
            self.put(made.folder / "blobs" / git_hash(data), data)
            first = {
                "parent": None,
                "title": "initial commit",
                "message": "",
                "author": author,
                "date": now(),
                "files": {".gitattributes": File(len(data), git_hash(data), None)},
            }
            made._keep("main", first)
        return made

    def remove(self, repository: Repository) -> None:
        """Remove a repository with all it holds."""
        with self.lock:
            del self._open[repository.id]
            (repository.folder / "refs" / "heads" / "main").unlink()
            shutil.rmtree(repository.folder)


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
