"""Sees a page's callback end, and its items go through the pipelines: `pages` says what follows from it.

item pipelines ← `NotModifiedItemMiddleware` ← other spider middlewares ← `NotModifiedSpiderMiddleware` ← callback.
Two, since other spider middlewares may drop, add and replace items: what reaches the pipelines is seen at the
engine's end, whether the callback was called and ended at the spider's end alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scrapy import Request, signals
from scrapy.exceptions import NotConfigured
from scrapy.http import Response

from notmodified.scrapy import meta
from notmodified.scrapy.pages import delivered, pages_of
from notmodified.scrapy.skip import Skips

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from scrapy import Spider
    from scrapy.crawler import Crawler
    from typing_extensions import Self

logger = logging.getLogger(__name__)


class _SpiderSide:
    """What the two have in common."""

    def __init__(self, crawler: Crawler) -> None:
        self._collector = crawler.stats
        self._pages = pages_of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build it; a switched off package has nothing to acknowledge."""
        if not crawler.settings.getbool("NOTMODIFIED_ENABLED", default=True):
            raise NotConfigured
        return cls(crawler)

    def _take_note(self, end: Callable[[Response], None], response: Response) -> None:
        try:
            end(response)
        except Exception:
            # The page's items are out already; that it comes as changed once more is the lesser harm.
            self._collector.inc_value("notmodified/errors")
            logger.warning("A page could not be acknowledged; it will come as changed again", exc_info=True)


class NotModifiedSpiderMiddleware(_SpiderSide):
    """Sees callbacks begin and end, and skips those that meta says. Its place is nearest to the spider (1100)."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._skips = Skips(crawler.stats)
        self._pages.sees_callbacks = True

    def process_spider_input(self, response: Response, spider: Spider | None = None) -> None:  # noqa: ARG002
        """Run last before the callback: another middleware may have refused the page before."""
        request = response.request
        if request is None:
            return
        page = delivered(request)
        if page is None:
            # Not ours: what it was told came along with the meta of another.
            meta.forget_outcome(request)
        elif not page.has_begun:
            self._pages.begin(response, page)
        self._skips.skip_if_asked(response)

    def process_spider_exception(
        self,
        response: Response,
        exception: Exception,  # noqa: ARG002
        spider: Spider | None = None,  # noqa: ARG002
    ) -> None:
        """See every exception of a callback first, also one that another middleware turns into output."""
        self._pages.fail(response)
        self._skips.count_skipped(response)

    def process_spider_output(
        self,
        response: Response,
        result: Iterable[Any],
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Pass the output through, and see its end."""
        yield from result
        self._end(response)

    async def process_spider_output_async(
        self,
        response: Response,
        result: AsyncIterator[Any],
        spider: Spider | None = None,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Pass the output through, and see its end."""
        async for output in result:
            yield output
        self._end(response)

    def _end(self, response: Response) -> None:
        self._skips.count_skipped(response)
        self._take_note(self._pages.end_callback, response)


class NotModifiedItemMiddleware(_SpiderSide):
    """Counts the items that go to the pipelines and come back. Its place is nearest to the engine (-1000)."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pages.sees_items = True
        self._signals = crawler.signals
        self._is_listening = False

    def process_spider_output(
        self,
        response: Response,
        result: Iterable[Any],
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Count the items, and see the end of the output."""
        for output in result:
            self._count(response, output)
            yield output
        self._take_note(self._pages.end_output, response)

    async def process_spider_output_async(
        self,
        response: Response,
        result: AsyncIterator[Any],
        spider: Spider | None = None,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Count the items, and see the end of the output."""
        async for output in result:
            self._count(response, output)
            yield output
        self._take_note(self._pages.end_output, response)

    def item_processed(self, response: object) -> None:
        """See an item that was scraped or dropped."""
        # Those of an errback come with its failure, those of a start without anything.
        if isinstance(response, Response):
            self._take_note(self._pages.end_item, response)

    def item_failed(self, response: object) -> None:
        """See an item whose pipeline raised."""
        if isinstance(response, Response):
            self._pages.fail(response)

    def _count(self, response: Response, output: object) -> None:
        # Scrapy gives everything to the pipelines that is neither a request nor nothing.
        if output is None or isinstance(output, Request):
            return
        page = self._pages.in_hand(response)
        if page is not None:
            self._listen()
            page.items_under_way += 1

    def _listen(self) -> None:
        # Not from the start: whoever listens to an item's signals costs the crawl as much as half of all that
        # Scrapy does for an item, and a crawl of unchanged pages waits for none.
        if self._is_listening:
            return
        self._is_listening = True
        self._signals.connect(self.item_processed, signal=signals.item_scraped)
        self._signals.connect(self.item_processed, signal=signals.item_dropped)
        self._signals.connect(self.item_failed, signal=signals.item_error)
