"""A request as it came over the wire: nothing normalised, nothing dropped, order and case of the fields kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Request:
    """One logged request."""

    method: str
    target: str
    version: str
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    # The number of the TCP connection, counted from 1: two requests on one connection have the same.
    connection: int
    # A TLS session was resumed: the origin can link this connection to an earlier one.
    tls_resumed: bool = False
    # The address that the connection came from.
    client: str = ""
    # Bytes of the response handed to the socket so far, and whether it was sent to its end.
    sent: int = 0
    finished: bool = False

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark."""
        return self.target.partition("?")[2]

    def get_all(self, name: str) -> list[str]:
        """Every line of a field, bytes shown as latin-1."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for key, value in self.fields if key.lower() == wanted]

    def get(self, name: str) -> str | None:
        """The field's only line, or None; two lines are two answers, so they are refused."""
        values = self.get_all(name)
        if len(values) > 1:
            raise AssertionError(f"{len(values)} lines of {name}: {values}")
        return values[0] if values else None

    def has_condition(self) -> bool:
        """Whether any `If-*` field was sent."""
        return any(name.lower().startswith(b"if-") for name, _ in self.fields)


@dataclass(frozen=True, slots=True)
class Head:
    """The request line and the field lines, in bytes."""

    method: str
    target: str
    version: str
    fields: tuple[tuple[bytes, bytes], ...]

    def first(self, name: bytes) -> bytes | None:
        """The first line of a field."""
        return next((value for key, value in self.fields if key.lower() == name), None)


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read a header section; None when the client closed instead of asking."""
    try:
        section = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None
    request_line, *lines = section[:-4].split(b"\r\n")
    method, target, version = request_line.decode("latin-1").split(" ")
    return Head(method, target, version, tuple(_field(line) for line in lines))


async def read_body(reader: asyncio.StreamReader, head: Head) -> bytes:
    """Read the content that the header section announces."""
    if (head.first(b"transfer-encoding") or b"").lower() == b"chunked":
        return await _read_chunked(reader)
    return await reader.readexactly(int(head.first(b"content-length") or b"0"))


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.strip(b" \t")
