"""Gateways that change their address by themselves: each request leaves as somebody else, and asks as somebody else."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Request, Session
from origin import Page
from tracking import AddressTracker, Gateway, Ledger, linked_clients, links
from tracking.polls import poll, poll_once_each

if TYPE_CHECKING:
    from origin import Origin


async def test_gateway_that_rotates_is_told_apart_by_request(origin: Origin) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    with Gateway() as gateway:
        ways: list[dict[str, Any]] = [{"identity_by": "request"}, {"rotating": [f"127.0.0.1:{gateway.port}"]}]
        for options in ways:
            async with Session(":memory:", **options) as session:
                await poll(session, [Request(url, proxy=gateway.proxy())] * 20)
    assert len(ledger.clients()) == 40
    assert links(ledger.visits, k=2) == []
    assert all(visit.is_unprompted for visit in ledger.visits)


async def test_gateway_that_rotates_unknown_to_the_session_gives_its_addresses_away(origin: Origin) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    with Gateway() as gateway:
        async with Session(":memory:", sharing="isolated") as session:
            await poll(session, [Request(url, proxy=gateway.proxy())] * 20)
    assert linked_clients(links(ledger.visits, k=2)) == 20


async def test_users_of_a_gateway_keep_their_addresses_and_are_told_apart(origin: Origin) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    with Gateway() as gateway:
        async with Session(":memory:") as session:
            for _ in range(2):
                await poll(session, [Request(url, proxy=gateway.proxy(f"session-{number}")) for number in range(8)])
    assert len(ledger.clients()) == 8
    assert ledger.count(304) == 8
    assert links(ledger.visits, k=2) == []


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_pages_behind_a_gateway_that_rotates_cost_k_fetches_and_then_none(
    origin: Origin, concurrency: int
) -> None:
    ledger = Ledger()
    urls = [origin.on(f"/{number}", ledger.watch(Page(b"<p>page</p>"))) for number in range(8)]
    with Gateway() as gateway:
        async with Session(":memory:", identity_by="request") as session:
            polled = [
                await poll_once_each(session, urls, repeat(gateway.proxy()), concurrency=concurrency) for _ in range(5)
            ]
    assert [each.ratio for each in polled] == [0, 0, 1, 1, 1]
    assert len(ledger.clients()) == 40
    assert links(ledger.visits, k=2) == []
