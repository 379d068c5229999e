"""`full_every=`: the content is fetched whole now and then, and a validator that missed a change is reported."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from notmodified import Cache, Response, Session
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin


def stuck(content: bytes) -> Page:
    """A page whose tag stays the same whatever becomes of the content."""
    return Page(content, etag='"same"')


async def outcomes(session: Session, url: str, times: int) -> list[str]:
    """What so many polls come to."""
    return [(await session.get(url)).outcome for _ in range(times)]


@pytest.mark.parametrize(
    ("polls", "expected"),
    [
        (1, ["new", "same-content", "same-content", "same-content"]),
        (2, ["new", "not-modified", "same-content", "not-modified"]),
        (3, ["new", "not-modified", "not-modified", "same-content"]),
    ],
)
async def test_every_so_many_polls_the_content_is_fetched_whole(
    origin: Origin, polls: int, expected: list[str]
) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", full_every=polls) as session:
        assert await outcomes(session, url, 4) == expected


async def test_full_poll_carries_no_condition_and_the_same_coding(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", last_modified="Sun, 06 Nov 1994 08:49:37 GMT"))
    async with Session(":memory:", full_every=1) as session:
        await outcomes(session, url, 3)
    assert [request.has_condition() for request in origin.log] == [False, False, False]
    assert len({request.get("accept-encoding") for request in origin.log}) == 1


async def test_polls_are_counted_on_when_the_store_is_opened_again(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one"))
    seen = []
    for _ in range(5):
        async with Session(store, full_every=2) as session:
            seen += await outcomes(session, url, 1)
    assert seen == ["new", "not-modified", "same-content", "not-modified", "same-content"]


async def test_content_that_came_long_enough_ago_is_fetched_whole(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", full_every=timedelta(seconds=1)) as session:
        await session.get(url)
        await asyncio.sleep(2.05)
        assert await outcomes(session, url, 1) == ["same-content"]
    async with Session(":memory:", full_every=timedelta(days=1)) as session:
        assert await outcomes(session, url, 3) == ["new", "not-modified", "not-modified"]


@pytest.mark.parametrize("date", [False, True], ids=["tag", "date"])
async def test_change_that_the_validator_missed_is_reported(origin: Origin, *, date: bool) -> None:
    page = stuck(b"one")
    if date:
        page.etag, page.last_modified = None, "Sun, 06 Nov 1994 08:49:37 GMT"
    url = origin.on("/page.html", page)
    async with Session(":memory:", full_every=2) as session:
        await session.get(url)
        page.content = b"two"
        wrong = await session.get(url)
        assert (wrong.outcome, wrong.content) == ("not-modified", b"one")
        response = await session.get(url)
        assert (response.outcome, response.reason, response.changed) == ("changed", "missed-change", True)
        assert response.content == b"two"
        assert response.cache_status == "notmodified; fwd=stale; fwd-status=200; stored; detail=missed-change"
        assert session.stats()["reasons"] == {"missed-change": 1}


async def test_change_under_a_weak_tag_is_reported_and_the_tag_is_asked_with_again(origin: Origin) -> None:
    page = Page(b"one", etag='"same"', weak=True)
    url = origin.on("/page.html", page)
    async with Session(":memory:", full_every=2) as session:
        assert await outcomes(session, url, 2) == ["new", "not-modified"]
        page.content = b"two"
        response = await session.get(url)
        assert (response.outcome, response.reason) == ("changed", "missed-change")
        # A weak tag may stand for contents that differ.
        assert await outcomes(session, url, 1) == ["not-modified"]


async def test_change_that_the_validator_told_is_not_reported(origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    async with Session(":memory:", full_every=1) as session:
        await session.get(url)
        page.content = b"two"
        response = await session.get(url)
        assert (response.outcome, response.reason) == ("changed", None)


async def test_full_poll_is_read_to_its_end_though_its_header_section_says_enough(origin: Origin) -> None:
    page = Page(bytes(1 << 20), etag='"same"', ignores_conditions=True)
    url = origin.on("/page.html", page)
    async with Session(":memory:", full_every=2, stop_early=True) as session:
        assert await outcomes(session, url, 4) == ["new", "stopped-early", "same-content", "stopped-early"]
        page.content = b"x" * (1 << 20)
        response = await session.get(url)
        assert (response.outcome, response.reason) == ("changed", "missed-change")
        # What lied once is not believed again.
        assert await outcomes(session, url, 3) == ["same-content"] * 3


async def test_poll_that_is_held_back_is_none(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", full_every=2, min_interval=3600.0) as session:
        assert await outcomes(session, url, 4) == ["new", "fresh", "fresh", "fresh"]


async def test_without_the_option_nothing_is_counted(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store) as session:
        await outcomes(session, url, 5)
    async with Session(store, full_every=2) as session:
        assert await outcomes(session, url, 2) == ["not-modified", "same-content"]


def test_full_poll_of_a_downloader_of_ones_own() -> None:
    url = "http://127.0.0.1/page.html"
    with Cache(":memory:", full_every=1) as cache:
        cache.plan("GET", url).settle(200, {"ETag": '"same"'}, b"one")
        plan = cache.plan("GET", url)
        assert not plan.conditions
        response = plan.settle(200, {"ETag": '"same"'}, b"two")
        assert isinstance(response, Response)
        assert (response.outcome, response.reason) == ("changed", "missed-change")
