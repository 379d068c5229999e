"""At least once: a page counts as processed when its callback has finished without an error.

A process may die between the store and the callback; the next crawl is then answered 304 although nobody ever
saw the change. So the store remembers, for the consumer (the spider's name), what it last acknowledged, and
`changed` compares with that. Here is told when to acknowledge: after the last output of the callback was
taken. A callback that raised, that never began, or whose output was left half taken acknowledges nothing, and
the page comes as changed again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from scrapy.exceptions import NotConfigured
from scrapy.utils.misc import load_object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    import notmodified
    from notmodified.scrapy.settings import Config

logger = logging.getLogger(__name__)


class Unacknowledged:
    """The changed pages of one crawl, from their delivery by the downloader to the end of their callback.

    By request, since other middlewares replace responses; weakly, since most requests of a crawl never come
    back.
    """

    def __init__(self) -> None:
        self._delivered: WeakKeyDictionary[Request, notmodified.Response] = WeakKeyDictionary()
        self._begun: WeakKeyDictionary[Request, notmodified.Response] = WeakKeyDictionary()

    def deliver(self, request: Request, page: notmodified.Response) -> None:
        """Take note of a page that is on its way to its callback."""
        self._delivered[request] = page

    def begin(self, request: Request) -> None:
        """Take note that the callback is called next."""
        page = self._delivered.pop(request, None)
        if page is not None:
            self._begun[request] = page

    def fail(self, request: Request) -> None:
        """Take note that the callback raised."""
        self._begun.pop(request, None)

    def finish(self, request: Request) -> None:
        """Acknowledge: the callback's last output was taken."""
        page = self._begun.pop(request, None)
        if page is not None:
            page.acknowledge()


_of_crawler: WeakKeyDictionary[Crawler, Unacknowledged] = WeakKeyDictionary()


def unacknowledged(crawler: Crawler) -> Unacknowledged:
    """Give the one list that the two middlewares of a crawl share, whichever of them is made first."""
    return _of_crawler.setdefault(crawler, Unacknowledged())


def with_consumer(config: Config, settings: BaseSettings) -> Config:
    """Drop the consumer where no spider middleware is enabled: nothing would ever be acknowledged."""
    enabled = [path for path, order in settings.getwithbase("SPIDER_MIDDLEWARES").items() if order is not None]
    if config.consumer is None or any(issubclass(load_object(path), NotModifiedSpiderMiddleware) for path in enabled):
        return config
    logger.warning(
        "Without its spider middleware notmodified cannot see when a page was processed, so `changed` "
        "compares with what was stored last. For every change at least once: "
        "SPIDER_MIDDLEWARES = {'notmodified.scrapy.NotModifiedSpiderMiddleware': 1100}"
    )
    return replace(config, consumer=None)


class NotModifiedSpiderMiddleware:
    """Acknowledges a page when its callback has finished. Its place is nearest to the spider (order 1100)."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._pages = unacknowledged(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> NotModifiedSpiderMiddleware:
        """Build it; a switched off package has nothing to acknowledge."""
        if not crawler.settings.getbool("NOTMODIFIED_ENABLED", default=True):
            raise NotConfigured
        return cls(crawler)

    def process_spider_input(self, response: Response, spider: Spider | None = None) -> None:  # noqa: ARG002
        """Run last before the callback: another middleware may have refused the page before."""
        if response.request is not None:
            self._pages.begin(response.request)

    def process_spider_exception(
        self,
        response: Response,
        exception: Exception,  # noqa: ARG002
        spider: Spider | None = None,  # noqa: ARG002
    ) -> None:
        """See every exception of a callback first, also one that another middleware turns into output."""
        if response.request is not None:
            self._pages.fail(response.request)

    def process_spider_output(
        self,
        response: Response,
        result: Iterable[Any],
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Pass the output through, and acknowledge after its end."""
        yield from result
        self._finish(response)

    async def process_spider_output_async(
        self,
        response: Response,
        result: AsyncIterator[Any],
        spider: Spider | None = None,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Pass the output through, and acknowledge after its end."""
        async for output in result:
            yield output
        self._finish(response)

    def _finish(self, response: Response) -> None:
        if response.request is None:
            return
        try:
            self._pages.finish(response.request)
        except Exception:
            # The page's items are out already; that it comes as changed once more is the lesser harm.
            self._crawler.stats.inc_value("notmodified/errors")
            logger.warning("A page could not be acknowledged; it will come as changed again", exc_info=True)
