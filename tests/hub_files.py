"""Files as git and the Hub name them, the check of a card, and the Hub's errors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

CARD = re.compile(r"\s*---\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", re.DOTALL)


class HubError(Exception):
    """An error as the Hub answers it: HTTP status, a message, and its X-Error-Code if any."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.headers, self.body = dict(headers or {}), dict(body or {})


class File(NamedTuple):
    """A path's content: size in bytes, git's name of the blob, and of an LFS file its sha256."""

    size: int
    oid: str
    sha256: str | None

    @property
    def etag(self) -> str:
        return self.sha256 or self.oid


def git_hash(data: bytes) -> str:
    """The name that git gives a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """What git holds in the place of an LFS file."""
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    )


def card_data(content: str) -> dict[str, Any]:
    """A README's YAML metadata, empty if there is none or it cannot be read."""
    found = CARD.match(content)
    try:
        data = yaml.safe_load(found[1]) if found else {}
    except yaml.YAMLError:
        data = {}
    return data if isinstance(data, dict) else {}


def card_errors(content: str) -> tuple[list[str], list[str]]:
    """Errors and warnings of a README's YAML metadata."""
    found = CARD.match(content)
    if not found:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        data = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        return [f"YAML parse error: {error}"], []
    if not isinstance(data, dict):
        return ["metadata must be a mapping"], []
    errors = []
    for key in ("tags", "language", "task_categories", "size_categories", "configs"):
        value = data.get(key, [])
        kind = dict if key == "configs" else str
        if not isinstance(value, list | kind) or not all(isinstance(v, kind) for v in value):
            errors.append(f'"{key}" must be an array of {kind.__name__}')
    configs = data.get("configs", [])
    names = [c.get("config_name") for c in configs] if not errors else []
    if not all(isinstance(name, str) for name in names):
        errors.append('"configs[].config_name" must be a string')
    elif len(set(names)) < len(names):
        errors.append(f"config names must be unique: {', '.join(names)}")
    if sum(bool(c.get("default")) for c in configs if isinstance(c, dict)) > 1:
        errors.append("only one config can be the default")
    return errors, []
