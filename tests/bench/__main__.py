"""`make bench`: measures what a warm request costs, beside whom else one could use. See docs/benchmarks.md."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import machine
from contest import BARE, CONTENDERS, MODES, ROOT, contest
from pages import Case, website
from table import table

if TYPE_CHECKING:
    from contest import Result
    from pages import Website

REPORT = ROOT / ".build" / "bench.md"


def main() -> None:
    """Measure, print, and write down the same."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as directory, website(Path(directory)) as site:
        report = [f"# Benchmarks\n\n{machine.describe()}", *_requests(site, arguments)]
    REPORT.write_text("\n\n".join(report) + "\n", encoding="utf-8")
    print(f"\nwritten to {REPORT.relative_to(ROOT)}")


def _requests(site: Website, arguments: argparse.Namespace) -> list[str]:
    """A table for each kind of page, and who took part with which settings."""
    chosen = [one for one in CONTENDERS if one.name == BARE or arguments.only in one.name]
    said, told = [], {}
    for kilobytes in arguments.sizes:
        for coding in arguments.codings:
            case = Case(kilobytes, coding)
            results = contest(chosen, site, site.publish(case, arguments.pages), arguments.rounds)
            said.append(f"## CPU µs per request, 304, {case.name}\n\n{_costs(results)}")
            print(f"\n{said[-1]}", flush=True)
            told.update({result.name: result.told for result in results})
    said.append("\n".join(f"- {name}: {settings}" for name, settings in told.items()))
    print(f"\n{said[-1]}")
    return said


def _costs(results: list[Result]) -> str:
    bare = next(result for result in results if result.name == BARE)
    rows = [[result.name, *(cell for mode in MODES for cell in _cells(result, bare, mode))] for result in results]
    return table(["", *(f"{mode}, {unit}" for mode in MODES for unit in ("µs", "ratio", "per s"))], rows)


def _cells(result: Result, bare: Result, mode: str) -> list[str]:
    if mode not in result.costs:
        return ["not run", "", ""]
    cost = result.costs[mode]
    ratio = cost.cpu / bare.costs[mode].cpu
    return [f"{cost.cpu * 1e6:,.1f}", f"{ratio:.2f}", f"{cost.requests_per_second:,.0f}"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", default="", help="contenders whose name contains this, and bare reqwest")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 20, 142], help="kilobytes of a page")
    parser.add_argument("--codings", nargs="+", default=["plain", "gzip"], choices=["plain", "gzip"])
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
