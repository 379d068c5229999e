"""The origin itself: a path to a handler, one request after the other, and a log of what arrived."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from origin.listener import Listener
from origin.reply import Gate, Reply, Script, Step
from origin.request import Request, read_body, read_head

if TYPE_CHECKING:
    import ssl

    from origin.request import Head

Handler: TypeAlias = Callable[[Request], "Reply | Script"]

# How often a pause looks whether the client is still there.
GLANCE = 0.005


class Origin(Listener):
    """A scripted HTTP/1.1 origin; with `tls` an HTTPS one."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.log: list[Request] = []
        self._handlers: dict[str, Handler] = {}

    def on(self, path: str, handler: Handler | Reply) -> str:
        """Answer requests for this path (or path and query) so; returns the absolute URL."""
        self._handlers[path] = (lambda _: handler) if isinstance(handler, Reply) else handler
        return self.url + path

    @property
    def last(self) -> Request:
        """The most recent request."""
        return self.log[-1]

    def requests(self, path: str) -> list[Request]:
        """The logged requests for a path, or for a path and query."""
        return [request for request in self.log if path in {request.path, request.target}]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        """Answer until the client leaves or a reply ends the connection."""
        while (head := await read_head(reader)) is not None:
            request = await self._receive(reader, writer, head, connection)
            self.log.append(request)
            reply = self._handler(request)(request)
            await self._send(reply, request, reader, writer)
            request.finished = True
            if not isinstance(reply, Reply) or reply.ends_connection or _wants_close(request):
                _end(writer, reset=isinstance(reply, Reply) and reply.reset)
                return

    async def _receive(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: Head, connection: int
    ) -> Request:
        tls = writer.get_extra_info("ssl_object")
        resumed = bool(tls is not None and tls.session_reused)
        body = await read_body(reader, head)
        client = str(writer.get_extra_info("peername")[0])
        return Request(head.method, head.target, head.version, head.fields, body, connection, resumed, client)

    def _handler(self, request: Request) -> Handler:
        return self._handlers.get(request.target) or self._handlers.get(request.path) or _not_found

    async def _send(
        self,
        reply: Reply | Script,
        request: Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        for step in reply.steps(request.method) if isinstance(reply, Reply) else reply:
            if isinstance(step, bytes):
                request.sent += len(step)
                writer.write(step)
                await writer.drain()
            else:
                await _pause(step, reader)


def _not_found(_: Request) -> Reply:
    return Reply(404)


def _wants_close(request: Request) -> bool:
    return request.version == "HTTP/1.0" or (request.get("connection") or "").lower() == "close"


async def _pause(step: Step, reader: asyncio.StreamReader) -> None:
    """Wait, but no longer than the client does."""
    until = step if isinstance(step, Gate) else time.monotonic() + float(step)
    while not (until.is_set() if isinstance(until, Gate) else time.monotonic() >= until):
        if reader.at_eof() or reader.exception() is not None:
            raise ConnectionResetError
        await asyncio.sleep(GLANCE)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if not reset:
        return
    raw = writer.get_extra_info("socket")
    # Lingering for no time at all makes the kernel send RST.
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
