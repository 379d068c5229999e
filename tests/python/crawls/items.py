"""Spiders with several items a page, and what projects put behind them: pipelines and spider middlewares."""

from __future__ import annotations

import gc
import os
import signal
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.exceptions import CloseSpider, DropItem, NotConfigured
from scrapy.pipelines.files import FilesPipeline
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.task import deferLater

from crawls.spiders import PageSpider, page, the_cache
from notmodified.scrapy import NotModifiedSpiderMiddleware, pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure
    from typing_extensions import Self

SLOW = 0.1


class ItemsSpider(PageSpider):
    """Yields three items from each page."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield them."""
        for number in range(3):
            yield {**page(response), "number": number}


class OtherSpider(ItemsSpider):
    """Does so under a name of its own, and so for another consumer."""

    name = "others"


class AsyncItemsSpider(PageSpider):
    """Does so asynchronously."""

    async def parse(self, response: Response) -> AsyncIterator[Any]:
        """Yield them."""
        for number in range(3):
            yield {**page(response), "number": number}


class ReturningSpider(PageSpider):
    """Returns one item."""

    def parse(self, response: Response) -> Any:  # noqa: ANN401
        """Return the page."""
        return page(response)


class SilentSpider(PageSpider):
    """Yields nothing; a signal tells that a page came."""

    def parse(self, response: Response) -> None:
        """Look at the page."""


class ForwardingSpider(PageSpider):
    """Gives the pipelines an item itself, before it yields another."""

    async def parse(self, response: Response) -> AsyncIterator[Any]:
        """Give one, yield one."""
        scraper = self.crawler.engine.scraper
        item = {**page(response), "number": 0}
        if hasattr(scraper, "start_itemproc_async"):
            await scraper.start_itemproc_async(item, response=response)
        else:
            # Before 2.14.
            await maybe_deferred_to_future(scraper.start_itemproc(item, response=response))
        yield {**item, "number": 1}


class LastingSpider(PageSpider):
    """Tells in the end of how many pages there is still a note somewhere."""

    def closed(self, reason: str) -> None:  # noqa: ARG002, Scrapy passes it by name
        """Count them."""
        gc.collect()
        assert self.crawler.stats is not None
        self.crawler.stats.set_value("notes", len(pages._delivered))  # noqa: SLF001, nobody else needs to know


class ErrbackSpider(PageSpider):
    """Makes items of failures."""

    async def start(self) -> AsyncIterator[Request]:
        """Begin with what the test wants."""
        async for request in super().start():
            yield request.replace(errback=self.failed)

    def failed(self, failure: Failure) -> Iterator[Any]:
        """Yield the failure."""
        yield {"url": failure.request.url, "failed": repr(failure.value)}  # type: ignore[attr-defined]


class AgainSpider(PageSpider):
    """Asks for its page once more, while the page's items are in their pipelines."""

    def parse(self, response: Response, *, is_second: bool = False) -> Iterator[Any]:
        """Yield the page, and its request."""
        yield {**page(response), "number": 2 if is_second else 0}
        if response.request is not None and not is_second:
            yield response.request.replace(dont_filter=True, cb_kwargs={"is_second": True})


class ClosingSpider(PageSpider):
    """Ends the crawl in the callback of `/last`, while the items of the pages before it are in their pipelines."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page, or end."""
        if response.url.endswith("/last"):
            raise CloseSpider("enough")
        yield page(response)


class InterruptedSpider(PageSpider):
    """Is interrupted in the callback of `/last`, as by Ctrl-C: Scrapy then ends what it has begun."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page."""
        if response.url.endswith("/last"):
            os.kill(os.getpid(), signal.SIGINT)
        yield page(response)


class Numbering:
    """Gives items without a number the first."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Number it."""
        return {"number": 0, **item}


class Dropping:
    """Drops the second item."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Drop it."""
        if item["number"] == 1:
            raise DropItem("not wanted")
        return item


class Failing:
    """Fails on the second item."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Fail."""
        if item["number"] == 1:
            raise ValueError("the item cannot be saved")
        return item


class Renewing:
    """Makes other objects of the items."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Copy it."""
        return {**item, "renewed": True}


class Slow:
    """Takes its time."""

    async def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Wait."""
        await maybe_deferred_to_future(_later())
        return item


class Deferring:
    """Takes its time in the older way."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> Deferred[dict[str, Any]]:  # noqa: ARG002
        """Promise the item."""
        return _later().addCallback(lambda _: item)


class Dying:
    """Dies with the third item, when everything that was acknowledged is safely in the store, as by `kill -9`."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build it."""
        return cls(crawler)

    async def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Die."""
        if item.get("number", 2) == 2:
            assert self._crawler.spider is not None
            # So that the items before this one have gone all their way.
            await maybe_deferred_to_future(_later())
            the_cache(self._crawler.spider).flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return item


class Files(FilesPipeline):
    """Downloads the page's `file`."""

    def get_media_requests(self, item: Any, info: object) -> list[Request]:  # noqa: ANN401, ARG002
        """Ask for it."""
        return [Request(item["url"] + "?file")]


class Unmade(NotModifiedSpiderMiddleware):
    """A project's own spider middleware that declines to be made."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:  # noqa: ARG003
        """Decline."""
        raise NotConfigured


class Losing:
    """A spider middleware that drops the first item of three, and doubles the last."""

    def process_spider_output(
        self,
        response: Response,  # noqa: ARG002
        result: Iterable[Any],
        spider: object = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Pass on the others."""
        for output in result:
            yield from self._made_of(output)

    async def process_spider_output_async(
        self,
        response: Response,  # noqa: ARG002
        result: AsyncIterator[Any],
        spider: object = None,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Pass on the others."""
        async for output in result:
            for made in self._made_of(output):
                yield made

    def _made_of(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        return {0: [], 1: [output], 2: [output, {**output, "number": 3}]}[output["number"]]


class Adding:
    """A spider middleware that adds an item to each page, after everybody's, and dies with it in no pipeline."""

    def process_spider_output(
        self,
        response: Response,
        result: Iterable[Any],
        spider: object = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Add it."""
        yield from result
        yield {**page(response), "number": 1}

    async def process_spider_output_async(
        self,
        response: Response,
        result: AsyncIterator[Any],
        spider: object = None,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Add it."""
        async for output in result:
            yield output
        yield {**page(response), "number": 1}


class Ignoring:
    """A spider middleware that takes no more than the first output of a callback."""

    def process_spider_output(
        self,
        response: Response,  # noqa: ARG002
        result: Iterable[Any],
        spider: object = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Take one."""
        for output in result:
            yield output
            return

    async def process_spider_output_async(
        self,
        response: Response,  # noqa: ARG002
        result: AsyncIterator[Any],
        spider: object = None,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Take one."""
        async for output in result:
            yield output
            return


def _later() -> Deferred[None]:
    from twisted.internet import reactor  # noqa: PLC0415, importing it installs one

    return deferLater(reactor, SLOW)
