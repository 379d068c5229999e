"""The spiders of the test crawls. All have one name, and so one consumer: one begins where the other ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy import Request, Spider
from scrapy.http import Response, TextResponse
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.defer import maybe_deferred_to_future

from notmodified.scrapy import NotModifiedMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from twisted.python.failure import Failure

    import notmodified


class PageSpider(Spider):
    """Yields each page that it was told to fetch, with all that a test looks at."""

    name = "pages"

    def __init__(self, requests: list[dict[str, Any]], **arguments: Any) -> None:  # noqa: ANN401
        super().__init__(**arguments)
        self._requests = requests

    async def start(self) -> AsyncIterator[Request]:
        """Begin with what the test wants."""
        for described in self._requests:
            yield Request(**described)

    def parse(self, response: Response) -> Any:  # noqa: ANN401
        """Yield the page."""
        yield page(response)


class FollowingSpider(PageSpider):
    """Follows every link."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page, and its links as requests."""
        yield page(response)
        if isinstance(response, TextResponse):
            yield from response.follow_all(css="a")


class RepeatingSpider(PageSpider):
    """Asks for each page once more, with a copy of the request and all of its meta, and with meta["again"]."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page, and the next request."""
        yield page(response)
        if response.request and "repeated" not in response.meta:
            yield response.request.replace(
                dont_filter=True, meta={**response.meta, **response.meta.get("again", {}), "repeated": True}
            )


class AsyncSpider(PageSpider):
    """Has an asynchronous callback."""

    async def parse(self, response: Response) -> AsyncIterator[Any]:
        """Yield the page."""
        yield page(response)


class FetchingSpider(PageSpider):
    """Fetches each page a second way: with the answer right in the callback, as pipelines do."""

    async def parse(self, response: Response) -> AsyncIterator[Any]:
        """Yield what was fetched."""
        yield page(await fetch(self, Request(response.url + "?file", callback=NO_CALLBACK)))


class ErringSpider(PageSpider):
    """Tells how a request looks whose download failed."""

    async def start(self) -> AsyncIterator[Request]:
        """Begin with what the test wants."""
        for described in self._requests:
            yield Request(**described, errback=self.failed)

    def failed(self, failure: Failure) -> Iterator[Any]:
        """Yield the request."""
        request: Request = failure.request  # type: ignore[attr-defined]
        yield {"url": request.url, "request_headers": _latin(request.headers), "meta": _ours(request.meta)}


class RaisingSpider(PageSpider):
    """Fails on every page, after its item."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page and fail."""
        yield page(response)
        raise ValueError("the page cannot be parsed")


class BreakingSpider(PageSpider):
    """Breaks the cache in its first callback, and goes on to its last page."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page; after it nothing of the cache works any more."""
        the_cache(self).close()
        yield page(response)
        if response.url.endswith("/first"):
            yield response.follow("/last")


class MappingSpider(PageSpider):
    """Tells how often its process has mapped the store's file: once, for however many spiders."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page, and the number."""
        store = self.settings["NOTMODIFIED_STORE"]
        maps = Path("/proc/self/maps").read_text().splitlines()
        yield {**page(response), "maps": sum(line.endswith(f"{store}/data.mdb") for line in maps)}


class DyingSpider(PageSpider):
    """Dies in its callback, when the page is safely in the store, as by `kill -9`."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Do not return."""
        the_cache(self).flush()
        os.kill(os.getpid(), signal.SIGKILL)
        yield page(response)


async def fetch(spider: Spider, request: Request) -> Response:
    """Fetch a page past the scheduler."""
    engine = spider.crawler.engine
    if hasattr(engine, "download_async"):
        return await engine.download_async(request)
    # Before 2.14.
    return await maybe_deferred_to_future(engine.download(request))


def the_cache(spider: Spider) -> notmodified.Cache:
    """Give the cache that the crawl works with."""
    middleware = spider.crawler.get_downloader_middleware(NotModifiedMiddleware)
    assert middleware is not None
    return middleware.cache


def page(response: Response) -> dict[str, Any]:
    """Tell what a test looks at."""
    return {
        "url": response.url,
        "status": response.status,
        "body": response.body.decode("latin-1"),
        "class": type(response).__name__,
        "flags": response.flags,
        "headers": _latin(response.headers),
        "request_headers": _latin(response.request.headers if response.request else {}),
        "ip_address": str(response.ip_address),
        "meta": _ours(response.meta),
    }


def _ours(meta: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in meta.items() if key.startswith("notmodified")}


def _latin(headers: Any) -> dict[str, list[str]]:  # noqa: ANN401
    return {name.decode("latin-1"): [value.decode("latin-1") for value in values] for name, values in headers.items()}
