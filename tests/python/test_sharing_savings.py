"""What sharing is worth: an honest page is as cheap by ever new exits as by one, after the first k of them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Session
from origin import Page
from tracking import Exits
from tracking.polls import poll_once_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Origin

PAGES = 12
CENTRAL: dict[str, Any] = {"sharing": "central"}
# One URL after the other, and all of them at once.
CONCURRENCIES = [1, 12]


@pytest.fixture
def fresh() -> Iterator[Iterator[str]]:
    """Proxies without end, each used once."""
    with Exits(keeps=False) as exits:
        yield (exits.proxy(number) for number in count())


async def ratios(mode: dict[str, Any], urls: list[str], fresh: Iterator[str], concurrency: int) -> list[float]:
    """The share of 304s in each of six rounds."""
    async with Session(":memory:", **mode) as session:
        return [(await poll_once_each(session, urls, fresh, concurrency=concurrency)).ratio for _ in range(6)]


@pytest.mark.parametrize("concurrency", CONCURRENCIES)
@pytest.mark.parametrize("validators", ["tag", "date", "both"])
async def test_fresh_exits_save_as_much_as_a_central_registry_from_the_third_round_on(
    origin: Origin, fresh: Iterator[str], validators: str, concurrency: int
) -> None:
    etag = None if validators == "date" else '"1"'
    modified = None if validators == "tag" else "Thu, 29 Feb 2024 12:00:00 GMT"
    urls = [origin.on(f"/{number}", Page(b"page", etag=etag, last_modified=modified)) for number in range(PAGES)]
    shared = await ratios({"sharing": "corroborated"}, urls, fresh, concurrency)
    central = await ratios(CENTRAL, urls, fresh, concurrency)
    isolated = await ratios({"sharing": "isolated"}, urls, fresh, concurrency)
    assert shared == [0, 0, 1, 1, 1, 1]
    assert central == [0, 1, 1, 1, 1, 1]
    assert isolated == [0] * 6


@pytest.mark.parametrize("k", [1, 2, 3, 5])
async def test_page_costs_k_fetches_and_then_none(origin: Origin, fresh: Iterator[str], k: int) -> None:
    url = origin.on("/page", Page(b"page"))
    async with Session(":memory:", k=k) as session:
        outcomes = [(await session.get(url, proxy=next(fresh))).not_modified for _ in range(k + 4)]
    assert outcomes == [False] * k + [True] * 4


@pytest.mark.parametrize("k", [1, 2, 3, 5])
async def test_change_costs_k_and_one_fetches(origin: Origin, fresh: Iterator[str], k: int) -> None:
    page = Page(b"one")
    url = origin.on("/page", page)
    async with Session(":memory:", k=k) as session:
        for content in (b"one", b"two", b"three", b"one"):
            page.content, before = content, page.full
            answers = [await session.get(url, proxy=next(fresh)) for _ in range(k + 6)]
            assert {answer.content for answer in answers} == {content}
            assert page.full - before == k + (content != b"one" or before > 0)
            assert all(answer.not_modified for answer in answers[k + 1 :])


@pytest.mark.parametrize("flying", [8, 32])
async def test_change_under_many_requests_costs_k_and_one_and_those_in_flight(
    origin: Origin, fresh: Iterator[str], flying: int
) -> None:
    page = Page(b"one")
    url = origin.on("/page", page)
    async with Session(":memory:") as session:
        await poll_once_each(session, [url] * 40, fresh, concurrency=flying)
        assert page.full <= 2 + flying
        for content in (b"two", b"three"):
            page.content, before = content, page.full
            await poll_once_each(session, [url] * 200, fresh, concurrency=flying)
            # Those that were under way when the first of them came back, and those while the next two were.
            assert page.full - before <= 3 + 2 * flying
            assert (await session.get(url, proxy=next(fresh))).not_modified


async def test_changes_now_and_then_leave_most_of_the_savings(origin: Origin, fresh: Iterator[str]) -> None:
    pages = [Page(b"one") for _ in range(PAGES)]
    urls = [origin.on(f"/{number}", page) for number, page in enumerate(pages)]
    async with Session(":memory:") as session:
        for _ in range(2):
            await poll_once_each(session, urls, fresh)
        full = sum(page.full for page in pages)
        for number in range(20):
            pages[number % PAGES].content = f"changed in round {number}".encode()
            await poll_once_each(session, urls, fresh)
    # Each change is seen by one exit, and then by two more.
    assert full == 2 * PAGES
    assert sum(page.full for page in pages) - full <= 20 * 3
