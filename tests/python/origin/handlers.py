"""Ready-made handlers: the ways in which origins are slow, broken or hostile."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from origin.bombs import gzip_bomb
from origin.reply import CHUNK, FOREVER, Gate, Reply, as_chunk

if TYPE_CHECKING:
    from origin.reply import Fields, Script
    from origin.request import Request
    from origin.server import Handler

# Enough for any limit that a test sets, and an end for a client that has none.
ENDLESS_LIMIT = 1 << 30


def status(code: int, body: bytes = b"", headers: Fields = ()) -> Handler:
    """Give this status."""
    return lambda _: Reply(code, headers, body)


def redirect(location: str, code: int = 302, headers: Fields = ()) -> Handler:
    """Point elsewhere."""
    return lambda _: Reply(code, [("Location", location), *headers], b"moved")


def echo(request: Request) -> Reply:
    """Tell as JSON what arrived: method, target, fields (pairs), body."""
    arrived = {
        "method": request.method,
        "target": request.target,
        "fields": [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.fields],
        "body": request.body.decode("latin-1"),
    }
    return Reply(200, [("Content-Type", "application/json")], json.dumps(arrived).encode())


def sequence(*handlers: Handler | Reply) -> Handler:
    """Give one after the other, and the last one for ever."""
    waiting = list(handlers)

    def answer(request: Request) -> Reply | Script:
        handler = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return handler if isinstance(handler, Reply) else handler(request)

    return answer


def held(gate: Gate, handler: Handler) -> Handler:
    """Let the request wait until the gate is opened; the answer is that of its arrival."""

    def answer(request: Request) -> Reply | Script:
        reply = handler(request)
        return replace(reply, delay=gate) if isinstance(reply, Reply) else chain([gate], reply)

    return answer


def hang_before_reply(_: Request) -> Script:
    """Take the request and say nothing."""
    yield FOREVER


def hang_in_headers(_: Request) -> Script:
    """Stop in the middle of a field line."""
    yield b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: "half'
    yield FOREVER


def hang_in_body(sent: bytes = b"half", *, chunked: bool = False) -> Handler:
    """Send the beginning of a body and stop."""

    def answer(_: Request) -> Script:
        yield _head("Transfer-Encoding: chunked" if chunked else f"Content-Length: {2 * len(sent) + 1}")
        yield as_chunk(sent) if chunked else sent
        yield FOREVER

    return answer


def drip(body: bytes, pause: float, headers: str = 'ETag: "slow"') -> Handler:
    """Send a whole body, byte by byte, with a pause before each."""

    def answer(_: Request) -> Script:
        yield _head(f"Content-Length: {len(body)}", headers)
        for value in body:
            yield pause
            yield bytes([value])

    return answer


def cut(body: bytes, after: int, *, chunked: bool = False, reset: bool = False, headers: Fields = ()) -> Handler:
    """Break off after so many bytes of the body."""
    return lambda _: Reply(200, headers, body, chunked=chunked, cut_after=after, reset=reset)


def close_delimited(body: bytes, headers: Fields = ()) -> Handler:
    """Frame the body by the end of the connection alone."""
    return lambda _: Reply(200, headers, body, close_delimited=True)


def endless(headers: str = 'ETag: "endless"', *, chunked: bool = True) -> Handler:
    """Send more than anybody wants."""

    def answer(_: Request) -> Script:
        yield _head("Transfer-Encoding: chunked" if chunked else "Connection: close", headers)
        piece = b"x" * CHUNK
        for _sent in range(ENDLESS_LIMIT // CHUNK):
            yield as_chunk(piece) if chunked else piece

    return answer


def bomb(decoded_size: int, headers: Fields = ()) -> Handler:
    """Send a small gzip body that decodes to this many zero bytes."""
    return status(200, gzip_bomb(decoded_size), [("Content-Encoding", "gzip"), *headers])


def repeated(piece: bytes, start: bytes = b"", *, pause: float = 0.0) -> Handler:
    """Send these bytes again and again after the start, for as long as the client takes them."""

    def answer(_: Request) -> Script:
        yield start
        for _sent in range(ENDLESS_LIMIT // len(piece)):
            yield pause
            yield piece

    return answer


def injected(lines: bytes, body: bytes = b"ok") -> Handler:
    """Put these bytes between the field lines as they are: folded lines, lone CRs, NULs, nameless fields."""
    framing = b"Content-Length: %d\r\n" % len(body)
    return lambda _: Reply(raw=b"HTTP/1.1 200 OK\r\n" + framing + lines + b"\r\n\r\n" + body)


def _head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode("latin-1")
