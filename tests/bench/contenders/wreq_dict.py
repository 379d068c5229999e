"""wreq, a fork of reqwest with a Python face, with tags and bodies in a dictionary by hand; nothing is stored."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import wreq

from bench.contenders.rounds import Get, Task, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def _open(task: Task) -> AsyncIterator[Get]:
    held: dict[str, tuple[str, bytes]] = {}
    client = wreq.Client(
        http1_only=True,
        no_proxy=True,
        pool_max_idle_per_host=task.concurrency,
        pool_idle_timeout=timedelta(hours=1),
    )

    async def get(url: str, read: bool) -> bytes | None:  # noqa: FBT001
        known = held.get(url)
        response = await client.get(url, headers={"If-None-Match": known[0]} if known else None)
        if response.status.as_int() != HTTPStatus.NOT_MODIFIED:
            tag = response.headers["etag"]
            assert tag is not None
            known = held[url] = bytes(tag).decode(), await response.bytes()
        return known[1] if read and known else None

    yield get
    client.close()


if __name__ == "__main__":
    run(_open, "its own runtime, HTTP/1.1, tags and bodies in a dict", "wreq")
