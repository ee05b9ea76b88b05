"""The routes of the Hub server: what each call of a client reads, changes and is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode

from hub_faults import Faults
from hub_files import File, HubError, card_data, card_errors, git_hash, pointer
from hub_http import Answer, Call
from hub_store import Repository, Store

TOKEN, READ_TOKEN, OTHER_TOKEN = "hf_writesMine", "hf_readsMine", "hf_somebodyElses"


class User(NamedTuple):
    """Who a token stands for; ``role`` is "read" or "write"."""

    name: str
    role: str


USERS = {
    TOKEN: User("me", "write"),
    READ_TOKEN: User("me", "read"),
    OTHER_TOKEN: User("other", "write"),
}

ROUTES: list[tuple[str, re.Pattern[str], str]] = []
REPO = "/api/datasets/(?P<repo>[^/]+/[^/]+)"


def route(method: str, pattern: str) -> Callable[[Any], Any]:
    """Serve requests whose path matches; its named groups, unquoted, are the arguments."""

    def add(function: Any) -> Any:
        ROUTES.append((method, re.compile(pattern), function.__name__))
        return function

    return add


class Routes:
    """Each method serves one route; raises HubError for what the Hub would refuse."""

    store: Store
    faults: Faults
    page: int
    url: str

    def user(self, call: Call) -> User | None:
        """Who asks; HubError 401 for a token nobody has."""
        given = call.headers.get("Authorization")
        if given is None:
            return None
        user = USERS.get(given.removeprefix("Bearer "))
        if user is None:
            raise HubError(401, "Invalid credentials in Authorization header")
        return user

    def find(self, call: Call, repo: str, *, write: bool = False) -> Repository:
        """A repository, if the caller may read, or write, it."""
        user, found = self.user(call), self.store.find(repo)
        mine = user is not None and user.name == repo.partition("/")[0]
        if found is None or (found.settings["private"] and not mine):
            if user is None:
                # On https a client takes any 401 of a repository for this code; on http it is told.
                raise HubError(401, "Invalid username or password.", "RepoNotFound")
            raise HubError(404, "Repository not found", "RepoNotFound")
        if write and user is None:
            raise HubError(401, "Invalid username or password.", "RepoNotFound")
        if write and not (mine and user and user.role == "write"):
            raise HubError(403, "Authorization error.")
        return found

    def listing(self, call: Call, items: Sequence[Any], size: int) -> Answer:
        """A page of a list, and the way to the next."""
        start = int(call.query.get("cursor", ["0"])[0])
        headers = {}
        if start + size < len(items):
            query = {**call.query, "cursor": [str(start + size)]}
            url = f"{self.url}{call.path}?{urlencode(query, doseq=True)}"
            headers["Link"] = f'<{url}>; rel="next"'
        return Answer(items[start : start + size], headers=headers)

    @route("GET", "/api/whoami-v2")
    def whoami(self, call: Call) -> Answer:
        user = self.user(call)
        if user is None:
            raise HubError(401, "Invalid username or password.")
        token = {"displayName": "test", "role": user.role}
        auth = {"type": "access_token", "accessToken": token}
        return Answer({"type": "user", "name": user.name, "orgs": [], "auth": auth})

    @route("POST", "/api/validate-yaml")
    def validate(self, call: Call) -> Answer:
        errors, warned = card_errors(call.json()["content"])
        told = {"errors": [{"message": e} for e in errors]}
        told["warnings"] = [{"message": w} for w in warned]
        return Answer(told, 400 if errors else 200)

    @route("POST", "/api/repos/create")
    def create(self, call: Call) -> Answer:
        user, asked = self.user(call), call.json()
        if user is None:
            raise HubError(401, "Invalid username or password.")
        space = asked.get("organization") or user.name
        if asked.get("type") != "dataset":
            raise HubError(400, "this server has datasets only")
        if user.role != "write" or space != user.name:
            raise HubError(
                403, f'You don\'t have the rights to create a dataset under the namespace "{space}"'
            )
        private = asked.get("private") or asked.get("visibility") == "private"
        name = f"{space}/{asked['name']}"
        told = {"url": f"{self.url}/datasets/{name}", "name": name}
        try:
            self.store.create(name, user.name, bool(private))
        except HubError as error:
            error.body = told if error.status == 409 else {}
            raise
        return Answer(told)

    @route("DELETE", "/api/repos/delete")
    def remove(self, call: Call) -> Answer:
        asked, user = call.json(), self.user(call)
        space = asked.get("organization") or (user.name if user else "")
        self.store.remove(self.find(call, f"{space}/{asked['name']}", write=True))
        return Answer({})

    @route("PUT", f"{REPO}/settings")
    def settings(self, call: Call, repo: str) -> Answer:
        found, asked = self.find(call, repo, write=True), call.json()
        if "visibility" in asked:
            asked["private"] = asked["visibility"] == "private"
        found.set(**{key: asked[key] for key in ("private", "gated") if key in asked})
        return Answer(asked)

    @route("GET", f"{REPO}/auth-check(?P<write>/write)?")
    def auth_check(self, call: Call, repo: str, write: str = "") -> Answer:
        self.find(call, repo, write=bool(write))
        return Answer({})

    @route("GET", f"{REPO}(/revision/(?P<revision>[^/]+))?")
    def info(self, call: Call, repo: str, revision: str = "main") -> Answer:
        found = self.find(call, repo)
        oid, settings = found.resolve(revision), found.settings
        commit = found.commit(oid)
        siblings = []
        for path, file in commit["files"].items():
            siblings.append({"rfilename": path})
            if call.flag("blobs"):
                siblings[-1] |= {"size": file.size, "blobId": file.oid}
                if file.sha256:
                    size = len(pointer(file.sha256, file.size))
                    lfs = {"sha256": file.sha256, "size": file.size, "pointerSize": size}
                    siblings[-1]["lfs"] = lfs
        told = {"id": repo, "author": settings["author"], "sha": oid, "siblings": siblings}
        told |= {"private": settings["private"], "gated": settings.get("gated", False)}
        told |= {"disabled": False, "downloads": 0, "likes": 0, "tags": []}
        if "README.md" in commit["files"]:
            data = card_data(found.read("README.md", oid).decode(errors="replace"))
            told |= {"cardData": data, "tags": data.get("tags", [])}
        return Answer(told | {"createdAt": settings["created"], "lastModified": commit["date"]})

    @route("GET", f"{REPO}/refs")
    def refs(self, call: Call, repo: str) -> Answer:
        found = self.find(call, repo)
        told: dict[str, list] = {"converts": [], "pullRequests": []}
        for name, kind in (("branches", "heads"), ("tags", "tags")):
            refs = found.refs(kind).items()
            told[name] = [
                {"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": oid} for n, oid in refs
            ]
        return Answer(told)

    @route("POST", f"{REPO}/(?P<kind>branch|tag)/(?P<name>[^/]+)")
    def add_ref(self, call: Call, repo: str, kind: str, name: str) -> Answer:
        found, asked = self.find(call, repo, write=True), call.json()
        start = asked.get("startingPoint", "main")
        if kind == "tag":
            start, name = name, asked["tag"]
        if name.startswith("refs/") or not re.fullmatch(r"[\w./-]+", name) or ".." in name:
            raise HubError(400, f"Invalid reference name: {name!r}")
        with self.store.lock:
            if name in found.refs("heads" if kind == "branch" else "tags"):
                raise HubError(409, f"Reference already exists: {name}")
            oid = found.resolve(start)
            found.set_ref(name, oid, "heads" if kind == "branch" else "tags")
        return Answer({})

    @route("DELETE", f"{REPO}/(?P<kind>branch|tag)/(?P<name>[^/]+)")
    def remove_ref(self, call: Call, repo: str, kind: str, name: str) -> Answer:
        found, folder = self.find(call, repo, write=True), "heads" if kind == "branch" else "tags"
        if kind == "branch" and name == "main":
            raise HubError(403, "Cannot delete the main branch")
        with self.store.lock:
            if name not in found.refs(folder):
                raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
            found.set_ref(name, None, folder)
        return Answer({})

    @route("GET", f"{REPO}/commits/(?P<revision>[^/]+)")
    def commits(self, call: Call, repo: str, revision: str) -> Answer:
        told = [
            {
                "id": oid,
                "title": made["title"],
                "message": made["message"],
                "authors": [{"user": made["author"]}],
                "date": made["date"],
            }
            for oid, made in self.find(call, repo).history(revision)
        ]
        return self.listing(call, told, min(self.page, 50))

    @route("GET", f"{REPO}/tree/(?P<revision>[^/]+)(/(?P<path>.+))?")
    def tree(self, call: Call, repo: str, revision: str, path: str = "") -> Answer:
        found = self.find(call, repo)
        entries = _entries(found.files(revision))
        path = path.strip("/")
        if path and "tree" not in entries.get(path, ()):
            raise HubError(404, f"{path} does not exist on {revision!r}", "EntryNotFound")
        inside = [p for p in entries if p.startswith(f"{path}/" if path else "") and p != path]
        if not call.flag("recursive"):
            inside = [p for p in inside if "/" not in p[len(path) + 1 if path else 0 :]]
        expand = call.flag("expand")
        told = [_entry(found, revision, p, entries[p], expand) for p in inside]
        return self.listing(call, told, min(self.page, 100) if expand else self.page)

    @route("POST", f"{REPO}/paths-info/(?P<revision>[^/]+)")
    def paths_info(self, call: Call, repo: str, revision: str) -> Answer:
        found = self.find(call, repo)
        if "json" in call.headers.get("Content-Type", ""):
            asked = call.json()
        else:
            form = parse_qs(call.body().decode())
            asked = {
                "paths": form.get("paths", []),
                "expand": form.get("expand", ["false"])[0].lower() == "true",
            }
        entries = _entries(found.files(revision))
        paths = [path.strip("/") for path in asked["paths"]]
        expand = bool(asked.get("expand"))
        told = [_entry(found, revision, p, entries[p], expand) for p in paths if p in entries]
        return Answer(told)

    @route("GET", "/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
    def resolve(self, call: Call, repo: str, revision: str, path: str) -> Answer:
        found = self.find(call, repo)
        oid = found.resolve(revision)
        headers = {"X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
        file = found.files(oid).get(path)
        if file is None:
            raise HubError(404, "Entry not found", "EntryNotFound", headers)
        headers["ETag"] = f'"{file.etag}"'
        if file.sha256:
            headers |= {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{file.etag}"'}
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.headers.get("Range", "").replace(" ", ""))
        if asked is None or not any(asked.groups()):
            return Answer((found.content(file), 0, file.size), headers=headers)
        first, last = asked.groups()
        start = int(first) if first else max(0, file.size - int(last))
        stop = min(int(last) + 1, file.size) if first and last else file.size
        if start >= stop:
            headers["Content-Range"] = f"bytes */{file.size}"
            raise HubError(416, "Requested range not satisfiable", headers=headers)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        return Answer((found.content(file), start, stop), 206, headers)

    @route("POST", f"{REPO}/preupload/(?P<revision>[^/]+)")
    def preupload(self, call: Call, repo: str, revision: str) -> Answer:
        found, told = self.find(call, repo, write=True), []
        if revision not in found.refs():
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        files = found.files(revision)
        for asked in call.json()["files"]:
            path = asked["path"]
            large = found.is_large(path, asked["size"], revision)
            old = files[path].etag if path in files else None
            mode = "lfs" if large else "regular"
            told.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": old})
        return Answer({"files": told})

    @route("POST", f"{REPO}/commit/(?P<revision>[^/]+)")
    def commit(self, call: Call, repo: str, revision: str) -> Answer:
        found = self.find(call, repo, write=True)
        if call.flag("create_pr"):
            raise HubError(400, "this server has no pull requests")
        lines = [json.loads(line) for line in call.body().splitlines() if line]
        if before := self.faults.take("overtake", call.method, call.path):
            header = {"key": "header", "value": {"summary": f"in between ({before.hits})"}}
            between = [
                {"key": "file", "value": {"path": path, "content": data.decode()}}
                for path, data in before.value.items()
            ]
            found.write(revision, [header, *between], "other")
        user = self.user(call)
        oid = found.write(revision, lines, user.name if user else "")
        url = f"{self.url}/datasets/{repo}/commit/{oid}"
        return Answer({"success": True, "commitOid": oid, "commitUrl": url})


def _entries(files: Mapping[str, File]) -> dict[str, tuple]:
    """Files and the folders they make, by path, sorted."""
    found: dict[str, tuple] = {}
    for path, file in files.items():
        for n in range(1, path.count("/") + 1):
            found["/".join(path.split("/")[:n])] = ("tree",)
        found[path] = ("blob", file)
    return dict(sorted(found.items()))


def _entry(
    repository: Repository, revision: str, path: str, entry: tuple, expand: bool
) -> dict[str, Any]:
    if entry[0] == "tree":
        told = {"type": "directory", "path": path, "size": 0, "oid": git_hash(path.encode())}
    else:
        file = entry[1]
        told = {"type": "file", "path": path, "size": file.size, "oid": file.oid}
        if file.sha256:
            size = len(pointer(file.sha256, file.size))
            told["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": size}
    if expand:
        oid, made = repository.last_change(revision, path)
        told["lastCommit"] = {"id": oid, "title": made["title"], "date": made["date"]}
    return told
