"""The command: reads its arguments, lets each part measure, prints what comes, and writes it down."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import crawls_table, machine, memory_table, stores_table, summary
from bench.contender import ROOT, locked_version
from bench.pages import Case, Website, website
from bench.requests_table import BARE, CONTENDERS, compare

if TYPE_CHECKING:
    from bench.requests_table import Compared
    from bench.summary import Row

REPORT = ROOT / ".build" / "bench.md"
PARTS = ("requests", "stores", "crawls", "memory")


class Report:
    """What is printed as it comes, and written down at the end."""

    def __init__(self) -> None:
        self._sections: list[str] = []
        # Of the table that closes it.
        self.aims: list[Row] = []

    def add(self, title: str, text: str) -> None:
        """A section."""
        self._sections.append(f"## {title}\n\n{text}\n")
        print(self._sections[-1], flush=True)

    def write(self) -> None:
        """Write it down."""
        REPORT.write_text("\n".join(["# Benchmarks\n", *self._sections]), encoding="utf-8")
        print(f"written to {REPORT.relative_to(ROOT)}")


def main() -> None:
    """Measure, print, and write down the same."""
    arguments, report = _arguments(), Report()
    report.add("Machine", machine.describe())
    with tempfile.TemporaryDirectory() as directory, website(Path(directory)) as site:
        report.add("Versions", ", ".join([site.server, *map(locked_version, ("reqwest", "hyper", "tokio"))]))
        if "requests" in arguments.parts:
            _requests(site, arguments, report)
        if "crawls" in arguments.parts:
            _crawls(site, arguments, report)
        if "memory" in arguments.parts:
            memories = memory_table.measure(site, arguments.urls)
            report.add("get_many over generated URLs", memory_table.table_of(memories))
            report.aims += summary.of_memory(memories)
    if "stores" in arguments.parts:
        stores = stores_table.measure(arguments.stores, arguments.rounds)
        report.add("Stores alone, CPU µs per page", stores.table())
        report.add("Settings of stores", _told(stores.told))
        report.aims += summary.of_stores(stores)
    if report.aims:
        report.add("Summary", summary.summary(report.aims))
    report.write()


def _requests(site: Website, arguments: argparse.Namespace, report: Report) -> None:
    """A table for each kind of page, and who took part with which settings."""
    chosen = [one for one in CONTENDERS if one.name == BARE or arguments.only in one.name]
    compared: dict[Case, Compared] = {}
    told: dict[str, str] = {}
    for coding in arguments.codings:
        for kilobytes in arguments.sizes:
            case = Case(kilobytes, coding)
            compared[case] = compare(chosen, site, site.publish(case, arguments.pages), arguments.rounds)
            report.add(f"CPU µs per request, 304, {case.name}", compared[case].table())
            told.update({name: result.told for name, result in compared[case].results.items()})
    report.add("Settings of clients", _told(told))
    report.aims += summary.of_requests(compared)


def _crawls(site: Website, arguments: argparse.Namespace, report: Report) -> None:
    """CPU and bytes, and the event loop's time."""
    crawls = crawls_table.measure(site, arguments.crawled, arguments.rounds)
    report.add(f"Warm Scrapy crawl, {crawls.pages} pages of {crawls_table.PLAIN.name}", crawls.table())
    report.add("Time of the event loop that the store takes in it", crawls.loop_table())
    report.aims += summary.of_crawls(crawls)


def _told(told: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {settings}" for name, settings in told.items())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="See docs/benchmarks.md.")
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS, help="what to measure; by default all")
    parser.add_argument("--full", action="store_true", help="stores of 1,000,000 pages, 1,000,000 URLs, more rounds")
    parser.add_argument("--only", default="", help="clients whose name contains this, and bare reqwest")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 20, 142], help="kilobytes of a page")
    parser.add_argument("--codings", nargs="+", default=["plain", "gzip"], choices=["plain", "gzip"])
    parser.add_argument("--pages", type=int, default=500, help="how many there are")
    parser.add_argument("--crawled", type=int, default=2000, help="pages of a Scrapy crawl")
    parser.add_argument("--rounds", type=int, help="of which the median is taken")
    parser.add_argument("--stores", type=int, nargs="+", help="pages in a store")
    parser.add_argument("--urls", type=int, help="for the memory of get_many")
    arguments = parser.parse_args()
    full = arguments.full
    arguments.rounds = arguments.rounds or (15 if full else 5)
    arguments.stores = arguments.stores or [10_000, 100_000, *([1_000_000] if full else [])]
    arguments.urls = arguments.urls or (1_000_000 if full else 50_000)
    return arguments
