"""One visit to the whole site: what a user was told, what the server says that it sent, and what had really changed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from demo.servers import Served, Server
    from demo.website import Site

# One page in so many is edited in each of the three ways.
SHARE = 40
# A server logs after it has sent.
LOG_TIMEOUT = 3.0


@dataclass(frozen=True)
class Page:
    """What a user was handed: whether it changed, and the digest of its content."""

    is_changed: bool
    digest: str


@dataclass
class Found:
    """What polling or crawling came to, as `notmodified` counted it."""

    pages: dict[str, Page] = field(default_factory=dict)
    requests: int = 0
    not_modified: int = 0
    bytes_moved: int = 0
    bytes_saved: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Edits:
    """The files that got other content, and those that were written anew as they were."""

    changed: frozenset[Path]
    touched: frozenset[Path]

    @classmethod
    def make(cls, site: Site, urls: Sequence[str], chance: random.Random) -> Edits:
        """Edit some of these pages: another size, the same size, the same content."""
        editable = [url for url in urls if site.is_editable(url)]
        count = max(1, len(editable) // SHARE)
        chosen = chance.sample(editable, min(3 * count, len(editable)))
        longer, same_size, touched = (chosen[start::3] for start in range(3))
        for url in longer:
            site.add_paragraph(url)
        for url in same_size:
            site.swap_case_of_title(url)
        for url in touched:
            site.touch(url)
        return cls(frozenset(map(site.path, longer + same_size)), frozenset(map(site.path, touched)))


@dataclass(frozen=True)
class Visit:
    """A visit: what was found, what there was to find, and what the server says that it sent."""

    name: str
    found: Found
    expected: dict[str, Page]
    touched: int
    served: Sequence[Served]
    seconds: float

    @property
    def changed(self) -> frozenset[str]:
        """The pages that were really new or changed."""
        return frozenset(url for url, page in self.expected.items() if page.is_changed)

    @property
    def reported(self) -> frozenset[str]:
        """The pages that were said to be new or changed."""
        return frozenset(url for url, page in self.found.pages.items() if page.is_changed)


def visit(
    name: str,
    way: Callable[[], Found],
    site: Site,
    server: Server,
    *,
    asked: Iterable[str] | None = None,
    edits: Edits | None = None,
) -> Visit:
    """Visit the site in this way, to find the pages that are asked for, or whatever links lead to."""
    logged = len(server.log())
    begun = time.perf_counter()
    found = way()
    seconds = time.perf_counter() - begun
    expected = {
        url: Page(is_changed=edits is None or site.path(url) in edits.changed, digest=site.digest(url))
        for url in (found.pages if asked is None else asked)
    }
    touched = sum(site.path(url) in edits.touched for url in expected) if edits else 0
    return Visit(name, found, expected, touched, _served(server, logged, found.requests), seconds)


def _served(server: Server, since: int, expected: int) -> list[Served]:
    """What the server logged since then. It logs after it has sent: so wait for what is expected."""
    deadline = time.monotonic() + LOG_TIMEOUT
    while len(log := server.log()[since:]) < expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return log
