"""Machines behind one name, each with tags of its own: few, that come to many, are shared and offered together."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Session
from tracking import Balanced, Exits, Ledger, links
from tracking.polls import poll_once_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Origin

PAGES = 6


@pytest.fixture
def fresh() -> Iterator[Iterator[str]]:
    """Proxies without end, each used once."""
    with Exits(keeps=False) as exits:
        yield (exits.proxy(number) for number in count())


async def late_ratio(mode: dict[str, Any], urls: list[str], fresh: Iterator[str], concurrency: int) -> float:
    """The share of 304s when all machines were met."""
    async with Session(":memory:", **mode) as session:
        polled = [await poll_once_each(session, urls, fresh, concurrency=concurrency) for _ in range(40)]
    return sum(each.ratio for each in polled[20:]) / 20


@pytest.mark.parametrize("concurrency", [1, PAGES])
@pytest.mark.parametrize("machines", [2, 3])
async def test_machines_behind_one_name_are_not_taken_for_trackers(
    origin: Origin, fresh: Iterator[str], machines: int, concurrency: int
) -> None:
    ledger = Ledger()
    pages = [Balanced(machines, Random(number)) for number in range(PAGES)]
    urls = [origin.on(f"/{number}", ledger.watch(page)) for number, page in enumerate(pages)]
    central = await late_ratio({"sharing": "central"}, urls, fresh, concurrency)
    ledger.visits.clear()
    shared = await late_ratio({}, urls, fresh, concurrency)
    assert shared >= 0.95 * central > 0.9
    assert links(ledger.visits, k=2) == []
