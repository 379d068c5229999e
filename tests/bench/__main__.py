"""Measures what a request costs on loopback: `make bench`. Numbers compare within one run only; no gate reads them.

A real nginx serves the pages; CPU time is that of this process alone, wall time is shared with nginx.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import notmodified
from nginx import Nginx

if TYPE_CHECKING:
    from collections.abc import Awaitable

PAGES = 500
PAGE_BYTES = 20_000
ROUNDS = 10
CONCURRENCY = 64


async def measure(store: str, urls: list[str]) -> None:
    """Visit all pages for the first time, again and again, and at last one by one."""
    async with notmodified.Session(store, concurrency_per_host=CONCURRENCY) as session:
        await timed("first visit, 200s", len(urls), visit(session, urls, rounds=1))
        await timed(f"{CONCURRENCY} at a time, 304s", ROUNDS * len(urls), visit(session, urls, rounds=ROUNDS))
        await timed("one by one, 304s", len(urls), visit_one_by_one(session, urls))


async def visit(session: notmodified.Session, urls: list[str], *, rounds: int) -> None:
    """Ask for all pages so many times, many at a time."""
    for _ in range(rounds):
        async for _result in session.get_many(urls, concurrency=CONCURRENCY, errors="raise"):
            pass


async def visit_one_by_one(session: notmodified.Session, urls: list[str]) -> None:
    """Ask for one page after the other."""
    for url in urls:
        await session.get(url)


async def timed(name: str, requests: int, work: Awaitable[None]) -> None:
    """Print one row of the table."""
    begun, cpu = time.perf_counter(), cpu_seconds()
    await work
    seconds, cpu = time.perf_counter() - begun, cpu_seconds() - cpu
    print(f"  {name:<30}{requests:>9,}{requests / seconds:>12,.0f}{cpu / requests * 1e6:>14.1f}")


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Serve, measure, print."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        (directory / "site").mkdir()
        with Nginx(directory / "site", directory / "nginx") as nginx:
            words = "".join(f"<p>{number}</p>" for number in range(PAGE_BYTES // 12))
            urls = [nginx.write(f"{number}.html", f"<h1>{number}</h1>{words}") for number in range(PAGES)]
            for name, store in (("LMDB", str(directory / "store")), ("memory", ":memory:")):
                print(f"{name:<32}{'requests':>9}{'per second':>12}{'CPU µs each':>14}")
                asyncio.run(measure(store, urls))


if __name__ == "__main__":
    main()
