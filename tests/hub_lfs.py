"""The routes of large files: which are there, the links to send the others to, and the sending."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from hub_files import HubError
from hub_http import Answer, Call
from hub_routes import Routes, route


class LargeFiles(Routes):
    """git-lfs as the Hub speaks it, without its transfer in parts."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes()  # of the links that large files are sent to

    @route("POST", "/datasets/(?P<repo>[^/]+/[^/]+)[.]git/info/lfs/objects/batch")
    def batch(self, call: Call, repo: str) -> Answer:
        found, told = self.find(call, repo, write=True), []
        for asked in call.json()["objects"]:
            oid, size = asked["oid"], asked["size"]
            told.append({"oid": oid, "size": size})
            stored = found.folder / "lfs" / oid
            if stored.is_file() and stored.stat().st_size == size:
                continue
            href = f"{self.url}/lfs/{repo}/{oid}?signature={self._sign(repo, oid)}"
            verify = f"{self.url}/datasets/{repo}.git/info/lfs/verify"
            told[-1]["actions"] = {"upload": {"href": href}, "verify": {"href": verify}}
        return Answer({"transfer": "basic", "objects": told})

    def _sign(self, repo: str, oid: str) -> str:
        return hmac.new(self._secret, f"{repo} {oid}".encode(), "sha256").hexdigest()

    @route("PUT", "/lfs/(?P<repo>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})")
    def put(self, call: Call, repo: str, oid: str) -> Answer:
        """Take a large file. The link is the permission, as on the storage behind the Hub."""
        found = self.store.find(repo)
        if found is None or call.query.get("signature") != [self._sign(repo, oid)]:
            raise HubError(403, "SignatureDoesNotMatch")
        digest = hashlib.sha256()
        file = self.store.new_file()
        try:
            with file:
                for block in call.blocks():
                    digest.update(block)
                    file.write(block)
            if digest.hexdigest() != oid:
                raise HubError(400, "BadDigest: the content is not what its name says")
            self.store.keep(Path(file.name), found.folder / "lfs" / oid)
        finally:
            Path(file.name).unlink(missing_ok=True)
        return Answer(b"", headers={"ETag": f'"{oid}"'})

    @route("POST", "/datasets/(?P<repo>[^/]+/[^/]+)[.]git/info/lfs/verify")
    def verify(self, call: Call, repo: str) -> Answer:
        found, asked = self.find(call, repo, write=True), call.json()
        stored = found.folder / "lfs" / asked["oid"]
        if not stored.is_file():
            raise HubError(404, "object not found")
        if stored.stat().st_size != asked["size"]:
            raise HubError(422, "the object's size is not what was said")
        return Answer({"message": "ok"})
