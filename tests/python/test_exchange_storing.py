"""Which responses are stored and validated later, and which are handed through (RFC 9111 section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import BodyTooLargeError, IncompleteBodyError, Session
from origin import Page, Reply, close_delimited, cut, sequence, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from notmodified import Response
    from origin import Handler, Origin

TAGGED = [("ETag", '"bad"')]


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


@pytest.fixture
async def store_session(store: Path) -> AsyncIterator[Session]:
    """A session over an empty directory."""
    async with Session(store) as opened:
        yield opened


async def polled_after(session: Session, origin: Origin, first: Handler | Reply) -> Response:
    """Poll a page that is well from the second time on; the second response."""
    url = origin.on("/page.html", sequence(first, Page(b"one", etag='"1"')))
    await session.get(url)
    return await session.get(url)


async def test_response_says_whether_it_was_stored(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    assert (await session.get(url)).stored
    assert (await session.get(url)).stored
    page.content, page.etag = b"two", '"2"'
    assert (await session.get(url)).stored
    page.interludes.append(Reply(404))
    assert not (await session.get(url)).stored
    page.cache_control, page.etag = "no-store", '"3"'
    assert not (await session.get(url)).stored


@pytest.mark.parametrize("code", [201, 203, 204, 206, 300, 400, 404, 410, 451, 500, 503])
async def test_status_other_than_200_is_handed_through(session: Session, origin: Origin, code: int) -> None:
    url = origin.on("/page.html", Reply(code, TAGGED))
    response = await session.get(url)
    assert (response.status, response.outcome, response.reason) == (code, "passed", "status")
    await session.get(url)
    assert not origin.last.has_condition()


@pytest.mark.parametrize("code", [404, 410, 429, 500, 503])
async def test_error_never_replaces_what_is_stored(session: Session, origin: Origin, code: int) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(code, TAGGED, b"sorry"))
    error = await session.get(url)
    assert (error.status, error.content, error.not_modified) == (code, b"sorry", False)
    response = await session.get(url)
    assert origin.last.get("if-none-match") == '"1"'
    assert (response.content, response.changed) == (b"one", False)


async def test_no_store_is_not_stored(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="private, No-Store"))
    response = await session.get(url)
    assert (response.content, response.outcome, response.reason) == (b"one", "passed", "no-store")
    await session.get(url)
    assert not origin.last.has_condition()


async def test_no_store_of_the_request_stores_nothing(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    response = await session.get(url, headers={"Cache-Control": "no-store"})
    assert (response.outcome, response.reason) == ("passed", "no-store")
    await session.get(url)
    assert not origin.last.has_condition()


async def test_stored_page_that_became_no_store_is_changed_when_it_changed(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.content, page.etag, page.cache_control = b"two", '"2"', "no-store"
    response = await session.get(url)
    assert (response.content, response.changed, response.outcome) == (b"two", True, "passed")


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_body_that_breaks_off_is_an_error_and_not_stored(
    session: Session, origin: Origin, *, chunked: bool, reset: bool
) -> None:
    broken = cut(b"0123456789", 4, chunked=chunked, reset=reset, headers=TAGGED)
    url = origin.on("/page.html", sequence(broken, Page(b"one")))
    with pytest.raises(IncompleteBodyError):
        await session.get(url)
    assert (await session.get(url)).outcome == "new"
    assert not origin.last.has_condition()


async def test_body_that_breaks_off_leaves_what_is_stored(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(200, TAGGED, b"0123456789", cut_after=4))
    with pytest.raises(IncompleteBodyError):
        await session.get(url)
    response = await session.get(url)
    assert origin.last.get("if-none-match") == '"1"'
    assert (response.content, response.changed) == (b"one", False)


async def test_body_without_an_end_of_its_own_is_stored_when_the_same_came_twice(
    session: Session, origin: Origin
) -> None:
    part, whole = (close_delimited(body, TAGGED) for body in (b"perhaps", b"perhaps all"))
    url = origin.on("/page.html", sequence(part, whole, whole, part, status(304)))
    responses = [await session.get(url) for _ in range(4)]
    assert [response.outcome for response in responses] == ["passed", "passed", "new", "passed"]
    assert [response.reason for response in responses] == ["completeness-unknown"] * 2 + [None, "completeness-unknown"]
    assert [request.has_condition() for request in origin.log] == [False, False, False, True]
    assert (await session.get(url)).content == b"perhaps all"


async def test_empty_body_is_stored(session: Session, origin: Origin) -> None:
    response = await polled_after(session, origin, Page(b"", etag='"1"'))
    assert (response.not_modified, response.content) == (True, b"")


async def test_body_of_exactly_max_body_is_stored(origin: Origin) -> None:
    async with Session(":memory:", max_body=1000) as session:
        url = origin.on("/page.html", Page(b"x" * 1000))
        await session.get(url)
        assert (await session.get(url)).not_modified


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_body_above_max_body_is_an_error(origin: Origin, *, chunked: bool) -> None:
    async with Session(":memory:", max_body=1000) as session:
        url = origin.on("/page.html", Page(b"x" * 1001, chunked=chunked))
        with pytest.raises(BodyTooLargeError, match=r"max_body.*1000"):
            await session.get(url)
        assert session.stats()["errors"] == 1


async def test_max_body_of_a_gzip_page_is_that_of_the_wire(origin: Origin) -> None:
    async with Session(":memory:", max_body=1000) as session:
        url = origin.on("/page.html", Page(b"x" * 2000, gzip=True))
        assert len((await session.get(url)).content) == 2000
        assert (await session.get(url)).not_modified


async def test_two_urls_with_the_same_body_keep_their_own_fields(store_session: Session, origin: Origin) -> None:
    first = origin.on("/a.html", Page(b"shared" * 500, etag='"a"', extra=[("X-Name", "a")]))
    second = origin.on("/b.html", Page(b"shared" * 500, etag='"b"', extra=[("X-Name", "b")]))
    for url in (first, second):
        await store_session.get(url)
    for url, name in ((first, "a"), (second, "b")):
        response = await store_session.get(url)
        assert (response.not_modified, response.headers["x-name"]) == (True, name)
        assert response.content == b"shared" * 500


async def test_shared_body_outlives_one_of_its_urls(store_session: Session, origin: Origin) -> None:
    page = Page(b"shared" * 500)
    first, second = origin.on("/a.html", page), origin.on("/b.html", Page(b"shared" * 500))
    for url in (first, second):
        await store_session.get(url)
    page.content = b"other" * 500
    await store_session.get(first)
    await store_session.flush()
    response = await store_session.get(second)
    assert (response.not_modified, response.content) == (True, b"shared" * 500)


async def test_connection_fields_are_not_stored(session: Session, origin: Origin) -> None:
    fields = [("ETag", '"1"'), ("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("X-End", "1")]
    url = origin.on("/page.html", sequence(Reply(200, fields, b"one"), status(304)))
    await session.get(url)
    headers = (await session.get(url)).headers
    assert headers["x-end"] == "1"
    assert not {"connection", "x-hop", "keep-alive"} & set(headers)


async def test_get_with_content_is_handed_through(session: Session, origin: Origin) -> None:
    url = origin.on("/search", Page(b"one"))
    response = await session.request("GET", url, content=b"query")
    assert (response.outcome, response.reason) == ("passed", "request-content")
    assert (await session.get(url)).outcome == "new"


async def test_post_to_a_stored_page_is_not_conditional(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"'))
    await session.get(url)
    response = await session.post(url, content=b"a=1")
    assert not origin.last.has_condition()
    assert (response.content, response.outcome, response.reason) == (b"one", "passed", "method")
    assert (await session.get(url)).not_modified
