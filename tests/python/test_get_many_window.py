"""`get_many` holds no more than its window, and lets go of it when the loop is left."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import tracemalloc
import weakref
from typing import TYPE_CHECKING

import pytest

from many import contents, pages
from notmodified import (
    ConnectError,
    Response,
    Session,
    SessionClosedError,
)
from origin import Page, Reply, hang_before_reply, refusing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from origin import Origin


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


async def test_window_bounds_what_is_in_flight(session: Session, origin: Origin) -> None:
    most = 0

    def answer(_: object) -> Reply:
        nonlocal most
        most = max(most, sum(not request.finished for request in origin.log))
        return Reply(200, body=b"one", delay=0.01)

    origin.on("/page.html", answer)
    urls = [f"{origin.url}/page.html?{number}" for number in range(12)]
    assert len(await contents(session.get_many(urls, concurrency=3))) == 12
    assert most == 3


async def test_endless_source_is_read_no_further_than_the_window(session: Session, origin: Origin) -> None:
    origin.on("/page.html", Page(b"one"))
    given = itertools.count()

    def endless() -> Iterator[str]:
        for number in given:
            yield f"{origin.url}/page.html?{number}"

    results = session.get_many(endless(), concurrency=4)
    for taken in range(1, 20):
        assert isinstance(await anext(results), Response)
        assert next(given) <= taken + 4 + (taken - 1)
    await results.aclose()


async def test_endless_asynchronous_source_is_read_no_further_than_the_window(session: Session, origin: Origin) -> None:
    origin.on("/page.html", Page(b"one"))
    given = 0

    async def endless() -> AsyncIterator[str]:
        nonlocal given
        while True:
            await asyncio.sleep(0)
            given += 1
            yield f"{origin.url}/page.html?{given}"

    async with session.get_many(endless(), concurrency=4) as results:
        for taken in range(1, 20):
            assert isinstance(await anext(results), Response)
            # One more may have been taken from the source and wait for its place.
            assert given <= taken + 4 + 1


async def test_window_holds_no_results_that_were_handed_out(session: Session, origin: Origin) -> None:
    kept = []
    async for result in session.get_many(pages(origin, 20), concurrency=4):
        assert isinstance(result, Response)
        kept.append(weakref.ref(result))
        del result
        gc.collect()
        assert sum(reference() is not None for reference in kept) <= 1


async def test_endless_source_leaves_nothing_behind(session: Session) -> None:
    results = session.get_many(itertools.repeat("nowhere"), concurrency=4)

    async def memory_after(count: int) -> int:
        for _ in range(count):
            await anext(results)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = await memory_after(100)
        assert await memory_after(5000) - before < 50_000
    finally:
        tracemalloc.stop()


async def test_first_error_is_raised_when_asked_for(session: Session, origin: Origin) -> None:
    hanging = origin.on("/hang", hang_before_reply)

    async def source(port: int) -> AsyncIterator[str]:
        yield hanging
        await origin.eventually(lambda: len(origin.log) == 1)
        yield f"http://127.0.0.1:{port}/"

    with refusing() as port:
        results = session.get_many(source(port), errors="raise")
        with pytest.raises(ConnectError):
            await anext(results)
    await origin.eventually(lambda: origin.open_connections == 0)
    with pytest.raises(StopAsyncIteration):
        await anext(results)


@pytest.mark.every_loop
async def test_leaving_the_loop_cancels_what_is_in_flight(session: Session, origin: Origin) -> None:
    hanging = [origin.on(f"/hang-{number}", hang_before_reply) for number in range(5)]
    async for _ in session.get_many([*hanging, origin.on("/page.html", Page(b"one"))]):
        await origin.eventually(lambda: len(origin.log) == 6)
        break
    gc.collect()
    await origin.eventually(lambda: origin.open_connections <= 1)


async def test_exception_in_the_loop_cancels_what_is_in_flight(session: Session, origin: Origin) -> None:
    hanging = origin.on("/hang", hang_before_reply)

    async def consume() -> None:
        async with session.get_many([hanging, origin.on("/page.html", Page(b"one"))]) as results:
            async for _ in results:
                await origin.eventually(lambda: len(origin.log) == 2)
                raise LookupError

    with pytest.raises(LookupError):
        await consume()
    await origin.eventually(lambda: origin.open_connections <= 1)


async def test_cancelled_task_cancels_what_is_in_flight(session: Session, origin: Origin) -> None:
    urls = [origin.on(f"/hang-{number}", hang_before_reply) for number in range(3)]
    task = asyncio.create_task(contents(session.get_many(urls)))
    await origin.eventually(lambda: len(origin.log) == 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    await origin.eventually(lambda: origin.open_connections == 0)


async def test_leaving_the_loop_closes_an_asynchronous_source(session: Session, origin: Origin) -> None:
    closed = asyncio.Event()

    async def source() -> AsyncIterator[str]:
        try:
            yield origin.on("/page.html", Page(b"one"))
            await asyncio.Event().wait()
        finally:
            closed.set()

    async for _ in session.get_many(source()):
        break
    await asyncio.wait_for(closed.wait(), 5.0)


@pytest.mark.parametrize("is_asynchronous", [False, True])
async def test_failing_source_is_told_after_what_it_gave(
    session: Session, origin: Origin, *, is_asynchronous: bool
) -> None:
    url = origin.on("/page.html", Page(b"one"))

    def source() -> Iterator[str]:
        yield url
        raise LookupError("source")

    async def asynchronous() -> AsyncIterator[str]:
        for item in source():
            yield item

    results = session.get_many(asynchronous() if is_asynchronous else source(), concurrency=1)
    assert isinstance(await anext(results), Response)
    with pytest.raises(LookupError, match="source"):
        await anext(results)


async def test_session_that_closes_ends_the_loop_with_its_error(origin: Origin) -> None:
    session = Session(":memory:")
    results = session.get_many([origin.on("/hang", hang_before_reply)])
    waiting = asyncio.ensure_future(anext(results))
    await origin.eventually(lambda: len(origin.log) == 1)
    await session.close()
    with pytest.raises(SessionClosedError):
        await waiting


async def test_closed_session_gives_nothing(origin: Origin) -> None:
    session = Session(":memory:")
    await session.close()
    with pytest.raises(SessionClosedError):
        await anext(session.get_many(pages(origin, 1)))


async def test_loop_over_many_pages_lets_others_run(session: Session, origin: Origin) -> None:
    urls = pages(origin, 50)
    await contents(session.get_many(urls))
    turns = 0
    stop = threading.Event()

    async def other() -> None:
        nonlocal turns
        while not stop.is_set():
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await contents(session.get_many(urls * 4))
    stop.set()
    await task
    assert turns > 10


async def test_iterator_that_was_closed_is_at_its_end(session: Session, origin: Origin) -> None:
    results = session.get_many(pages(origin, 5))
    await anext(results)
    await results.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(results)
