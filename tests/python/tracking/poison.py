"""Proxies that lie: each `Tamper` here is one way of telling a client what the origin never said.

They know the page as the origin shows it, true tag and all, and want what they say to be served to the clients of other
exits, or to find those clients again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from origin.reply import Reply, as_bytes
from origin.request import Head

if TYPE_CHECKING:
    from collections.abc import Iterator

FALSE = b"<p>poison</p>"
CONDITIONS = frozenset({b"if-none-match", b"if-modified-since"})


def replaced_fields(reply: Reply, name: bytes, value: bytes) -> Reply:
    """The same reply with one field of that name."""
    kept = [(key, old) for key, old in reply.headers if as_bytes(key).lower() != name.lower()]
    return replace(reply, headers=[*kept, (name, value)])


class Honest:
    """Changes nothing; what the liars have in common."""

    def asked(self, head: Head) -> Reply | Head:
        """Let it pass."""
        return head

    def answered(self, head: Head, reply: Reply) -> Reply:
        """Hand it on."""
        del head
        return reply


class Replacing(Honest):
    """A false body under the true validators."""

    def answered(self, head: Head, reply: Reply) -> Reply:
        """Replace the body of a 200."""
        del head
        return replace(reply, body=FALSE) if reply.status == 200 else reply


class Unconditional(Honest):
    """Takes the conditions off: a false body, under the true validators, answers every request."""

    def asked(self, head: Head) -> Reply | Head:
        """Ask for it whole."""
        return _bare(head)

    def answered(self, head: Head, reply: Reply) -> Reply:
        """Replace the body."""
        del head
        return replace(reply, body=FALSE)


class WholeAnswers(Honest):
    """Takes the conditions off and is honest otherwise: a 200 for every request."""

    def asked(self, head: Head) -> Reply | Head:
        """Ask for it whole."""
        return _bare(head)


@dataclass
class Retagging(Honest):
    """A tag of its own for each answer: a tracker that needs no origin."""

    given: Iterator[int] = field(default_factory=count)

    def answered(self, head: Head, reply: Reply) -> Reply:
        """Replace the tag."""
        del head
        return replaced_fields(reply, b"ETag", f'"proxy-{next(self.given)}"'.encode())


@dataclass
class Replaying(Honest):
    """The true body under the last tag that somebody presented or was given here: another client's, maybe."""

    last: bytes | None = None

    def answered(self, head: Head, reply: Reply) -> Reply:
        """Replace the tag by the one before."""
        presented, own = head.first(b"if-none-match"), _tag(reply)
        shown, self.last = self.last, presented or own
        return reply if shown is None else replaced_fields(reply, b"ETag", shown)


@dataclass
class Confirming(Honest):
    """A 304 to every condition, with fields that it made up, and the origin is never asked."""

    fields: tuple[tuple[bytes, bytes], ...] = ((b"X-Poison", b"1"), (b"Cache-Control", b"max-age=31536000"))

    def asked(self, head: Head) -> Reply | Head:
        """Say that nothing changed."""
        tag = head.first(b"if-none-match")
        if tag is None and head.first(b"if-modified-since") is None:
            return head
        tags = [(b"ETag", tag)] if tag is not None and b"," not in tag else []
        return Reply(304, [*tags, *self.fields], date=False)


# Each of them, for tests that go through all.
LIARS = (Replacing, Unconditional, WholeAnswers, Retagging, Replaying, Confirming)


def _bare(head: Head) -> Head:
    kept = tuple((name, value) for name, value in head.fields if name.lower() not in CONDITIONS)
    return Head(head.method, head.target, head.version, kept)


def _tag(reply: Reply) -> bytes | None:
    return next((as_bytes(value) for name, value in reply.headers if as_bytes(name).lower() == b"etag"), None)
