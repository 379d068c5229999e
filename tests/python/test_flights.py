"""Equal requests under way at once are one flight, which lasts as long as anybody waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import IncompleteBodyError, Request, Session
from origin import Gate, Page, cut, hang_before_reply, held

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from notmodified import Response
    from origin import Origin


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


async def boarded(session: Session, *requests: Request) -> list[asyncio.Task[Response]]:
    """Send all of them, and let their tasks begin."""
    await session.open()
    tasks = [asyncio.create_task(session.send(request)) for request in requests]
    await asyncio.sleep(0)
    return tasks


@pytest.mark.every_loop
async def test_equal_requests_at_once_are_one_at_the_origin(session: Session, origin: Origin) -> None:
    gate = Gate()
    url = origin.on("/page.html", held(gate, Page(b"one")))
    requests = [Request(url, context=number) for number in range(8)]
    tasks = await boarded(session, *requests)
    gate.set()
    responses = await asyncio.gather(*tasks)
    assert [response.content for response in responses] == [b"one"] * 8
    assert [response.request for response in responses] == requests
    assert len(origin.log) == 1
    assert session.stats()["coalesced"] == 7


async def test_request_after_the_landing_is_a_flight_of_its_own(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    await session.get(url)
    assert (await session.get(url)).not_modified
    assert (len(origin.log), session.stats()["coalesced"]) == (2, 0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"headers": {"X-A": "1"}}),
        ({"headers": {"X-A": "1"}}, {"headers": {"X-A": "2"}}),
        ({}, {"identity": "a"}),
        ({}, {"method": "HEAD"}),
        ({}, {"timeout": 30.0}),
        ({"method": "POST", "content": b"x"}, {"method": "POST", "content": b"x"}),
        ({"method": "DELETE"}, {"method": "DELETE"}),
        ({"content": b"x"}, {"content": b"x"}),
    ],
    ids=str,
)
async def test_requests_that_differ_or_are_unsafe_are_not_shared(
    session: Session, origin: Origin, first: dict[str, Any], second: dict[str, Any]
) -> None:
    gate = Gate()
    url = origin.on("/page.html", held(gate, Page(b"one")))
    tasks = await boarded(session, Request(url, **first), Request(url, **second))
    await origin.eventually(lambda: len(origin.log) == 2)
    gate.set()
    await asyncio.gather(*tasks)


async def test_others_stay_aboard_when_the_first_leaves(session: Session, origin: Origin) -> None:
    gate = Gate()
    url = origin.on("/page.html", held(gate, Page(b"one")))
    first, second, third = await boarded(session, *[Request(url)] * 3)
    await origin.eventually(lambda: len(origin.log) == 1)
    first.cancel()
    third.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.set()
    assert (await second).content == b"one"
    assert third.cancelled()
    assert len(origin.log) == 1


async def test_flight_ends_when_the_last_leaves(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", hang_before_reply)
    tasks = await boarded(session, *[Request(url)] * 3)
    await origin.eventually(lambda: len(origin.log) == 1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await origin.eventually(lambda: origin.open_connections == 0)


async def test_request_after_everybody_left_is_a_flight_of_its_own(session: Session, origin: Origin) -> None:
    gate = Gate()
    url = origin.on("/page.html", held(gate, Page(b"one")))
    (task,) = await boarded(session, Request(url))
    await origin.eventually(lambda: len(origin.log) == 1)
    task.cancel()
    again = asyncio.create_task(session.get(url))
    await origin.eventually(lambda: len(origin.log) == 2)
    gate.set()
    assert (await again).content == b"one"
    assert task.cancelled()


async def test_error_is_everybodys_with_each_ones_request(session: Session, origin: Origin) -> None:
    gate = Gate()
    url = origin.on("/page.html", held(gate, cut(b"0123456789", 4)))
    requests = [Request(url, context=number) for number in range(3)]
    tasks = await boarded(session, *requests)
    gate.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in errors] == [IncompleteBodyError] * 3
    assert [error.request for error in errors if isinstance(error, IncompleteBodyError)] == requests
    assert len({id(error) for error in errors}) == 3
