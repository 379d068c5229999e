"""What a warm Scrapy crawl costs: without a cache, with a dictionary by hand, with Scrapy's own cache, with ours.

Each crawl is a process of its own; the first one of each cache fills it, the others take turns. Beside their CPU: what
the origin sent once more, of pages with other directives too; and how long our store keeps the event loop, also when
nothing of it is in memory.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contender import Contender, Cost, Running
from bench.pages import Case
from bench.requests_table import median
from bench.table import table

if TYPE_CHECKING:
    from bench.pages import Website

NONE, BY_HAND, SCRAPYS, OURS = "no cache", "dict middleware", "HttpCacheMiddleware", "notmodified"
# As `contenders/crawl.py` calls them.
CACHES = {NONE: "none", BY_HAND: "dict", SCRAPYS: "httpcache", OURS: "notmodified"}
PLAIN = Case(20, "plain")
DIRECTIVES = ["no-cache", "private"]
# So many tell what is sent once more of pages with such a directive.
FEW = 200
IN_MEMORY, ON_DISK, IN_PLACE = "in memory", "on the disk", "on the disk, read in place"
# How a timed crawl finds its store, and as what `contenders/crawl.py` runs it.
STATES = {IN_MEMORY: "timed", ON_DISK: "timed", IN_PLACE: "in-place"}


@dataclass(frozen=True, slots=True)
class LoopTime:
    """Seconds in which the store keeps the loop: of a page, by CPU and by the clock, and the longest at a time."""

    cpu: float
    wall: float
    longest: float


@dataclass(slots=True)
class Crawls:
    """What was measured."""

    pages: int
    # Of one page, by cache.
    costs: dict[str, Cost] = field(default_factory=dict)
    # Body bytes that the origin sent to a warm crawl, of one page, by directive and cache.
    sent: dict[str, dict[str, float]] = field(default_factory=dict)
    # By where the store lies.
    loop: dict[str, LoopTime] = field(default_factory=dict)

    def ratio(self, name: str, other: str) -> float:
        """CPU beside that of another."""
        return self.costs[name].cpu / self.costs[other].cpu

    def sent_to(self, name: str) -> float:
        """Body bytes of one page at most, whatever its directive."""
        return max(sent[name] for sent in self.sent.values())

    def table(self) -> str:
        """CPU, and what was sent."""
        rows = [
            [
                name,
                f"{cost.cpu * 1e6:,.0f}",
                f"{self.ratio(name, NONE):.3f}",
                f"{self.ratio(name, BY_HAND):.3f}",
                *(f"{sent[name]:,.0f}" for sent in self.sent.values()),
            ]
            for name, cost in self.costs.items()
        ]
        bodies = [f"body bytes, {directive}" for directive in self.sent]
        return table(["", "µs per page", f"beside {NONE}", f"beside {BY_HAND}", *bodies], rows)

    def loop_table(self) -> str:
        """What the store takes of the event loop."""
        rows = [
            [where, *(f"{seconds * 1e6:,.1f}" for seconds in (time.cpu, time.wall, time.longest))]
            for where, time in self.loop.items()
        ]
        return table(["store", "CPU µs per page", "µs by the clock", "longest at a time"], rows)


def measure(site: Website, count: int, rounds: int) -> Crawls:
    """Crawl in turns."""
    crawls = Crawls(count)
    pages = site.publish(PLAIN, count)
    with tempfile.TemporaryDirectory() as directory:
        crawls.costs, crawls.sent["max-age=0"] = _costs(site, pages, Path(directory), count, rounds)
        # The last one left its store there, filled.
        crawls.loop = _loop_times(pages, Path(directory), rounds)
    for directive in DIRECTIVES:
        few = min(count, FEW)
        pages = site.publish(Case(PLAIN.kilobytes, PLAIN.coding, directive), few)
        with tempfile.TemporaryDirectory() as directory:
            _, crawls.sent[directive] = _costs(site, pages, Path(directory), few, 1)
    return crawls


def _costs(
    site: Website, pages: Path, directory: Path, count: int, rounds: int
) -> tuple[dict[str, Cost], dict[str, float]]:
    """CPU of one page, and its bytes, by cache."""
    costs: dict[str, list[Cost]] = {name: [] for name in CACHES}
    sent: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name, cache in CACHES.items():
            site.forget_log()
            cost = _crawl(name, cache, pages, directory, count)
            if turn > 0:
                costs[name].append(cost)
                sent[name] = site.count_bytes(count) / count
                # What a cache cannot do without is told, not refused; but these two ask every time, and get 304s.
                if name in {BY_HAND, OURS} and sent[name]:
                    raise AssertionError(f"{name}: of {count} unchanged pages, nginx sent {sent[name]} bytes each")
    return {name: median(measured) for name, measured in costs.items()}, sent


def _loop_times(pages: Path, directory: Path, rounds: int) -> dict[str, LoopTime]:
    measured: dict[str, list[LoopTime]] = {where: [] for where in STATES}
    for _ in range(rounds):
        for where, cache in STATES.items():
            if where != IN_MEMORY:
                _evict(directory / "notmodified" / "data.mdb")
            with _running(where, cache, pages, directory) as running:
                told = running.hear()
                measured[where].append(LoopTime(told["loop_cpu"], told["loop_wall"], told["loop_longest"]))
    return {
        where: LoopTime(
            *(statistics.median(getattr(one, name) for one in times) for name in ("cpu", "wall", "longest"))
        )
        for where, times in measured.items()
    }


def _evict(file: Path) -> None:
    """Let nothing of it be in memory, as after a start of the machine."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        # What is not written yet would stay. (A tmpfs has nothing but memory: all of it stays.)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _crawl(name: str, cache: str, pages: Path, directory: Path, count: int) -> Cost:
    with _running(name, cache, pages, directory) as running:
        return running.cost(count)


def _running(name: str, cache: str, pages: Path, directory: Path) -> Running:
    contender = Contender(name, (sys.executable, "-m", "bench.contenders.crawl"))
    return Running(contender, directory, str(pages), str(directory), cache)
