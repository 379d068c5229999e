"""Callables that a crawl's settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy import Request

    from notmodified import Headers

BAN = b"robot"


def first_word(content: bytes) -> bytes:
    """Say what a page comes to."""
    return content.split()[0]


def is_page(_status: int, _headers: Headers, content: bytes) -> bool:
    """Tell pages from bans."""
    return BAN not in content


def agent_of(request: Request) -> str:
    """Name an identity by the browser that it plays."""
    return (request.headers["User-Agent"] or b"").decode()


def number_of(_request: Request) -> object:
    """Name nobody, in a way that nobody can."""
    return 7


async def later(_request: Request) -> str:
    """Name somebody, when it is too late."""
    return "somebody"


def nobody(request: Request) -> str:
    """Find no name."""
    raise LookupError(f"nobody asks for {request.url}")
