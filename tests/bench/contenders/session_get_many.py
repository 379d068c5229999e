"""Ours, `session.get_many`, with a store on the disk."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import notmodified
from bench.contenders.rounds import Round, Task, Visit, run_visits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def _open(task: Task) -> AsyncIterator[Visit]:
    async with notmodified.Session(task.directory / "store", concurrency_per_host=task.concurrency) as session:

        async def visit(told: Round) -> None:
            async for response in session.get_many(told.urls, concurrency=task.concurrency, errors="raise"):
                if told.read and isinstance(response, notmodified.Response):
                    told.check(response.url, response.content)
            # What was left to be written is part of the round.
            await session.flush()

        yield visit


if __name__ == "__main__":
    run_visits(_open, f"notmodified {notmodified.__version__}, LMDB store, durability by default")
