"""Sees whether the downloader middleware is where it can do its work, and says so where it is not.

Order 800 is after everything that has a say in what is sent, and before nothing that reads the answer.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.cookies import CookiesMiddleware
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

# Those of Scrapy's that have to be nearer to the engine, and what is amiss where they are not.
NEARER_TO_THE_ENGINE: dict[type, str] = {
    HttpCompressionMiddleware: "coded pages arrive decoded, and are not stored",
    CookiesMiddleware: "cookies are not known when an identity is told from another",
    HttpProxyMiddleware: "the proxy is not known when an identity is told from another",
}


def warn_if_misplaced(crawler: Crawler, middleware: object) -> None:
    """Say which of Scrapy's middlewares come too late, and what follows from that."""
    enabled = crawler.engine.downloader.middleware.middlewares
    behind = enabled[enabled.index(middleware) + 1 :]
    amiss = [
        f"{kind.__name__} comes after it: {problem}"
        for kind, problem in NEARER_TO_THE_ENGINE.items()
        if any(isinstance(one, kind) for one in behind)
    ]
    if amiss:
        logger.warning("NotModifiedMiddleware is not in its place (DOWNLOADER_MIDDLEWARES: 800). %s.", "; ".join(amiss))
