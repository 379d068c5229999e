"""Many pages to ask for, and what came back of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notmodified import RequestError, Response
from origin import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Origin


def pages(origin: Origin, count: int) -> list[str]:
    """Serve so many pages; their URLs."""
    return [origin.on(f"/{number}", Page(str(number).encode())) for number in range(count)]


async def contents(results: AsyncIterator[Response | RequestError]) -> list[bytes]:
    """Collect the contents, and fail on errors."""
    collected = []
    async for result in results:
        assert isinstance(result, Response), result
        collected.append(result.content)
    return collected
