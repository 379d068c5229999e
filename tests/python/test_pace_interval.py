"""`min_interval=` and `floors=`: what is asked for again too soon is answered from the store, and says so."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

from notmodified import Cache, Response, Session
from origin import Page, Reply
from programs import run

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

HOUR = 3600.0
Floor: TypeAlias = Literal["retry-after", "max-age"]


def refused(status: int = 503, **headers: str) -> Reply:
    """Not now; later."""
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Reply(status, fields, b"later")


async def test_poll_within_the_interval_is_answered_from_the_store(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", min_interval=HOUR) as session:
        await session.get(url)
        response = await session.get(url)
        assert len(origin.log) == 1
        assert (response.status, response.content) == (200, b"one")
        assert (response.outcome, response.reason) == ("fresh", "min-interval")
        assert (response.changed, response.not_modified, response.stored) == (False, False, True)
        assert (response.wire_bytes, response.elapsed) == (0, 0.0)
        assert response.cache_status == "notmodified; hit; detail=min-interval"
        assert 0 <= int(response.headers["age"]) < 60
        counted = session.stats()
        assert (counted["requests"], counted["outcomes"]["fresh"], counted["reasons"]) == (1, 1, {"min-interval": 1})


async def test_poll_after_the_interval_asks_and_the_304_begins_it_anew(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", min_interval=0.8) as session:
        await session.get(url)
        for turn in (1, 2):
            assert (await session.get(url)).reason == "min-interval"
            await asyncio.sleep(0.85)
            assert (await session.get(url)).outcome == "not-modified"
            assert len(origin.log) == 1 + turn
        assert (await session.get(url)).reason == "min-interval"


async def test_interval_is_that_of_each_url(origin: Origin) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"page")) for number in range(3)]
    async with Session(":memory:", min_interval=HOUR) as session:
        for url in urls * 2:
            await session.get(url)
        assert [request.path for request in origin.log] == ["/0.html", "/1.html", "/2.html"]


async def test_interval_holds_when_the_store_is_opened_again(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one"))
    for _ in range(3):
        async with Session(store, min_interval=HOUR) as session:
            response = await session.get(url)
    assert (response.content, response.reason, len(origin.log)) == (b"one", "min-interval", 1)


async def test_time_of_a_304_is_kept_when_the_store_is_opened_again(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store, min_interval=2.0) as session:
        await session.get(url)
        await asyncio.sleep(2.1)
        assert (await session.get(url)).outcome == "not-modified"
    async with Session(store, min_interval=2.0) as session:
        assert (await session.get(url)).reason == "min-interval"


POLLER = """
import asyncio, sys, notmodified

async def main():
    async with notmodified.Session(sys.argv[1], min_interval=3600.0) as session:
        response = await session.get(sys.argv[2])
        print(response.outcome == "fresh", response.reason == "min-interval")

