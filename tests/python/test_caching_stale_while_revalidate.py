"""What may be served stale is, and validated behind the caller's back (RFC 5861 section 3)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, Session
from origin import Gate, Page, Reply
from tracking import Exits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from origin import Origin

STALE = "max-age=0, stale-while-revalidate=60"


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session that goes by freshness."""
    async with Session(":memory:", freshness="rfc9111") as opened:
        yield opened


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what happens behind our back."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_stale_page_is_served_at_once_and_validated_meanwhile(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control=STALE)
    url = origin.on("/page.html", page)
    await session.get(url)
    page.cache_control = "max-age=3600"
    response = await session.get(url)
    assert (response.content, response.outcome, response.reason) == (b"one", "fresh", "stale-while-revalidate")
    assert (response.wire_bytes, response.changed) == (0, False)
    await eventually(lambda: page.not_modified == 1)
    await eventually(lambda: session.stats()["not_modified"] == 1)
    again = await session.get(url)
    assert (again.outcome, again.reason, len(origin.log)) == ("fresh", None, 2)


async def test_caller_does_not_wait_for_the_validation(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control=STALE)
    url = origin.on("/page.html", page)
    await session.get(url)
    gate = Gate()
    page.interludes.append(Reply(200, [], b"two", delay=gate))
    for _ in range(5):
        assert (await asyncio.wait_for(session.get(url), 5)).content == b"one"
    # One is under way; the others see that.
    await eventually(lambda: len(origin.log) == 2)
    gate.set()


async def test_change_that_nobody_saw_is_told_with_the_next_answer(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control=STALE)
    url = origin.on("/page.html", page)
    await session.get(url)
    page.content = b"two"
    page.cache_control = "max-age=3600"
    assert (await session.get(url)).content == b"one"
    await eventually(lambda: session.stats()["outcomes"]["changed"] == 1)
    answers = [await session.get(url) for _ in range(2)]
    assert [(answer.content, answer.outcome, answer.changed) for answer in answers] == [
        (b"two", "fresh", True),
        (b"two", "fresh", False),
    ]


@pytest.mark.parametrize("options", [{}, {"identity_by": "request"}], ids=str)
async def test_change_that_nobody_saw_is_told_to_whichever_exit_asks_next(
    origin: Origin, options: dict[str, Any]
) -> None:
    page = Page(b"one", cache_control=STALE)
    url = origin.on("/page.html", page)
    with Exits() as exits:
        async with Session(":memory:", freshness="rfc9111", **options) as session:
            for number in range(2):
                await session.get(url, proxy=exits.proxy(number))
            page.content = b"two"
            page.cache_control = "max-age=3600"
            stale = await session.get(url, proxy=exits.proxy(2))
            assert (stale.content, stale.reason, stale.changed) == (b"one", "stale-while-revalidate", False)
            await eventually(lambda: session.stats()["outcomes"]["changed"] == 1)
            await asyncio.sleep(0.1)
            later = [await session.get(url, proxy=exits.proxy(number)) for number in range(3, 6)]
            assert [(answer.content, answer.changed) for answer in later] == [
                (b"two", True),
                (b"two", False),
                (b"two", False),
            ]


async def test_consumer_hears_of_the_change_until_it_acknowledges(origin: Origin) -> None:
    page = Page(b"one", cache_control=STALE)
    url = origin.on("/page.html", page)
    async with Session(":memory:", freshness="rfc9111", consumer="prices") as session:
        (await session.get(url)).acknowledge()
        page.content = b"two"
        page.cache_control = "max-age=3600"
        assert (await session.get(url)).changed is False
        await eventually(lambda: session.stats()["outcomes"]["changed"] == 1)
        for _ in range(2):
            response = await session.get(url)
            assert response.changed is True
        response.acknowledge()
        assert (await session.get(url)).changed is False


@pytest.mark.parametrize(
    ("control", "wish"),
    [
        ("max-age=0", ""),
        ("max-age=0, stale-while-revalidate=60, must-revalidate", ""),
        ("no-cache, stale-while-revalidate=60", ""),
        (STALE, "no-cache"),
        (STALE, "max-age=0"),
        (STALE, "min-fresh=1"),
    ],
)
async def test_where_it_is_not_allowed_the_caller_waits(
    session: Session, origin: Origin, control: str, wish: str
) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control=control))
    await session.get(url)
    await asyncio.sleep(1.1)
    response = await session.get(url, headers={"Cache-Control": wish} if wish else None)
    assert (response.outcome, response.reason) == ("not-modified", None)


async def test_page_is_not_served_after_its_window(session: Session, origin: Origin) -> None:
    fields = [("Cache-Control", "max-age=10, stale-while-revalidate=5"), ("Age", "16")]
    url = origin.on("/page.html", Page(b"one", extra=list(fields)))
    await session.get(url)
    assert (await session.get(url)).outcome == "not-modified"


async def test_validation_that_fails_changes_nothing(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control=STALE)
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(500))
    page.interludes.append(Reply(raw=b"nonsense\r\n\r\n"))
    for number in (2, 3):
        assert (await session.get(url)).content == b"one"
        await eventually(lambda number=number: len(origin.log) == number)  # type: ignore[misc]
        await eventually(lambda number=number: session.stats()["requests"] == number)  # type: ignore[misc]
    assert (await session.get(url)).outcome == "fresh"


@pytest.mark.parametrize("freshness", ["revalidate", "rfc9111"])
def test_cache_without_a_wire_asks(tmp_path: Path, freshness: str) -> None:
    with Cache(tmp_path, freshness="rfc9111" if freshness == "rfc9111" else "revalidate") as cache:
        cache.plan("GET", "http://127.0.0.1:1/").settle(200, [("Cache-Control", STALE), ("ETag", '"1"')], b"one")
        plan = cache.plan("GET", "http://127.0.0.1:1/")
        assert plan.response is None
        assert plan.conditions["if-none-match"] == '"1"'
