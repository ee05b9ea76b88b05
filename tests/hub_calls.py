"""Short forms of a client's calls, for tests of the Hub server and of what is sent to it."""

from __future__ import annotations

from huggingface_hub import CommitOperationAdd

REPO = "me/jit-kernels"
DATASET = {"repo_id": REPO, "repo_type": "dataset"}
BIG = b"PAR1" + bytes(range(256)) * 100 + b"PAR1"


def add(path: str, data: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path, data)


def commit(api, operations, message="some", **options) -> str:
    return api.create_commit(
        operations=operations, commit_message=message, **DATASET, **options
    ).oid


def paths(api, **options) -> list[str]:
    found = api.list_repo_tree(recursive=True, **DATASET, **options)
    return [entry.path for entry in found if hasattr(entry, "size")]


def status(caught) -> int:
    return caught.value.response.status_code
