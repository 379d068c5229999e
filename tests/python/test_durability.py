"""What flush() and close() confirm is on the disk when they return: read from the system calls, not believed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from system_calls import traced

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")

BEGIN = """
import asyncio, os, random, sys, time
from notmodified import Cache, Session

def mark(name):
    os.write(1, f"MARK {name}\\n".encode())

def settle(cache, numbers):
    for number in numbers:
        body = random.randbytes(20_000)
        cache.plan("GET", f"http://127.0.0.1/{number}").settle(200, {"ETag": f'"{number}"'}, body)
"""

CONFIRM = {
    "cache-flush": """
with Cache(sys.argv[1], durability=sys.argv[2]) as cache:
    mark("begin")
    settle(cache, range(50))
    time.sleep(0.3)
    mark("flush")
    settle(cache, range(50))
    cache.flush()
    mark("confirmed")
""",
    "cache-close": """
cache = Cache(sys.argv[1], durability=sys.argv[2])
mark("begin")
settle(cache, range(50))
time.sleep(0.3)
mark("flush")
settle(cache, range(50))
cache.close()
mark("confirmed")
""",
    "session-flush": """
async def main():
    async with Session(sys.argv[1], durability=sys.argv[2]) as session:
        with Cache(sys.argv[1]) as cache:
            mark("begin")
            settle(cache, range(50))
            await asyncio.sleep(0.3)
            mark("flush")
            settle(cache, range(50))
            await session.flush()
            mark("confirmed")
asyncio.run(main())
""",
    "session-close": """
async def main():
    async with Session(sys.argv[1], durability=sys.argv[2]):
        mark("begin")
        with Cache(sys.argv[1]) as cache:
            settle(cache, range(50))
            await asyncio.sleep(0.3)
            mark("flush")
            settle(cache, range(50))
    mark("confirmed")
asyncio.run(main())
""",
}


@pytest.mark.parametrize("durability", ["group", "relaxed"])
@pytest.mark.parametrize("name", CONFIRM)
def test_what_was_confirmed_is_synced_before(store: Path, tmp_path: Path, name: str, durability: str) -> None:
    trace = traced(BEGIN + CONFIRM[name], store / "data.mdb", tmp_path / "trace", str(store), durability)
    assert trace.between("write", "begin", "confirmed")
    assert trace.unsynced("confirmed") == []


def test_relaxed_store_is_synced_by_flush_alone(store: Path, tmp_path: Path) -> None:
    data, output = store / "data.mdb", tmp_path / "trace"
    relaxed = traced(BEGIN + CONFIRM["cache-flush"], data, output, str(store), "relaxed")
    assert relaxed.between("write", "begin", "flush")
    assert relaxed.between("sync", "begin", "flush") == []
    assert relaxed.between("sync", "flush", "confirmed")


def test_each_group_of_a_durable_store_is_synced_unasked(store: Path, tmp_path: Path) -> None:
    trace = traced(BEGIN + CONFIRM["cache-flush"], store / "data.mdb", tmp_path / "trace", str(store), "group")
    assert trace.between("sync", "begin", "flush")
    assert trace.unsynced("flush") == []


def test_names_in_the_directory_are_synced_when_the_store_is_made(store: Path, tmp_path: Path) -> None:
    trace = traced(BEGIN + CONFIRM["cache-flush"], store, tmp_path / "trace", str(store), "group")
    assert any(call.kind == "sync" for call in trace.calls)
