"""Content codings: kept as they came, decoded when read, and refused when they are a lie or a bomb."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest

from notmodified import DecodingError, Session
from origin import Page, Reply, bomb, close_delimited, sequence, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from origin import Origin

TEXT = b"one page, coded"


def deflated(*, wrapped: bool) -> bytes:
    """TEXT as deflate: in zlib's wrapping as the RFC says, or bare as many servers have it."""
    coder = zlib.compressobj(wbits=zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
    return coder.compress(TEXT) + coder.flush()


CODED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("x-gzip", gzip.compress(TEXT)),
    "capitals": ("GZIP", gzip.compress(TEXT)),
    "gzip-in-two-members": ("gzip", gzip.compress(TEXT[:5]) + gzip.compress(TEXT[5:])),
    "deflate": ("deflate", deflated(wrapped=True)),
    "bare-deflate": ("deflate", deflated(wrapped=False)),
    "br": ("br", bytes.fromhex("0b07806f6e6520706167652c20636f64656403")),
    "zstd": ("zstd", bytes.fromhex("28b52ffd200f7900006f6e6520706167652c20636f646564")),
    "identity": ("identity", TEXT),
    "twice": ("deflate, gzip", gzip.compress(deflated(wrapped=True))),
}
BROKEN = {
    "no-gzip": ("gzip", b"this is no gzip"),
    "cut-gzip": ("gzip", gzip.compress(TEXT)[:-4]),
    "wrong-checksum": ("gzip", gzip.compress(TEXT)[:-8] + bytes(8)),
    "no-br": ("br", b"\xff\xff\xff\xff"),
    "cut-zstd": ("zstd", bytes.fromhex("28b52ffd200f7900006f6e65207061")),
}


@pytest.fixture
async def session(store: Path) -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(store) as opened:
        yield opened


@pytest.mark.parametrize("name", CODED)
async def test_coded_body_is_kept_as_it_came_and_decoded_when_read(session: Session, origin: Origin, name: str) -> None:
    coding, body = CODED[name]
    fields = [("ETag", '"1"'), ("Content-Encoding", coding)]
    url = origin.on("/page.html", sequence(Reply(200, fields, body), status(304)))
    for not_modified in (False, True):
        response = await session.get(url)
        assert response.not_modified is not_modified
        assert (response.content, response.wire_content) == (TEXT, body)
        assert response.headers["content-encoding"] == coding
        assert response.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("body", [TEXT, b"a page that can be pressed. " * 1000], ids=["small", "large"])
async def test_plain_body_comes_back_as_it_was(session: Session, origin: Origin, body: bytes) -> None:
    url = origin.on("/page.html", Page(body))
    for _ in range(2):
        response = await session.get(url)
        assert response.content == response.wire_content == body


async def test_every_coding_that_is_asked_for_can_be_read(session: Session, origin: Origin) -> None:
    await session.get(origin.on("/page.html", Page(b"one")))
    accepted = (origin.last.get("accept-encoding") or "").split(", ")
    assert set(accepted) == {"gzip", "deflate", "br", "zstd"}


@pytest.mark.parametrize("name", BROKEN)
async def test_body_that_cannot_be_decoded_is_not_stored(session: Session, origin: Origin, name: str) -> None:
    coding, body = BROKEN[name]
    url = origin.on("/page.html", Reply(200, [("ETag", '"1"'), ("Content-Encoding", coding)], body))
    response = await session.get(url)
    assert (response.status, response.outcome, response.reason) == (200, "passed", "undecodable")
    assert response.wire_content == body
    await session.get(url)
    assert not origin.last.has_condition()


async def test_content_in_an_unknown_coding_is_left_as_it_came(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Reply(200, [("Content-Encoding", "x-strange")], b"anything"))
    assert (await session.get(url)).content == b"anything"


