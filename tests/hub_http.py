"""HTTP for the Hub server: requests as they come, what is answered, the socket.

A request is served by ``serve(call) -> Answer``, which may raise HubError (an error to be answered)
or Dropped (the connection is cut).
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hub_files import HubError

BLOCK = 2**16  # bytes read or written at once


@dataclass
class Request:
    """A line of the log; ``path`` without the query, ``received`` in bytes of the body.

    ``status`` is 0 when the connection was dropped without an answer, None while it is served.
    """

    method: str
    path: str
    query: str
    status: int | None = None
    received: int = 0


@dataclass
class Answer:
    """``body``: JSON value, bytes, or (file, first byte, byte after the last)."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Dropped(Exception):
    """The connection is to be cut."""


class Call:
    """A request that is being served."""

    def __init__(self, handler: Handler, log: Request) -> None:
        self.headers = handler.headers
        self.method, self.path, self.log = log.method, log.path, log
        self.query = parse_qs(log.query)
        self.drop_after: int | None = None
        self._handler = handler
        self._left = int(self.headers.get("Content-Length") or 0)
        self._chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def blocks(self) -> Iterator[bytes]:
        """The body as it comes. Raises Dropped where a fault or the client cuts it."""
        file = self._handler.rfile
        while True:
            if self._chunked and not self._left:
                self._left = int(file.readline().split(b";")[0] or b"0", 16)
                if not self._left:
                    self._chunked = False
                    file.readline()
            size = min(self._left, BLOCK)
            if self.drop_after is not None:
                size = min(size, self.drop_after - self.log.received)
                if not size:
                    raise Dropped
            if not size:
                return
            block = file.read(size)
            if len(block) < size:
                raise Dropped
            self._left -= size
            self.log.received += size
            if self._chunked and not self._left:
                file.readline()
            yield block

    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.blocks())

    def json(self) -> Any:
        """The body as JSON; HubError 400 if it is none."""
        try:
            return json.loads(self.body() or b"{}")
        except ValueError:
            raise HubError(400, "the body is not JSON") from None

    def flag(self, name: str) -> bool:
        """A flag of the query."""
        return self.query.get(name, ["false"])[0].lower() in ("true", "1")


class Listener(ThreadingHTTPServer):
    """The socket, the connections that are open, and the log of the requests.

    ``serve`` answers a call. ``log``: a file to add each request to, a JSON line, when it is done.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, serve: Callable[[Call], Answer], log: Path | None) -> None:
        self.serve, self.log = serve, log
        self.requests: list[Request] = []
        self.errors: list[str] = []  # of the server itself
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """Close what clients keep open: a server that has ended answers nothing more."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that goes away is no news
            self.errors.append(traceback.format_exc())

    def note(self, request: Request) -> None:
        """A request is done."""
        if self.log:
            with self._lock, self.log.open("a") as file:
                file.write(json.dumps(asdict(request)) + "\n")


class Handler(BaseHTTPRequestHandler):
    """A connection: one request after the other."""

    protocol_version = "HTTP/1.1"
    wbufsize = BLOCK  # headers and a small body in one packet
    disable_nagle_algorithm = True
    server: Listener

    def serve(self) -> None:
        split = urlsplit(self.path)
        log = Request(self.command, split.path, split.query)
        self.server.requests.append(log)
        call = Call(self, log)
        try:
            try:
                answer = self.server.serve(call)
            except HubError as error:
                headers = {"X-Error-Message": error.message, **error.headers}
                if error.code:
                    headers["X-Error-Code"] = error.code
                answer = Answer({"error": error.message, **error.body}, error.status, headers)
            for _ in call.blocks():
                pass  # a client that still sends would not hear the answer
            log.status = answer.status
            self._send(answer)
        except (Dropped, ConnectionError):
            log.status = log.status or 0
            linger = struct.pack("ii", 1, 0)  # a reset, not a polite end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
        finally:
            self.server.note(log)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def _send(self, answer: Answer) -> None:
        body, kind = answer.body, "application/json; charset=utf-8"
        if isinstance(body, tuple):
            size, kind = body[2] - body[1], "application/octet-stream"
        else:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            size = len(body)
        self.send_response(answer.status)
        for name, value in {"Content-Type": kind, "Content-Length": size, **answer.headers}.items():
            self.send_header(name, " ".join(str(value).encode("ascii", "replace").decode().split()))
        self.end_headers()
        if self.command != "HEAD" and isinstance(body, bytes):
            self.wfile.write(body)
        elif self.command != "HEAD":
            path, start, stop = body
            with path.open("rb") as file:
                file.seek(start)
                for place in range(start, stop, BLOCK):
                    self.wfile.write(file.read(min(BLOCK, stop - place)))
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """The log is `Listener.requests`."""
