"""Brings the spider middlewares along with the downloader middleware, and finds out whether they are there.

The add-on names all of them in the settings. Where a project names the downloader middleware alone, the settings
are frozen by the time it is made, and what stands in SPIDER_MIDDLEWARES is not: Scrapy freezes the names, and makes
its spider middlewares after its downloader middlewares. Whether it took effect is looked at when the spider opens.
What the project itself says stands, also `None`: off.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from notmodified.scrapy import components
from notmodified.scrapy.acknowledge import NotModifiedItemMiddleware, NotModifiedSpiderMiddleware

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.settings import BaseSettings

    from notmodified.scrapy.settings import Config

logger = logging.getLogger(__name__)

# Nearest to the callback (Scrapy's own end at 1000): its input hook runs last, so that only a callback that
# really began counts, and its exception hook runs first, so that an error that another middleware smooths
# over still counts. The other one nearest to the engine (Scrapy's own begin at 0).
ORDERS: dict[type, int] = {NotModifiedSpiderMiddleware: 1100, NotModifiedItemMiddleware: -1000}
_SETTING = "SPIDER_MIDDLEWARES"


def add_to(settings: BaseSettings) -> None:
    """Name the spider middlewares in the settings of a project that does not name them itself."""
    for middleware, order in _missing(settings[_SETTING]):
        components.add_to(settings, _SETTING, middleware, order)


def bring_along(settings: BaseSettings) -> None:
    """Do the same with the settings of a crawl that begins."""
    named = settings[_SETTING]
    # Should a version of Scrapy freeze that, too, the project hears what it can do itself.
    with contextlib.suppress(TypeError):
        for middleware, order in _missing(named):
            named[middleware] = order


def with_consumer(config: Config, settings: BaseSettings) -> Config:
    """Drop the consumer where the project keeps the spider middleware off: nothing would be acknowledged."""
    orders = components.orders(settings[_SETTING], NotModifiedSpiderMiddleware)
    if config.consumer is None or any(order is not None for order in orders):
        return config
    warn_of_missing()
    return replace(config, consumer=None)


def warn_of_missing() -> None:
    """Say what is lost without the spider middleware."""
    logger.warning(
        "Without its spider middleware notmodified cannot see when a page was processed, so `changed` "
        "compares with what was stored last, and meta['notmodified_skip_unchanged'] does nothing. "
        "For every change at least once: "
        "SPIDER_MIDDLEWARES = {'notmodified.scrapy.NotModifiedSpiderMiddleware': 1100}"
    )


def _missing(named: Mapping[Any, int | None]) -> list[tuple[type, int]]:
    if components.orders(named, NotModifiedSpiderMiddleware) == [None]:
        # Where the one is kept off, the other has nothing to do.
        return []
    return [(middleware, order) for middleware, order in ORDERS.items() if not components.orders(named, middleware)]
