"""What the contenders share: the pages, the rounds they are told to run, and what a round cost.

    PAGES CONCURRENCY LOOP DIRECTORY ─▶ first visit, 200s ─▶ settings ─▶ "read 2000" ─▶ one round, 304s ─▶ its cost ─▶ …

A round is timed from its first request to its last: starting up and the first visit cost nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import uvloop
from xxhash import xxh3_64_intdigest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

Get: TypeAlias = "Callable[[str, bool], Awaitable[bytes | None]]"
"""Asks for a page with the validator of the last time; the content is handed over where it is to be read."""

Visit: TypeAlias = "Callable[[Round], Awaitable[None]]"
"""Asks for all pages of a round."""


@dataclass(frozen=True, slots=True)
class Task:
    """The command line: what to ask for, and how."""

    # URL, and the hash of its content.
    pages: dict[str, int]
    concurrency: int
    loop: str
    # For whatever a contender keeps on the disk.
    directory: Path

    @classmethod
    def of_command_line(cls) -> Task:
        """Read it."""
        file, concurrency, loop, directory = sys.argv[1:]
        lines = (line.split() for line in Path(file).read_text(encoding="utf-8").splitlines())
        return cls({url: int(digest) for url, digest in lines}, int(concurrency), loop, Path(directory))


@dataclass(slots=True)
class Round:
    """So many requests, over one page after the other."""

    pages: dict[str, int]
    requests: int
    # Are bodies read and their hashes checked?
    read: bool
    wrong: int = 0
    urls: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.urls = itertools.islice(itertools.cycle(self.pages), self.requests)

    def check(self, url: str, content: bytes) -> None:
        """Hash what was delivered, and count it if it is not the page."""
        if xxh3_64_intdigest(content) != self.pages[url]:
            self.wrong += 1


class Stopwatch:
    """Begins when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def tell(self, *, wrong: int, **more: float) -> None:
        """Say what it cost since: user and system time of this process, all threads; and what else was measured."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        tell({"cpu": cpu, "wall": wall, "wrong": wrong, **more})


async def visit_by_tasks(told: Round, get: Get, concurrency: int) -> None:
    """Ask for one page at a time: so many tasks, each taking one page after the other."""

    async def work() -> None:
        for url in told.urls:
            content = await get(url, told.read)
            if content is not None:
                told.check(url, content)

    await asyncio.gather(*(work() for _ in range(concurrency)))


def run(open_client: Callable[[Task], AbstractAsyncContextManager[Get]], settings: str, *packages: str) -> None:
    """Run a contender by tasks."""

    @asynccontextmanager
    async def open_visit(task: Task) -> AsyncIterator[Visit]:
        async with open_client(task) as get:

            async def visit(told: Round) -> None:
                await visit_by_tasks(told, get, task.concurrency)

            yield visit

    run_visits(open_visit, settings, *packages)


def run_visits(open_visit: Callable[[Task], AbstractAsyncContextManager[Visit]], settings: str, *packages: str) -> None:
    """Run a contender that goes through the pages in a way of its own."""
    task = Task.of_command_line()

    async def main() -> None:
        async with open_visit(task) as visit:
            await visit(first_visit(task))
            tell_ready(f"{settings}; {task.loop}", *packages)
            # The loop stands still between two rounds: nothing is under way then.
            for told in rounds(task):
                stopwatch = Stopwatch()
                await visit(told)
                stopwatch.tell(wrong=told.wrong)

    if task.loop == "uvloop":
        uvloop.run(main())
    else:
        asyncio.run(main())


def first_visit(task: Task) -> Round:
    """All pages once."""
    return Round(task.pages, len(task.pages), read=False)


def rounds(task: Task) -> Iterator[Round]:
    """What the benchmark asks for, until it has had enough."""
    for mode, requests in orders():
        yield Round(task.pages, requests, read=mode == "read")


def orders() -> Iterator[tuple[str, int]]:
    """A word and a number each, from the standard input."""
    while line := sys.stdin.readline():
        word, number = line.split()
        yield word, int(number)


def tell_ready(settings: str, *packages: str) -> None:
    """Say that the first order can come, and with what it will be carried out."""
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    tell({"settings": "; ".join(filter(None, (versions, settings)))})


def tell(told: dict[str, object]) -> None:
    """Say it to the benchmark."""
    print(json.dumps(told), flush=True)
