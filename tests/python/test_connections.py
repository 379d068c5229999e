"""Connections: kept, counted, paced, and opened again when the origin closed one in between."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from notmodified import ProtocolError, Session
from origin import Gate, Origin, Page, Reply, hang_before_reply, held

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import ServeNginx
    from nginx import Nginx
    from origin import Authority, Request


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


def crowded(origin: Origin, most: list[int]) -> None:
    """Serve a page, and note how many requests are under way."""

    def answer(_: object) -> Reply:
        most.append(sum(not request.finished for request in origin.log))
        return Reply(200, body=b"one", delay=0.02)

    origin.on("/page.html", answer)


async def test_connection_is_kept_for_the_next_request(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    for _ in range(3):
        await session.get(url)
    assert origin.connections == 1


async def test_origin_that_says_it_closes_gets_a_new_connection(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Reply(200, body=b"one", close=True))
    for _ in range(3):
        assert (await session.get(url)).content == b"one"
    assert origin.connections == 3


async def test_origin_that_closes_after_each_304_is_polled_all_the_same(session: Session, origin: Origin) -> None:
    def answer(request: Request) -> Reply:
        if request.has_condition():
            return Reply(raw=b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
        return Reply(200, [("ETag", '"1"')], b"one")

    url = origin.on("/page.html", answer)
    for _ in range(30):
        assert (await session.get(url)).content == b"one"


def hangs_up_when_asked_again(origin: Origin) -> str:
    """Serve a page that is answered only as the first request of a connection: the next one meets a closed door."""

    def answer(request: Request) -> Reply:
        is_first = sum(other.connection == request.connection for other in origin.log) == 1
        return Reply(200, body=b"one") if is_first else Reply(raw=b"")

    return origin.on("/page.html", answer)


async def test_connection_that_was_closed_meanwhile_is_replaced(session: Session, origin: Origin) -> None:
    url = hangs_up_when_asked_again(origin)
    for _ in range(3):
        assert (await session.get(url)).content == b"one"
    # Whether the third one meets a closed door as well is a matter of microseconds.
    assert [request.connection for request in origin.log][:3] == [1, 1, 2]


async def test_unsafe_request_is_never_sent_twice(session: Session, origin: Origin) -> None:
    url = hangs_up_when_asked_again(origin)
    await session.get(url)
    with pytest.raises(ProtocolError):
        await session.post(url, content=b"order")
    assert [request.method for request in origin.log] == ["GET", "POST"]


async def test_origin_that_always_closes_without_an_answer_is_an_error(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Reply(raw=b""))
    with pytest.raises(ProtocolError):
        await session.get(url)
    assert len(origin.log) <= 3


async def test_nginx_that_closes_each_connection_is_polled_all_the_same(serve_nginx: ServeNginx) -> None:
    nginx = serve_nginx(keepalive_timeout=0)
    url = nginx.write("page.html", "one")
    async with Session(":memory:") as session:
        for _ in range(10):
            assert (await session.get(url)).text == "one"


async def test_no_more_requests_than_concurrency_are_under_way(origin: Origin) -> None:
    most: list[int] = []
    crowded(origin, most)
    async with Session(":memory:", concurrency=3) as session:
        await asyncio.gather(*(session.get(f"{origin.url}/page.html?{number}") for number in range(12)))
    assert max(most) == 3


async def test_no_more_requests_than_concurrency_per_host_are_under_way(origin: Origin) -> None:
    most: list[int] = []
    crowded(origin, most)
    async with Session(":memory:", concurrency_per_host=2) as session:
        await asyncio.gather(*(session.get(f"{origin.url}/page.html?{number}") for number in range(10)))
    assert max(most) == 2


async def test_slow_host_keeps_no_other_host_waiting(origin: Origin) -> None:
    slow = origin.on("/hang", hang_before_reply)
    async with Session(":memory:", concurrency=3, concurrency_per_host=2) as session:
        waiting = [asyncio.create_task(session.get(f"{slow}?{number}")) for number in range(10)]
        await origin.eventually(lambda: len(origin.log) == 2)
        with Origin() as other:
            response = await asyncio.wait_for(session.get(other.on("/page.html", Page(b"one"))), 5.0)
        assert response.content == b"one"
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_time_spent_waiting_for_a_place_is_not_the_requests(origin: Origin) -> None:
    gate = Gate()
    slow = origin.on("/slow", held(gate, Page(b"slow")))
    async with Session(":memory:", concurrency=1) as session:
        first = asyncio.create_task(session.get(slow))
        await origin.eventually(lambda: len(origin.log) == 1)
        second = asyncio.create_task(session.get(origin.on("/page.html", Page(b"one")), timeout=0.2))
        asyncio.get_running_loop().call_later(0.4, gate.set)
        assert (await first).content == b"slow"
        assert (await second).content == b"one"


async def test_delay_keeps_requests_to_one_host_apart(origin: Origin) -> None:
    begun: list[float] = []

    def answer(_: object) -> Reply:
        begun.append(time.monotonic())
        return Reply(200, body=b"one")

    origin.on("/page.html", answer)
    async with Session(":memory:", delay=0.1) as session:
        await asyncio.gather(*(session.get(f"{origin.url}/page.html?{number}") for number in range(3)))
    apart = [later - earlier for earlier, later in pairwise(begun)]
    assert len(apart) == 2
    assert min(apart) >= 0.08


async def test_delay_keeps_no_other_host_waiting(origin: Origin) -> None:
    with Origin() as other:
        urls = [one.on("/page.html", Page(b"one")) for one in (origin, other)]
        async with Session(":memory:", delay=30.0) as session:
            await asyncio.wait_for(asyncio.gather(*(session.get(url) for url in urls)), 10.0)


async def test_delay_ends_with_the_task_that_waits(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", delay=30.0) as session:
        await session.get(url)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.get(url), 0.05)
    assert len(origin.log) == 1


async def test_tls_origin_is_trusted_by_its_authority(tls_origin: Origin, authority: Authority) -> None:
    url = tls_origin.on("/page.html", Page(b"one"))
    for ca_file in (authority.ca_file, str(authority.ca_file)):
        async with Session(":memory:", ca_file=ca_file) as session:
            assert [(await session.get(url)).not_modified for _ in range(2)] == [False, True]


async def test_tls_origin_is_asked_unverified_when_told_so(tls_origin: Origin) -> None:
    url = tls_origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", verify=False) as session:
        assert (await session.get(url)).content == b"one"


@pytest.mark.parametrize(("http2", "protocol"), [(True, "HTTP/2.0"), (False, "HTTP/1.1")])
async def test_http2_is_spoken_where_it_is_offered(
    serve_nginx: ServeNginx, authority: Authority, protocol: str, *, http2: bool
) -> None:
    nginx: Nginx = serve_nginx(tls=authority, http2=True)
    url = nginx.write("page.html", "one")
    async with Session(":memory:", ca_file=authority.ca_file, http2=http2) as session:
        responses = [await session.get(url) for _ in range(2)]
    assert [response.text for response in responses] == ["one", "one"]
    assert responses[1].not_modified
    assert {line.protocol for line in nginx.log(2)} == {protocol}


async def test_nginx_with_gzip_answers_304_to_its_own_tag(serve_nginx: ServeNginx) -> None:
    nginx = serve_nginx(gzip=True)
    url = nginx.write("page.html", "one " * 1000)
    async with Session(":memory:") as session:
        responses = [await session.get(url) for _ in range(3)]
    assert [response.not_modified for response in responses] == [False, True, True]
    assert {response.text for response in responses} == {"one " * 1000}
    assert nginx.log(3)[2].if_none_match.startswith('W/"')
    assert [line.status for line in nginx.log(3)] == [200, 304, 304]
