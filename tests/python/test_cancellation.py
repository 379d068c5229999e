"""Cancelling the task cancels the request, up to the connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Gate, Page, Reply, endless, hang_before_reply, hang_in_body, hang_in_headers, held

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Handler, Origin

HANGING = {
    "before-reply": hang_before_reply,
    "in-headers": hang_in_headers,
    "in-body": hang_in_body(),
    "in-chunks": hang_in_body(chunked=True),
    "endless": endless(),
}


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:", max_body=1 << 40) as opened:
        yield opened


@pytest.mark.every_loop
@pytest.mark.parametrize("handler", HANGING.values(), ids=HANGING.keys())
async def test_cancelled_task_closes_the_connection(session: Session, origin: Origin, handler: Handler) -> None:
    task = asyncio.create_task(session.get(origin.on("/hang", handler)))
    await origin.eventually(lambda: len(origin.log) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await origin.eventually(lambda: origin.open_connections == 0)
    assert not origin.last.finished


@pytest.mark.every_loop
async def test_wait_for_that_runs_out_closes_the_connection(session: Session, origin: Origin) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(session.get(origin.on("/hang", hang_before_reply)), 0.1)
    await origin.eventually(lambda: origin.open_connections == 0 and len(origin.log) == 1)


async def test_cancelled_request_stores_nothing(session: Session, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    origin.on("/page.html", hang_in_body())
    task = asyncio.create_task(session.get(url))
    await origin.eventually(lambda: bool(origin.log) and origin.last.sent > 0)
    task.cancel()
    await asyncio.wait({task})
    origin.on("/page.html", page)
    assert (await session.get(url)).outcome == "new"


async def test_cancelled_request_gives_its_place_back(origin: Origin) -> None:
    async with Session(":memory:", concurrency=1) as session:
        for _ in range(3):
            before = len(origin.log)
            task = asyncio.create_task(session.get(origin.on("/hang", hang_before_reply)))
            await origin.eventually(lambda: len(origin.log) == before + 1)  # noqa: B023 - waited for within the turn
            task.cancel()
            await asyncio.wait({task})
        response = await asyncio.wait_for(session.get(origin.on("/page.html", Page(b"one"))), 5.0)
        assert response.content == b"one"


async def test_task_cancelled_before_its_turn_sends_nothing(session: Session, origin: Origin) -> None:
    await session.open()
    task = asyncio.create_task(session.get(origin.on("/page.html", Page(b"one"))))
    task.cancel()
    await asyncio.wait({task})
    await session.get(origin.on("/other.html", Page(b"two")))
    assert [request.path for request in origin.log] == ["/other.html"]


async def test_request_waiting_for_a_place_is_cancelled_without_being_sent(origin: Origin) -> None:
    gate = Gate()
    async with Session(":memory:", concurrency=1) as session:
        first = asyncio.create_task(session.get(origin.on("/slow", held(gate, Page(b"slow")))))
        await origin.eventually(lambda: len(origin.log) == 1)
        second = asyncio.create_task(session.get(origin.on("/never", Page(b"never"))))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait({second})
        gate.set()
        await first
        await session.get(origin.on("/page.html", Page(b"one")))
    assert [request.path for request in origin.log] == ["/slow", "/page.html"]


async def test_cancelling_a_finished_request_does_nothing(session: Session, origin: Origin) -> None:
    task = asyncio.create_task(session.get(origin.on("/page.html", Page(b"one"))))
    response = await task
    assert not task.cancel()
    assert response.content == b"one"


async def test_many_cancelled_requests_leave_the_session_in_order(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Reply(200, [("ETag", '"1"')], b"one", delay=0.01))
    for turn in range(5):
        tasks = [asyncio.create_task(session.get(f"{url}?{turn}-{number}")) for number in range(20)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [result for result in results[1::2] if isinstance(result, BaseException)]
    assert (await session.get(url)).content == b"one"
