"""The origin: a real nginx; where there is none, the server of the standard library. Both tell what they served."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Protocol

from nginx import Nginx

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

WRITE_BUFFER = 65536


@dataclass(frozen=True)
class Served:
    """One line of a server's log: the status, and all bytes of the response on the wire."""

    status: int
    bytes_sent: int


class Server(Protocol):
    """Whoever serves the site."""

    name: str
    url: str

    def log(self) -> list[Served]:
        """Everything served up to now."""


class NginxServer:
    """An nginx of our own, with compression as most sites have it."""

    name = "nginx"

    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx
        self.url = nginx.url

    def log(self) -> list[Served]:
        """Read the access log."""
        return [Served(access.status, access.bytes_sent) for access in self._nginx.log()]

    def close(self) -> None:
        """Stop it."""
        self._nginx.stop()


class StandardServer(ThreadingHTTPServer):
    """Python's own server. It knows dates and no entity tags."""

    name = "Python's http.server"
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.served: list[Served] = []

    def log(self) -> list[Served]:
        """What the handlers noted."""
        return list(self.served)

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(SimpleHTTPRequestHandler):
    """Serves files, keeps connections, and notes what it sent."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StandardServer

    def setup(self) -> None:
        """Count what is written."""
        super().setup()
        self.status = 0
        self.writer = CountingWriter(self.connection.makefile("wb", buffering=0), WRITE_BUFFER)
        self.wfile = self.writer

    def do_GET(self) -> None:
        """Serve a file, or say that it was not modified."""
        before = self.writer.written
        super().do_GET()
        self.server.served.append(Served(self.status, self.writer.written - before))

    def log_request(self, code: int | str = 0, size: int | str = "-") -> None:  # noqa: ARG002
        """Keep the status for the log."""
        self.status = int(code)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Write nothing to the terminal."""


class CountingWriter(io.BufferedWriter):
    """Counts the bytes that are written."""

    written = 0

    def write(self, buffer: Buffer, /) -> int:
        """Write, and count."""
        count = super().write(buffer)
        self.written += count
        return count


@contextlib.contextmanager
def serve(directory: Path, prefix: Path, *, without_nginx: bool) -> Iterator[Server]:
    """Serve a directory on a free port of loopback, until the block is left."""
    nginx = None if without_nginx else _started(Nginx(directory, prefix, gzip=True))
    if nginx is not None:
        with contextlib.closing(nginx):
            yield nginx
        return
    with StandardServer(directory) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def _started(nginx: Nginx) -> NginxServer | None:
    try:
        return NginxServer(nginx.start())
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return None
