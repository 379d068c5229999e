"""Extensions that watch, or set, the pace of a test crawl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.extensions.throttle import AutoThrottle

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class Delays:
    """Keeps in the stats, under "delays", the delay of the request's slot after each download."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        crawler.signals.connect(self._keep, signal=signals.request_left_downloader)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Delays:
        """Build it."""
        return cls(crawler)

    def _keep(self, request: Request) -> None:
        slot = self._crawler.engine.downloader.slots[request.meta["download_slot"]]
        kept = self._crawler.stats.get_value("delays", [])
        self._crawler.stats.set_value("delays", [*kept, slot.delay])


class OwnThrottle(AutoThrottle):
    """A project's own."""
