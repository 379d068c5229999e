"""What stands around failures in a test crawl: ban detection, and middlewares that have a say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse, Response

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class Watching:
    """Keeps in the stats, under "seen", each status and exception that passes ban detection's usual place."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Watching:
        """Build it."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response, spider: object = None) -> Response:  # noqa: ARG002
        """Look at the response."""
        self._keep(response.status)
        return response

    def process_exception(self, request: Request, exception: Exception, spider: object = None) -> None:  # noqa: ARG002
        """Look at the exception."""
        self._keep("exception")

    def _keep(self, one: int | str) -> None:
        seen = self._crawler.stats.get_value("seen", [])
        self._crawler.stats.set_value("seen", [*seen, one])


class Marking:
    """Rewrites every page, as middlewares that repair markup do; asynchronously, and insisting on the spider."""

    async def process_response(self, request: Request, response: Response, spider: object) -> Response:  # noqa: ARG002
        """Put a mark behind the body."""
        assert spider is not None
        return response.replace(body=response.body + b"<!-- seen -->")


class Answering:
    """Has a page of its own for whatever fails."""

    def process_exception(self, request: Request, exception: Exception, spider: object = None) -> Response:  # noqa: ARG002
        """Answer."""
        return HtmlResponse(request.url, body=b"<html>own</html>")


class Dropping:
    """Drops whatever fails."""

    def process_response(self, request: Request, response: Response, spider: object = None) -> Response:  # noqa: ARG002
        """Drop errors."""
        if response.status >= 500:
            raise IgnoreRequest("banned")
        return response


class Refusing:
    """Nearest to the wire, refuses the requests whose meta says how."""

    def process_request(self, request: Request, spider: object = None) -> None:  # noqa: ARG002
        """Raise what the request's meta names."""
        kinds: dict[Any, type[Exception]] = {"ignore": IgnoreRequest, "bug": ZeroDivisionError, "network": OSError}
        kind = kinds.get(request.meta.get("refused"))
        if kind is not None:
            raise kind("refused")
