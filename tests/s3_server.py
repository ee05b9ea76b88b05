"""An S3 server on loopback: moto's, which keeps its buckets in memory.

    with S3Server() as s3: Store("s3://bucket/run", s3.options)

Another process is told by its environment (`S3Server.environment`). Keys are any.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.request import Request, urlopen

import s3fs
from moto.moto_server.threaded_moto_server import ThreadedMotoServer


class S3Server:
    """The server: a context manager, with an empty bucket named ``bucket``."""

    def __init__(self, port: int = 0) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer("127.0.0.1", port, verbose=False)

    def __enter__(self) -> S3Server:
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        reset = Request(f"{self.url}/moto-api/reset", method="POST")
        urlopen(reset).close()  # what an earlier server of this process held
        self.files.mkdir("bucket")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def options(self) -> dict[str, Any]:
        """What fsspec must be told."""
        return {"key": "any", "secret": "any", "endpoint_url": self.url}

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a client must say."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @property
    def files(self) -> s3fs.S3FileSystem:
        """A client that remembers nothing."""
        return s3fs.S3FileSystem(**self.options, use_listings_cache=False)
