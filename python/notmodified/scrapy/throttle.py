"""AutoThrottle that takes a 304 to our own condition for what it is: a page that the origin gave.

Scrapy's AutoThrottle shortens its delay by the latency of 200s alone, since errors and redirects come
quickly and would make it hurry. A crawl whose pages are all unchanged then stays at its start delay for ever.
Nothing else is changed here: errors never shorten the delay, and a 304 to the spider's own condition is
Scrapy's to judge.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy.extensions.throttle import AutoThrottle as ScrapysAutoThrottle

from notmodified.scrapy import meta
from notmodified.scrapy.components import class_at

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

NOT_MODIFIED, OK = 304, 200
SCRAPYS, OURS = "scrapy.extensions.throttle.AutoThrottle", "notmodified.scrapy.AutoThrottle"


class AutoThrottle(ScrapysAutoThrottle):
    """Scrapy's AutoThrottle, to which a page that did not change is a page."""

    # Scrapy has no public place for this, and has kept this one since AutoThrottle listens to the signal. It is
    # the only one that knows the request: `_adjust_delay` is handed the response alone, which has none yet.
    def _response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:
        # Said before any middleware sees the response, so what we added is still written there.
        if response.status == NOT_MODIFIED and request.meta.get(meta.ADDED):
            response = response.replace(status=OK)
        super()._response_downloaded(response, request, spider)


def put_in_place(settings: BaseSettings) -> None:
    """Exchange Scrapy's AutoThrottle for ours where it is on, unless the project names one, be it with `None`."""
    # What a wrong value means is told later, once.
    is_off = str(settings.get("NOTMODIFIED_ENABLED", True)).lower() in {"false", "0"}
    if is_off or not settings.getbool("AUTOTHROTTLE_ENABLED"):
        return
    order, extensions = 0, {}
    for path, given in settings.getdict("EXTENSIONS").items():
        kind = class_at(path)
        if kind is None or not issubclass(kind, ScrapysAutoThrottle):
            extensions[path] = given
        elif given is None or kind is not ScrapysAutoThrottle:
            return
        else:
            order = given
    # By its path, since that is how Scrapy's defaults name it.
    extensions.update({SCRAPYS: None, OURS: order})
    settings.set("EXTENSIONS", extensions, settings.getpriority("EXTENSIONS") or 0)


def warn_if_slowed(crawler: Crawler) -> None:
    """Say it where Scrapy's own AutoThrottle is at work, and how to have ours."""
    running = crawler.get_extension(ScrapysAutoThrottle)
    if type(running) is ScrapysAutoThrottle:
        logger.warning(
            "Scrapy's AutoThrottle does not speed up on 304s. Exchange it for one that does: "
            "EXTENSIONS = {%r: None, %r: 0}",
            SCRAPYS,
            OURS,
        )
