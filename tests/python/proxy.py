"""A small real forward proxy on loopback: CONNECT for https, absolute-form for http, Basic credentials if wanted.

It relays bytes and rewrites nothing but the request line and the fields that are meant for itself.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from origin.listener import Listener
from origin.reply import Reply
from origin.request import read_body, read_head

if TYPE_CHECKING:
    import ssl

    from origin.request import Head

BUFFER = 1 << 16
# Meant for the proxy, not for the origin.
OWN_FIELDS = frozenset({b"proxy-authorization", b"proxy-connection", b"connection", b"keep-alive"})


@dataclass(frozen=True, slots=True)
class Relayed:
    """One request to the proxy."""

    method: str
    # As on the request line: `host:port` for CONNECT, else an absolute URL.
    target: str
    authorization: str | None
    fields: tuple[tuple[bytes, bytes], ...]
    connection: int
    # The proxy's own refusal, or None when the request was passed on.
    refused: int | None


class Proxy(Listener):
    """Passes on what is asked with the right credentials; `refuse` is a status for everybody, `tls` makes it HTTPS."""

    def __init__(
        self,
        *,
        user: str | None = None,
        password: str = "",
        refuse: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self.log: list[Relayed] = []
        self.refuse = refuse
        self._user = user
        self._password = password

    @property
    def url_with_credentials(self) -> str:
        """The proxy's URL as a client has to know it."""
        return self.url if self._user is None else self.url.replace("://", f"://{self._user}:{self._password}@")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        """Relay one exchange or one tunnel; a refused client may try again on the same connection."""
        while (head := await read_head(reader)) is not None:
            refused = self._refusal(head)
            self.log.append(_relayed(head, connection, refused))
            if refused is None:
                await (_tunnel if head.method == "CONNECT" else _forward)(head, reader, writer)
                return
            await read_body(reader, head)
            await _answer(writer, refused)

    def _refusal(self, head: Head) -> int | None:
        if self.refuse is not None:
            return self.refuse
        if self._user is None:
            return None
        credentials = base64.b64encode(f"{self._user}:{self._password}".encode())
        return None if head.first(b"proxy-authorization") == b"Basic " + credentials else 407


def _relayed(head: Head, connection: int, refused: int | None) -> Relayed:
    authorization = head.first(b"proxy-authorization")
    text = None if authorization is None else authorization.decode("latin-1")
    return Relayed(head.method, head.target, text, head.fields, connection, refused)


async def _answer(writer: asyncio.StreamWriter, status: int) -> None:
    challenge = [("Proxy-Authenticate", 'Basic realm="proxy"')] if status == 407 else []
    for step in Reply(status, challenge).steps("GET"):
        if isinstance(step, bytes):
            writer.write(step)
    await writer.drain()


async def _tunnel(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, _, port = head.target.rpartition(":")
    try:
        upstream = await asyncio.open_connection(host, int(port))
    except OSError:
        await _answer(writer, 502)
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await relay((reader, writer), upstream)


async def _forward(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask the origin to close afterwards: then the end of the connection frames every answer."""
    body = await read_body(reader, head)
    address = urlsplit(head.target)
    try:
        upstream = await asyncio.open_connection(address.hostname, address.port or 80)
    except OSError:
        await _answer(writer, 502)
        return
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    fields = [(name, value) for name, value in head.fields if name.lower() not in OWN_FIELDS]
    lines = [f"{head.method} {target} HTTP/1.1".encode("latin-1")]
    lines += [name + b": " + value for name, value in (*fields, (b"Connection", b"close"))]
    upstream[1].write(b"\r\n".join([*lines, b"", b""]) + body)
    await relay((reader, writer), upstream)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def relay(client: Stream, upstream: Stream) -> None:
    """Copy both ways until either side ends."""
    copies = [
        asyncio.ensure_future(_copy(client[0], upstream[1])),
        asyncio.ensure_future(_copy(upstream[0], client[1])),
    ]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        upstream[1].close()
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(BUFFER):
        sink.write(piece)
        await sink.drain()
