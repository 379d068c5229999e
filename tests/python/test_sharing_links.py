"""No validator that was made for one client is ever sent by another: on real sockets, through real proxies.

The same polls go out under each mode of sharing. Under `central` everybody is found, so the origin and its judge can
see a link; `make links` does the same with 1,000 exits and 100,000 requests.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

import pytest

from notmodified import Session
from origin import Page
from tracking import CrowdTracker, Exits, Ledger, Marks, first_visits, links
from tracking.polls import in_lanes, poll
from tracking.tracked_site import HONEST, RECOGNISING, TrackedSite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Origin, Reply
    from origin import Request as Received

EXITS = 24
MODES: list[dict[str, Any]] = [
    {"sharing": "isolated"},
    {"sharing": "corroborated"},
    {"sharing": "corroborated", "k": 3},
]
LANES = [1, 16]


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


def proxies(exits: Exits, count: int = EXITS) -> list[str]:
    """The first so many."""
    return [exits.proxy(number) for number in range(count)]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_no_tracker_finds_anybody(origin: Origin, exits: Exits, mode: dict[str, Any], lanes: int) -> None:
    site = TrackedSite(origin)
    async with Session(":memory:", **mode) as session:
        await site.visit(session, proxies(exits), rounds=4, lanes=lanes)
    assert len(site.ledger.clients()) == EXITS
    assert links(site.ledger.visits, mode.get("k", 2)) == []


async def test_central_registry_gives_everybody_away(origin: Origin, exits: Exits) -> None:
    site = TrackedSite(origin)
    async with Session(":memory:", sharing="central") as session:
        await site.visit(session, proxies(exits), rounds=4)
    assert {path: site.linked(2, path) for path in RECOGNISING} == dict.fromkeys(RECOGNISING, EXITS)


async def test_honest_path_of_a_tracker_is_shared(origin: Origin, exits: Exits) -> None:
    site = TrackedSite(origin)
    async with Session(":memory:", sharing="corroborated") as session:
        await site.visit(session, proxies(exits), rounds=1, lanes=1)
    visits = site.ledger.at(HONEST)
    assert sum(visit.status == 304 for visit in visits) == EXITS - 2
    assert site.ledger.count(304) == EXITS - 2


@pytest.mark.parametrize(
    ("mode", "found"),
    [({"k": 2}, True), ({"k": 3}, False), ({"sharing": "isolated"}, False)],
    ids=str,
)
@pytest.mark.parametrize("shown_as", ["tag", "date", "both"])
async def test_pairs_under_one_tag_are_found_unless_k_is_greater(
    origin: Origin, exits: Exits, shown_as: Literal["tag", "date", "both"], mode: dict[str, Any], *, found: bool
) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(CrowdTracker(2, Marks(shown_as))))
    async with Session(":memory:", **mode) as session:
        for _ in range(3):
            await poll(session, in_lanes([url], proxies(exits), lanes=1))
    # Given to a pair, and shown by a third.
    assert bool(links(ledger.visits, k=3)) is found


@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_strangers_look_alike(origin: Origin, exits: Exits, mode: dict[str, Any]) -> None:
    """Whatever coding those before them were answered in, by an origin that gives each another."""
    ledger = Ledger()
    pages = [Page(b"<p>one</p>", etag='"1"', gzip=is_coded, vary="Accept-Encoding") for is_coded in (True, False)]
    turns = cycle(pages)

    def answer(request: Received) -> Reply:
        return next(turns)(request)

    url = origin.on("/page", ledger.watch(answer))
    async with Session(":memory:", **mode) as session:
        for _ in range(2):
            await poll(session, in_lanes([url], proxies(exits), lanes=1))
    assert len({visit.look for visit in first_visits(ledger.visits)}) == 1


@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_nobody_stops_early_on_a_tag_of_another(origin: Origin, mode: dict[str, Any]) -> None:
    """An origin sees who stops reading: on a tag that is another's, replayed in a 200 that nothing prompted."""
    large = Page(bytes(8 << 20), etag='"of the first"', ignores_conditions=True)
    url = origin.on("/page", large)
    async with Session(":memory:", stop_early=True, **mode) as session:
        answers = [await session.get(url, identity=name) for name in ("first", "second", "second")]
    assert [answer.outcome for answer in answers[:2]] == ["new", "new"]
    assert answers[2].outcome == "stopped-early"
    assert [request.finished for request in origin.log] == [True, True, False]
