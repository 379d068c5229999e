"""Nobody is served what another was told: proxies that lie, pages that differ by country."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Request, Response, Session
from origin import Page
from tracking import CountryPage, Exits, address
from tracking.poison import FALSE, LIARS, Replacing, Unconditional
from tracking.polls import poll

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from origin import Origin
    from tracking.forwarding import Tamper

MODES: list[dict[str, Any]] = [
    {"sharing": "isolated"},
    {"sharing": "corroborated"},
    {"sharing": "corroborated", "k": 3},
    {"sharing": "corroborated", "freshness": "rfc9111"},
]
LIAR = 7
# When the liar has his turn among honest exits: before them, between two, last of all, again and again.
TURNS = {
    "first": (LIAR, 0, 1, 2, 3, LIAR, 4, 5),
    "second": (0, LIAR, 1, 2, 3, LIAR, 4, 5),
    "third": (0, 1, LIAR, 2, 3, LIAR, 4, 5, 0, 1),
    "often": (LIAR, LIAR, 0, LIAR, 1, LIAR, 2, LIAR, 3, LIAR, 0, 4),
}


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


async def by(session: Session, url: str, exits: Exits, turns: Sequence[int]) -> list[Response]:
    """Ask by one exit after the other; what the honest ones were served."""
    answers = [await session.get(url, proxy=exits.proxy(turn)) for turn in turns]
    return [answer for answer, turn in zip(answers, turns, strict=True) if turn != LIAR]


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("liar", LIARS)
async def test_what_a_proxy_makes_up_is_served_to_nobody_else(
    origin: Origin, exits: Exits, liar: type[Tamper], turns: tuple[int, ...], mode: dict[str, Any]
) -> None:
    page = Page(b"<p>one</p>")
    url = origin.on("/page", page)
    exits.tampered[address(LIAR)] = liar()
    async with Session(":memory:", **mode) as session:
        for content in (b"<p>one</p>", b"<p>two</p>"):
            page.content = content
            honest = await by(session, url, exits, turns)
            assert {answer.content for answer in honest} == {content}


async def test_central_registry_serves_what_a_proxy_made_up(origin: Origin, exits: Exits) -> None:
    url = origin.on("/page", Page(b"<p>one</p>"))
    exits.tampered[address(LIAR)] = Replacing()
    async with Session(":memory:", sharing="central") as session:
        assert {answer.content for answer in await by(session, url, exits, TURNS["first"])} == {FALSE}


@pytest.mark.parametrize("k", [2, 3])
async def test_fewer_than_k_liars_that_agree_are_not_believed(origin: Origin, exits: Exits, k: int) -> None:
    url = origin.on("/page", Page(b"<p>one</p>"))
    liars = range(20, 20 + k - 1)
    exits.tampered.update({address(liar): Unconditional() for liar in liars})
    async with Session(":memory:", k=k) as session:
        for _ in range(3):
            for turn in (*liars, 0, 1, *liars, 2, 3, 4):
                answer = await session.get(url, proxy=exits.proxy(turn))
                assert (answer.content == FALSE) is (turn in liars)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("one_tag", [False, True])
async def test_page_by_country_is_that_of_the_exit(
    origin: Origin, exits: Exits, mode: dict[str, Any], concurrency: int, *, one_tag: bool
) -> None:
    page = CountryPage(one_tag=one_tag)
    url = origin.on("/page", page)
    turns = [(number, country) for number in range(8) for country in (1, 2, 3)]
    async with Session(":memory:", **mode) as session:
        for version in (1, 1, 2, 2):
            page.version = version
            requests = [Request(url, proxy=exits.proxy(*turn), context=address(*turn)) for turn in turns]
            for answer in await poll(session, requests, concurrency=concurrency):
                assert answer.request is not None
                assert answer.content == page.content(str(answer.request.context))


async def test_central_registry_serves_the_page_of_another_country(origin: Origin, exits: Exits) -> None:
    page = CountryPage(one_tag=True)
    url = origin.on("/page", page)
    async with Session(":memory:", sharing="central") as session:
        answers = [await session.get(url, proxy=exits.proxy(0, country)) for country in (1, 2)]
    assert {answer.content for answer in answers} == {page.content(address(0, 1))}


@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_countries_that_come_one_after_the_other_are_told_apart_by_their_tags(
    origin: Origin, exits: Exits, mode: dict[str, Any]
) -> None:
    page = CountryPage()
    url = origin.on("/page", page)
    async with Session(":memory:", **mode) as session:
        for country, number in product((1, 2, 1, 3), range(5)):
            answer = await session.get(url, proxy=exits.proxy(number, country))
            assert answer.content == page.content(address(number, country))


async def test_one_tag_for_all_countries_is_not_shared_once_two_contents_were_seen(
    origin: Origin, exits: Exits
) -> None:
    page = CountryPage(one_tag=True)
    url = origin.on("/page", page)
    async with Session(":memory:") as session:
        for number in (0, 1):
            await session.get(url, proxy=exits.proxy(number, 1))
        # Nothing tells this one from the others, until it is fetched whole.
        assert (await session.get(url, proxy=exits.proxy(0, 2), full=True)).content == page.content(address(0, 2))
        for number, country in product(range(2, 5), (1, 2, 3)):
            answer = await session.get(url, proxy=exits.proxy(number, country))
            assert answer.content == page.content(address(number, country))
