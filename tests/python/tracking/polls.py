"""Polling by many exits: who asks for what, in which order, and what came of it.

Every request names its proxy, as rotation middlewares do; the session decides what that means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from notmodified import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from notmodified import Session

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of polls cost."""

    requests: int
    not_modified: int

    @property
    def ratio(self) -> float:
        """The share of them that was answered by a 304."""
        return self.not_modified / self.requests

    @property
    def full(self) -> int:
        """How many were answered whole."""
        return self.requests - self.not_modified


async def poll(session: Session, requests: Iterable[Request], *, concurrency: int = 1) -> list[Response]:
    """Ask, and give the answers as they come; what fails fails the test."""
    answers = []
    async for result in session.get_many(requests, concurrency=concurrency):
        assert isinstance(result, Response), result
        answers.append(result)
    return answers


async def poll_once_each(
    session: Session, urls: Sequence[str], proxies: Iterator[str], *, concurrency: int = 1
) -> Round:
    """Ask for each URL, each time by the next proxy."""
    answers = await poll(session, (Request(url, proxy=next(proxies)) for url in urls), concurrency=concurrency)
    return Round(len(answers), sum(answer.not_modified for answer in answers))


def in_lanes(urls: Sequence[str], proxies: Iterable[str], *, lanes: int, full: bool = False) -> Iterator[Request]:
    """Every URL by every proxy, so many proxies at a time: each keeps its one connection while its turn lasts."""
    for group in _groups(proxies, lanes):
        for url in urls:
            for proxy in group:
                yield Request(url, proxy=proxy, full=full)


def _groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    remaining = iter(items)
    while group := list(islice(remaining, size)):
        yield group
