"""A dataset repository on the Hub that is being published: staged on a branch, shown by one commit.

Each config has a branch of its own, ``publishing-<config>``, which shards and their records are
committed to as they are done; nobody who loads the dataset looks there. In the end one commit
copies them to where they belong, on the server, beside card and metadata. What stands on the branch
tells a later run, on any machine, what is done.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    constants,
    get_token,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from pipeline.parts import write_whole
from pipeline.publishing.retrying import MovedError, Patience
from pipeline.publishing.target import MANIFEST, check_manifest, tells
from pipeline.shards import Shard

PENDING = 8  # shards sent but not yet committed: they stay on the disk
COMMIT_S = 60  # seconds between commits: the Hub permits 128 an hour


class Hub:
    """A dataset repository, as `pipeline.publishing.target.Target` says.

    Raises ValueError, in one line with the remedy, for what the user can mend; `UnreachableError`
    for a server that does not answer as it should, however often it is asked.
    """

    def __init__(
        self,
        repo: str,
        *,
        revision: str = "main",
        private: bool = False,
        token: str | None = None,
        endpoint: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        if repo.count("/") != 1:
            raise ValueError(f"name {repo!r} with its owner, as in me/jit-kernels")
        validate_repo_id(repo)  # its ValueError says what is wrong
        self.name = repo
        self.revision = revision
        self.private = private
        self.api = HfApi(endpoint, token=token or get_token())
        self.patience = patience or Patience(repo)
        self.work = Path(constants.HF_HOME, "jit_synthesis", repo.replace("/", "--"))
        self._pending: list[tuple[str, Shard, CommitOperationAdd]] = []
        self._committed = time.monotonic()
        self._lock = threading.Lock()
        self._head = ""

    def open(self) -> None:
        """Make the repository and the branch unless they are there, and see that both may be."""
        if not self.api.token:
            raise ValueError("no token: run `hf auth login`, or set HF_TOKEN to one that may write")
        made = self._ask(
            self.api.create_repo,
            self.name,
            private=self.private or None,
            repo_type="dataset",
            exist_ok=True,
        )
        self.name = made.repo_id
        found = self._ask(self.api.dataset_info, self.name)
        if self.private and not found.private:
            raise ValueError(f"{self.name} is public: leave --private out, or name another")
        if self.revision != "main":
            self._branch(self.revision)

    def published(self) -> tuple[list[str], dict[str, bytes]]:
        """The paths of the repository as users see it, and its README and metadata."""
        self._head = str(self._ask(self.api.dataset_info, self.name, revision=self.revision).sha)
        tree = self._ask(
            lambda: list(
                self.api.list_repo_tree(
                    self.name, repo_type="dataset", revision=self._head, recursive=True
                )
            )
        )
        paths = [entry.path for entry in tree if hasattr(entry, "blob_id")]
        return paths, {path: self._read(path, self._head) for path in filter(tells, paths)}

    def stage(self, manifest: Mapping[str, Any], restart: bool) -> None:
        """Have a branch for the shards of a config; one of another run is refused, or left out."""
        branch = self._staging(manifest["config"])
        path = f"{manifest['config']}/{MANIFEST}"
        with suppress(RemoteEntryNotFoundError, RevisionNotFoundError):
            found = json.loads(self._read(path, branch))
            if not check_manifest(f"branch {branch} of {self.name}", found, manifest, restart):
                self._ask(self.api.delete_branch, self.name, branch=branch, repo_type="dataset")
        self._branch(branch)
        told = json.dumps(manifest, indent=1)
        self._commit(
            branch, [CommitOperationAdd(path, told.encode())], f"Begin {manifest['config']}"
        )
        kept = self.work / path
        if not kept.is_file() or kept.read_text(encoding="utf-8") != told:
            shutil.rmtree(kept.parent, ignore_errors=True)  # of another run, or another branch's
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(kept, [told])

    def finished(self, shards: Sequence[Shard]) -> Iterator[dict[str, Any]]:
        """The records of the shards that stand on the branch."""
        for config in sorted({shard.config for shard in shards}):
            branch = self._staging(config)
            tree = self._ask(
                lambda config=config, branch=branch: list(
                    self.api.list_repo_tree(
                        self.name, config, repo_type="dataset", revision=branch, recursive=True
                    )
                )
            )
            there = {entry.path: entry for entry in tree}
            for shard in shards:
                if shard.config == config and {shard.path, shard.record} <= there.keys():
                    record = json.loads(self._read(shard.record, branch))
                    large = there[shard.path].lfs
                    if large and large.sha256 == record["sha256"]:
                        yield record

    def put(self, shard: Shard) -> None:
        """Send a shard that stands in the work folder; it is removed there once committed."""
        branch = self._staging(shard.config)
        with self._lock:
            addition = CommitOperationAdd(shard.path, self.work / shard.path)
            self._ask(
                self.api.preupload_lfs_files,
                self.name,
                [addition],
                repo_type="dataset",
                revision=branch,
                free_memory=False,
            )
            self._pending.append((branch, shard, addition))
            late = time.monotonic() - self._committed > COMMIT_S
            if late or len(self._pending) >= PENDING:
                self._flush()

    def flush(self) -> None:
        """Commit what was sent."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        for branch in sorted({branch for branch, _, _ in self._pending}):
            mine = [(shard, add) for there, shard, add in self._pending if there == branch]
            records = [CommitOperationAdd(s.record, self.work / s.record) for s, _ in mine]
            self._commit(branch, [*(add for _, add in mine), *records], f"{len(mine)} shards")
            for shard, _ in mine:
                (self.work / shard.path).unlink()
                (self.work / shard.record).unlink()
            self._pending = [each for each in self._pending if each[0] != branch]
        self._committed = time.monotonic()

    def read(self, path: str) -> BinaryIO:
        """A staged file, opened: it is fetched as far as it is read."""
        # fsspec would hand out one that remembers what the branch held before.
        files = HfFileSystem(
            endpoint=self.api.endpoint, token=self.api.token, skip_instance_cache=True
        )
        branch = self._staging(path.partition("/")[0])
        found: Any = files.open(f"datasets/{self.name}@{branch}/{path}", "rb")
        return found

    def finish(
        self,
        shards: Sequence[Shard],
        files: Mapping[str, bytes],
        stale: Sequence[str],
        message: str,
    ) -> None:
        """Show it all by one commit, and remove the branches.

        MovedError where somebody else has committed since ``published``.
        """
        operations: list[Any] = [
            CommitOperationCopy(s.path, s.path, src_revision=self._staging(s.config))
            for s in shards
        ]
        operations += [CommitOperationAdd(path, content) for path, content in files.items()]
        operations += [CommitOperationDelete(path) for path in stale]
        self._commit(self.revision, operations, message, parent_commit=self._head)
        self.clean(sorted({shard.config for shard in shards}))

    @property
    def where(self) -> str:
        """The page of the repository."""
        return f"{self.api.endpoint}/datasets/{self.name}"

    def clean(self, configs: Sequence[str]) -> None:
        """Remove the branches of configs that are published, and the work folder."""
        refs = self._ask(self.api.list_repo_refs, self.name, repo_type="dataset")
        for config in configs:
            if (branch := self._staging(config)) in {each.name for each in refs.branches}:
                self._ask(self.api.delete_branch, self.name, branch=branch, repo_type="dataset")
        shutil.rmtree(self.work, ignore_errors=True)

    def _staging(self, config: str) -> str:
        of = "" if self.revision == "main" else f"-{self.revision.replace('/', '-')}"
        return f"publishing{of}-{config}"

    def _branch(self, branch: str) -> None:
        self._ask(
            self.api.create_branch,
            self.name,
            branch=branch,
            repo_type="dataset",
            exist_ok=True,
        )

    def _commit(self, branch: str, operations: Sequence[Any], message: str, **more: Any) -> None:
        self._ask(
            self.api.create_commit,
            self.name,
            operations,
            commit_message=message,
            repo_type="dataset",
            revision=branch,
            **more,
        )

    def _read(self, path: str, revision: str) -> bytes:
        def read() -> bytes:
            folder = self.work / "read"
            found = self.api.hf_hub_download(
                self.name, path, repo_type="dataset", revision=revision, cache_dir=folder
            )
            return Path(found).read_bytes()

        return self._ask(read)

    def _ask(self, call: Callable[..., Any], *values: Any, **named: Any) -> Any:
        """What a call of the Hub returns, tried again where that helps, errors in plain words."""
        try:
            return self.patience.ask(lambda: call(*values, **named))
        except (RemoteEntryNotFoundError, RevisionNotFoundError):
            raise
        except RepositoryNotFoundError as error:
            if error.response.status_code != 401:
                told = f"{self.name} is not there, or this token does not see it"
                raise ValueError(f"{told}: check the name and `hf auth whoami`") from None
            raise ValueError(_refused(self.name, 401)) from None
        except HfHubHTTPError as error:
            code = error.response.status_code
            if code == 412 and "parent_commit" in named:
                raise MovedError(f"{self.name} has changed meanwhile") from None
            if code in (401, 403):
                raise ValueError(_refused(self.name, code)) from None
            said = " ".join((error.server_message or str(error)).split())
            raise ValueError(f"{self.name}: the Hub refuses with {code}: {said}") from None


def _refused(name: str, code: int) -> str:
    if code == 401:
        return (
            f"{name}: the Hub refuses the token (401): make one that may write at "
            "https://huggingface.co/settings/tokens, then `hf auth login` or set HF_TOKEN"
        )
    return (
        f"{name}: this token may not write there (403): take one with write rights, or a "
        "repository of your own"
    )
