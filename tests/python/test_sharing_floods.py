"""Nobody drives out what enough exits agree on, nor makes it dear for all: no origin, none of the proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Page, Reply
from tracking import Exits, Ledger, address, links
from tracking.poison import Retagging, WholeAnswers
from tracking.trackers import CONTENT, Marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Origin, Request
    from tracking.forwarding import Tamper

FLOOD = 60


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


class Flooding:
    """One tag for everybody; to those of country 2 always another, and with `contents` other content as well."""

    def __init__(self, *, contents: bool) -> None:
        self.marks = Marks()
        self._contents = contents

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        if request.client.startswith("127.2."):
            mark = self.marks.new()
            return Reply(200, self.marks.fields(mark), str(mark).encode() if self._contents else CONTENT)
        if '"everybody"' in (request.get("if-none-match") or ""):
            return Reply(304, [("ETag", '"everybody"')])
        return Reply(200, [("ETag", '"everybody"')], CONTENT)


@pytest.mark.parametrize("contents", [False, True])
async def test_flood_of_tags_drives_out_nothing_that_is_agreed_on(
    origin: Origin, exits: Exits, *, contents: bool
) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(Flooding(contents=contents)))
    async with Session(":memory:") as session:
        for number in range(3):
            await session.get(url, proxy=exits.proxy(number))
        for number in range(FLOOD):
            await session.get(url, proxy=exits.proxy(number, country=2), full=True)
        answers = [await session.get(url, proxy=exits.proxy(number)) for number in range(3, 9)]
    assert all(answer.not_modified and answer.content == CONTENT for answer in answers)
    assert links(ledger.visits, k=2) == []


@pytest.mark.parametrize("tamper", [Retagging, WholeAnswers])
async def test_lie_of_a_proxy_about_a_tag_costs_the_others_k_fetches_at_most(
    origin: Origin, exits: Exits, tamper: type[Tamper]
) -> None:
    page = Page(b"<p>page</p>")
    url = origin.on("/page", page)
    liar = 99
    exits.tampered[address(liar)] = tamper()
    lies = lost = 0
    async with Session(":memory:") as session:
        for number in range(60):
            # Every sixth request leaves by the liar's.
            turn = liar if number % 6 == 3 else number
            answer = await session.get(url, proxy=exits.proxy(turn), full=turn == liar and number % 4 == 1)
            assert answer.content == page.content
            lies += turn == liar
            lost += turn != liar and not answer.not_modified
    assert lies == 10
    assert lost <= 2 + 2 * lies
