"""moto: a stand-in for S3, which asks the date even where the tag has answered already."""

from __future__ import annotations

import http.client
import sys
from contextlib import closing

from servers.process import Server

BUCKET = "/bucket"


class S3(Server):
    """An object store; its objects are not files, and have the date at which they were put there."""

    def command(self) -> list[str]:
        """See `Server`."""
        return [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(self.port)]

    def put(self, name: str, content: bytes) -> str:
        """Put an object that anybody may read; returns its URL."""
        self._put(BUCKET, b"")
        self._put(f"{BUCKET}/{name}", content)
        return f"{self.url}{BUCKET}/{name}"

    def _put(self, target: str, content: bytes) -> None:
        fields = {"Content-Type": "text/html", "x-amz-acl": "public-read"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10.0)) as connection:
            connection.request("PUT", target, content, fields)
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise RuntimeError(f"{target} was not put: {response.status} {response.read()!r}")
