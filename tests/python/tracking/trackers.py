"""Origins that recognise their clients by what they gave them: a tag, a date, or both, unique to each.

All of them serve one and the same content to everybody, and honour the validators that they gave.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeAlias

from origin.reply import Reply
from tracking.ledger import ENTITY_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin.request import Request

ShownAs: TypeAlias = Literal["tag", "date", "both"]

CONTENT = b"<p>the same for everybody</p>"
# Long before any `Date`: a date as strong as they come.
BEGINNING = datetime(2001, 1, 1, tzinfo=timezone.utc)


def tag_of(mark: int) -> str:
    """A mark as an entity tag."""
    return f'"{mark:x}"'


def date_of(mark: int) -> str:
    """A mark as a date: seconds count."""
    return format_datetime(BEGINNING + timedelta(seconds=mark), usegmt=True)


@dataclass(slots=True, eq=False)
class Marks:
    """Numbers, what they look like in a response, and how they are read back from a request."""

    shown_as: ShownAs = "tag"
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _by_value: dict[str, int] = field(default_factory=dict)

    def new(self) -> int:
        """A number that nobody has."""
        mark = next(self.numbers)
        self._by_value.update({tag_of(mark): mark, date_of(mark): mark})
        return mark

    def fields(self, mark: int) -> list[tuple[str, str]]:
        """Show it."""
        shown = {"tag": ["ETag"], "date": ["Last-Modified"], "both": ["ETag", "Last-Modified"]}[self.shown_as]
        return [(name, tag_of(mark) if name == "ETag" else date_of(mark)) for name in shown]

    def read(self, request: Request) -> list[int]:
        """What a request presents, tags before dates."""
        tags = ENTITY_TAG.findall(request.get("if-none-match") or "")
        values = tags or [request.get("if-modified-since") or ""]
        return [self._by_value[value] for value in values if value in self._by_value]

    def answer(self, mark: int, *, is_current: bool) -> Reply:
        """A 304 or the page, under this mark."""
        return Reply(304, self.fields(mark)) if is_current else Reply(200, self.fields(mark), CONTENT)


@dataclass(slots=True, eq=False)
class AddressTracker:
    """Gives each address a mark that stays its own."""

    marks: Marks = field(default_factory=Marks)
    _of: dict[str, int] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        """Answer, and mark whoever comes for the first time."""
        if request.client not in self._of:
            self._of[request.client] = self.marks.new()
        mark = self._of[request.client]
        return self.marks.answer(mark, is_current=mark in self.marks.read(request))


@dataclass(slots=True, eq=False)
class BearerTracker:
    """Knows whoever presents a mark, from wherever; gives a new one to all others."""

    marks: Marks = field(default_factory=Marks)

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        known = self.marks.read(request)
        return self.marks.answer(known[0] if known else self.marks.new(), is_current=bool(known))


@dataclass(slots=True, eq=False)
class EchoingTracker:
    """Answers every condition with a 200 under the very mark that was presented: is that one corroborated now?"""

    marks: Marks = field(default_factory=Marks)

    def __call__(self, request: Request) -> Reply:
        """Answer whole."""
        known = self.marks.read(request)
        return self.marks.answer(known[0] if known else self.marks.new(), is_current=False)


@dataclass(slots=True, eq=False)
class SwappingTracker:
    """Answers conditions under the mark that somebody else was given last: a second witness for it, if that counted.

    In 200s, or in 304s.
    """

    in_304s: bool = False
    marks: Marks = field(default_factory=Marks)
    _last: int = 0

    def __call__(self, request: Request) -> Reply:
        """Answer, with another's mark to who has one."""
        known = self.marks.read(request)
        if not known:
            self._last = self.marks.new()
            return self.marks.answer(self._last, is_current=False)
        shown, self._last = self._last, known[0]
        return self.marks.answer(shown, is_current=self.in_304s)


@dataclass(slots=True, eq=False)
class CrowdTracker:
    """Gives one mark to so many addresses, and then the next."""

    size: int = 2
    marks: Marks = field(default_factory=Marks)
    _of: dict[str, int] = field(default_factory=dict)
    _last: int = 0

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        if request.client not in self._of:
            if len(self._of) % self.size == 0:
                self._last = self.marks.new()
            self._of[request.client] = self._last
        mark = self._of[request.client]
        return self.marks.answer(mark, is_current=mark in self.marks.read(request))
