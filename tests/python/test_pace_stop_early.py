"""`stop_early=True`: a 200 whose header section says that its content is the stored one is not read to its end."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Page, Reply, sequence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from conftest import ServeNginx
    from origin import Authority, Origin

MIB = 1 << 20
LARGE = bytes(32 * MIB)
LARGE_FILE = 24 * MIB
# What the system's buffers take on the way, whoever reads.
UNDER_WAY = 16 * MIB
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session that stops reading what it knows."""
    async with Session(":memory:", stop_early=True) as opened:
        yield opened


def ignorant(content: bytes = LARGE) -> Page:
    """A page of an origin that gives a strong tag and a date, and looks at neither when it is asked."""
    return Page(content, etag='"1"', last_modified=DATE, ignores_conditions=True)


async def test_known_page_is_served_from_the_store_and_the_rest_of_it_never_sent(
    session: Session, origin: Origin
) -> None:
    url = origin.on("/page.html", ignorant())
    first = await session.get(url)
    response = await session.get(url)
    assert (response.status, response.outcome, response.reason) == (200, "stopped-early", "condition-ignored")
    assert (response.changed, response.not_modified, response.stored) == (False, False, True)
    assert response.content == LARGE
    assert response.cache_status == "notmodified; fwd=stale; fwd-status=200; detail=condition-ignored"
    await origin.eventually(lambda: origin.open_connections == 0)
    assert origin.last.sent < UNDER_WAY
    assert response.wire_bytes < UNDER_WAY
    assert response.bytes_saved == first.wire_bytes - response.wire_bytes
    counted = session.stats()
    assert counted["outcomes"]["stopped-early"] == 1
    assert counted["bytes_saved"] == response.bytes_saved
    assert counted["wire_bytes"] == first.wire_bytes + response.wire_bytes


