"""What a warm request costs: all contenders visit the same pages, taking turns, round by round.

Turns make what the machine does beside it fall on all alike; the median forgets what fell on one.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contender import Contender, Cost, NotRunError, Running, module, program
from bench.table import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.pages import Website

CONCURRENCY = 50
MODES = ("read", "unread")
SLOW = 200

BARE = "bare reqwest"
LOOPS = ("asyncio", "uvloop")
CONTENDERS = [
    program(BARE, "bare_reqwest"),
    program("bare hyper", "bare_hyper"),
    *(module("Session.get", "session_get", loop=loop) for loop in LOOPS),
    module("Session.get by identities", "session_get_identities", loop="uvloop"),
    *(module("Session.get_many", "session_get_many", loop=loop) for loop in LOOPS),
    *(module("wreq + dict", "wreq_dict", loop=loop) for loop in LOOPS),
    *(module("aiohttp + dict", "aiohttp_dict", loop=loop) for loop in LOOPS),
    module("hishel", "hishel_sqlite", loop="uvloop", requests=SLOW),
    module("requests-cache", "requests_cache_sqlite", requests=SLOW),
]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one contender."""

    name: str
    # Versions and settings, or why it did not run.
    told: str
    # Medians by mode; empty when it did not run.
    costs: dict[str, Cost]


class Compared:
    """The results of one kind of page."""

    def __init__(self, results: list[Result]) -> None:
        self.results = {result.name: result for result in results}

    def cost(self, name: str, mode: str) -> Cost | None:
        """Of one request."""
        result = self.results.get(name)
        return result.costs.get(mode) if result else None

    def ratio(self, name: str, mode: str) -> float | None:
        """CPU beside that of bare reqwest."""
        cost, bare = self.cost(name, mode), self.cost(BARE, mode)
        return cost.cpu / bare.cpu if cost and bare else None

    def table(self) -> str:
        """All of it."""
        header = ["", *(f"{mode}, {unit}" for mode in MODES for unit in ("µs", "ratio", "per s"))]
        return table(
            header, [[name, *(cell for mode in MODES for cell in self._cells(name, mode))] for name in self.results]
        )

    def _cells(self, name: str, mode: str) -> list[str]:
        cost, ratio = self.cost(name, mode), self.ratio(name, mode)
        if cost is None or ratio is None:
            return ["not run", "", ""]
        return [f"{cost.cpu * 1e6:,.1f}", f"{ratio:.2f}", f"{1 / cost.wall:,.0f}"]


def compare(contenders: Iterable[Contender], site: Website, pages: Path, rounds: int) -> Compared:
    """Let all of them visit the pages for the first time, and then again and again in turns."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        running: dict[str, Running] = {}
        told: dict[str, str] = {}
        for number, contender in enumerate(contenders):
            scratch = Path(directory) / str(number)
            scratch.mkdir()
            arguments = [contender.loop, str(scratch)] if contender.is_module else []
            runner = stack.enter_context(Running(contender, scratch, str(pages), str(CONCURRENCY), *arguments))
            try:
                told[contender.name] = runner.hear()["settings"]
                running[contender.name] = runner
            except NotRunError as error:
                told[contender.name] = f"not run: {error}"
        site.forget_log()
        measured = _take_turns(running, site, rounds)
    return Compared(
        [
            Result(name, said, {mode: median(measured[name, mode]) for mode in MODES} if name in running else {})
            for name, said in told.items()
        ]
    )


def _take_turns(running: dict[str, Running], site: Website, rounds: int) -> dict[tuple[str, str], list[Cost]]:
    measured: dict[tuple[str, str], list[Cost]] = {(name, mode): [] for name in running for mode in MODES}
    for number in range(rounds + 1):
        for mode in MODES:
            for name, runner in running.items():
                requests = runner.contender.requests
                cost = runner.obey(mode, requests)
                if (seen := site.count(requests)) != {304: requests}:
                    raise AssertionError(f"{name}: of {requests} requests, nginx answered {dict(seen)}")
                # The first one warms: caches, connections, whatever is made on first use.
                if number > 0:
                    measured[name, mode].append(cost)
    return measured


def median(costs: list[Cost]) -> Cost:
    """Of both, each for itself."""
    return Cost(statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs))
