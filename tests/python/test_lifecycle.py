"""A Session belongs to one event loop, is opened once and closed once, and says so."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notmodified import (
    NotModifiedError,
    Session,
    SessionClosedError,
    StoreError,
    WrongEventLoopError,
)
from origin import Gate, Page, hang_before_reply, held

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from origin import Origin


@pytest.mark.every_loop
async def test_get_is_a_coroutine_for_tasks(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:") as session:
        assert inspect.iscoroutinefunction(session.get)
        task = asyncio.create_task(session.get(url))
        assert (await task).content == b"one"
        assert (await asyncio.ensure_future(session.get(url))).not_modified


if sys.version_info >= (3, 11):

    @pytest.mark.every_loop
    async def test_task_group_takes_requests(origin: Origin) -> None:
        urls = [origin.on(f"/{number}", Page(str(number).encode())) for number in range(5)]
        async with Session(":memory:") as session:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(session.get(url)) for url in urls]
            assert [task.result().text for task in tasks] == list("01234")


@pytest.mark.every_loop
async def test_gather_and_wait_for_take_requests(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:") as session:
        first, second = await asyncio.gather(session.get(url + "?1"), asyncio.wait_for(session.get(url + "?2"), 5.0))
    assert (first.content, second.content) == (b"one", b"one")


@pytest.mark.every_loop
async def test_event_loop_goes_on_while_a_request_waits(origin: Origin) -> None:
    gate = Gate()
    async with Session(":memory:") as session:
        waiting = asyncio.create_task(session.get(origin.on("/slow", held(gate, Page(b"slow")))))
        await origin.eventually(lambda: len(origin.log) == 1)
        assert (await session.get(origin.on("/page.html", Page(b"one")))).content == b"one"
        assert not waiting.done()
        gate.set()
        assert (await waiting).content == b"slow"


@pytest.mark.every_loop
async def test_closed_session_says_so(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    session = Session(":memory:")
    await session.get(url)
    await session.close()
    uses: list[Callable[[], Awaitable[object]]] = [lambda: session.get(url), session.open, session.flush]
    for use in uses:
        with pytest.raises(SessionClosedError, match="closed"):
            await use()
    with pytest.raises(SessionClosedError, match="closed"):
        async with session:
            pass


async def test_session_is_closed_twice_without_harm(origin: Origin) -> None:
    session = Session(":memory:")
    await session.get(origin.on("/page.html", Page(b"one")))
    await session.close()
    await session.aclose()


async def test_session_that_was_never_opened_is_closed_without_harm(store: Path) -> None:
    session = Session(store)
    await session.close()
    with pytest.raises(SessionClosedError):
        await session.open()


async def test_closing_at_once_from_two_tasks_is_one_close(origin: Origin) -> None:
    session = Session(":memory:")
    await session.get(origin.on("/page.html", Page(b"one")))
    await asyncio.gather(session.close(), session.close())


async def test_response_is_read_after_the_session_closed(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one " * 5000, gzip=True))
    async with Session(store) as session:
        await session.get(url)
        response = await session.get(url)
    assert response.not_modified
    assert response.text == "one " * 5000


@pytest.mark.every_loop
async def test_closing_ends_what_is_in_flight(origin: Origin) -> None:
    session = Session(":memory:")
    tasks = [asyncio.create_task(session.get(origin.on(f"/{number}", hang_before_reply))) for number in range(3)]
    await origin.eventually(lambda: len(origin.log) == 3)
    await session.close()
    ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5.0)
    assert [type(error) for error in ended] == [SessionClosedError] * 3
    await origin.eventually(lambda: origin.open_connections == 0)


async def test_leaving_the_block_by_an_exception_closes(origin: Origin) -> None:
    async def fail() -> None:
        async with Session(":memory:") as session:
            sessions.append(session)
            await session.get(origin.on("/page.html", Page(b"one")))
            raise LookupError

    sessions: list[Session] = []
    with pytest.raises(LookupError):
        await fail()
    with pytest.raises(SessionClosedError):
        await sessions[0].open()


async def test_open_at_once_from_many_tasks_opens_once(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    session = Session(store)
    try:
        responses = await asyncio.gather(*(session.get(f"{url}?{number}") for number in range(10)))
    finally:
        await session.close()
    assert len(responses) == 10


async def test_cancelled_opening_leaves_a_session_that_can_be_used(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    session = Session(store)
    task = asyncio.create_task(session.get(url))
    await asyncio.sleep(0)
    task.cancel()
    try:
        assert (await session.get(url)).content == b"one"
    finally:
        await session.close()


def engines() -> int:
    """Count the threads of sessions that are open."""
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    return names.count("notmodified\n")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_session_closed_while_it_opens_leaves_nothing_open(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))

    async def main() -> None:
        session = Session(store)
        task = asyncio.create_task(session.get(url))
        await asyncio.sleep(0)
        await session.close()
        with pytest.raises(SessionClosedError):
            await task

    before = engines()
    asyncio.run(main())
    assert engines() == before


def test_session_of_another_loop_is_refused(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    first = asyncio.new_event_loop()
    session = Session(":memory:")
    try:
        first.run_until_complete(session.get(url))

        async def use() -> None:
            attempts: list[Callable[[], Awaitable[object]]] = [
                lambda: session.get(url),
                session.open,
                session.flush,
                session.close,
                lambda: anext(session.get_many([url])),
            ]
            for attempt in attempts:
                with pytest.raises(WrongEventLoopError, match="event loop"):
                    await attempt()

        asyncio.run(use())
        assert first.run_until_complete(session.get(url)).not_modified
        first.run_until_complete(session.close())
    finally:
        first.close()


def test_session_of_another_threads_loop_is_refused(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    told: list[BaseException] = []

    async def main() -> None:
        async with Session(":memory:") as session:
            await session.get(url)

            def use() -> None:
                try:
                    asyncio.run(session.get(url))
                except NotModifiedError as error:
                    told.append(error)

            thread = threading.Thread(target=use)
            thread.start()
            await asyncio.to_thread(thread.join)
            assert (await session.get(url)).not_modified

    asyncio.run(main())
    assert [type(error) for error in told] == [WrongEventLoopError]


def test_session_closed_on_its_loop_tells_another_loop_that_it_is_closed(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    session = Session(":memory:")

    async def use() -> None:
        async with session:
            await session.get(url)

    asyncio.run(use())
    with pytest.raises(SessionClosedError):
        asyncio.run(session.get(url))


def test_each_loop_has_a_session_of_its_own(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))

    async def poll() -> str:
        async with Session(store) as session:
            return (await session.get(url)).outcome

    assert [asyncio.run(poll()) for _ in range(3)] == ["new", "not-modified", "not-modified"]


def test_threads_with_a_loop_and_a_session_each_share_a_store(store: Path, origin: Origin) -> None:
    urls = [origin.on(f"/{number}", Page(str(number).encode())) for number in range(4)]
    told: list[str] = []

    async def poll(url: str) -> None:
        async with Session(store) as session:
            told.extend([(await session.get(url)).outcome for _ in range(2)])

    threads = [threading.Thread(target=lambda url=url: asyncio.run(poll(url))) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["new"] * 4 + ["not-modified"] * 4


async def test_store_that_cannot_be_opened_is_told_and_may_be_tried_again(tmp_path: Path, origin: Origin) -> None:
    place = tmp_path / "store"
    place.write_bytes(b"a file")
    session = Session(place)
    with pytest.raises(StoreError, match="store"):
        await session.open()
    place.unlink()
    try:
        assert (await session.get(origin.on("/page.html", Page(b"one")))).outcome == "new"
    finally:
        await session.close()
