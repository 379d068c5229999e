"""Stops a crawl whose store fails, where NOTMODIFIED_STRICT asks for that; no page that has come is lost by it.

A store writes behind the crawl's back, so its failure is no exception anywhere, and is looked for as pages come.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scrapy.utils.defer import deferred_from_coro

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    import notmodified

logger = logging.getLogger(__name__)

REASON = "notmodified_store_failed"


class StoreWatch:
    """Looks whether the store of one crawl still works."""

    def __init__(self, crawler: Crawler, cache: notmodified.Cache) -> None:
        self._crawler = crawler
        self._cache = cache
        self._has_stopped = False

    def stop_if_it_failed(self) -> None:
        """Let the spider close, once."""
        if self._has_stopped:
            return
        try:
            counted = self._cache.stats()
        except RuntimeError:
            # It was closed; there is nothing to be said of it.
            return
        if not counted["store_errors"]:
            return
        self._has_stopped = True
        logger.critical("The store failed, and NOTMODIFIED_STRICT is on: the crawl stops. %s", _last_words(counted))
        self._close_spider()

    def _close_spider(self) -> None:
        engine: Any = self._crawler.engine
        if hasattr(engine, "close_spider_async"):
            deferred_from_coro(engine.close_spider_async(reason=REASON))
        else:
            # Before Scrapy 2.14.
            engine.close_spider(self._crawler.spider, reason=REASON)


def _last_words(counted: dict[str, Any]) -> str:
    return str(counted.get("last_store_error") or "")
