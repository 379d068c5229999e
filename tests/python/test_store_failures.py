"""A store that fails while it is in use: the page comes all the same, unless the caller is strict."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from origin import Page
from programs import run

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

# No file of the process may grow beyond what it is, as on a disk that is full.
BEGIN = """
import asyncio, resource, sys
from notmodified import Cache, Session, StoreError

def fill_the_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
"""
TOLERANT = """
async def main():
    async with Session(sys.argv[2], consumer="prices") as session:
        await session.flush()
        fill_the_disk()
        response = await session.get(sys.argv[1])
        print(response.status, len(response.content), response.changed)
        try:
            await session.flush()
        except StoreError as error:
            print("flush", "store" in str(error))
        print(session.stats()["store_errors"] > 0, session.stats()["last_store_error"] is not None)
        again = await session.get(sys.argv[1])
        print(again.status, len(again.content), again.changed)
        try:
            await session.close()
        except StoreError:
            pass
asyncio.run(main())
"""
STRICT = """
async def main():
    session = Session(sys.argv[2], strict=True)
    await session.open()
    fill_the_disk()
    try:
        for number in range(100):
            await session.get(f"{sys.argv[1]}?{number}")
            await session.flush()
    except StoreError as error:
        print("told")
    try:
        await session.close()
    except StoreError:
        pass
asyncio.run(main())
"""


@pytest.fixture
def large(origin: Origin) -> str:
    """Serve a page that does not fit on the disk, and cannot be pressed."""
    noise = Random(0).randbytes(2_000_000)
    return origin.on("/page.html", Page(noise, content_type="application/octet-stream"))


def test_full_disk_costs_no_page_and_is_counted(large: str, store: Path) -> None:
    lines = run(BEGIN + TOLERANT, large, str(store)).output.splitlines()
    assert lines == ["200 2000000 True", "flush True", "True True", "200 2000000 True"]


def test_full_disk_is_told_to_a_strict_caller(large: str, store: Path) -> None:
    assert run(BEGIN + STRICT, large, str(store)).output == "told\n"


def test_store_whose_disk_was_full_can_be_used_again(large: str, origin: Origin, store: Path) -> None:
    run(BEGIN + TOLERANT, large, str(store))
    url = origin.on("/small.html", Page(b"one"))
    program = """
async def main():
    async with Session(sys.argv[2]) as session:
        print([(await session.get(url)).outcome.value for url in (sys.argv[1], sys.argv[1])])
asyncio.run(main())
"""
    assert run(BEGIN + program, url, str(store)).output == "['new', 'not-modified']\n"
