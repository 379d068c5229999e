"""All the ways in which an origin breaks its answer, and the one exception that each of them is."""

from __future__ import annotations

from typing import TypeAlias

from notmodified import (
    BodyTooLargeError,
    DisconnectedError,
    IncompleteBodyError,
    ProtocolError,
    ReadTimeout,
    RequestError,
    TooManyRedirectsError,
    UnexpectedNotModifiedError,
)
from origin import (
    Handler,
    Reply,
    cut,
    endless,
    hang_before_reply,
    hang_in_body,
    hang_in_headers,
    injected,
    redirect,
    repeated,
    status,
)

Misbehaviour: TypeAlias = "tuple[Handler | Reply, type[RequestError]]"

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def raw(answer: bytes) -> Reply:
    """Send these bytes and close."""
    return Reply(raw=answer)


def long(length: bytes) -> Reply:
    """Say this of the length of a body of three bytes."""
    return raw(OK + b"Content-Length: %s\r\n\r\nxxx" % length)


SILENCE: dict[str, Misbehaviour] = {
    "silent": (hang_before_reply, ReadTimeout),
    "silent-in-its-headers": (hang_in_headers, ReadTimeout),
    "silent-in-its-body": (hang_in_body(), ReadTimeout),
    "silent-in-its-chunks": (hang_in_body(chunked=True), ReadTimeout),
    "a-drip-of-headers": (repeated(b"X-A: 1\r\n", OK, pause=0.05), ReadTimeout),
    "interim-responses-without-end": (
        repeated(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 500),
        ReadTimeout,
    ),
}
BREAKS: dict[str, Misbehaviour] = {
    "cut": (cut(b"0123456789", 4), IncompleteBodyError),
    "cut-before-its-body": (cut(b"0123456789", 0), IncompleteBodyError),
    "cut-in-its-chunks": (cut(b"0123456789", 4, chunked=True), IncompleteBodyError),
    "cut-in-a-chunk-size": (raw(CHUNKED + b"4\r\nhalf\r\n1"), IncompleteBodyError),
    "cut-before-the-end-of-its-trailers": (raw(CHUNKED + b"4\r\nhalf\r\n0\r\nX-A: "), IncompleteBodyError),
    "cut-in-a-chunk-larger-than-everything": (raw(CHUNKED + b"FFFFFFFFFFFFFFFF\r\nx"), IncompleteBodyError),
    "reset": (cut(b"0123456789", 4, reset=True), IncompleteBodyError),
    "empty": (raw(b""), DisconnectedError),
    "reset-before-anything": (Reply(raw=b"", reset=True), DisconnectedError),
    "half-a-status-line": (raw(b"HTTP/1.1 2"), DisconnectedError),
    "half-a-header-section": (raw(OK + b"ETag: "), DisconnectedError),
    "an-interim-response-and-no-other": (raw(b"HTTP/1.1 100 Continue\r\n\r\n"), DisconnectedError),
}
TOO_MUCH: dict[str, Misbehaviour] = {
    "too-large-by-its-word": (Reply(200, body=b"x" * 1_000_001), BodyTooLargeError),
    "too-large-in-chunks": (endless(), BodyTooLargeError),
    "too-large-in-tiny-chunks": (repeated(b"1\r\nx\r\n" * 5000, CHUNKED), BodyTooLargeError),
    "too-large-without-end": (endless(chunked=False), BodyTooLargeError),
    "endless-by-its-word": (raw(OK + b"Content-Length: 999999999999\r\n\r\n"), BodyTooLargeError),
    "a-header-section-without-end": (repeated(b"X-Filler: y\r\n" * 500, OK), ProtocolError),
    "a-field-without-end": (repeated(b"y" * 10_000, OK + b"X-Filler: "), ProtocolError),
    "a-reason-without-end": (repeated(b"y" * 10_000, b"HTTP/1.1 200 "), ProtocolError),
    "empty-lines-without-end": (repeated(b"\r\n" * 5000), ProtocolError),
    "a-chunk-extension-without-end": (repeated(b"y" * 10_000, CHUNKED + b"1;"), ProtocolError),
    "chunk-extensions-without-end": (repeated(b"1;a=%s\r\nx\r\n" % (b"y" * 1000), CHUNKED), ProtocolError),
    "trailers-without-end": (repeated(b"X-T: y\r\n" * 500, CHUNKED + b"0\r\n"), ProtocolError),
    "a-trailer-without-end": (repeated(b"y" * 10_000, CHUNKED + b"0\r\nX-T: "), ProtocolError),
    "a-loop": (redirect("?again"), TooManyRedirectsError),
}
NO_HTTP: dict[str, Misbehaviour] = {
    "another-protocol": (raw(b"220 mail.example ESMTP\r\n"), ProtocolError),
    "no-status-line": (raw(b"<html>hello</html>"), ProtocolError),
    "a-tls-alert": (raw(b"\x15\x03\x01\x00\x02\x02\x28"), ProtocolError),
    "http2-unasked": (raw(b"\0\0\0\x04\0\0\0\0\0"), ProtocolError),
    "a-version-of-tomorrow": (raw(b"HTTP/9.9 200 OK\r\n\r\n"), ProtocolError),
    "a-status-of-two-digits": (raw(b"HTTP/1.1 20 OK\r\n\r\n"), ProtocolError),
    "a-status-of-four-digits": (raw(b"HTTP/1.1 2000 OK\r\n\r\n"), ProtocolError),
    "a-status-below-100": (raw(b"HTTP/1.1 099 OK\r\n\r\n"), ProtocolError),
    "a-status-of-letters": (raw(b"HTTP/1.1 abc OK\r\n\r\n"), ProtocolError),
    "a-nul-in-the-reason": (raw(b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"), ProtocolError),
    "a-nul-in-a-field": (injected(b"X-A: a\0b"), ProtocolError),
    "a-carriage-return-in-a-field": (injected(b"X-A: a\rSet-Cookie: b=1"), ProtocolError),
    "a-carriage-return-in-a-name": (injected(b"X-A\r: a"), ProtocolError),
    "a-control-character-in-a-field": (injected(b"X-A: a\x01"), ProtocolError),
    "a-field-without-a-name": (injected(b": nameless"), ProtocolError),
    "a-field-without-a-colon": (injected(b"nonsense"), ProtocolError),
    "a-space-before-the-colon": (injected(b"X-A : a"), ProtocolError),
    "a-fold-of-nothing": (raw(OK + b" X-A: a\r\nContent-Length: 2\r\n\r\nok"), ProtocolError),
    "101-unasked": (
        raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02ok"),
        ProtocolError,
    ),
    "304-to-anything": (status(304), UnexpectedNotModifiedError),
}
# Where a body ends must not be a matter of opinion (RFC 9112 section 6.3).
FRAMING: dict[str, Misbehaviour] = {
    "a-length-of-words": (long(b"two"), ProtocolError),
    "a-length-of-nothing": (long(b""), ProtocolError),
    "a-length-below-nothing": (long(b"-1"), ProtocolError),
    "a-length-with-a-sign": (long(b"+3"), ProtocolError),
    "a-length-in-hexadecimal": (long(b"0x3"), ProtocolError),
    "a-length-that-overflows": (long(b"18446744073709551616"), ProtocolError),
    "two-lengths-in-one-field": (long(b"2, 3"), ProtocolError),
    "two-lengths": (raw(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nxxx"), ProtocolError),
    "chunks-that-are-none": (raw(CHUNKED + b"no chunk\r\n"), ProtocolError),
    "a-chunk-size-that-overflows": (raw(CHUNKED + b"FFFFFFFFFFFFFFFFF\r\nx"), ProtocolError),
    "a-chunk-longer-than-its-size": (raw(CHUNKED + b"1\r\nxx\r\n0\r\n\r\n"), ProtocolError),
    "an-unknown-transfer-coding": (
        raw(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ProtocolError,
    ),
    "a-transfer-coding-that-only-ends-as-one": (
        raw(OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ProtocolError,
    ),
    "chunked-twice": (raw(OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), ProtocolError),
    "chunks-in-http-1.0": (
        raw(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ProtocolError,
    ),
}
MISBEHAVIOURS: dict[str, Misbehaviour] = SILENCE | BREAKS | TOO_MUCH | NO_HTTP | FRAMING
