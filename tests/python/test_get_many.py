"""`get_many`: any number of requests, each answered once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from many import contents, pages
from notmodified import (
    ConnectError,
    InvalidRequestError,
    Request,
    RequestError,
    Response,
    Session,
    TotalTimeout,
)
from origin import Gate, Page, Reply, hang_before_reply, held, refusing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from origin import Origin


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


async def one_by_one(urls: list[str]) -> AsyncIterator[str]:
    """Give the URLs from an asynchronous source that has to wait for each."""
    for url in urls:
        await asyncio.sleep(0)
        yield url


@pytest.mark.every_loop
@pytest.mark.parametrize("concurrency", [1, 3, 64])
async def test_many_urls_come_back_once_each(session: Session, origin: Origin, concurrency: int) -> None:
    urls = pages(origin, 20)
    collected = await contents(session.get_many(urls, concurrency=concurrency))
    assert sorted(collected, key=int) == [str(number).encode() for number in range(20)]
    assert len(origin.log) == 20


@pytest.mark.every_loop
async def test_asynchronous_source_is_read(session: Session, origin: Origin) -> None:
    collected = await contents(session.get_many(one_by_one(pages(origin, 20)), concurrency=3))
    assert len(set(collected)) == 20


async def test_generator_and_requests_are_read(session: Session, origin: Origin) -> None:
    urls = pages(origin, 4)
    requests = (Request(url, headers={"X-A": "1"}, context=number) for number, url in enumerate(urls))
    seen = {}
    async for result in session.get_many(requests):
        assert result.request is not None
        assert isinstance(result, Response)
        seen[result.request.context] = result.content
    assert seen == {0: b"0", 1: b"1", 2: b"2", 3: b"3"}
    assert origin.last.get("x-a") == "1"


async def test_nothing_asked_ends_at_once(session: Session) -> None:
    assert await contents(session.get_many([])) == []
    assert await contents(session.get_many(one_by_one([]))) == []


async def test_results_come_as_they_complete(session: Session, origin: Origin) -> None:
    gate = Gate()
    urls = [origin.on("/slow", held(gate, Page(b"slow"))), origin.on("/fast", Page(b"fast"))]
    collected = []
    async for result in session.get_many(urls):
        assert isinstance(result, Response)
        collected.append(result.content)
        gate.set()
    assert collected == [b"fast", b"slow"]


@pytest.mark.parametrize("concurrency", [2, 64])
async def test_ordered_results_come_in_the_order_of_the_requests(
    session: Session, origin: Origin, concurrency: int
) -> None:
    urls = [
        origin.on(f"/{number}", Reply(200, body=str(number).encode(), delay=0.02 * (number % 3 == 0)))
        for number in range(10)
    ]
    collected = await contents(session.get_many(urls, concurrency=concurrency, ordered=True))
    assert collected == [str(number).encode() for number in range(10)]


async def test_what_a_source_gave_before_it_failed_is_answered(session: Session, origin: Origin) -> None:
    urls = pages(origin, 3)

    def failing() -> Iterator[str]:
        yield from urls
        raise RuntimeError("no more")

    results = session.get_many(failing())
    with pytest.raises(RuntimeError, match="no more"):
        await anext(results)
    assert len([result async for result in results]) == len(urls)


async def test_refused_request_keeps_its_place_in_the_order(session: Session, origin: Origin) -> None:
    urls = pages(origin, 3)
    given = [urls[0], "ftp://host/", urls[1], "nonsense", urls[2]]
    results = [result async for result in session.get_many(given, ordered=True)]
    told = [result.given_url if isinstance(result, InvalidRequestError) else result.url for result in results]
    assert told == given


async def test_failed_request_is_a_result_among_others(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    with refusing() as port:
        bad = Request(f"http://127.0.0.1:{port}/", context="bad")
        results = [result async for result in session.get_many([bad, url], ordered=True)]
    assert isinstance(results[0], ConnectError)
    assert (results[0].request, results[0].url) == (bad, bad.url)
    assert isinstance(results[1], Response)


async def test_bad_url_is_a_result_among_others(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    results = [result async for result in session.get_many(["ftp://x/", url, "nowhere"], ordered=True)]
    assert [type(result) for result in results] == [InvalidRequestError, Response, InvalidRequestError]
    assert isinstance(results[0], RequestError)
    assert (results[0].request, results[0].url) == (None, "ftp://x/")


async def test_item_that_is_no_url_is_a_result_among_others(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    items: list[Any] = [None, url, 7, b"http://127.0.0.1/"]
    results = [result async for result in session.get_many(items, ordered=True)]
    assert [type(result) for result in results] == [InvalidRequestError, Response, *[InvalidRequestError] * 2]


async def test_timeout_of_one_request_is_its_own(session: Session, origin: Origin) -> None:
    urls = [Request(origin.on("/hang", hang_before_reply), timeout=0.1), Request(origin.on("/page.html", Page(b"one")))]
    results = [result async for result in session.get_many(urls, ordered=True)]
    assert [type(result) for result in results] == [TotalTimeout, Response]


async def test_second_pass_finds_what_changed_and_nothing_else(session: Session, origin: Origin) -> None:
    site = [Page(str(number).encode()) for number in range(30)]
    urls = [origin.on(f"/{number}", page) for number, page in enumerate(site)]
    await contents(session.get_many(urls))
    for number in (3, 7, 29):
        site[number].content = b"news"
    changed = set()
    async for result in session.get_many(urls):
        assert isinstance(result, Response)
        if result.changed:
            changed.add(result.url)
    assert changed == {urls[3], urls[7], urls[29]}
    assert session.stats()["not_modified"] == 27


async def test_same_url_many_times_is_answered_each_time(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    requests = [Request(url, context=number) for number in range(10)]
    contexts = set()
    async for result in session.get_many(requests):
        assert result.request is not None
        contexts.add(result.request.context)
    assert contexts == set(range(10))


async def test_two_loops_over_one_session_do_not_mix(session: Session, origin: Origin) -> None:
    first = [origin.on(f"/a{number}", Page(b"a")) for number in range(10)]
    second = [origin.on(f"/b{number}", Page(b"b")) for number in range(10)]
    collected = await asyncio.gather(contents(session.get_many(first)), contents(session.get_many(second)))
    assert tuple(collected) == ([b"a"] * 10, [b"b"] * 10)
