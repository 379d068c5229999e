"""What a store may keep: `max_size`, `max_age`, and `compact()`, which gives back what became free."""

from __future__ import annotations

import math
import time
from random import Random
from typing import TYPE_CHECKING, Literal

import pytest

from notmodified import Cache, InvalidRequestError, Response, Session, StoreError
from origin import Page
from programs import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from origin import Origin

MIB = 1 << 20


def content(number: int) -> bytes:
    """What page `number` holds."""
    return Random(number).randbytes(40_000)


def url(number: int) -> str:
    """The URL of a page."""
    return f"http://127.0.0.1/{number}"


def feed(cache: Cache, numbers: Iterable[int]) -> None:
    """Have these pages answered whole."""
    for number in numbers:
        cache.plan("GET", url(number)).settle(200, {"ETag": f'"{number}"'}, content(number))


def is_kept(cache: Cache, number: int) -> bool:
    """Is the page there? If so it must be right."""
    plan = cache.plan("GET", url(number))
    if not plan.conditions:
        plan.abandon()
        return False
    assert plan.conditions["if-none-match"] == f'"{number}"'
    settled = plan.settle(304)
    if not isinstance(settled, Response):
        plan.abandon()
        return False
    assert settled.content == content(number)
    return True


def size(store: Path) -> int:
    """Bytes of the store's file."""
    return (store / "data.mdb").stat().st_size


def test_bounded_store_keeps_its_size_and_what_came_last(store: Path) -> None:
    with Cache(str(store), max_size=8 * MIB) as cache:
        for start in range(0, 2500, 100):
            feed(cache, range(start, start + 100))
            # The bound holds at every moment, not only in the end.
            assert size(store) <= 10 * MIB
            if start in {900, 2400}:
                # Uses are noted to the second: within one, nothing is older than the rest.
                time.sleep(1.1)
        feed(cache, range(2560, 2600))
        cache.flush()
        assert size(store) <= 10 * MIB
        assert all(is_kept(cache, number) for number in range(2560, 2600))
        assert not any(is_kept(cache, number) for number in range(1000))
        # Room is made for what comes, and not for nothing.
        assert sum(is_kept(cache, number) for number in range(2600)) * len(content(0)) >= 4 * MIB


def test_bodies_of_all_sizes_do_not_burst_the_bound(store: Path) -> None:
    draw = Random(0)
    with Cache(str(store), max_size=8 * MIB, durability="relaxed") as cache:
        for serial in range(3000):
            body = draw.randbytes(int(math.exp(draw.uniform(math.log(200), math.log(300_000)))))
            number = int(1000 * draw.random() ** 2)
            cache.plan("GET", url(number)).settle(200, {"ETag": f'"{serial}"'}, body)
        cache.flush()
    # What became free lies in pieces that are too small for a large one.
    assert size(store) <= 10 * MIB


@pytest.mark.parametrize("max_size", [MIB, 8 * MIB])
@pytest.mark.parametrize("durability", ["group", "relaxed"])
def test_bounded_store_that_is_fed_faster_than_it_writes_fails_nothing(
    store: Path, max_size: int, durability: Literal["group", "relaxed"]
) -> None:
    draw = Random(0)
    with Cache(str(store), max_size=max_size, durability=durability) as cache:
        for serial in range(1000):
            # What waits to be written is more than there may be.
            body = draw.randbytes(draw.choice((300, 20_000, 250_000)))
            cache.plan("GET", url(serial)).settle(200, {"ETag": '"1"'}, body)
        cache.flush()
        assert cache.stats()["store_errors"] == 0
        assert cache.plan("GET", url(999)).conditions
    assert size(store) <= max_size * 5 // 4


def test_bounded_store_whose_pages_change_fails_nothing_and_stays_filled(store: Path) -> None:
    draw = Random(6)
    fewest = 2000
    with Cache(str(store), max_size=8 * MIB, durability="relaxed") as cache:
        for serial in range(6000):
            body = draw.randbytes(int(math.exp(draw.uniform(math.log(200), math.log(300_000)))))
            number = int(2000 * draw.random() ** 2)
            cache.plan("GET", url(number)).settle(200, {"ETag": f'"{serial}"'}, body)
            if serial % 250 == 249:
                plans = [cache.plan("GET", url(number)) for number in range(2000)]
                fewest = min(fewest, sum(bool(plan.conditions) for plan in plans))
        cache.flush()
        assert cache.stats()["store_errors"] == 0
    # Room is made for what comes, and not by forgetting all that there is.
    assert fewest > 40


def test_page_larger_than_the_store_may_be_is_delivered_all_the_same(origin: Origin, store: Path) -> None:
    program = """
import asyncio, sys
from notmodified import Session
async def main():
    async with Session(sys.argv[2], max_size=4 * 1024 * 1024) as session:
        for _ in range(2):
            response = await session.get(sys.argv[1])
            print(response.status, len(response.content))
            await session.flush()
asyncio.run(main())
"""
    noise = Random(0).randbytes(9_000_000)
    large = origin.on("/large", Page(noise, content_type="application/octet-stream"))
    assert run(program, large, str(store)).output.splitlines() == ["200 9000000"] * 2
    assert size(store) <= 16 * MIB


def test_store_that_is_too_large_already_shrinks_to_its_bound_and_grows_no_more(store: Path) -> None:
    with Cache(str(store)) as cache:
        feed(cache, range(500))
    before = size(store)
    assert before > 16 * MIB
    with Cache(str(store), max_size=8 * MIB) as cache:
        feed(cache, range(500, 880))
        time.sleep(1.1)
        feed(cache, range(880, 900))
        cache.flush()
        assert size(store) <= before * 1.05
        assert all(is_kept(cache, number) for number in range(880, 900))
        assert not is_kept(cache, 0)


