"""What one page of an origin taught, for its other pages, for the next process, and for how long it is believed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from notmodified import Session
from servers.apache import Apache
from servers.cases import LONG_AGO
from servers.lighttpd import Lighttpd
from servers.sent import conditions
from servers.squid import Squid

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from proxy import Proxy

ONE = "<p>one</p>\n" * 200
TWO = "<p>two, and longer</p>\n" * 200


async def test_new_pages_begin_where_three_others_ended(serve: Serve, proxy: Proxy) -> None:
    apache = serve(Apache(coding="gzip"))
    urls = [apache.write(f"{number}.html", ONE + str(number), LONG_AGO) for number in range(5)]
    async with Session(":memory:", proxy=proxy.url) as session:
        for url in urls[:3]:
            assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "same-content", "not-modified"]
        for url in urls[3:]:
            assert [(await session.get(url)).outcome for _ in range(2)] == ["new", "not-modified"]
    assert "-gzip" not in (conditions(proxy)[-1].tag or "-gzip")


async def test_next_session_knows_what_was_learned_of_the_origin(serve: Serve, store: Path) -> None:
    apache = serve(Apache(coding="gzip"))
    urls = [apache.write(f"{number}.html", ONE + str(number), LONG_AGO) for number in range(4)]
    async with Session(store) as session:
        for url in urls[:3]:
            for _ in range(2):
                await session.get(url)
    async with Session(store) as session:
        assert [(await session.get(urls[3])).outcome for _ in range(2)] == ["new", "not-modified"]
        assert [(await session.get(url)).outcome for url in urls[:3]] == ["not-modified"] * 3


async def test_below_the_tag_the_page_is_fetched_whole_now_and_then(serve: Serve, proxy: Proxy) -> None:
    origin = serve(Lighttpd())
    origin.write("page.html", ONE, LONG_AGO)
    url = f"{serve(Squid(origin.port)).url}/page.html"
    async with Session(":memory:", proxy=proxy.url) as session:
        outcomes = [(await session.get(url)).outcome for _ in range(42)]
    whole = [number for number, outcome in enumerate(outcomes) if outcome != "not-modified"]
    assert whole[:2] == [0, 1]
    assert len(whole) == 4
    assert max(later - earlier for earlier, later in itertools.pairwise(whole)) == 20


async def test_other_client_of_one_store_is_not_told(serve: Serve, store: Path) -> None:
    """An origin could teach each client another lesson, and know it again by it."""
    apache = serve(Apache(coding="gzip"))
    urls = [apache.write(f"{number}.html", ONE + str(number), LONG_AGO) for number in range(4)]
    async with Session(store, identity="one") as session:
        for url in urls[:3]:
            for _ in range(2):
                await session.get(url)
    async with Session(store, identity="other") as session:
        assert [(await session.get(urls[3])).outcome for _ in range(3)] == ["new", "same-content", "not-modified"]
