"""aiohttp, with tags and bodies in a dictionary by hand; nothing is stored."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from bench.contenders.rounds import Get, Task, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def _open(task: Task) -> AsyncIterator[Get]:
    held: dict[str, tuple[str, bytes]] = {}
    connector = aiohttp.TCPConnector(limit=task.concurrency, keepalive_timeout=3600)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def get(url: str, read: bool) -> bytes | None:  # noqa: FBT001
            known = held.get(url)
            headers = {"If-None-Match": known[0]} if known else None
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status != HTTPStatus.NOT_MODIFIED:
                    known = held[url] = response.headers["ETag"], await response.read()
            return known[1] if read and known else None

        yield get


if __name__ == "__main__":
    run(_open, "speedups, no cookie jar, tags and bodies in a dict", "aiohttp")
