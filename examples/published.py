"""What the example origins publish: a user, an article and a feed, each with the validators that fit it.

The frameworks' files (`flask_origin.py`, `starlette_origin.py`) hold nothing but the answering.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timezone

from notmodified import ETag


@dataclass(frozen=True)
class Representation:
    """What a GET is answered with, and how it is known again."""

    content: bytes
    media_type: str
    etag: ETag
    last_modified: datetime | None = None


def digest(*parts: str) -> str:
    """A short name for these texts, another one for any others."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def now() -> datetime:
    """The moment, with a time zone: without one it would be another moment elsewhere."""
    return datetime.now(timezone.utc)


class User:
    """A record that is read and written: its version is its tag, so that no writer overwrites what it has not seen."""

    def __init__(self) -> None:
        # One value, replaced as a whole: who reads meanwhile sees the old one or the new one.
        self._state = ("Alma", 1, now())

    def representation(self) -> Representation:
        """Strong: equal versions are equal bytes."""
        name, version, changed = self._state
        content = json.dumps({"name": name, "version": version}).encode()
        return Representation(content, "application/json", ETag(f"v{version}"), changed)

    def rename(self, name: str) -> None:
        """Write, and become another version."""
        _, version, _ = self._state
        self._state = (name, version + 1, now())


@dataclass
class Article:
    """A text, and a page around it that is never the same twice."""

    text: str = "Water is wet."
    _ads: itertools.count[int] = field(default_factory=itertools.count)

    def page(self) -> Representation:
        """Weak: the advertisement is another each time, and nobody comes for it; the tag is of the text alone."""
        content = f"<article>{self.text}</article><aside>ad {next(self._ads)}</aside>".encode()
        return Representation(content, "text/html", ETag(digest(self.text), weak=True))

    def plain(self) -> Representation:
        """Strong: the tag is of every byte."""
        return Representation(self.text.encode(), "text/plain", ETag(digest(self.text)))


@dataclass
class Feed:
    """Entries that come in: it is as new as the newest, and another when any of them is."""

    entries: dict[str, datetime] = field(default_factory=lambda: {"first": now()})

    def add(self, title: str) -> None:
        """Publish: another list, so that who reads the old one can finish."""
        self.entries = {**self.entries, title: now()}

    def representation(self) -> Representation:
        """The tag tells apart what the date cannot: two entries in one second, one that was taken back."""
        entries = self.entries
        content = json.dumps({title: moment.isoformat() for title, moment in entries.items()})
        newest = max(entries.values())
        return Representation(content.encode(), "application/feed+json", ETag(digest(content)), newest)