@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_content_that_cannot_be_decoded_is_an_error_when_read(
    session: Session, origin: Origin, name: str
) -> None:
    coding, body = BROKEN[name]
    response = await session.get(origin.on("/page.html", Reply(200, [("Content-Encoding", coding)], body)))
    for _ in range(2):
        with pytest.raises(DecodingError):
            _ = response.content
    with pytest.raises(DecodingError):
        _ = response.text
    with pytest.raises(DecodingError):
        response.json()


async def test_body_that_cannot_be_decoded_leaves_what_is_stored(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(200, [("ETag", '"2"'), ("Content-Encoding", "gzip")], b"no gzip"))
    assert (await session.get(url)).outcome == "passed"
    assert (await session.get(url)).content == b"one"
    assert origin.last.get("if-none-match") == '"1"'


async def test_bomb_is_refused_by_its_decoded_size(origin: Origin) -> None:
    url = origin.on("/page.html", bomb(20_000_000, [("ETag", '"1"')]))
    async with Session(":memory:", max_body=1_000_000) as session:
        response = await session.get(url)
        assert (response.outcome, response.reason) == ("passed", "undecodable")
        with pytest.raises(DecodingError, match=r"\d+ bytes"):
            _ = response.content


async def test_bomb_is_refused_by_its_ratio(session: Session, origin: Origin) -> None:
    response = await session.get(origin.on("/page.html", bomb(50_000_000, [("ETag", '"1"')])))
    assert len(response.wire_content) < 100_000
    assert response.reason == "undecodable"


async def test_page_pressed_a_hundredfold_is_no_bomb(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b" " * 500_000, gzip=True))
    for _ in range(2):
        assert len((await session.get(url)).content) == 500_000


async def test_same_content_in_other_bytes_is_not_changed(session: Session, origin: Origin) -> None:
    pressed = (gzip.compress(TEXT, level) for level in (1, 9))
    replies = [
        Reply(200, [("ETag", f'"{number}"'), ("Content-Encoding", "gzip"), ("X-Pad", "x" * number)], body)
        for number, body in enumerate(pressed)
    ]
    url = origin.on("/page.html", sequence(*replies))
    await session.get(url)
    response = await session.get(url)
    assert (response.outcome, response.changed, response.content) == ("same-content", False, TEXT)


async def test_same_content_in_another_coding_is_not_changed(session: Session, origin: Origin) -> None:
    page = Page(TEXT, etag='"1"', gzip=True)
    url = origin.on("/page.html", page)
    await session.get(url)
    page.gzip, page.etag = False, '"2"'
    response = await session.get(url)
    assert (response.outcome, response.changed) == ("same-content", False)
    again = await session.get(url)
    assert (again.content, "content-encoding" in again.headers) == (TEXT, False)


async def test_empty_body_with_a_coding_is_empty_content(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Reply(200, [("ETag", '"1"'), ("Content-Encoding", "gzip")]))
    response = await session.get(url)
    assert (response.outcome, response.content) == ("new", b"")


async def test_gzip_body_that_ends_with_the_connection_is_stored(session: Session, origin: Origin) -> None:
    fields = [("ETag", '"1"'), ("Content-Encoding", "gzip")]
    url = origin.on("/page.html", sequence(close_delimited(gzip.compress(TEXT), fields), status(304)))
    await session.get(url)
    response = await session.get(url)
    assert (response.not_modified, response.content) == (True, TEXT)


async def test_cut_gzip_body_that_ends_with_the_connection_is_not_stored(session: Session, origin: Origin) -> None:
    fields = [("ETag", '"1"'), ("Content-Encoding", "gzip")]
    url = origin.on("/page.html", close_delimited(gzip.compress(TEXT)[:-4], fields))
    assert (await session.get(url)).outcome == "passed"
    await session.get(url)
    assert not origin.last.has_condition()


async def test_content_is_made_once(session: Session, origin: Origin) -> None:
    response = await session.get(origin.on("/page.html", Page(b"one" * 1000, gzip=True)))
    assert response.content is response.content
