"""What a 304 does to the stored response (RFC 9111 section 4.3.4), and what is done about one that fits nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import Session, UnexpectedNotModifiedError
from origin import Page, Reply, sequence, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from notmodified import Response
    from origin import Origin


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


async def polled(session: Session, url: str, times: int) -> list[Response]:
    """Poll so many times."""
    return [await session.get(url) for _ in range(times)]


async def test_fields_of_a_304_replace_and_add_and_stay(session: Session, origin: Origin) -> None:
    page = Page(b"one", extra=[("X-Kept", "k"), ("Link", "<a>"), ("Link", "<b>")])
    url = origin.on("/page.html", page)
    await session.get(url)
    page.extra, page.extra_on_304 = [], [("Link", "<c>"), ("X-New", "n")]
    for _ in range(2):
        headers = (await session.get(url)).headers
        assert (headers["x-kept"], headers.get_all("link"), headers["x-new"]) == ("k", ["<c>"], "n")
        page.extra_on_304 = []


async def test_what_describes_the_stored_body_is_never_taken_from_a_304(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.extra_on_304 = [
        ("Content-Type", "text/plain"),
        ("Content-Encoding", "gzip"),
        ("Content-Range", "bytes 0-0/3"),
        ("Content-Length", "0"),
    ]
    for response in await polled(session, url, 2):
        assert response.not_modified
        assert response.content == b"one"
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["content-length"] == "3"
        assert "content-encoding" not in response.headers
        assert "content-range" not in response.headers


async def test_gzip_on_the_304_of_a_gzip_page_keeps_it_readable(session: Session, origin: Origin) -> None:
    page = Page(b"one", gzip=True, extra_on_304=[("Content-Encoding", "gzip"), ("Content-Length", "0")])
    for response in await polled(session, origin.on("/page.html", page), 3):
        assert response.content == b"one"
        assert response.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("length", ["0", "3", "23"])
async def test_length_on_a_304_leaves_the_connection_in_order(session: Session, origin: Origin, length: str) -> None:
    page = Page(b"one", extra_on_304=[("Content-Length", length)])
    responses = await polled(session, origin.on("/page.html", page), 4)
    assert [response.content for response in responses] == [b"one"] * 4
    assert origin.last.connection == origin.log[0].connection


async def test_stored_tag_stays_when_the_304_gives_it_without_the_weakness(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', weak=True, etag_on_304='"1"')
    responses = await polled(session, origin.on("/page.html", page), 3)
    assert [response.headers["etag"] for response in responses] == ['W/"1"'] * 3
    assert origin.last.get("if-none-match") == 'W/"1"'


async def test_304_that_leaves_the_coding_out_of_the_tag_is_taken(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', gzip=True, gzip_suffix="-gzip", etag_on_304='"1"')
    responses = await polled(session, origin.on("/page.html", page), 3)
    assert [response.not_modified for response in responses] == [False, True, True]
    assert origin.last.get("if-none-match") == '"1-gzip"'


async def test_304_without_validators_keeps_those_that_are_stored(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', etag_on_304=None)
    responses = await polled(session, origin.on("/page.html", page), 4)
    assert [response.not_modified for response in responses] == [False, True, True, True]
    assert origin.last.get("if-none-match") == '"1"'


async def test_vary_is_only_added_to(session: Session, origin: Origin) -> None:
    page = Page(b"one", vary="Accept-Encoding")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.vary = None
    assert (await session.get(url)).headers["vary"] == "Accept-Encoding"
    page.vary = "X-Late"
    assert (await session.get(url)).headers.get_all("vary") == ["Accept-Encoding", "X-Late"]
    assert (await session.get(url)).not_modified


async def test_vary_that_a_304_added_selects_from_then_on(session: Session, origin: Origin) -> None:
    page = Page(b"one", vary=None)
    url = origin.on("/page.html", page)
    await session.get(url)
    page.vary = "X-Late"
    assert (await session.get(url)).not_modified
    await session.get(url, headers={"X-Late": "other"})
    assert not origin.last.has_condition()


async def test_set_cookie_is_given_once_and_never_replayed(session: Session, origin: Origin) -> None:
    page = Page(b"one", set_cookie="visit=1")
    url = origin.on("/page.html", page)
    assert (await session.get(url)).headers.get_all("set-cookie") == ["visit=1"]
    page.set_cookie = "visit=2"
    assert (await session.get(url)).headers.get_all("set-cookie") == ["visit=2"]
    page.set_cookie = None
    assert "set-cookie" not in (await session.get(url)).headers


async def test_date_of_a_304_is_taken(session: Session, origin: Origin) -> None:
    page = Page(b"one", extra=[("Date", "Thu, 29 Feb 2024 12:00:00 GMT")])
    url = origin.on("/page.html", page)
    await session.get(url)
    page.extra_on_304 = [("Date", "Thu, 29 Feb 2024 13:00:00 GMT")]
    assert (await session.get(url)).headers["date"] == "Thu, 29 Feb 2024 13:00:00 GMT"


async def test_304_with_another_strong_tag_is_asked_for_again_in_full(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', etag_on_304='"2"')
    url = origin.on("/page.html", page)
    await session.get(url)
    response = await session.get(url)
    assert [request.get("if-none-match") for request in origin.log] == [None, '"1"', None]
    assert (response.status, response.content, response.not_modified) == (200, b"one", False)
    assert session.stats()["resends"] == 1


async def test_304_with_another_tag_never_brings_the_old_page(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.content, page.etag = b"two", '"2"'
    page.interludes.append(Reply(304, [("ETag", '"2"')]))
    response = await session.get(url)
    assert (response.content, response.changed, response.outcome) == (b"two", True, "changed")


async def test_304_to_a_date_with_another_date_is_asked_for_again(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag=None, last_modified="Thu, 29 Feb 2024 12:00:00 GMT")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(304, [("Last-Modified", "Thu, 29 Feb 2024 13:00:00 GMT")]))
    assert (await session.get(url)).content == b"one"
    assert [request.has_condition() for request in origin.log] == [False, True, False]


async def test_304_to_a_request_without_condition_is_asked_once_more(session: Session, origin: Origin) -> None:
    page = Page(b"one", orphan_304s=1)
    response = await session.get(origin.on("/page.html", page))
    assert (response.status, response.content, response.outcome) == (200, b"one", "new")
    assert [request.has_condition() for request in origin.log] == [False, False]


async def test_second_304_to_a_request_without_condition_is_an_error(session: Session, origin: Origin) -> None:
    page = Page(b"one", orphan_304s=2)
    url = origin.on("/page.html", page)
    with pytest.raises(UnexpectedNotModifiedError, match=r"304.*condition"):
        await session.get(url)
    assert len(origin.log) == 2
    assert (await session.get(url)).outcome == "new"


async def test_error_after_a_304_that_fits_nothing_is_handed_out(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", sequence(Reply(304), status(503)))
    response = await session.get(url)
    assert (response.status, response.outcome, response.reason) == (503, "passed", "status")


async def test_error_after_a_304_that_fits_nothing_keeps_what_is_stored(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.extend([Reply(304, [("ETag", '"2"')]), Reply(503)])
    assert (await session.get(url)).status == 503
    response = await session.get(url)
    assert (response.not_modified, response.content) == (True, b"one")


async def test_head_304_serves_the_stored_head(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    first = await session.head(url)
    second = await session.head(url)
    assert (first.status, first.content, first.headers["content-length"]) == (200, b"", "3")
    assert (second.status, second.not_modified, second.changed) == (200, True, False)
    assert origin.last.get("if-none-match") == '"1"'
    assert second.headers["content-length"] == "3"


async def test_head_and_get_keep_their_validators_apart(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"'))
    await session.head(url)
    response = await session.get(url)
    assert not origin.last.has_condition()
    assert response.content == b"one"


async def test_head_tells_a_changed_page(session: Session, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await session.head(url)
    page.content = b"two"
    response = await session.head(url)
    assert (response.changed, response.outcome) == (True, "changed")
