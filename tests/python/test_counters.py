"""What is counted and measured, against what really went over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import ConnectError, Session
from origin import Page, Reply, redirect, refusing, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Origin

OUTCOMES = {"fresh", "not-modified", "same-content", "changed", "new", "stopped-early", "stale-if-error", "passed"}


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


@pytest.mark.parametrize("page", [Page(b"one" * 1000), Page(b"one" * 1000, gzip=True)], ids=["plain", "gzip"])
async def test_wire_bytes_are_those_that_the_origin_sent(session: Session, origin: Origin, page: Page) -> None:
    url = origin.on("/page.html", page)
    whole = await session.get(url)
    assert whole.wire_bytes == origin.last.sent
    unchanged = await session.get(url)
    assert unchanged.wire_bytes == origin.last.sent


async def test_bytes_saved_are_those_of_the_200_less_those_of_the_304(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one" * 1000))
    whole = await session.get(url)
    unchanged = await session.get(url)
    assert whole.bytes_saved == 0
    assert unchanged.bytes_saved == whole.wire_bytes - unchanged.wire_bytes > 3000


async def test_304_larger_than_the_200_saves_nothing(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"1", extra_on_304=[("X-Padding", "x" * 500)]))
    await session.get(url)
    assert (await session.get(url)).bytes_saved == 0


async def test_elapsed_is_the_time_that_it_took(session: Session, origin: Origin) -> None:
    response = await session.get(origin.on("/page.html", Reply(200, body=b"one", delay=0.1)))
    assert 0.1 <= response.elapsed < 5.0


async def test_stats_add_up(session: Session, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    responses = [await session.get(url) for _ in range(3)]
    page.content = b"two"
    responses += [await session.get(url), await session.get(origin.on("/none.html", status(404)))]
    stats = session.stats()
    assert stats["requests"] == len(origin.log) == 5
    assert (stats["not_modified"], stats["not_modified_ratio"]) == (2, 0.4)
    assert stats["wire_bytes"] == sum(request.sent for request in origin.log)
    assert stats["bytes_saved"] == sum(response.bytes_saved for response in responses) > 0
    assert {name: count for name, count in stats["outcomes"].items() if count} == {
        "new": 1,
        "not-modified": 2,
        "changed": 1,
        "passed": 1,
    }
    assert set(stats["outcomes"]) == OUTCOMES
    assert stats["tracking"] == {}
    assert stats["reasons"] == {"status": 1}
    assert (stats["errors"], stats["resends"], stats["coalesced"]) == (0, 0, 0)
    assert (stats["store_errors"], stats["corrupt_records"]) == (0, 0)


async def test_nothing_asked_is_nothing_counted(session: Session) -> None:
    stats = session.stats()
    assert (stats["requests"], stats["not_modified_ratio"], stats["wire_bytes"]) == (0, 0.0, 0)


async def test_stats_are_a_copy(session: Session) -> None:
    session.stats()["outcomes"]["new"] = 99
    assert session.stats()["outcomes"]["new"] == 0


async def test_closed_session_still_tells_what_it_counted(origin: Origin) -> None:
    async with Session(":memory:") as session:
        await session.get(origin.on("/page.html", Page(b"one")))
    session.stats()["outcomes"]["new"] = 99
    assert (session.stats()["requests"], session.stats()["outcomes"]["new"]) == (1, 1)


async def test_request_without_an_answer_is_an_error(session: Session) -> None:
    with refusing() as port, pytest.raises(ConnectError):
        await session.get(f"http://127.0.0.1:{port}/")
    stats = session.stats()
    assert (stats["requests"], stats["errors"]) == (1, 1)


async def test_both_attempts_of_a_resend_are_counted(session: Session, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    page.orphan_304s = 1
    response = await session.get(url)
    stats = session.stats()
    assert (stats["requests"], stats["resends"], stats["not_modified"]) == (2, 1, 1)
    assert stats["wire_bytes"] == response.wire_bytes == sum(request.sent for request in origin.log)


async def test_each_hop_of_a_redirect_is_counted(session: Session, origin: Origin) -> None:
    origin.on("/new", Page(b"one"))
    await session.get(origin.on("/old", redirect("/new")))
    assert session.stats()["requests"] == 2


@pytest.mark.parametrize(
    ("page", "first", "second"),
    [
        (Page(b"one"), "notmodified; fwd=uri-miss; fwd-status=200; stored", "notmodified; fwd=stale; fwd-status=304"),
        (
            Page(b"one", ignores_conditions=True),
            "notmodified; fwd=uri-miss; fwd-status=200; stored",
            "notmodified; fwd=stale; fwd-status=200; stored; detail=condition-ignored",
        ),
        (
            Page(b"one", cache_control="no-store"),
            "notmodified; fwd=uri-miss; fwd-status=200; detail=no-store",
            "notmodified; fwd=uri-miss; fwd-status=200; detail=no-store",
        ),
    ],
    ids=["unchanged", "deaf", "no-store"],
)
async def test_cache_status_is_in_rfc_9211s_words(
    session: Session, origin: Origin, page: Page, first: str, second: str
) -> None:
    url = origin.on("/page.html", page)
    assert [(await session.get(url)).cache_status for _ in range(2)] == [first, second]
