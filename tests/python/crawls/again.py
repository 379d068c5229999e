"""Spiders, requests and extensions that try what a crawl bears: once more, in another way, with what is broken."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

from scrapy import Request, signals
from scrapy.downloadermiddlewares.retry import get_retry_request

from crawls.spiders import ErringSpider, PageSpider, page, the_cache

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure


class RetryingSpider(PageSpider):
    """Finds each page empty at first, and retries it as Scrapy's documentation says."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page, and its request once more."""
        yield page(response)
        assert response.request is not None
        again = get_retry_request(response.request, spider=self, reason="empty", max_retry_times=1)
        if again is not None:
            yield again


class Stubborn(Request):
    """A request that nobody can copy."""

    def replace(self, *_arguments: Any, **_fields: Any) -> Any:  # noqa: ANN401
        """Refuse."""
        raise TypeError("there is only one of me")


class StubbornSpider(PageSpider):
    """Asks by requests that nobody can copy."""

    async def start(self) -> AsyncIterator[Request]:
        """Begin with what the test wants."""
        for described in self._requests:
            yield Stubborn(**described)


class BreakingSpider(ErringSpider):
    """Closes the cache behind the first page, and tells what comes of the others that are under way."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page; after it nothing of the cache works any more."""
        the_cache(self).close()
        yield page(response)
        if response.url.endswith("/first"):
            yield response.follow("/last")

    def failed(self, failure: Failure) -> Iterator[Any]:
        """Yield what failed, and how."""
        yield {"url": failure.request.url, "failure": type(failure.value).__name__}  # type: ignore[attr-defined]


class FullDisk:
    """From the first page on, no file of the process grows any more."""

    SIZE = 300_000

    def __init__(self, crawler: Crawler) -> None:
        crawler.signals.connect(self._fill, signal=signals.spider_opened)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FullDisk:
        """Build it."""
        return cls(crawler)

    def _fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.SIZE, self.SIZE))