def test_what_was_unused_for_max_age_is_asked_for_anew_and_leaves_the_disk(store: Path) -> None:
    with Cache(str(store), max_age=2.0) as cache:
        feed(cache, range(50))
        cache.flush()
        assert is_kept(cache, 0)
        time.sleep(4.5)
        assert not cache.plan("GET", url(1)).conditions
    whole = (store / "data.mdb").read_bytes()
    assert url(1).encode() not in whole or not _finds(store, 1)


def _finds(store: Path, number: int) -> bool:
    """Is the page there for somebody to whom its age does not matter?"""
    with Cache(str(store)) as cache:
        return is_kept(cache, number)


def test_what_max_age_forgot_is_gone_for_whoever_has_no_max_age(store: Path) -> None:
    with Cache(str(store), max_age=2.0) as cache:
        feed(cache, range(5))
        cache.flush()
        # The writer looks by itself, and no write wakes it.
        time.sleep(6.0)
    assert not any(_finds(store, number) for number in range(5))


@pytest.mark.parametrize("options", [{"max_size": 0}, {"max_size": -1}, {"max_age": -1.0}, {"max_age": float("nan")}])
def test_bound_that_cannot_be_meant_is_refused_by_name(store: Path, options: dict[str, float]) -> None:
    (name,) = options
    for opener in (Cache, Session):
        with pytest.raises(InvalidRequestError, match=name):
            opener(str(store), **options)  # type: ignore[arg-type]


def test_compaction_gives_back_what_became_free_and_changes_nothing_else(store: Path) -> None:
    with Cache(str(store)) as cache:
        feed(cache, range(500))
    with Cache(str(store), max_size=8 * MIB) as cache:
        feed(cache, range(500, 600))
        cache.flush()
    before = size(store)
    with Cache(str(store)) as cache:
        kept = [number for number in range(600) if is_kept(cache, number)]
        assert 0 < len(kept) < 300
        cache.compact()
        assert size(store) < before / 2
        assert [number for number in range(600) if is_kept(cache, number)] == kept
        feed(cache, [1000])
    with Cache(str(store)) as cache:
        assert is_kept(cache, 1000)
        assert [number for number in range(600) if is_kept(cache, number)] == kept


async def test_session_compacts_while_it_is_in_use(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}", Page(content(number))) for number in range(40)]
    async with Session(store) as session:
        async for result in session.get_many(urls):
            assert isinstance(result, Response)
        await session.compact()
        async for result in session.get_many(urls):
            assert isinstance(result, Response)
            assert result.not_modified
            assert result.content == content(int(result.url.rpartition("/")[2]))


def test_what_waits_to_be_written_is_there_after_compaction(store: Path) -> None:
    with Cache(str(store)) as cache:
        feed(cache, range(100))
        cache.compact()
        assert all(is_kept(cache, number) for number in range(100))
    assert _finds(store, 99)


def test_compaction_is_refused_while_another_process_has_the_store_open(store: Path) -> None:
    program = """
import sys
from notmodified import Cache, StoreError
with Cache(sys.argv[1]) as cache:
    try:
        cache.compact()
    except StoreError as error:
        print(error)
    cache.plan("GET", "http://127.0.0.1/after").settle(200, {"ETag": '"1"'}, b"after")
"""
    with Cache(str(store)) as cache:
        feed(cache, range(3))
        cache.flush()
        refusal = run(program, str(store)).output
        assert str(store) in refusal
        assert "process" in refusal
        assert all(is_kept(cache, number) for number in range(3))
        assert cache.plan("GET", "http://127.0.0.1/after").conditions
        # The other has gone.
        cache.compact()
        assert all(is_kept(cache, number) for number in range(3))


def test_compaction_that_is_killed_leaves_a_whole_store(store: Path) -> None:
    program = """
import os, signal, sys, threading, time
from notmodified import Cache
cache = Cache(sys.argv[1])
def kill():
    time.sleep(float(sys.argv[2]))
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill, daemon=True).start()
while True:
    cache.compact()
"""
    with Cache(str(store)) as cache:
        feed(cache, range(100))
    for delay in (0.0, 0.004, 0.009, 0.013, 0.05, 0.1):
        run(program, str(store), str(delay), ends_with=-9)
        with Cache(str(store)) as cache:
            assert all(is_kept(cache, number) for number in range(100))
    # Nothing of what it had begun stays on the disk for good.
    assert not [path for path in store.iterdir() if path.is_dir()]


def test_memory_store_is_compact_already(tmp_path: Path) -> None:
    with Cache(":memory:") as cache:
        feed(cache, range(3))
        cache.compact()
        assert is_kept(cache, 2)
    assert list(tmp_path.iterdir()) == []


def test_compaction_without_room_for_the_copy_is_told_and_the_store_goes_on(store: Path) -> None:
    program = """
import resource, sys
from notmodified import Cache, StoreError
with Cache(sys.argv[1]) as cache:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        cache.compact()
    except StoreError as error:
        print(sys.argv[1] in str(error))
    print(bool(cache.plan("GET", "http://127.0.0.1/99").conditions))
"""
    with Cache(str(store)) as cache:
        feed(cache, range(100))
    assert run(program, str(store)).output.splitlines() == ["True", "True"]
    assert _finds(store, 50)
    assert not [path for path in store.iterdir() if path.is_dir()]


def test_closed_cache_is_not_compacted(store: Path) -> None:
    cache = Cache(str(store))
    cache.close()
    with pytest.raises((StoreError, RuntimeError)):
        cache.compact()
