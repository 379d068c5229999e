"""Header fields that one exit received change nothing for the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Page, Reply
from tracking import Exits, address
from tracking.poison import Confirming, Honest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Origin, Request
    from tracking.forwarding import Tamper

LIAR = 7
# The first, the second or the third whom the origin answers; k is 2.
TURNS = {"first": (LIAR, 0, 1, 2, 3), "second": (0, LIAR, 1, 2, 3), "third": (0, 1, LIAR, 2, 3)}


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


class Dressing(Honest):
    """The true body under the true tag, in other clothes."""

    def answered(self, head: object, reply: Reply) -> Reply:
        """Add a field, and a lifetime."""
        del head
        return replace(reply, headers=[*reply.headers, (b"X-Poison", b"1"), (b"Cache-Control", b"max-age=31536000")])


@pytest.mark.parametrize("tamper", [Dressing, Confirming])
@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS)
async def test_field_that_a_proxy_made_up_is_shown_to_nobody_else(
    origin: Origin, exits: Exits, turns: tuple[int, ...], tamper: type[Tamper]
) -> None:
    url = origin.on("/page", Page(b"<p>one</p>"))
    exits.tampered[address(LIAR)] = tamper()
    async with Session(":memory:") as session:
        answers = {turn: await session.get(url, proxy=exits.proxy(turn)) for turn in turns}
    assert [turn for turn, answer in answers.items() if turn != LIAR and "x-poison" in answer.headers] == []


@pytest.mark.parametrize("tamper", [Dressing, Confirming])
@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS)
async def test_lifetime_that_a_proxy_made_up_keeps_nobody_else_from_a_change(
    origin: Origin, exits: Exits, turns: tuple[int, ...], tamper: type[Tamper]
) -> None:
    page = Page(b"<p>one</p>")
    url = origin.on("/page", page)
    exits.tampered[address(LIAR)] = tamper()
    async with Session(":memory:", freshness="rfc9111") as session:
        for turn in turns:
            await session.get(url, proxy=exits.proxy(turn))
        page.content = b"<p>two</p>"
        answers = [await session.get(url, proxy=exits.proxy(turn)) for turn in (5, 6, 0, 1)]
    assert {answer.content for answer in answers} == {b"<p>two</p>"}


@pytest.mark.parametrize("status", [200, 304])
async def test_field_that_was_meant_for_one_client_is_shown_to_nobody_else(
    origin: Origin, exits: Exits, status: int
) -> None:
    """A crawler that follows it would tell whose it was."""

    def answer(request: Request) -> Reply:
        code = 304 if request.get("if-none-match") == '"1"' else 200
        link = [("Link", f"</next?visitor={request.client}>; rel=next")] if code == status else []
        return Reply(code, [("ETag", '"1"'), *link], b"<p>page</p>" if code == 200 else b"")

    url = origin.on("/page", answer)
    async with Session(":memory:") as session:
        for number in range(3):
            await session.get(url, proxy=exits.proxy(number))
        answers = {address(number): await session.get(url, proxy=exits.proxy(number)) for number in (3, 4, 5)}
    for client, answered in answers.items():
        assert client in answered.headers.get("link", client)
