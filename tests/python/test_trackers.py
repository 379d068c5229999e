"""Origins that tell clients apart by validators are told, with what shows it; those that do not are not."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, request
from notmodified import Request, Session
from origin import Page, Reply
from proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from origin import Handler, Origin
    from origin import Request as Received

    Tagging = Callable[[int], list[tuple[str, str]]]

BODY = b"<html>one</html>"


def numbered(tagging: Tagging) -> Handler:
    """Answer each request whole, with the fields that belong to its number."""
    numbers = itertools.count()
    return lambda _: Reply(headers=[("Content-Type", "text/html"), *tagging(next(numbers))], body=BODY)


def tag(number: int) -> list[tuple[str, str]]:
    """One for each client."""
    return [("ETag", f'"client-{number}"')]


def weak_tag(number: int) -> list[tuple[str, str]]:
    """The same, weak."""
    return [("ETag", f'W/"client-{number}"')]


def date(number: int) -> list[tuple[str, str]]:
    """A date for each client."""
    return [("Last-Modified", f"Sun, 06 Nov 1994 08:{number:02}:37 GMT")]


def tag_of_machine(number: int) -> list[tuple[str, str]]:
    """One for each of three machines."""
    return [("ETag", f'"machine-{number % 3}"')]


async def seen(origin: Origin, tagging: Tagging, *, exits: int = 8, pages: int = 3, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    """Give what a session says of tracking after so many exits asked for so many pages."""
    urls = [origin.on(f"/{number}.html", numbered(tagging)) for number in range(pages)]
    async with Session(":memory:", **options) as session:
        for number in range(exits):
            for url in urls:
                await session.send(Request(url, identity=f"exit-{number}"))
        told: dict[str, Any] = session.stats()["tracking"]
        return told


@pytest.mark.parametrize("tagging", [tag, weak_tag, date])
async def test_validator_for_each_client_is_told_with_its_host(origin: Origin, tagging: Tagging) -> None:
    host = f"127.0.0.1:{origin.port}"
    assert await seen(origin, tagging) == {host: {"urls": 3, "validators": 8, "exits": 8}}


async def test_no_validator_of_a_tracker_is_in_what_is_told(origin: Origin) -> None:
    assert "client-" not in repr(await seen(origin, tag))


async def test_three_exits_are_too_few_to_tell(origin: Origin) -> None:
    assert await seen(origin, tag, exits=3) == {}


async def test_tag_for_each_machine_is_not_told(origin: Origin) -> None:
    assert await seen(origin, tag_of_machine, exits=20) == {}


async def test_last_modified_that_is_the_time_of_the_answer_is_not_told(origin: Origin) -> None:
    def clock(number: int) -> list[tuple[str, str]]:
        now = f"Sun, 06 Nov 1994 08:{number:02}:37 GMT"
        return [("Date", now), ("Last-Modified", now)]

    assert await seen(origin, clock) == {}


async def test_one_client_that_is_given_another_tag_each_time_is_not_told(origin: Origin) -> None:
    url = origin.on("/page.html", numbered(tag))
    async with Session(":memory:") as session:
        for _ in range(10):
            await session.get(url)
        assert session.stats()["tracking"] == {}


async def test_tag_that_changes_with_the_content_is_not_told(origin: Origin) -> None:
    page = Page(BODY)
    url = origin.on("/page.html", page)
    async with Session(":memory:") as session:
        for number in range(12):
            page.content = BODY + str(number).encode()
            await session.send(Request(url, identity=f"exit-{number}"))
        assert session.stats()["tracking"] == {}


@pytest.mark.parametrize("sharing", ["isolated", "central"])
async def test_where_exits_are_not_compared_nothing_is_told(origin: Origin, sharing: str) -> None:
    assert await seen(origin, tag, sharing=sharing) == {}


async def test_more_exits_clear_whom_few_made_suspicious(origin: Origin) -> None:
    """Four exits met four machines; the fifth came to one of these."""
    url = origin.on("/page.html", numbered(lambda number: [("ETag", f'"{number % 4}"')]))
    async with Session(":memory:") as session:
        for number in range(4):
            await session.send(Request(url, identity=f"exit-{number}"))
        assert len(session.stats()["tracking"]) == 1
        await session.send(Request(url, identity="exit-4"))
        assert session.stats()["tracking"] == {}


@pytest.mark.usefixtures("environment")
def test_crawl_counts_and_names_hosts_that_track(origin: Origin, store: Path) -> None:
    numbers = itertools.count()

    def answer(_: Received) -> Reply:
        return Reply(headers=[("Content-Type", "text/html"), *tag(next(numbers))], body=BODY)

    url = origin.on("/page.html", answer)
    with Proxy() as proxy:
        by = [f"http://user-{number}:secret@127.0.0.1:{proxy.port}" for number in range(5)]
        crawled = crawl([request(url, dont_filter=True, meta={"proxy": one}) for one in by], store=store)
    assert crawled.stats["notmodified/tracking_hosts"] == 1
    (line,) = crawled.said("WARNING", f"127.0.0.1:{origin.port} tells clients apart")
    assert "5 of them for one content, given to 5 exits, on 1 pages" in line
    assert "client-" not in line
