"""A page that changes when a test says so, with validators and proper 304s, and a knob for each way origins differ.

All knobs are plain attributes: set them between two requests. The page's conditions are evaluated as RFC 9110 section
13.2.2 says, with `Last-Modified` compared byte for byte, as common servers do.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from origin.reply import Reply, as_bytes

if TYPE_CHECKING:
    from origin.request import Request

FIRST_PUBLISHED = datetime(2024, 2, 29, 12, 0, 0, tzinfo=timezone.utc)


class Auto(Enum):
    """Derived from the content."""

    AUTO = "auto"


AUTO: Final = Auto.AUTO


@dataclass(slots=True, eq=False)
class Page:
    """A handler for one page."""

    content: bytes
    # The entity tag, quotes included; None for none; AUTO follows the content.
    etag: str | bytes | Auto | None = AUTO
    # Made weak: `W/` is put in front of the tag.
    weak: bool = False
    # As it stands in the field, a date or not; AUTO is a date that moves on with each change of the content.
    last_modified: str | bytes | Auto | None = None
    content_type: str = "text/html; charset=utf-8"
    # Answer in gzip whoever accepts it; the tag then ends in this suffix, which is understood with and without.
    gzip: bool = False
    gzip_suffix: str = ""
    vary: str | None = None
    cache_control: str | None = None
    # On every response, the 304s too.
    set_cookie: str | None = None
    chunked: bool = False
    # More fields, on 200s and on 304s.
    extra: list[tuple[str | bytes, str | bytes]] = field(default_factory=list)
    extra_on_304: list[tuple[str | bytes, str | bytes]] = field(default_factory=list)
    # A 304's tag: AUTO repeats the page's, None leaves both validators out, a value stands instead.
    etag_on_304: str | bytes | Auto | None = AUTO
    # Validators are sent, never honoured.
    ignores_conditions: bool = False
    # So many of the next requests get a 304 whatever they ask.
    orphan_304s: int = 0
    # Replies given first, one request each.
    interludes: deque[Reply] = field(default_factory=deque)
    # What was answered so far, interludes aside.
    full: int = 0
    not_modified: int = 0
    _versions: list[bytes] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        """Answer one request."""
        if self.interludes:
            return self.interludes.popleft()
        if self.orphan_304s > 0:
            self.orphan_304s -= 1
            return self._not_modified(request)
        if not self.ignores_conditions and self._is_current(request):
            return self._not_modified(request)
        return self._whole(request)

    def tag(self) -> bytes | None:
        """The entity tag as the next 200 will have it, coding suffix aside."""
        if self.etag is None:
            return None
        if isinstance(self.etag, Auto):
            tag = b'"' + hashlib.sha256(self.content).hexdigest()[:16].encode() + b'"'
        else:
            tag = as_bytes(self.etag)
        return b"W/" + tag if self.weak else tag

    def modified(self) -> bytes | None:
        """The `Last-Modified` value as the next 200 will have it."""
        if isinstance(self.last_modified, Auto):
            if not self._versions or self._versions[-1] != self.content:
                self._versions.append(self.content)
            published = FIRST_PUBLISHED + timedelta(minutes=len(self._versions))
            return format_datetime(published, usegmt=True).encode()
        return None if self.last_modified is None else as_bytes(self.last_modified)

    def _is_current(self, request: Request) -> bool:
        # "When recipient is the origin server ... and If-None-Match is not present ... If-Modified-Since is present"
        # (RFC 9110 section 13.2.2): the tag decides alone.
        given_tags = request.get("if-none-match")
        if given_tags is not None:
            return given_tags.strip() == "*" or self._matches(given_tags.encode("latin-1"))
        since = request.get("if-modified-since")
        return since is not None and since.encode("latin-1") == self.modified()

    def _matches(self, given_tags: bytes) -> bool:
        tag = self.tag()
        if tag is None:
            return False
        own = {_opaque(tag), _opaque(_with_suffix(tag, self.gzip_suffix))}
        return any(_opaque(given.strip()) in own for given in given_tags.split(b","))

    def _whole(self, request: Request) -> Reply:
        self.full += 1
        coded = self._is_coded(request)
        body = gzip.compress(self.content, mtime=0) if coded else self.content
        headers = [("Content-Type", self.content_type), *self._validators(coded=coded), *self._common()]
        if coded:
            headers.append(("Content-Encoding", "gzip"))
        return Reply(200, [*headers, *self.extra], body, chunked=self.chunked)

    def _not_modified(self, request: Request) -> Reply:
        self.not_modified += 1
        validators = self._validators(coded=self._is_coded(request))
        if self.etag_on_304 is None:
            validators = []
        elif not isinstance(self.etag_on_304, Auto):
            validators = [("ETag", self.etag_on_304)]
        return Reply(304, [*validators, *self._common(), *self.extra_on_304])

    def _is_coded(self, request: Request) -> bool:
        return self.gzip and "gzip" in ",".join(request.get_all("accept-encoding"))

    def _validators(self, *, coded: bool) -> list[tuple[str | bytes, str | bytes]]:
        validators: list[tuple[str | bytes, str | bytes]] = []
        if (tag := self.tag()) is not None:
            validators.append(("ETag", _with_suffix(tag, self.gzip_suffix) if coded else tag))
        if (modified := self.modified()) is not None:
            validators.append(("Last-Modified", modified))
        return validators

    def _common(self) -> list[tuple[str | bytes, str | bytes]]:
        fields = {"Vary": self.vary, "Cache-Control": self.cache_control, "Set-Cookie": self.set_cookie}
        return [(name, value) for name, value in fields.items() if value is not None]


def _opaque(tag: bytes) -> bytes:
    """Weak comparison: "if their opaque-tags match character-by-character" (RFC 9110 section 8.8.3.2)."""
    return tag.removeprefix(b"W/")


def _with_suffix(tag: bytes, suffix: str) -> bytes:
    return tag[:-1] + as_bytes(suffix) + tag[-1:]
