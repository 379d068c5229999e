"""One mode of sharing put to the test: what it saves, whom it gives away, who is served what was meant for others.

Each part has an origin of its own and a new store. `scripts/links.py` runs them all with a thousand exits; the suite's
own tests are the same at a small scale, and say more where one fails.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from itertools import count, product
from typing import TYPE_CHECKING, Any

from notmodified import Session
from origin import Origin, Page
from tracking.addresses import address
from tracking.exits import Exits
from tracking.ledger import Ledger
from tracking.links import links
from tracking.poison import LIARS
from tracking.polls import in_lanes, poll, poll_once_each
from tracking.sites import CountryPage
from tracking.tracked_site import HONEST, TrackedSite
from tracking.trackers import CrowdTracker

if TYPE_CHECKING:
    from pathlib import Path

LANES = 32
PAGES = 20
ROUNDS_OF_ROTATION = 12
CHANGES = 10
TURNS = 40


@dataclass(slots=True)
class Result:
    """What came of it."""

    mode: dict[str, Any]
    requests: int = 0
    seconds: float = 0.0
    # Among the trackers: validators that gave somebody away, and how many of the exits are known to be one client.
    links: int = 0
    linked_exits: int = 0
    # Shares of 304s: of a tracking site as a whole, and at its honest path.
    tracked_ratio: float = 0.0
    honest_ratio: float = 0.0
    # Of an origin that gives one tag to each two exits: how often a third showed it.
    pair_links: int = 0
    # Ever new exits: the share of 304s from the third round on, and the full fetches that a change costs.
    rotation_ratio: float = 0.0
    full_per_change: float = 0.0
    # Answers by honest exits whose content was somebody else's.
    wrong: int = 0

    @property
    def k(self) -> int:
        """How many exits excuse a validator."""
        return int(self.mode.get("k", 2))


@dataclass(slots=True)
class Trial:
    """Runs all parts under one mode; `stores` is an empty directory."""

    mode: dict[str, Any]
    stores: Path
    exits: int
    rounds: int
    _serial: count[int] = field(default_factory=count)

    async def run(self) -> Result:
        """Run them."""
        result = Result(self.mode)
        began = time.monotonic()
        with Exits() as exits:
            await self._track(exits, result)
            await self._pair(exits, result)
            await self._deceive(exits, result)
        with Exits(keeps=False) as exits:
            await self._rotate(exits, result)
        result.seconds = time.monotonic() - began
        return result

    def _session(self) -> Session:
        return Session(self.stores / str(next(self._serial)), durability="relaxed", **self.mode)

    async def _track(self, exits: Exits, result: Result) -> None:
        proxies = [exits.proxy(number) for number in range(self.exits)]
        with Origin() as origin:
            site = TrackedSite(origin)
            async with self._session() as session:
                await site.visit(session, proxies, rounds=self.rounds, lanes=LANES)
        result.requests = len(site.ledger.visits)
        result.tracked_ratio = site.ledger.count(304) / result.requests
        at_honest = site.ledger.at(HONEST)
        result.honest_ratio = sum(visit.status == 304 for visit in at_honest) / len(at_honest)
        result.links = len(links(site.ledger.visits, result.k))
        result.linked_exits = site.linked(result.k)

    async def _pair(self, exits: Exits, result: Result) -> None:
        ledger = Ledger()
        proxies = [exits.proxy(number) for number in range(max(self.exits // 5, 6))]
        with Origin() as origin:
            url = origin.on("/page", ledger.watch(CrowdTracker(2)))
            async with self._session() as session:
                for _ in range(3):
                    await poll(session, in_lanes([url], proxies, lanes=1))
        result.pair_links = len(links(ledger.visits, 3))

    async def _rotate(self, exits: Exits, result: Result) -> None:
        fresh = (exits.proxy(number) for number in count())
        pages = [Page(b"<p>one</p>") for _ in range(PAGES)]
        with Origin() as origin:
            urls = [origin.on(f"/{number}", page) for number, page in enumerate(pages)]
            async with self._session() as session:
                polled = [await poll_once_each(session, urls, fresh) for _ in range(ROUNDS_OF_ROTATION)]
                result.rotation_ratio = sum(each.ratio for each in polled[2:]) / len(polled[2:])
                before = sum(page.full for page in pages)
                for number in range(CHANGES):
                    for page in pages:
                        page.content = f"<p>change {number}</p>".encode()
                    for _ in range(result.k + 3):
                        await poll_once_each(session, urls, fresh)
        result.full_per_change = (sum(page.full for page in pages) - before) / (CHANGES * PAGES)

    async def _deceive(self, exits: Exits, result: Result) -> None:
        order = random.Random(6)
        for liar in LIARS:
            # The last of them lies.
            turns = [order.randrange(12) for _ in range(TURNS)]
            exits.tampered = {address(11): liar()}
            with Origin() as origin:
                url = origin.on("/page", Page(b"<p>true</p>"))
                async with self._session() as session:
                    answers = [(turn, await session.get(url, proxy=exits.proxy(turn))) for turn in turns]
            result.wrong += sum(turn != 11 and answer.content != b"<p>true</p>" for turn, answer in answers)
        exits.tampered = {}
        page = CountryPage()
        with Origin() as origin:
            url = origin.on("/page", page)
            async with self._session() as session:
                for page.version, number, country in product((1, 2), range(10), (1, 2, 3)):
                    answer = await session.get(url, proxy=exits.proxy(number, country))
                    result.wrong += answer.content != page.content(address(number, country))


def complaints(results: list[Result], exits: int) -> list[str]:
    """What is not as it has to be; `central` has to be found out, or the origin sees nothing."""
    central = next(result for result in results if result.mode["sharing"] == "central")
    return [
        f"{result.mode}: {name}"
        for result in results
        for name, is_met in _claims(result, central, exits).items()
        if not is_met
    ]


def _claims(result: Result, central: Result, exits: int) -> dict[str, bool]:
    is_central = result is central
    is_isolated = result.mode["sharing"] == "isolated"
    return {
        "links": (result.links > 0) is is_central,
        "exits linked": result.linked_exits == (exits if is_central else 0),
        # With k = 2 a pair is enough; so the documentation says.
        "links of pairs": (result.pair_links > 0) is (is_central or (not is_isolated and result.k == 2)),
        "others' content": (result.wrong > 0) is is_central,
        "304s by ever new exits": is_isolated or result.k > 2 or result.rotation_ratio >= 0.95 * central.rotation_ratio,
        "fetches per change": is_isolated or is_central or result.full_per_change <= result.k + 1,
    }
