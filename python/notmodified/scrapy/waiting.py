"""What of the store would have to wait for a disk waits on another thread, and the event loop goes on.

Most of a store that is in use lies in memory, and reading it takes less time than handing it over: so it is asked
first. So it is with a received body, which is read through to be compared, while it is not large. Under a reactor that
is not asyncio's nobody could await another thread, and everything is done in place.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import notmodified
    from notmodified.scrapy import conversion

# Bytes of a received body up to which reading it through, to compare it, takes no longer than handing it over.
SOON_READ = 256 * 1024


async def plan(cache: notmodified.Cache, *request: Any, **options: Any) -> notmodified.Plan:  # noqa: ANN401 - as they come
    """Do `Cache.plan`."""
    if cache.at_hand or not can_wait():
        return cache.plan(*request, **options)
    return await cache.aplan(*request, **options)


async def settle(
    plan: notmodified.Plan,
    status: int,
    fields: conversion.Fields,
    received: bytes,
    *,
    in_place: bool,
    **options: Any,  # noqa: ANN401 - as they come
) -> notmodified.Response | notmodified.Resend:
    """Do `Plan.settle`; `in_place`, wherever what it needs lies."""
    is_soon_done = plan.at_hand and len(received) <= SOON_READ
    if in_place or is_soon_done or not can_wait():
        return plan.settle(status, fields, received, **options)
    return await plan.asettle(status, fields, received, **options)


async def fail(plan: notmodified.Plan, error: Exception) -> notmodified.Response | None:
    """Do `Plan.fail`."""
    if plan.at_hand or not can_wait():
        return plan.fail(error)
    return await asyncio.to_thread(plan.fail, error)


async def body(page: notmodified.Response) -> bytes:
    """Read `Response.wire_content`."""
    if page.at_hand or not can_wait():
        return page.wire_content
    return await asyncio.to_thread(lambda: page.wire_content)


async def close(cache: notmodified.Cache) -> None:
    """Do `Cache.close`, which waits for the disk in any case."""
    if can_wait():
        await cache.aclose()
    else:
        cache.close()


def can_wait() -> bool:
    """Tell whether asyncio runs this coroutine; another reactor could not resume it."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False
