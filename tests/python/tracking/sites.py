"""Origins that mean no harm, and are hard to share a registry over: a page by country, machines behind one name."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from origin.reply import Reply
from tracking.addresses import country_of
from tracking.ledger import ENTITY_TAG

if TYPE_CHECKING:
    from origin.request import Request


@dataclass(slots=True, eq=False)
class CountryPage:
    """Another content for each country; under another tag, or one tag for all of them (a file that is filled in)."""

    one_tag: bool = False
    version: int = 1

    def content(self, client: str) -> bytes:
        """What that address is to be served, now."""
        return f"<p>country {country_of(client)}, version {self.version}</p>".encode()

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        country = 0 if self.one_tag else country_of(request.client)
        return _answer(request, f'"{country}-{self.version}"', self.content(request.client))


@dataclass(slots=True, eq=False)
class Balanced:
    """One content, whose tag tells of the machine; each request meets another machine, which knows its own tag only."""

    machines: int = 3
    # Whose turn it is, is drawn.
    draw: random.Random = field(default_factory=lambda: random.Random(6))
    content: bytes = b"<p>balanced</p>"

    def __call__(self, request: Request) -> Reply:
        """Answer from some machine."""
        return _answer(request, f'"inode-{self.draw.randrange(self.machines)}"', self.content)


def _answer(request: Request, tag: str, content: bytes) -> Reply:
    is_current = tag in ENTITY_TAG.findall(request.get("if-none-match") or "")
    return Reply(304, [("ETag", tag)]) if is_current else Reply(200, [("ETag", tag)], content)
