"""What a warm Scrapy crawl costs: without a cache, with a dictionary by hand, with Scrapy's own cache, with ours.

Each crawl is a process of its own; the first one of each cache fills it, the others take turns.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contender import Contender, Cost, Running
from bench.requests_table import median
from bench.table import table

if TYPE_CHECKING:
    from bench.pages import Website

NONE, BY_HAND, SCRAPYS, OURS = "no cache", "dict middleware", "HttpCacheMiddleware", "notmodified"
# As `contenders/crawl.py` calls them.
CACHES = {NONE: "none", BY_HAND: "dict", SCRAPYS: "httpcache", OURS: "notmodified"}


class Crawls:
    """What was measured: of one page, by cache."""

    def __init__(self, costs: dict[str, Cost]) -> None:
        self.costs = costs

    def ratio(self, name: str, other: str) -> float:
        """CPU beside that of another."""
        return self.costs[name].cpu / self.costs[other].cpu

    def table(self) -> str:
        """All of it."""
        rows = [
            [name, f"{cost.cpu * 1e6:,.0f}", f"{self.ratio(name, NONE):.2f}", f"{self.ratio(name, BY_HAND):.2f}"]
            for name, cost in self.costs.items()
        ]
        return table(["", "µs per page", f"beside {NONE}", f"beside {BY_HAND}"], rows)


def measure(site: Website, pages: Path, count: int, rounds: int) -> Crawls:
    """Crawl in turns."""
    costs: dict[str, list[Cost]] = {name: [] for name in CACHES}
    with tempfile.TemporaryDirectory() as directory:
        for turn in range(rounds + 1):
            for name, cache in CACHES.items():
                site.forget_log()
                cost = _crawl(name, cache, pages, Path(directory), count)
                is_warm = turn > 0
                expected = 304 if is_warm and name != NONE else 200
                if (seen := site.count(count)) != {expected: count}:
                    raise AssertionError(f"{name}: of {count} requests, nginx answered {dict(seen)}")
                if is_warm:
                    costs[name].append(cost)
    return Crawls({name: median(measured) for name, measured in costs.items()})


def _crawl(name: str, cache: str, pages: Path, directory: Path, count: int) -> Cost:
    contender = Contender(name, (sys.executable, "-m", "bench.contenders.crawl"))
    with Running(contender, directory, str(pages), str(directory), cache) as running:
        return running.cost(count)
