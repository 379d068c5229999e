"""How much memory `get_many` takes over URLs without an end."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contender import Cost, Running, module
from bench.table import table

if TYPE_CHECKING:
    from bench.pages import Website

VISITS = ("first visit, 200s", "second visit, 304s")


@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen in one visit."""

    visit: str
    urls: int
    cost: Cost
    # Bytes, at equal distances.
    anonymous: list[int]

    @property
    def most(self) -> int:
        """The highest."""
        return max(self.anonymous)

    @property
    def growth(self) -> float:
        """The last fifth beside the fifth after the first: what a visit begins with is no growth."""
        fifth = len(self.anonymous) // 5
        return sum(self.anonymous[-fifth:]) / sum(self.anonymous[fifth : 2 * fifth])


def measure(site: Website, urls: int) -> list[Memory]:
    """Visit so many URLs twice."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        with Running(module("get_many", "endless"), scratch, site.endless_url, directory) as running:
            running.hear()
            memories = []
            for visit in VISITS:
                cost = running.obey("visit", urls)
                told = running.hear()
                if told["not_modified"] != (0 if visit == VISITS[0] else urls):
                    raise AssertionError(f"{visit}: {told['not_modified']} of {urls} were not modified")
                memories.append(Memory(visit, urls, cost, told["memory"]))
            return memories


def table_of(memories: list[Memory]) -> str:
    """All of it."""
    return table(
        ["", "URLs", "CPU µs", "per s", "most RssAnon, MB", "last fifth beside second"],
        [
            [
                one.visit,
                f"{one.urls:,}",
                f"{one.cost.cpu * 1e6:,.1f}",
                f"{1 / one.cost.wall:,.0f}",
                f"{one.most / 1e6:,.0f}",
                f"{one.growth:.2f}",
            ]
            for one in memories
        ],
    )
