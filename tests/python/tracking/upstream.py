"""The way from a forward proxy to origins: connections that begin at a chosen address, kept while their client stays.

An answer is read whole before it goes on, so that a proxy can look at it and lie about it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from origin.listener import HEAD_LIMIT
from origin.reply import Reply
from origin.request import Head, read_body

if TYPE_CHECKING:
    from collections.abc import Iterable

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Fields = tuple[tuple[bytes, bytes], ...]

# They end at the proxy; it frames what it passes on itself.
OF_THE_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"content-length"}
)


async def connect(source: str, host: str, port: int) -> Stream:
    """Open a connection that the origin sees coming from `source`."""
    return await asyncio.open_connection(host, port, local_addr=(source, 0), limit=HEAD_LIMIT)


class Upstream:
    """The connections that one client's conversation has opened, one for each source address and origin."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str, int], Stream] = {}

    async def ask(self, source: str, origin: tuple[str, int], message: bytes, method: str) -> Reply:
        """Send a request from that address and read its answer; once more where a kept connection has ended."""
        place = (source, *origin)
        kept = self._streams.pop(place, None)
        if kept is not None:
            try:
                return await self._exchange(place, kept, message, method)
            except (ConnectionError, asyncio.IncompleteReadError):
                kept[1].close()
        return await self._exchange(place, await connect(*place), message, method)

    async def _exchange(self, place: tuple[str, str, int], stream: Stream, message: bytes, method: str) -> Reply:
        reader, writer = stream
        writer.write(message)
        head = await _read_status(reader)
        has_body = method != "HEAD" and head.target not in {"204", "304"}
        ends = (head.first(b"connection") or b"").lower() == b"close"
        body = await _read_content(reader, head) if has_body else b""
        if ends:
            writer.close()
        else:
            self._streams[place] = stream
        return Reply(int(head.target), passed_on(head.fields), body, date=False)

    def close(self) -> None:
        """Close them all."""
        for _, writer in self._streams.values():
            writer.close()


def passed_on(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Leave out what belongs to one connection."""
    return tuple((name, value) for name, value in fields if name.lower() not in OF_THE_CONNECTION)


async def _read_status(reader: asyncio.StreamReader) -> Head:
    """Read an answer's header section, its status in place of a target."""
    section = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = section[:-4].split(b"\r\n")
    version, status, _ = status_line.decode("latin-1").split(" ", 2)
    pairs = (line.partition(b":") for line in lines)
    return Head("", status, version, tuple((name, value.strip(b" \t")) for name, _, value in pairs))


async def _read_content(reader: asyncio.StreamReader, head: Head) -> bytes:
    if head.first(b"content-length") is None and head.first(b"transfer-encoding") is None:
        return await reader.read()
    return await read_body(reader, head)
