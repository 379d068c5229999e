"""A tracker that needs no validators of its own: it teaches a client how to ask it, and waits to be asked like that.

Its pages have the same tag and the same date for everybody. To those whom it teaches it answers tags with 200s, again
and again; whoever has learned from that asks otherwise, and a stranger who does so at once has given himself away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from origin.reply import Reply
from tracking.trackers import CONTENT, date_of

if TYPE_CHECKING:
    from origin.request import Request

# What it honours: dates alone, a tag and a date together, or nothing at all.
Lesson: TypeAlias = Literal["date", "both", "nothing"]
TAG = '"everybody"'
DATE = date_of(1)


@dataclass(slots=True, eq=False)
class Teacher:
    """Teaches those who are in `lessons`, by address; is honest to all others."""

    lessons: dict[str, Lesson] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        has_tag = TAG in (request.get("if-none-match") or "")
        has_date = request.get("if-modified-since") == DATE
        match self.lessons.get(request.client):
            case "date":
                is_current = has_date and request.get("if-none-match") is None
            case "both":
                is_current = has_tag and has_date
            case "nothing":
                is_current = False
            case None:
                is_current = has_tag or has_date
        validators = [("ETag", TAG), ("Last-Modified", DATE)]
        return Reply(304, validators) if is_current else Reply(200, validators, CONTENT)