asyncio.run(main())
"""


async def test_interval_holds_between_processes(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store, min_interval=HOUR) as session:
        await session.get(url)
        await session.flush()
        ended = await asyncio.to_thread(run, POLLER, str(store), url)
        assert ended.output.split() == ["True", "True"]
        assert len(origin.log) == 1


async def test_interval_is_the_sessions_and_not_the_stores(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store, min_interval=HOUR) as session:
        await session.get(url)
    async with Session(store) as session:
        assert (await session.get(url)).outcome == "not-modified"


@pytest.mark.parametrize("directive", ["no-cache", "max-age=0"])
async def test_caller_who_wants_to_know_now_is_asked_for(origin: Origin, directive: str) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    async with Session(":memory:", min_interval=HOUR, floors={"retry-after", "max-age"}) as session:
        await session.get(url)
        response = await session.get(url, headers={"Cache-Control": directive})
        assert (response.outcome, len(origin.log)) == ("not-modified", 2)


async def test_change_shows_after_the_interval_and_not_before(origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    async with Session(":memory:", min_interval=0.8) as session:
        await session.get(url)
        page.content = b"two"
        assert (await session.get(url)).content == b"one"
        await asyncio.sleep(0.85)
        response = await session.get(url)
        assert (response.content, response.changed) == (b"two", True)


async def test_held_page_is_news_to_a_consumer_that_has_not_acknowledged_it(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", min_interval=HOUR, consumer="prices") as session:
        await session.get(url)
        response = await session.get(url)
        assert (response.reason, response.changed) == ("min-interval", True)
        response.acknowledge()
        assert (await session.get(url)).changed is False


async def test_page_of_another_identity_is_not_the_answer(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", min_interval=HOUR) as session:
        await session.get(url, identity="a")
        assert (await session.get(url, identity="b")).outcome == "new"


async def test_callers_own_condition_or_range_is_answered_from_the_store_meanwhile(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"'))
    async with Session(":memory:", min_interval=HOUR) as session:
        await session.get(url)
        unchanged = await session.get(url, headers={"If-None-Match": '"1"'})
        assert (unchanged.status, unchanged.content, unchanged.reason) == (304, b"", "min-interval")
        part = await session.get(url, headers={"Range": "bytes=0-1"})
        assert (part.status, part.content, part.reason) == (206, b"on", "min-interval")
        assert len(origin.log) == 1


async def test_unsafe_method_ends_the_interval(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", min_interval=HOUR) as session:
        await session.get(url)
        await session.post(url, content=b"change")
        assert (await session.get(url)).outcome == "not-modified"
        assert (await session.get(url)).reason == "min-interval"


def test_interval_holds_for_a_downloader_of_ones_own() -> None:
    with Cache(":memory:", min_interval=HOUR) as cache:
        url = "http://127.0.0.1/page.html"
        cache.plan("GET", url).settle(200, {"ETag": '"1"'}, b"one")
        served = cache.plan("GET", url).response
        assert isinstance(served, Response)
        assert (served.content, served.reason) == (b"one", "min-interval")
        assert cache.plan("GET", url, {"Cache-Control": "no-cache"}).response is None


@pytest.mark.parametrize("status", [503, 429])
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_waited_for_where_something_is_stored(origin: Origin, status: int, form: str) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    value = "60" if form == "seconds" else formatdate(time.time() + 60, usegmt=True)
    async with Session(":memory:", floors=["retry-after"]) as session:
        await session.get(url)
        page.interludes.append(refused(status, Retry_After=value))
        assert (await session.get(url)).status == status
        response = await session.get(url)
        assert len(origin.log) == 2
        assert (response.status, response.content) == (200, b"one")
        assert (response.outcome, response.reason, response.changed) == ("fresh", "retry-after", False)
        assert response.cache_status == "notmodified; hit; detail=retry-after"
        assert "age" in response.headers
        forced = await session.get(url, headers={"Cache-Control": "no-cache"})
        assert forced.outcome == "not-modified"
        assert (await session.get(url)).outcome == "not-modified"


async def test_retry_after_holds_when_the_store_is_opened_again_and_ends(origin: Origin, store: Path) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    async with Session(store, floors=["retry-after"]) as session:
        await session.get(url)
        page.interludes.append(refused(Retry_After="2"))
        await session.get(url)
    async with Session(store, floors=["retry-after"]) as session:
        assert (await session.get(url)).reason == "retry-after"
        await asyncio.sleep(3.0)
        assert (await session.get(url)).outcome == "not-modified"


async def test_where_nothing_is_stored_retry_after_is_not_waited_for(origin: Origin) -> None:
    page = Page(b"one")
    page.interludes.append(refused(Retry_After="60"))
    url = origin.on("/page.html", page)
    async with Session(":memory:", floors=["retry-after"]) as session:
        assert (await session.get(url)).status == 503
        assert (await session.get(url)).outcome == "new"


async def test_max_age_is_waited_for_on_request(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    async with Session(":memory:", floors=["max-age"]) as session:
        await session.get(url)
        response = await session.get(url)
        assert (response.outcome, response.reason, len(origin.log)) == ("fresh", "max-age", 1)


@pytest.mark.parametrize("floors", [(), ("max-age",), ("retry-after",)], ids=str)
async def test_floor_that_was_not_asked_for_is_none(origin: Origin, floors: tuple[Floor, ...]) -> None:
    page = Page(b"one", cache_control=None if "max-age" in floors else "max-age=3600")
    url = origin.on("/page.html", page)
    async with Session(":memory:", floors=floors) as session:
        await session.get(url)
        if "retry-after" not in floors:
            page.interludes.append(refused(Retry_After="60"))
            await session.get(url)
        assert (await session.get(url)).outcome == "not-modified"