async def test_the_next_request_goes_over_a_new_connection(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", ignorant())
    other = origin.on("/other.html", Page(b"other"))
    for _ in range(3):
        assert (await session.get(url)).content == LARGE
    assert (await session.get(other)).content == b"other"
    assert [request.connection for request in origin.log] == [1, 1, 2, 3]


async def test_without_the_option_the_page_is_read_to_its_end(origin: Origin) -> None:
    url = origin.on("/page.html", ignorant(bytes(MIB)))
    async with Session(":memory:") as session:
        await session.get(url)
        assert (await session.get(url)).outcome == "same-content"
        assert origin.connections == 1


def changed(**fields: str) -> Reply:
    """A page of the same length, with other fields and other content."""
    lines = {"ETag": '"1"', "Last-Modified": DATE, **fields}
    return Reply(200, [(name, value) for name, value in lines.items() if value], b"x" * MIB)


@pytest.mark.parametrize(
    "reply",
    [
        changed(ETag='"2"'),
        changed(ETag='W/"1"'),
        changed(ETag=""),
        changed(**{"Last-Modified": "Mon, 07 Nov 1994 08:49:37 GMT"}),
        changed(**{"Last-Modified": ""}),
        changed(**{"Content-Encoding": "x-strange"}),
        Reply(200, [("ETag", '"1"'), ("Last-Modified", DATE)], b"x" * (MIB + 1)),
        Reply(200, [("ETag", '"1"'), ("Last-Modified", DATE)], b"x" * MIB, chunked=True),
    ],
    ids=["tag", "weak", "no-tag", "date", "no-date", "coding", "length", "chunked"],
)
async def test_page_that_differs_in_one_field_is_read_to_its_end(
    session: Session, origin: Origin, reply: Reply
) -> None:
    page = ignorant(bytes(MIB))
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(reply)
    response = await session.get(url)
    assert response.outcome != "stopped-early"
    assert response.wire_content == reply.body


@pytest.mark.parametrize("tag", ['W/"1"', None], ids=["weak", "none"])
async def test_page_without_a_strong_tag_is_read_to_its_end(session: Session, origin: Origin, tag: str | None) -> None:
    page = Page(bytes(MIB), etag=tag, last_modified=DATE, ignores_conditions=True)
    url = origin.on("/page.html", page)
    await session.get(url)
    assert (await session.get(url)).outcome == "same-content"


async def test_small_page_is_read_and_its_connection_kept(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", ignorant(bytes(200_000)))
    await session.get(url)
    assert (await session.get(url)).outcome == "same-content"
    assert origin.connections == 1


async def test_page_that_another_identity_knows_is_read_to_its_end(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", ignorant(bytes(MIB)))
    await session.get(url, identity="a")
    assert (await session.get(url, identity="b")).outcome == "new"
    assert (await session.get(url, identity="a")).outcome == "stopped-early"


async def test_callers_own_condition_gets_the_whole_answer(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", ignorant(bytes(MIB)))
    await session.get(url)
    response = await session.get(url, headers={"If-None-Match": '"0"'})
    assert (response.outcome == "stopped-early", len(response.content)) == (False, MIB)


async def test_fields_of_a_stopped_answer_are_taken_over(session: Session, origin: Origin) -> None:
    page = ignorant(bytes(MIB))
    page.extra = [("X-Turn", "1")]
    url = origin.on("/page.html", page)
    await session.get(url)
    page.extra = [("X-Turn", "2"), ("Set-Cookie", "visit=1")]
    stopped = await session.get(url)
    assert (stopped.outcome, stopped.headers["x-turn"]) == ("stopped-early", "2")
    assert stopped.headers["set-cookie"] == "visit=1"
    page.ignores_conditions, page.extra = False, []
    response = await session.get(url)
    assert (response.outcome, response.headers["x-turn"]) == ("not-modified", "2")
    assert "set-cookie" not in response.headers


async def test_consumer_that_has_not_acknowledged_sees_the_stopped_page_as_changed(origin: Origin) -> None:
    url = origin.on("/page.html", ignorant(bytes(MIB)))
    async with Session(":memory:", stop_early=True, consumer="prices") as session:
        await session.get(url)
        response = await session.get(url)
        assert (response.outcome, response.changed) == ("stopped-early", True)
        response.acknowledge()
        assert (await session.get(url)).changed is False


async def test_page_whose_stored_body_is_damaged_is_fetched_whole(origin: Origin, store: Path) -> None:
    content = Random(1).randbytes(MIB)
    url = origin.on("/page.html", ignorant(content))
    async with Session(store, stop_early=True) as session:
        await session.get(url)
    damage(store, content[MIB // 2 : MIB // 2 + 1000])
    async with Session(store, stop_early=True) as session:
        response = await session.get(url)
        assert response.content == content
        assert response.outcome != "stopped-early"
        assert session.stats()["resends"] == 1
        assert not origin.last.has_condition()
        assert (await session.get(url)).outcome == "stopped-early"


def damage(store: Path, piece: bytes) -> None:
    """Overwrite these bytes wherever they lie in the store."""
    found = 0
    for file in store.rglob("*.mdb"):
        data = file.read_bytes()
        found += data.count(piece)
        file.write_bytes(data.replace(piece, bytes(len(piece))))
    assert found == 1


async def test_answers_under_way_at_once_are_each_stopped(session: Session, origin: Origin) -> None:
    urls = [origin.on(f"/{number}.html", sequence(*[ignorant(bytes([number]) * MIB)] * 2)) for number in range(20)]
    first = [result async for result in session.get_many(urls)]
    second = [result async for result in session.get_many(urls)]
    assert {result.outcome for result in first if not isinstance(result, Exception)} == {"new"}
    assert {result.outcome for result in second if not isinstance(result, Exception)} == {"stopped-early"}


@pytest.mark.parametrize("http2", [True, False], ids=["http2", "http1"])
async def test_nginx_before_an_origin_that_never_hears_of_conditions_is_stopped(
    serve_nginx: ServeNginx, authority: Authority, *, http2: bool
) -> None:
    behind = serve_nginx()
    forgets = 'proxy_set_header If-None-Match ""; proxy_set_header If-Modified-Since "";'
    extra = f"location / {{ proxy_pass {behind.url}; {forgets} }}"
    front = serve_nginx(tls=authority, http2=http2, extra=extra)
    content = Random(2).randbytes(LARGE_FILE)
    behind.write("page.bin", content)
    async with Session(":memory:", stop_early=True, ca_file=authority.ca_file) as session:
        responses = [await session.get(f"{front.url}/page.bin") for _ in range(4)]
    assert [response.outcome for response in responses] == ["new", *["stopped-early"] * 3]
    assert all(response.content == content for response in responses)
    first, *stopped = await asyncio.to_thread(front.log, 4)
    assert first.body_bytes_sent == LARGE_FILE
    assert {line.protocol for line in stopped} == {"HTTP/2.0" if http2 else "HTTP/1.1"}
    # Over HTTP/2 no more than the window of one stream; over HTTP/1.1 what the system's buffers take.
    assert all(line.body_bytes_sent < (LARGE_FILE // 4 if http2 else LARGE_FILE // 2) for line in stopped)
    assert len({line.connection for line in stopped}) == (1 if http2 else 3)
