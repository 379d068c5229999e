"""What of a store is not in memory is read by another thread, while the event loop goes on."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import notmodified
from notmodified.scrapy import waiting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGES = 200
URLS = [f"http://origin.example/{number}.html" for number in range(PAGES)]
# More than a store does at hand.
LARGE = 1_000_000
# Some pages of the system, so that most bodies lie apart from the records that are looked up.
LENGTH = 50_000


class CountedThreads(ThreadPoolExecutor):
    """The event loop's other threads, counting what they are given to do."""

    given = 0

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Count."""
        self.given += 1
        return super().submit(call, *arguments, **options)


def with_counted_threads() -> CountedThreads:
    """Let the running loop use some."""
    threads = CountedThreads(max_workers=4)
    asyncio.get_running_loop().set_default_executor(threads)
    return threads


def content(url: str, length: int = LENGTH) -> bytes:
    """Give what is served there, of which no two URLs have the same."""
    return url.encode().ljust(length, b".")


def fields(url: str) -> list[tuple[bytes, bytes]]:
    """Give the validator that is served there."""
    return [(b"ETag", f'"{url}"'.encode())]


def store_page(cache: notmodified.Cache, url: str, length: int = LENGTH) -> None:
    """Store it as if it had just been downloaded."""
    cache.plan("GET", url).settle(200, fields(url), content(url, length))


def fill(store: Path) -> None:
    """Store all pages, and close."""
    with notmodified.Cache(store) as cache:
        for url in URLS:
            store_page(cache, url)


def evict(store: Path) -> None:
    """Let no more of the store be in memory than is in use: nothing at all, as after a start, when it is closed."""
    file = os.open(store / "data.mdb", os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


def look_up(cache: notmodified.Cache) -> list[notmodified.Plan]:
    """Plan a request for each page, until the records of all are in memory; that says nothing of their bodies."""
    for _ in range(100):
        plans = [cache.plan("GET", url) for url in URLS]
        if all(plan.at_hand for plan in plans) or cache.at_hand:
            return plans
    raise AssertionError("the store never became warm")


def test_body_that_left_memory_is_read_by_another_thread(tmp_path: Path) -> None:
    fill(tmp_path)

    async def read() -> None:
        threads = with_counted_threads()
        with notmodified.Cache(tmp_path) as cache:
            plans = look_up(cache)
            # What was looked at is in use, and stays.
            evict(tmp_path)
            away = [number for number, plan in enumerate(plans) if not plan.at_hand]
            # On a tmpfs nothing ever leaves memory: TMPDIR has to lie on a disk.
            assert away, "nothing of the store could be evicted: TMPDIR lies in memory"
            url = URLS[away[-1]]

            settled = await waiting.settle(cache.plan("GET", url), 304, fields(url), b"", in_place=False)
            assert isinstance(settled, notmodified.Response)
            assert await waiting.body(settled) == content(url)
            assert threads.given == 1

            assert cache.plan("GET", url).at_hand
            again = await waiting.settle(cache.plan("GET", url), 304, fields(url), b"", in_place=False)
            assert isinstance(again, notmodified.Response)
            assert await waiting.body(again) == content(url)
            assert threads.given == 1

    asyncio.run(read())


def test_store_that_is_opened_warm_is_warm(tmp_path: Path) -> None:
    fill(tmp_path)
    with notmodified.Cache(tmp_path) as cache:
        assert cache.at_hand


def test_store_that_left_memory_is_looked_up_by_another_thread_until_it_is_warm(tmp_path: Path) -> None:
    fill(tmp_path)
    evict(tmp_path)

    async def plan() -> None:
        threads = with_counted_threads()
        with notmodified.Cache(tmp_path) as cache:
            seen = [cache.at_hand]
            for url in URLS:
                assert (await waiting.plan(cache, "GET", url)).conditions.raw
            seen.append(cache.at_hand)
            assert seen == [False, True]
            assert 0 < threads.given < PAGES

    asyncio.run(plan())


def test_large_body_that_was_received_is_read_through_by_another_thread() -> None:
    async def settle() -> None:
        threads = with_counted_threads()
        with notmodified.Cache(":memory:") as cache:
            for url, length, in_place in ((URLS[0], LENGTH, False), (URLS[1], LARGE, True), (URLS[2], LARGE, False)):
                received = content(url, length)
                settled = await waiting.settle(cache.plan("GET", url), 200, fields(url), received, in_place=in_place)
                assert isinstance(settled, notmodified.Response)
                assert settled.stored
        assert threads.given == 1

    asyncio.run(settle())


def test_store_is_closed_by_another_thread_where_that_can_be_awaited(tmp_path: Path) -> None:
    async def close(cache: notmodified.Cache) -> int:
        threads = with_counted_threads()
        await waiting.close(cache)
        return threads.given

    awaited, in_place = (notmodified.Cache(tmp_path / name) for name in ("awaited", "in_place"))

    assert asyncio.run(close(awaited)) == 1
    with pytest.raises(StopIteration):
        waiting.close(in_place).send(None)
    assert (awaited.closed, in_place.closed) == (True, True)


def test_without_a_loop_all_is_read_in_place(tmp_path: Path) -> None:
    fill(tmp_path)
    evict(tmp_path)

    async def read(cache: notmodified.Cache, url: str) -> bytes:
        settled = await waiting.settle(await waiting.plan(cache, "GET", url), 304, fields(url), b"", in_place=False)
        assert isinstance(settled, notmodified.Response)
        return await waiting.body(settled)

    with notmodified.Cache(tmp_path) as cache:
        for url in URLS:
            # As Twisted runs it, where its reactor is not asyncio's.
            with pytest.raises(StopIteration) as ended:
                read(cache, url).send(None)
            assert ended.value.value == content(url)


def test_large_body_is_never_at_hand(tmp_path: Path) -> None:
    url = URLS[0]
    with notmodified.Cache(tmp_path) as cache:
        store_page(cache, url, LARGE)
        cache.flush()
        look_up(cache)

        plan = cache.plan("GET", url)
        # Known to be there, it is not looked at before somebody reads it.
        assert plan.at_hand
        settled = plan.settle(304, fields(url), b"")
        assert isinstance(settled, notmodified.Response)
        assert not settled.at_hand
        assert settled.wire_content == content(url, LARGE)


def test_store_in_memory_is_always_at_hand() -> None:
    with notmodified.Cache(":memory:") as cache:
        assert cache.at_hand
        store_page(cache, URLS[0])
        plan = cache.plan("GET", URLS[0])
        assert plan.at_hand
        settled = plan.settle(304, fields(URLS[0]), b"")
        assert isinstance(settled, notmodified.Response)
        assert settled.at_hand
