"""The first user: an asyncio script that polls a list of pages and works on those that changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tqdm import tqdm

import notmodified
from demo.visits import Found, Page
from demo.website import digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONSUMER = "demo"


def poll(urls: Sequence[str], store: Path) -> Found:
    """Ask for all pages once."""
    return asyncio.run(_poll(urls, store))


async def _poll(urls: Sequence[str], store: Path) -> Found:
    found = Found()
    async with notmodified.Session(store, consumer=CONSUMER) as session:
        with tqdm(total=len(urls), desc="polling", unit=" pages", leave=False, disable=None) as progress:
            async for result in session.get_many(urls):
                progress.update()
                if isinstance(result, notmodified.RequestError):
                    found.failures.append(f"{result.url}: {result}")
                    continue
                # Whoever only wants what changed leaves the content of the others alone; here all of it is checked.
                found.pages[result.url] = Page(is_changed=result.changed, digest=digest(result.content))
                result.acknowledge()
        stats = session.stats()
    found.requests, found.not_modified = stats["requests"], stats["not_modified"]
    found.bytes_moved, found.bytes_saved = stats["wire_bytes"], stats["bytes_saved"]
    return found
