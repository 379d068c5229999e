"""Ours, one `await session.get` at a time, with a store on the disk."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import repeat
from typing import TYPE_CHECKING

import notmodified
from bench.contenders.rounds import Round, Task, Visit, run_visits, visit_by_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SETTINGS = f"notmodified {notmodified.__version__}, LMDB store, durability by default"


@asynccontextmanager
async def visiting(task: Task, identities: Iterator[str | None]) -> AsyncIterator[Visit]:
    """Whoever's turn it is asks for the next page."""
    async with notmodified.Session(task.directory / "store", concurrency_per_host=task.concurrency) as session:

        async def get(url: str, read: bool) -> bytes | None:  # noqa: FBT001
            response = await session.get(url, identity=next(identities))
            return response.content if read else None

        async def visit(told: Round) -> None:
            await visit_by_tasks(told, get, task.concurrency)
            # What was left to be written is part of the round.
            await session.flush()

        yield visit


if __name__ == "__main__":
    run_visits(lambda task: visiting(task, repeat(None)), SETTINGS)
