"""The origin: every page of `pages` at the moment of its request, with proper 304s."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

from origin import Origin, Reply
from soak.pages import content_of, fields_of, page, version_at

if TYPE_CHECKING:
    from origin import Request

SLOW = 1.5


def answer(request: Request) -> Reply:
    """Answer a request for one of the pages."""
    now = time.time()
    shown = page(int(request.path.rpartition("/")[2]))
    trouble = shown.trouble if shown.is_troubled(now) else None
    if trouble == "missing":
        return Reply(404, [("Content-Type", "text/html")], b"<p>not here just now</p>")
    if trouble == "failing":
        return Reply(500, [("Content-Type", "text/html")], b"<p>broken just now</p>")
    version = version_at(shown.subject, now)
    fields = fields_of(shown, version)
    delay = SLOW if trouble == "slow" else 0.0
    if _is_current(request, fields):
        return Reply(304, tuple(fields.items()), delay=delay)
    body = content_of(shown.subject, version)
    if shown.is_coded and "gzip" in ",".join(request.get_all("accept-encoding")):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        fields["Content-Encoding"] = "gzip"
    cut_after = len(body) // 2 if trouble == "cut" else None
    is_chunked = shown.number % 4 == 0
    return Reply(200, tuple(fields.items()), body, delay=delay, cut_after=cut_after, chunked=is_chunked)


def _is_current(request: Request, fields: dict[str, str]) -> bool:
    # "When recipient is the origin server ... and If-None-Match is not present" (RFC 9110 section 13.2.2): the tag
    # decides alone.
    given_tags = request.get("if-none-match")
    if given_tags is not None:
        tag = fields.get("ETag", "").removeprefix("W/")
        return any(given.strip().removeprefix("W/") == tag for given in given_tags.split(","))
    since = request.get("if-modified-since")
    return since is not None and since == fields.get("Last-Modified")


class Site(Origin):
    """Serves so many pages."""

    def __init__(self, count: int) -> None:
        super().__init__()
        for number in range(count):
            self.on(f"/{number}", answer)

    def forget(self) -> None:
        """Drop the log of requests, which nobody reads here and which would grow for hours."""
        self.log.clear()
