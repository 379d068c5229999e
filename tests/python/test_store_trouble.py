"""A store in trouble: no room, no permission, something in its way. The page comes, and the error says what to do."""

from __future__ import annotations

import sys
from random import Random
from typing import TYPE_CHECKING

import pytest

from mounts import run_as_stranger, run_on_read_only_disk, run_on_small_disk
from notmodified import Cache, Session, StoreError
from origin import Page, Reply
from programs import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from origin import Origin, Request
    from programs import Ended

MIB = 1 << 20


@pytest.fixture
def pages(origin: Origin) -> list[str]:
    """Serve pages that cannot be pressed, 12 MB together."""
    contents = [Random(number).randbytes(300_000) for number in range(40)]
    kind = "application/octet-stream"
    return [origin.on(f"/{number}", Page(content, content_type=kind)) for number, content in enumerate(contents)]


FULL_DISK = """
import asyncio, os, sys
from notmodified import Session, StoreError

async def main():
    store, *urls = sys.argv[1:]
    ballast = os.path.join(store, "ballast")
    with open(ballast, "wb") as file:
        file.write(bytes(1_000_000))
    async with Session(store) as session:
        async for result in session.get_many(urls):
            assert len(result.content) == 300_000, result
        try:
            await session.flush()
        except StoreError as error:
            print("flush:", error)
        stats = session.stats()
        print("counted:", stats["store_errors"] > 0)
        print("last:", stats["last_store_error"])
        os.unlink(ballast)
        small = await session.get(urls[0].rpartition("/")[0] + "/small")
        await session.flush()
        again = await session.get(small.url)
        print("again:", again.outcome.value)
asyncio.run(main())
"""


def test_full_disk_costs_no_page_and_room_that_is_made_is_used(origin: Origin, pages: list[str], store: Path) -> None:
    store.mkdir()
    origin.on("/small", Page(b"small"))
    flush, counted, last, again = run_on_small_disk(FULL_DISK, store, 3 * MIB, str(store), *pages).output.splitlines()
    for told in (flush, last):
        assert str(store) in told
        assert "space left" in told
    assert counted == "counted: True"
    assert again == "again: not-modified"


def test_full_disk_is_an_error_for_a_strict_caller(pages: list[str], store: Path) -> None:
    program = """
import asyncio, sys
from notmodified import Session, StoreError

async def main():
    store, *urls = sys.argv[1:]
    session = Session(store, strict=True)
    try:
        for url in urls:
            await session.get(url)
            await session.flush()
    except StoreError as error:
        print(isinstance(error, OSError), error)
    try:
        await session.close()
    except StoreError:
        pass
asyncio.run(main())
"""
    store.mkdir()
    told = run_on_small_disk(program, store, 2 * MIB, str(store), *pages).output
    assert told.startswith("True ")
    assert str(store) in told
    assert "space left" in told


def test_disk_that_is_full_from_the_start_is_a_clear_error(store: Path) -> None:
    store.mkdir()
    told = run_on_small_disk(OPEN, store, 4096, str(store)).output
    assert str(store) in told
    assert "space left" in told


OPEN = """
import asyncio, sys
from notmodified import Cache, Session, StoreError

async def main():
    async with Session(sys.argv[1]):
        print("opened")

for use in (lambda: Cache(sys.argv[1]), lambda: asyncio.run(main())):
    try:
        use()
    except StoreError as error:
        print(error)
"""


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "filled"])
@pytest.mark.parametrize("start", [run_as_stranger, run_on_read_only_disk])
def test_store_that_cannot_be_written_to_is_refused_with_a_remedy(
    store: Path, start: Callable[..., Ended], *, is_new: bool
) -> None:
    store.mkdir()
    if not is_new:
        with Cache(str(store)) as cache:
            cache.plan("GET", "http://127.0.0.1/").settle(200, {"ETag": '"1"'}, b"one")
    lines = start(OPEN, store, str(store)).output.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert str(store) in line
        assert "may write to" in line
    # It is as it was: for whoever may, it works.
    with Cache(str(store)) as cache:
        assert bool(cache.plan("GET", "http://127.0.0.1/").conditions) is not is_new


async def test_file_in_the_way_is_refused_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for store in (file, file / "below"):
        with pytest.raises(StoreError, match="give a directory") as caught:
            Cache(str(store))
        assert str(store) in str(caught.value)
        with pytest.raises(StoreError, match="give a directory"):
            await Session(store).open()
    assert file.read_text() == "mine"


def test_directory_in_place_of_the_file_is_refused_with_its_path(store: Path) -> None:
    (store / "data.mdb").mkdir(parents=True)
    with pytest.raises(StoreError, match=str(store)):
        Cache(str(store))


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of address space elsewhere")
def test_store_that_cannot_grow_costs_no_page(origin: Origin, store: Path) -> None:
    program = """
import asyncio, resource, sys
from notmodified import Session, StoreError

def taken():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize"))

async def main():
    store, url = sys.argv[1:]
    # What is held back here is for requests, once the store has taken all the rest.
    held_back = bytearray(30_000_000)
    async with Session(":memory:") as warm:
        await warm.get(url)
        limits = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (taken() + 120_000_000, limits[1]))
        async with Session(store) as session:
            first = await session.get(url + "?first")
            for number in range(1000):
                response = await session.get(f"{url}?{number}")
                assert len(response.content) == 1_000_000
                if number % 4 == 0:
                    try:
                        await session.flush()
                    except StoreError as error:
                        print(error)
                        break
            held_back = None
            for number in range(20):
                assert len((await session.get(f"{url}?more-{number}")).content) == 1_000_000
            print(session.stats()["store_errors"] > 0, session.stats()["last_store_error"])
            again = await session.get(url + "?first")
            assert again.content == first.content
            # What could not be written until now is told here, and not by the next flush.
            try:
                await session.flush()
            except StoreError:
                pass
            resource.setrlimit(resource.RLIMIT_AS, limits)
            await session.get(url + "?last")
            await session.flush()
            print([(await session.get(url + name)).outcome.value for name in ("?first", "?last")])
asyncio.run(main())
"""

    def answer(request: Request) -> Reply:
        tag = f'"{request.query}"'
        if request.get("if-none-match") == tag:
            return Reply(304, [("ETag", tag)])
        return Reply(200, [("ETag", tag)], Random(request.query).randbytes(1_000_000))

    flush, stats, again = run(program, str(store), origin.on("/large", answer)).output.splitlines()
    assert str(store) in flush
    assert "address space" in flush
    assert stats.startswith("True ")
    assert "address space" in stats
    # With room it goes on by itself, and has lost nothing.
    assert again == "['not-modified', 'not-modified']"


def test_store_that_is_removed_while_in_use_costs_no_page(pages: list[str], store: Path) -> None:
    program = """
import asyncio, shutil, sys
from notmodified import Session, StoreError

async def main():
    store, *urls = sys.argv[1:]
    async with Session(store) as session:
        for _ in range(2):
            async for result in session.get_many(urls[:5]):
                assert len(result.content) == 300_000, result
            shutil.rmtree(store, ignore_errors=True)
        try:
            await session.flush()
        except StoreError as error:
            assert store in str(error)
        # Whoever opens it now begins anew.
        async with Session(store) as other:
            print((await other.get(urls[0])).outcome.value)
asyncio.run(main())
"""
    assert run(program, str(store), *pages).output == "new\n"
