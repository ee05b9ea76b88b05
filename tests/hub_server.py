"""A Hub on loopback: the routes that datasets and huggingface_hub use for dataset repositories.

    with HubServer(folder) as hub: ...                       in a test (see the fixture ``hub``)
    python tests/hub_server.py --root FOLDER [--port 0]      as a process; prints URL and tokens

It keeps its repositories in the folder (hub_store.py), so it can be started again with them, and
misbehaves on demand (``hub.faults``, hub_faults.py). ``hub.requests`` is a log of what was asked.
Without xet: clients set HF_HUB_DISABLE_XET=1. Without pull requests, models and spaces.

Tokens: ``token`` writes what is under "me", ``read_token`` reads it, ``other_token`` is somebody
else's, with the right to write under "other" alone; a private repository is hidden from that.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hub_faults import Faults
from hub_files import HubError
from hub_http import Answer, Call, Dropped, Listener, Request
from hub_lfs import LargeFiles
from hub_routes import OTHER_TOKEN, READ_TOKEN, ROUTES, TOKEN
from hub_store import Repository, Store

if TYPE_CHECKING:
    from huggingface_hub import HfApi


class HubServer(LargeFiles):
    """The server: a context manager. ``port`` 0 takes a free one. ``page``: entries a listing.

    Its exit cuts what is open and raises AssertionError if it has itself gone wrong meanwhile.
    """

    token, read_token, other_token = TOKEN, READ_TOKEN, OTHER_TOKEN

    def __init__(
        self, root: Path, port: int = 0, *, page: int = 1000, log: Path | None = None
    ) -> None:
        super().__init__()
        self.store, self.faults, self.page = Store(Path(root)), Faults(), page
        self._http = Listener(port, self.answer, log)
        self.requests: list[Request] = self._http.requests
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.cut()
        assert not self._http.errors, "\n".join(self._http.errors)

    @property
    def repositories(self) -> dict[str, Repository]:
        """The repositories by name."""
        return self.store.repositories()

    def count(self, method: str = "*", path: str = "", status: int | None = None) -> int:
        """Requests in the log of a method, in whose path the regular expression is found."""
        found = [r for r in list(self.requests) if re.search(path, r.path)]
        return sum(method in ("*", r.method) and status in (None, r.status) for r in found)

    def sent(self) -> Counter[str]:
        """How often each large file, by its sha256, was sent whole."""
        whole = [r.path for r in list(self.requests) if r.method == "PUT" and r.status == 200]
        return Counter(path.rpartition("/")[2] for path in whole if path.startswith("/lfs/"))

    def environment(self, home: Path, token: str | None = TOKEN) -> dict[str, str]:
        """What the environment of a client in another process must say; ``home``: its HF_HOME."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": token or "",
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def api(self, token: str | bool = TOKEN) -> HfApi:
        """A client in this process; False: without a token."""
        from huggingface_hub import HfApi

        return HfApi(self.url, token=token)

    def answer(self, call: Call) -> Answer:
        """Serve a request, faults included."""
        met = call.method, call.path
        if slow := self.faults.take("slow", *met):
            time.sleep(slow.value)
        if fail := self.faults.take("fail", *met):
            status, message, headers = fail.value
            raise HubError(status, message or f"fault {status}", headers=headers)
        if drop := self.faults.take("drop", *met):
            call.drop_after = drop.value
        method = "GET" if call.method == "HEAD" else call.method
        for wanted, pattern, name in ROUTES:
            if wanted == method and (found := pattern.fullmatch(call.path)):
                arguments = {k: unquote(v) for k, v in found.groupdict().items() if v is not None}
                if lost := self.faults.take("lose", *met):
                    getattr(self, name)(call, **arguments)
                    raise Dropped(lost)
                return getattr(self, name)(call, **arguments)
        if re.match("/api/(datasets|models|spaces)/|/.*/resolve/", call.path):
            raise HubError(404, "Repository not found", "RepoNotFound")
        raise HubError(404, f"this server has no {call.method} {call.path}")


def main() -> None:
    """Serve a folder until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A Hub on loopback, for tests.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="write requests there, a JSON line each")
    options = parser.parse_args()
    with HubServer(options.root, options.port, log=options.log) as hub:
        told = {"url": hub.url, "token": TOKEN, "read_token": READ_TOKEN}
        print(json.dumps(told | {"other_token": OTHER_TOKEN, "pid": os.getpid()}), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
