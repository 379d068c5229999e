"""A change reaches its consumer, also when the process dies between the store and the acknowledgement."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from notmodified import Cache, Response, Session, SessionClosedError
from origin import Page, Reply, close_delimited, sequence
from programs import run

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

POLL_AND_DIE = """
import asyncio, os, signal, sys
from notmodified import Session

async def poll(store, url, flush):
    async with Session(store, consumer="prices") as session:
        response = await session.get(url)
        assert response.changed
        if flush == "flushed":
            await session.flush()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(poll(*sys.argv[1:]))
"""
ACKNOWLEDGE_AND_DIE = """
import asyncio, os, signal, sys
from notmodified import Session

async def poll(store, url):
    async with Session(store, consumer="prices") as session:
        (await session.get(url)).acknowledge()
        await session.flush()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(poll(*sys.argv[1:]))
"""


async def polled(store: Path, url: str, consumer: str | None = "prices", *, acknowledge: bool = False) -> Response:
    """Poll once, in a session of its own."""
    async with Session(store, consumer=consumer) as session:
        response = await session.get(url)
        if acknowledge:
            response.acknowledge()
        return response


async def test_page_stays_changed_through_304s_until_it_is_acknowledged(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    told = [await polled(store, url) for _ in range(3)]
    assert [(response.changed, response.not_modified) for response in told] == [
        (True, False),
        (True, True),
        (True, True),
    ]
    assert (await polled(store, url, acknowledge=True)).changed
    assert not (await polled(store, url)).changed


async def test_change_that_was_not_acknowledged_is_told_again(store: Path, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await polled(store, url, acknowledge=True)
    page.content = b"two"
    assert (await polled(store, url)).changed
    again = await polled(store, url)
    assert (again.not_modified, again.changed, again.content) == (True, True, b"two")


async def test_change_back_to_what_was_acknowledged_is_none(store: Path, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await polled(store, url, acknowledge=True)
    page.content = b"two"
    await polled(store, url)
    page.content = b"one"
    response = await polled(store, url)
    assert (response.outcome, response.changed) == ("changed", False)


async def test_new_tag_for_acknowledged_content_is_no_change(store: Path, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await polled(store, url, acknowledge=True)
    page.etag = '"2"'
    assert not (await polled(store, url)).changed
    assert not (await polled(store, url)).changed


async def test_consumers_acknowledge_for_themselves(store: Path, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await polled(store, url, "prices", acknowledge=True)
    assert (await polled(store, url, "stock")).changed
    await polled(store, url, "stock", acknowledge=True)
    page.content = b"two"
    await polled(store, url, "stock", acknowledge=True)
    assert not (await polled(store, url, "stock")).changed
    assert (await polled(store, url, "prices")).changed


async def test_without_a_consumer_the_store_is_compared_with(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    first = await polled(store, url, None)
    assert first.changed
    assert not (await polled(store, url, None)).changed
    assert (await polled(store, url, "prices")).changed


async def test_acknowledging_without_a_consumer_does_nothing(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    await polled(store, url, None, acknowledge=True)
    assert (await polled(store, url, "prices")).changed


async def test_late_acknowledgement_of_an_old_page_does_not_hide_the_new_one(store: Path, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    async with Session(store, consumer="prices") as session:
        old = await session.get(url)
        page.content = b"two"
        await session.get(url)
        old.acknowledge()
        assert (await session.get(url)).changed


async def test_page_that_is_back_is_changed_for_who_acknowledged_that_it_was_gone(store: Path, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await polled(store, url, acknowledge=True)
    page.interludes.append(Reply(404, body=b"gone"))
    assert (await polled(store, url, acknowledge=True)).changed
    back = await polled(store, url, acknowledge=True)
    assert (back.not_modified, back.changed) == (True, True)
    assert not (await polled(store, url)).changed


async def test_error_page_that_nobody_acknowledged_changes_nothing(store: Path, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await polled(store, url, acknowledge=True)
    page.interludes.append(Reply(503, body=b"busy"))
    assert (await polled(store, url)).changed
    assert not (await polled(store, url)).changed


async def test_content_that_was_acknowledged_before_it_was_known_to_be_whole_is_no_change(
    store: Path, origin: Origin
) -> None:
    one, part, two = (close_delimited(body) for body in (b"one", b"tw", b"two"))
    url = origin.on("/page.html", sequence(one, one, part, two, two))
    told = [await polled(store, url, acknowledge=True) for _ in range(5)]
    assert [(response.outcome, response.changed) for response in told] == [
        ("passed", True),
        ("new", False),
        ("passed", True),
        ("passed", True),
        ("changed", False),
    ]


async def test_variants_are_acknowledged_for_themselves(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", vary="Accept-Language"))
    async with Session(store, consumer="prices") as session:
        english = await session.get(url, headers={"Accept-Language": "en"})
        french = await session.get(url, headers={"Accept-Language": "fr"})
        assert (english.changed, french.changed) == (True, True)
        english.acknowledge()
        assert not (await session.get(url, headers={"Accept-Language": "en"})).changed
        assert (await session.get(url, headers={"Accept-Language": "fr"})).changed


async def test_identities_are_acknowledged_for_themselves(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store, consumer="prices") as session:
        (await session.get(url, identity="a")).acknowledge()
        assert not (await session.get(url, identity="a")).changed
        assert (await session.get(url, identity="b")).changed


async def test_fresh_page_is_changed_until_it_is_acknowledged(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    async with Session(store, consumer="prices", freshness="rfc9111") as session:
        await session.get(url)
        fresh = await session.get(url)
        assert (fresh.outcome, fresh.changed) == ("fresh", True)
        fresh.acknowledge()
        assert not (await session.get(url)).changed


async def test_acknowledgement_after_the_session_closed_is_refused(store: Path, origin: Origin) -> None:
    response = await polled(store, origin.on("/page.html", Page(b"one")))
    with pytest.raises(SessionClosedError, match="acknowledge"):
        response.acknowledge()


async def test_acknowledgement_twice_is_one(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store, consumer="prices") as session:
        response = await session.get(url)
        response.acknowledge()
        response.acknowledge()
    assert not (await polled(store, url)).changed


@pytest.mark.parametrize("flush", ["flushed", "hurried"])
async def test_process_killed_before_the_acknowledgement_sees_the_change_again(
    store: Path, origin: Origin, flush: str
) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await polled(store, url, acknowledge=True)
    page.content = b"two"
    run(POLL_AND_DIE, str(store), url, flush, ends_with=-signal.SIGKILL)
    response = await polled(store, url)
    assert (response.changed, response.content) == (True, b"two")
    # What was stored comes as a 304 of a page that is still to be processed; what was not is asked for again.
    assert response.not_modified or flush == "hurried"


def test_process_killed_after_the_acknowledgement_does_not_see_the_change_again(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    run(ACKNOWLEDGE_AND_DIE, str(store), url, ends_with=-signal.SIGKILL)
    with Cache(store, consumer="prices") as cache:
        response = cache.plan("GET", url).settle(304)
    assert isinstance(response, Response)
    assert (response.changed, response.content) == (False, b"one")


def test_downloader_of_ones_own_acknowledges_too(store: Path) -> None:
    url = "http://127.0.0.1/page.html"
    for acknowledge, changed in ((False, True), (True, True), (True, False)):
        with Cache(store, consumer="prices") as cache:
            plan = cache.plan("GET", url)
            response = plan.settle(304) if plan.conditions else plan.settle(200, {"ETag": '"1"'}, b"one")
            assert isinstance(response, Response)
            assert response.changed is changed
            if acknowledge:
                response.acknowledge()
