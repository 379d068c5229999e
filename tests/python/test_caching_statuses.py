"""Which answers are kept under `freshness="rfc9111"`, and that none of them costs a good page (RFC 9111 section 3)."""

from __future__ import annotations

import asyncio
import gzip
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Page, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Origin

AN_HOUR = ("Cache-Control", "max-age=3600")
LONG_AGO = ("Last-Modified", formatdate(time.time() - 1e6, usegmt=True))
UNDERSTOOD = [203, 204, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 500, 501, 502, 503, 504]


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session that serves what is fresh, and hands out redirects."""
    async with Session(":memory:", freshness="rfc9111", max_redirects=0) as opened:
        yield opened


def body_of(status: int) -> bytes:
    """Some content, where the status allows any."""
    return b"" if status == 204 else b"kept"


@pytest.mark.parametrize("status", [*UNDERSTOOD, 299, 499, 599])
async def test_any_final_status_with_a_lifetime_is_served_while_it_lasts(
    session: Session, origin: Origin, status: int
) -> None:
    url = origin.on("/x", Reply(status, [AN_HOUR, ("X-Kept", "1")], body_of(status)))
    first = await session.get(url)
    second = await session.get(url)
    assert (first.outcome, second.outcome, len(origin.log)) == ("new", "fresh", 1)
    assert (second.status, second.content, second.headers["x-kept"]) == (status, body_of(status), "1")
    assert second.changed is False


@pytest.mark.parametrize("status", [203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
async def test_a_lifetime_is_guessed_for_statuses_defined_so(session: Session, origin: Origin, status: int) -> None:
    url = origin.on("/x", Reply(status, [LONG_AGO], body_of(status)))
    await session.get(url)
    assert (await session.get(url)).outcome == "fresh"


@pytest.mark.parametrize("status", [201, 202, 302, 303, 307, 403, 500, 502, 503, 504, 599])
async def test_no_lifetime_is_guessed_for_other_statuses(session: Session, origin: Origin, status: int) -> None:
    url = origin.on("/x", Reply(status, [LONG_AGO], b"x"))
    first = await session.get(url)
    assert (first.outcome, first.reason) == ("passed", "status")
    await session.get(url)
    assert len(origin.log) == 2


async def test_public_lets_the_lifetime_of_any_status_be_guessed(session: Session, origin: Origin) -> None:
    url = origin.on("/x", Reply(599, [LONG_AGO, ("Cache-Control", "public")], b"x"))
    await session.get(url)
    assert (await session.get(url)).outcome == "fresh"


@pytest.mark.parametrize("status", UNDERSTOOD)
async def test_by_default_only_a_200_is_kept(origin: Origin, status: int) -> None:
    url = origin.on("/x", Reply(status, [AN_HOUR, ("ETag", '"1"')], body_of(status)))
    async with Session(":memory:", max_redirects=0) as session:
        for _ in range(2):
            response = await session.get(url)
            assert (response.status, response.outcome, response.reason) == (status, "passed", "status")
    assert not any(request.has_condition() for request in origin.log)


async def test_part_is_never_kept(session: Session, origin: Origin) -> None:
    fields = [AN_HOUR, ("Content-Range", "bytes 0-0/4"), ("ETag", '"1"')]
    url = origin.on("/x", Reply(206, fields, b"k"))
    for _ in range(2):
        assert (await session.get(url)).reason == "status"
    assert not origin.last.has_condition()


async def test_404_never_replaces_a_good_page(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0", etag='"1"')
    url = origin.on("/x", page)
    await session.get(url)
    page.interludes.append(Reply(404, [("Cache-Control", "max-age=1")], b"gone"))
    gone = await session.get(url)
    assert (gone.status, gone.changed) == (404, True)
    assert (await session.get(url)).status == 404
    await asyncio.sleep(1.1)
    back = await session.get(url)
    assert (back.status, back.content, back.outcome) == (200, b"one", "not-modified")
    assert origin.last.get("if-none-match") == '"1"'


async def test_404_that_stays_is_validated_by_its_own_tag(session: Session, origin: Origin) -> None:
    answers = [
        Reply(404, [("ETag", '"none"'), LONG_AGO, ("Cache-Control", "max-age=0")], b"gone"),
        Reply(304, [("ETag", '"none"')]),
    ]
    url = origin.on("/x", lambda _: answers.pop(0))
    await session.get(url)
    still = await session.get(url)
    assert origin.last.get("if-none-match") == '"none"'
    assert (still.status, still.content, still.outcome, still.changed) == (404, b"gone", "not-modified", False)


async def test_page_that_comes_back_replaces_what_came_instead(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag=None)
    page.interludes.append(Reply(404, [("Cache-Control", "max-age=0")], b"gone"))
    url = origin.on("/x", page)
    assert (await session.get(url)).outcome == "new"
    assert (await session.get(url)).outcome == "changed"
    assert (await session.get(url)).outcome == "same-content"


async def test_other_status_with_the_same_body_is_a_change(session: Session, origin: Origin) -> None:
    answers = [
        Reply(404, [("Cache-Control", "max-age=0")], b"sorry"),
        Reply(410, [("Cache-Control", "max-age=0")], b"sorry"),
        Reply(410, [("Cache-Control", "max-age=0")], b"sorry"),
    ]
    url = origin.on("/x", lambda _: answers.pop(0))
    assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "changed", "same-content"]


async def test_kept_redirect_is_followed_without_asking_for_it(origin: Origin) -> None:
    old = origin.on("/old", Reply(301, [AN_HOUR, ("Location", "/new")]))
    origin.on("/new", Page(b"one", cache_control="max-age=3600"))
    async with Session(":memory:", freshness="rfc9111") as session:
        for _ in range(2):
            response = await session.get(old)
            assert (response.status, response.content, response.url) == (200, b"one", origin.url + "/new")
    assert [request.path for request in origin.log] == ["/old", "/new"]


async def test_redirect_that_points_elsewhere_is_a_change(session: Session, origin: Origin) -> None:
    answers = [Reply(302, [("Cache-Control", "max-age=0"), ("Location", to)]) for to in ("/a", "/b")]
    url = origin.on("/old", lambda _: answers.pop(0))
    await session.get(url)
    moved = await session.get(url)
    assert (moved.outcome, moved.headers["location"]) == ("changed", "/b")


async def test_no_store_is_kept_where_must_understand_says_so(session: Session, origin: Origin) -> None:
    url = origin.on("/x", Page(b"one", cache_control="max-age=3600, no-store, must-understand"))
    await session.get(url)
    assert (await session.get(url)).outcome == "fresh"


async def test_status_that_is_not_understood_is_not_kept_under_must_understand(
    session: Session, origin: Origin
) -> None:
    url = origin.on("/x", Reply(599, [("Cache-Control", "max-age=3600, must-understand")], b"x"))
    for _ in range(2):
        assert (await session.get(url)).reason == "status"


async def test_kept_404_survives_in_a_store_on_disk(tmp_path: str, origin: Origin) -> None:
    url = origin.on("/x", Reply(404, [AN_HOUR, ("Content-Encoding", "gzip")], gzip.compress(b"gone")))
    async with Session(tmp_path, freshness="rfc9111") as session:
        await session.get(url)
    async with Session(tmp_path, freshness="rfc9111") as session:
        response = await session.get(url)
    assert (response.status, response.content, response.outcome) == (404, b"gone", "fresh")


async def test_content_in_a_coding_that_nobody_here_knows_is_kept_as_it_came(session: Session, origin: Origin) -> None:
    url = origin.on("/x", Reply(200, [AN_HOUR, ("Content-Encoding", "x-strange")], b"anything"))
    await session.get(url)
    again = await session.get(url)
    assert (again.outcome, again.content, again.headers["content-encoding"]) == ("fresh", b"anything", "x-strange")
