"""hishel over httpx, with its store in sqlite."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from hishel import AsyncSqliteStorage, CacheOptions
from hishel.httpx import AsyncCacheClient

from bench.contenders.rounds import Get, Task, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def _open(task: Task) -> AsyncIterator[Get]:
    async with AsyncCacheClient(
        storage=AsyncSqliteStorage(database_path=task.directory / "hishel.db", max_size=None),
        # Without it hishel never revalidates.
        rfc=CacheOptions(shared=False),
        limits=httpx.Limits(
            max_connections=task.concurrency, max_keepalive_connections=task.concurrency, keepalive_expiry=3600
        ),
        timeout=60,
        trust_env=False,
    ) as client:

        async def get(url: str, read: bool) -> bytes | None:  # noqa: FBT001
            response = await client.get(url)
            return response.content if read else None

        yield get


if __name__ == "__main__":
    run(_open, "rfc=CacheOptions(shared=False), AsyncSqliteStorage, no limit of size", "hishel", "httpx")
