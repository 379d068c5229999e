"""What the store costs on its own, beside py-lmdb and sqlite3 by hand, in stores of several sizes."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bench.contender import Running, module, program
from bench.requests_table import median
from bench.table import table

if TYPE_CHECKING:
    from bench.contender import Cost

OURS, LMDB, SQLITE = "notmodified", "py-lmdb", "sqlite3"
CONTENDERS = [program(OURS, "store"), module(LMDB, "store_lmdb"), module(SQLITE, "store_sqlite")]
LOOKUPS = 20_000
CHANGED = 1_000

Sized: TypeAlias = tuple[str, int]
"""The name of a store, and how many pages are in it."""


class Stores:
    """What was measured."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        # Versions and settings, by name.
        self.told: dict[str, str] = {}
        # Of one page.
        self.inserts: dict[Sized, Cost] = {}
        self.lookups: dict[Sized, Cost] = {}
        self.changes: dict[Sized, Cost] = {}

    def growth(self, name: str) -> float:
        """How much dearer a lookup is in the largest store than in the smallest."""
        return self.lookups[name, self.sizes[-1]].cpu / self.lookups[name, self.sizes[0]].cpu

    def beside_lmdb(self, size: int) -> float:
        """Our lookup beside that of py-lmdb."""
        return self.lookups[OURS, size].cpu / self.lookups[LMDB, size].cpu

    def changed(self, name: str) -> Cost:
        """A page of 20 KB replaced, durably; how many others there are is no matter."""
        return self.changes[name, self.sizes[0]]

    def table(self) -> str:
        """All of it."""
        sizes = [f"{size:,}" for size in self.sizes]
        header = ["µs", *(f"lookup in {size}" for size in sizes), "growth", *(f"insert of {size}" for size in sizes)]
        return table([*header, "20 KB replaced"], [self._row(name) for name in self.told])

    def _row(self, name: str) -> list[str]:
        lookups, inserts = ([costs[name, size] for size in self.sizes] for costs in (self.lookups, self.inserts))
        return [name, *map(_cell, lookups), f"{self.growth(name):.2f}", *map(_cell, inserts), _cell(self.changed(name))]


def measure(sizes: list[int], rounds: int) -> Stores:
    """Fill a store of each kind and size, and use all of them in turns."""
    stores = Stores(sizes)
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        running: dict[Sized, Running] = {}
        for contender in CONTENDERS:
            for size in sizes:
                scratch = Path(directory) / f"{contender.name}-{size}"
                scratch.mkdir()
                runner = stack.enter_context(Running(contender, scratch, str(scratch)))
                running[contender.name, size] = runner
                stores.told[contender.name] = runner.hear()["settings"]
        stores.inserts = {sized: runner.obey("insert", sized[1]) for sized, runner in running.items()}
        stores.lookups = _in_turns(running, "lookup", LOOKUPS, rounds)
        smallest = {sized: runner for sized, runner in running.items() if sized[1] == sizes[0]}
        stores.changes = _in_turns(smallest, "change", CHANGED, rounds)
    return stores


def _in_turns(running: dict[Sized, Running], order: str, number: int, rounds: int) -> dict[Sized, Cost]:
    costs: dict[Sized, list[Cost]] = {sized: [] for sized in running}
    for turn in range(rounds + 1):
        for sized, runner in running.items():
            cost = runner.obey(order, number)
            # The first one warms; of changes, it puts in what the others replace.
            if turn > 0:
                costs[sized].append(cost)
    return {sized: median(measured) for sized, measured in costs.items()}


def _cell(cost: Cost) -> str:
    return f"{cost.cpu * 1e6:,.1f}"
