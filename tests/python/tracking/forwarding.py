"""A forward proxy with many addresses of its own: which of them a request leaves by is for the subclass to say.

HTTP in absolute form and CONNECT; connections are kept on both sides. Where an address is *tampered* with, whoever sits
there may answer himself, or change what the origin said.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from origin.listener import Listener
from origin.reply import Reply
from origin.request import read_body, read_head
from proxy import OWN_FIELDS, relay
from tracking.upstream import Upstream, connect

if TYPE_CHECKING:
    import asyncio

    from origin.request import Head


class Tamper(Protocol):
    """Whoever sits between an exit and the origin."""

    def asked(self, head: Head) -> Reply | Head:
        """Answer in the origin's place, or let a request (that one, or another) go on to it."""

    def answered(self, head: Head, reply: Reply) -> Reply:
        """Give what the client gets, of what the origin answered to `head` as it came from the client."""


class Forwarding(Listener):
    """Passes on what is asked, each request from the address that `leaves_by` gives."""

    def __init__(self, *, keeps: bool = True) -> None:
        super().__init__()
        # With `keeps` off every connection ends after one answer: for more exits than a process may have files.
        self._keeps = keeps
        # By the address that a request leaves by.
        self.tampered: dict[str, Tamper] = {}

    @abstractmethod
    def leaves_by(self, head: Head, own: str) -> str:
        """Choose the address for a request that came to the address `own`."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        """Relay requests until the client leaves."""
        del connection
        if not str(writer.get_extra_info("peername")[0]).startswith("127."):
            return
        own = str(writer.get_extra_info("sockname")[0])
        upstream = Upstream()
        try:
            while (head := await read_head(reader)) is not None:
                source = self.leaves_by(head, own)
                if head.method == "CONNECT":
                    await _tunnel(source, head, reader, writer)
                    return
                reply = await self._forward(source, head, await read_body(reader, head), upstream)
                await _answer(writer, head, reply, closes=not self._keeps)
                if not self._keeps:
                    return
        finally:
            upstream.close()

    async def _forward(self, source: str, head: Head, body: bytes, upstream: Upstream) -> Reply:
        tamper = self.tampered.get(source)
        passed = head if tamper is None else tamper.asked(head)
        if isinstance(passed, Reply):
            return passed
        address = urlsplit(passed.target)
        origin = (address.hostname or "", address.port or 80)
        try:
            reply = await upstream.ask(source, origin, self._message(passed, body), passed.method)
        except OSError:
            return Reply(502)
        return reply if tamper is None else tamper.answered(head, reply)

    def _message(self, head: Head, body: bytes) -> bytes:
        address = urlsplit(head.target)
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        lines = [f"{head.method} {target} HTTP/1.1".encode("latin-1")]
        lines += [name + b": " + value for name, value in head.fields if name.lower() not in OWN_FIELDS]
        if not self._keeps:
            lines.append(b"Connection: close")
        return b"\r\n".join([*lines, b"", b""]) + body


async def _answer(writer: asyncio.StreamWriter, head: Head, reply: Reply, *, closes: bool) -> None:
    fields = [*reply.headers, (b"Connection", b"close")] if closes else reply.headers
    answer = Reply(reply.status, fields, reply.body, date=False)
    # In one piece: half of the time of a proxy is spent on sending.
    writer.write(b"".join(step for step in answer.steps(head.method) if isinstance(step, bytes)))
    await writer.drain()


async def _tunnel(source: str, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, _, port = head.target.rpartition(":")
    try:
        upstream = await connect(source, host, int(port))
    except OSError:
        await _answer(writer, head, Reply(502), closes=True)
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await relay((reader, writer), upstream)
