"""Whom each mode of sharing gives away to origins that track, and what it saves: `make links`.

A thousand exits ask a site that tracks by every means there is; then come pairs of exits, proxies that lie, pages by
country, and honest pages by ever new exits. All of it over real sockets, on loopback. Ends with the table and status 1
where a client was found that should not have been, or was served what was meant for another.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "python"))

from tracking.proof import Result, Trial, complaints

MODES: tuple[dict[str, Any], ...] = (
    {"sharing": "isolated"},
    {"sharing": "corroborated", "k": 2},
    {"sharing": "corroborated", "k": 3},
    {"sharing": "central"},
)
PATHS = 10
HEADINGS = (
    "mode",
    "requests",
    "links",
    "exits linked",
    "links of pairs",
    "others' content",
    "304s, tracking site",
    "304s, its honest path",
    "304s, ever new exits",
    "fetches per change",
    "seconds",
)


def main() -> int:
    """Run every mode, and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--exits", type=int, default=1000)
    options.add_argument("--requests", type=int, default=100_000, help="to the site that tracks, in each mode")
    given = options.parse_args()
    # Every exit holds connections at both of its ends.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rounds = max(given.requests // (given.exits * PATHS), 1)
    results = [run(mode, given.exits, rounds) for mode in MODES]
    print("\n" + table(results))
    told = complaints(results, given.exits)
    for line in told:
        print(f"not as it has to be: {line}")
    return 1 if told else 0


def run(mode: dict[str, Any], exits: int, rounds: int) -> Result:
    """Run one mode, with a line to say so."""
    with tempfile.TemporaryDirectory() as stores:
        result = asyncio.run(Trial(mode, Path(stores), exits, rounds).run())
    print(f"{name(mode)}: {result.requests} requests, {result.links} links, {result.seconds:.0f} s", flush=True)
    return result


def name(mode: dict[str, Any]) -> str:
    """As the table has it."""
    return f"{mode['sharing']}, k = {mode['k']}" if "k" in mode else str(mode["sharing"])


def table(results: list[Result]) -> str:
    """Write it in Markdown."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *map(row, results)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def row(result: Result) -> tuple[str, ...]:
    """One mode."""
    return (
        name(result.mode),
        str(result.requests),
        str(result.links),
        str(result.linked_exits),
        str(result.pair_links),
        str(result.wrong),
        f"{result.tracked_ratio:.1%}",
        f"{result.honest_ratio:.1%}",
        f"{result.rotation_ratio:.1%}",
        f"{result.full_per_change:.2f}",
        f"{result.seconds:.0f}",
    )


if __name__ == "__main__":
    sys.exit(main())
