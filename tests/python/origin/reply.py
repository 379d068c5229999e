"""What an origin answers, and how it becomes bytes and pauses on the wire.

A `Reply` writes what it was given and adds only `Date` and the framing; field values are not checked, so a test can
put obs-text, bare CR or a whole injected line into them. Whoever wants every byte for himself yields a `Script`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TypeAlias

Fields: TypeAlias = Iterable[tuple[str | bytes, str | bytes]]

CHUNK = 1 << 16
# As a pause: until the client goes away or the origin stops.
FOREVER = math.inf


class Gate(threading.Event):
    """A pause that the test ends, from any thread, by `set()`."""


# Bytes are sent, a number is a pause in seconds, a gate is a pause until it is open.
Step: TypeAlias = bytes | float | Gate
Script: TypeAlias = Iterable[Step]


@dataclass(frozen=True, slots=True)
class Reply:
    """One response."""

    status: int = 200
    headers: Fields = ()
    body: bytes = b""
    reason: str | None = None
    # Framing: Content-Length, unless one of these is set.
    chunked: bool = False
    close_delimited: bool = False
    # Seconds before the first byte.
    delay: float | Gate = 0.0
    # Say goodbye (FIN) after so many bytes of the body, whatever the framing promised.
    cut_after: int | None = None
    # End with RST instead of FIN.
    reset: bool = False
    # Close after this response, and say so.
    close: bool = False
    date: bool = True
    # Sent in place of everything above but the delay.
    raw: bytes | None = None

    @property
    def ends_connection(self) -> bool:
        """Whether nothing can follow on this connection."""
        incomplete = self.cut_after is not None or self.raw is not None
        return self.close or self.close_delimited or self.reset or incomplete

    def steps(self, method: str) -> Iterator[Step]:
        """Turn the reply into what is sent."""
        yield self.delay
        if self.raw is not None:
            yield self.raw
            return
        yield self._head()
        if method != "HEAD" and not _is_bodyless(self.status):
            yield from self._content()

    def _head(self) -> bytes:
        reason = self.reason if self.reason is not None else _reason(self.status)
        lines = [f"HTTP/1.1 {self.status} {reason}".encode("latin-1")]
        lines += [as_bytes(name) + b": " + as_bytes(value) for name, value in (*self.headers, *self._added())]
        return b"\r\n".join([*lines, b"", b""])

    def _added(self) -> Iterator[tuple[str, str]]:
        given = {as_bytes(name).lower() for name, _ in self.headers}
        if self.date and b"date" not in given:
            yield "Date", formatdate(usegmt=True)
        if self.chunked:
            yield "Transfer-Encoding", "chunked"
        elif not (self.close_delimited or b"content-length" in given or _is_bodyless(self.status)):
            yield "Content-Length", str(len(self.body))
        if self.close or self.close_delimited:
            yield "Connection", "close"

    def _content(self) -> Iterator[bytes]:
        sent = self.body[: self.cut_after]
        for start in range(0, len(sent), CHUNK):
            piece = sent[start : start + CHUNK]
            yield as_chunk(piece) if self.chunked else piece
        if self.chunked and self.cut_after is None:
            yield as_chunk(b"")


def as_bytes(text: str | bytes) -> bytes:
    """Latin-1 is how header bytes show as text."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def as_chunk(piece: bytes) -> bytes:
    """One chunk of the chunked coding; an empty one is the last."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _is_bodyless(status: int) -> bool:
    # "Any response ... with a 1xx (Informational), 204 (No Content), or 304 (Not Modified) status code is always
    # terminated by the first empty line after the header fields" (RFC 9112 section 6.3)
    return status < HTTPStatus.OK or status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unnamed"
