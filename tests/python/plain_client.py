"""The standard library's client and bare sockets, for looking at a server without the package under test."""

from __future__ import annotations

import contextlib
import http.client
import socket
from urllib.parse import urlsplit

TIMEOUT = 5.0

Answer = tuple[int, http.client.HTTPMessage, bytes]


def fetch(
    url: str,
    fields: dict[str, str] | None = None,
    *,
    method: str = "GET",
    timeout: float = TIMEOUT,
    proxy: int | str = 0,
) -> Answer:
    """Make one request on a connection of its own; through the proxy at this port or URL, in absolute form."""
    origin = urlsplit(url).netloc
    server = urlsplit(proxy).netloc if isinstance(proxy, str) else f"127.0.0.1:{proxy}"
    connection = http.client.HTTPConnection(server if proxy else origin, timeout=timeout)
    with contextlib.closing(connection):
        target = url if proxy else url.removeprefix(f"http://{origin}")
        connection.request(method, target, headers=fields or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def talk(port: int, said: bytes) -> bytes:
    """Say this, and return everything that comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as wire:
        wire.sendall(said)
        return b"".join(iter(lambda: wire.recv(65536), b""))
