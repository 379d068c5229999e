"""What the answer to a HEAD does to the stored answer to a GET (RFC 9111 section 4.3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Page, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Origin

FOR_AN_HOUR = ("Cache-Control", "max-age=3600")
STALE = ("Cache-Control", "max-age=0")


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session that serves what is fresh."""
    async with Session(":memory:", freshness="rfc9111") as opened:
        yield opened


async def test_head_that_describes_the_stored_page_makes_it_fresh(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', extra=[STALE, ("X-News", "old")])
    url = origin.on("/page.html", page)
    await session.get(url)
    page.extra[:] = [FOR_AN_HOUR, ("X-News", "new")]
    await session.head(url)
    response = await session.get(url)
    assert (response.outcome, response.content, response.headers["x-news"]) == ("fresh", b"one", "new")
    assert [request.method for request in origin.log] == ["GET", "HEAD"]


DIFFERENT = {
    "tag": Reply(200, [("ETag", '"2"'), FOR_AN_HOUR, ("Content-Length", "3")]),
    "date": Reply(200, [("ETag", '"1"'), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"), FOR_AN_HOUR]),
    "length": Reply(200, [("ETag", '"1"'), FOR_AN_HOUR, ("Content-Length", "4")]),
}


@pytest.mark.parametrize("name", DIFFERENT)
async def test_head_that_describes_another_page_makes_it_stale(session: Session, origin: Origin, name: str) -> None:
    page = Page(b"one", etag='"1"', cache_control="max-age=3600")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(DIFFERENT[name])
    await session.head(url)
    assert (await session.get(url)).outcome == "not-modified"
    assert origin.last.get("if-none-match") == '"1"'


@pytest.mark.parametrize("status", [404, 410, 503])
async def test_head_that_is_no_200_says_nothing(session: Session, origin: Origin, status: int) -> None:
    page = Page(b"one", cache_control="max-age=3600")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(status, [STALE]))
    await session.head(url)
    assert (await session.get(url)).outcome == "fresh"


async def test_head_speaks_of_the_variant_that_it_selects(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', cache_control="max-age=0", vary="Accept-Language")
    url = origin.on("/page.html", page)
    for language in ("en", "fr"):
        await session.get(url, headers={"Accept-Language": language})
    page.cache_control = "max-age=3600"
    await session.head(url, headers={"Accept-Language": "en"})
    outcomes = [(await session.get(url, headers={"Accept-Language": one})).outcome for one in ("en", "fr")]
    assert outcomes == ["fresh", "not-modified"]


async def test_head_of_another_identity_says_nothing(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', cache_control="max-age=3600")
    url = origin.on("/page.html", page)
    await session.get(url, identity="a")
    page.interludes.append(DIFFERENT["tag"])
    await session.head(url, identity="b")
    assert (await session.get(url, identity="a")).outcome == "fresh"


async def test_head_leaves_the_stored_body_and_what_describes_it(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag=None, content_type="text/html; charset=utf-8", extra=[STALE])
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(200, [("Content-Type", "text/plain"), FOR_AN_HOUR, ("Content-Length", "3")]))
    await session.head(url)
    response = await session.get(url)
    assert (response.outcome, response.text) == ("fresh", "one")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
