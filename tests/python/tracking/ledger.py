"""The ledger of an origin: who presented which validator, and who was given which, request by request.

It stands in front of any handler, so that an honest page is watched as closely as a tracker. It reads only what went
over the wire; whoever judges it (`links`) knows no more than an origin does.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from origin.reply import Reply, as_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from origin.request import Request

ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
PROMPTING = ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range")
CREDENTIALS = ("cookie", "authorization", "x-api-key")
# Of a request, what tells of its validators, and what differs by the port alone.
NOT_A_LOOK = frozenset({*PROMPTING, "host"})


@dataclass(frozen=True, slots=True)
class Validator:
    """An entity tag or a date, as one path knows it; weak or strong, a tag is told by what it quotes."""

    path: str
    kind: Literal["tag", "date"]
    value: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One request and its answer."""

    client: str
    path: str
    presented: tuple[Validator, ...]
    given: tuple[Validator, ...]
    status: int
    # Of the content of a 200.
    digest: bytes
    # Without credentials.
    is_anonymous: bool
    # And a GET without conditions and ranges: what was given here was not asked for by name.
    is_unprompted: bool
    # The request's other fields, order and case included.
    look: tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True, eq=False)
class Ledger:
    """What was asked and answered at one origin, in that order."""

    visits: list[Visit] = field(default_factory=list)

    def watch(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        """Keep a record of what this handler is asked and answers."""

        def watched(request: Request) -> Reply:
            reply = handler(request)
            self.visits.append(_visit(request, reply))
            return reply

        return watched

    def at(self, path: str) -> list[Visit]:
        """The visits of one path."""
        return [visit for visit in self.visits if visit.path == path]

    def clients(self) -> set[str]:
        """The addresses that came by."""
        return {visit.client for visit in self.visits}

    def count(self, status: int) -> int:
        """How often that was the answer."""
        return sum(visit.status == status for visit in self.visits)


def _visit(request: Request, reply: Reply) -> Visit:
    is_anonymous = not any(request.get_all(name) for name in CREDENTIALS)
    return Visit(
        request.client,
        request.path,
        tuple(_presented(request)),
        tuple(_given(request.path, reply)),
        reply.status,
        hashlib.sha256(reply.body).digest() if reply.status == 200 else b"",
        is_anonymous,
        is_anonymous and request.method == "GET" and not any(request.get_all(name) for name in PROMPTING),
        tuple((name, value) for name, value in request.fields if name.decode("latin-1").lower() not in NOT_A_LOOK),
    )


def _presented(request: Request) -> Iterator[Validator]:
    for line in request.get_all("if-none-match"):
        # What is no tag is shown as it is: some origins give such.
        for tag in ENTITY_TAG.findall(line) or [line]:
            yield Validator(request.path, "tag", tag)
    for line in request.get_all("if-modified-since"):
        yield Validator(request.path, "date", line)


def _given(path: str, reply: Reply) -> Iterator[Validator]:
    for name, value in reply.headers:
        text = as_bytes(value).decode("latin-1")
        match as_bytes(name).lower():
            case b"etag":
                yield Validator(path, "tag", text.removeprefix("W/"))
            case b"last-modified":
                yield Validator(path, "date", text)
            case _:
                pass
