"""Who counts as one exit, and who as two: however its proxy is written, whichever process asks, through tunnels too."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from notmodified import Session
from origin import Page
from tracking import AddressTracker, Exits, Ledger, Marks, address, linked_clients, links
from tracking.polls import in_lanes, poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from origin import Authority, Origin
    from tracking.trackers import ShownAs

# One proxy at one address, as two lists may write it.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "slash": lambda url: url + "/",
    "scheme": lambda url: url.replace("http", "HTTP"),
    "number": lambda url: url.replace("127.1.0.0", "127.65536"),
    "octal": lambda url: url.replace("127.1.0.0", "0177.1.0.0"),
    "empty-user": lambda url: url.replace("//", "//@"),
    "white-space": lambda url: f" {url} ",
}


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
async def test_proxy_written_otherwise_is_no_second_witness(
    origin: Origin, exits: Exits, spelled: Callable[[str], str]
) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    async with Session(":memory:") as session:
        for proxy in (exits.proxy(0), spelled(exits.proxy(0)), exits.proxy(1), exits.proxy(2)):
            await session.get(url, proxy=proxy, full=True)
        await session.get(url, proxy=exits.proxy(3))
    assert [visit.client for visit in ledger.visits][:2] == [address(0)] * 2
    assert links(ledger.visits, k=2) == []


async def test_password_that_was_changed_is_no_second_witness(origin: Origin, exits: Exits) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    proxy = urlsplit(exits.proxy(0)).netloc
    async with Session(":memory:") as session:
        for password in ("old", "new"):
            await session.get(url, proxy=f"http://user:{password}@{proxy}", full=True)
        await session.get(url, proxy=exits.proxy(1))
    assert links(ledger.visits, k=2) == []


async def test_name_that_is_given_is_one_exit_through_any_proxy(origin: Origin, exits: Exits) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(Page(b"<p>page</p>")))
    async with Session(":memory:") as session:
        for number in (0, 1):
            await session.get(url, proxy=exits.proxy(number), identity="a", full=True)
        assert (await session.get(url, proxy=exits.proxy(2))).outcome == "new"
        # By now two have seen it: the name, and the exit of that one.
        assert (await session.get(url, proxy=exits.proxy(3))).not_modified


async def test_direct_requests_are_one_exit_among_the_others(origin: Origin, exits: Exits) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(Page(b"<p>page</p>")))
    async with Session(":memory:") as session:
        for _ in range(2):
            await session.get(url, full=True)
        assert (await session.get(url, proxy=exits.proxy(0))).outcome == "new"
        assert (await session.get(url, proxy=exits.proxy(1))).not_modified
        assert (await session.get(url)).not_modified


@pytest.mark.parametrize("shown_as", ["tag", "date", "both"])
async def test_exit_that_comes_back_after_a_restart_is_no_second_witness(
    origin: Origin, exits: Exits, store: Path, shown_as: ShownAs
) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker(Marks(shown_as))))
    proxies = [exits.proxy(number) for number in range(5)]
    for is_full in (True, True, False, False):
        async with Session(store) as session:
            await poll(session, in_lanes([url], proxies, lanes=1, full=is_full))
    assert ledger.count(304) == 2 * len(proxies)
    assert links(ledger.visits, k=2) == []


async def test_sessions_over_one_store_count_together(origin: Origin, exits: Exits, store: Path) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(Page(b"<p>page</p>")))
    async with Session(store) as one, Session(store) as other:
        for number, session in enumerate((one, other, one, other)):
            await session.get(url, proxy=exits.proxy(number))
            await session.flush()
    assert [visit.status for visit in ledger.visits] == [200, 200, 304, 304]


async def test_exits_share_through_tunnels_and_no_session_of_tls_goes_along(
    tls_origin: Origin, exits: Exits, authority: Authority
) -> None:
    ledger = Ledger()
    honest = tls_origin.on("/page", ledger.watch(Page(b"<p>page</p>")))
    tracked = tls_origin.on("/tracked", ledger.watch(AddressTracker()))
    proxies = [exits.proxy(number) for number in range(5)]
    async with Session(":memory:", ca_file=authority.ca_file) as session:
        for _ in range(2):
            await poll(session, in_lanes([honest, tracked], proxies, lanes=1))
    assert [visit.status for visit in ledger.at("/page")] == [200, 200, 304, 304, 304] + [304] * 5
    assert [visit.status for visit in ledger.at("/tracked")] == [200] * 5 + [304] * 5
    assert links(ledger.visits, k=2) == []
    by_client = {request.client: request for request in reversed(tls_origin.log)}
    assert not any(request.tls_resumed for request in by_client.values())


async def test_head_requests_give_nobody_away(origin: Origin, exits: Exits) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    async with Session(":memory:") as session:
        for _ in range(2):
            for number in range(6):
                await session.head(url, proxy=exits.proxy(number))
            for number in range(3, 9):
                await session.get(url, proxy=exits.proxy(number))
    assert links(ledger.visits, k=2) == []


async def test_head_requests_of_a_central_registry_give_everybody_away(origin: Origin, exits: Exits) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    async with Session(":memory:", sharing="central") as session:
        await session.get(url, proxy=exits.proxy(0))
        for number in range(1, 6):
            await session.head(url, proxy=exits.proxy(number))
    assert linked_clients(links(ledger.visits, k=2)) > 1
