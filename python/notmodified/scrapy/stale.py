"""The stored page in place of an origin that fails, and last of all: after Scrapy's retries and everybody else.

The core finds the stand-in when the answer or the exception passes `NotModifiedMiddleware`. There it is only
set aside, and the failure goes on, to be seen by RetryMiddleware, ban detection and whoever counts proxies.
What they hand on in the end comes by here: a failure is exchanged for the page. A request that is retried has
another try's stand-in, or needs none; what was set aside for it is forgotten with it.

What of a page may be served stale, and for how long, is decided by `notmodified.Cache` alone.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import scrapy
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.settings import default_settings
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.misc import load_object
from twisted.internet.defer import Deferred

from notmodified.scrapy import components, values
from notmodified.scrapy.values import PREFIX, SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    import notmodified

    # Makes the stored response the one of this request; the received one is None where no answer came.
    Deliver = Callable[[Request, notmodified.Response, Response | None], Awaitable[Response]]

logger = logging.getLogger(__name__)

PATH = "notmodified.scrapy.StaleIfErrorMiddleware"
SERVER_ERROR = 500


class StaleIfErrorMiddleware:
    """Exchanges what is left of a failure for the stored page. Its place is order 20: last to see a response."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._set_aside: WeakKeyDictionary[Request, notmodified.Response] = WeakKeyDictionary()
        self._deliver: Deliver | None = None
        self._methods_after: list[Callable[..., Any]] = []
        # What Scrapy and the project hold for a failure of the network: not an error in some middleware, and
        # not a download that somebody stopped or dropped.
        self._failures = _exceptions(default_settings.RETRY_EXCEPTIONS, crawler.settings.getlist("RETRY_EXCEPTIONS"))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StaleIfErrorMiddleware:
        """Build it where a setting lets anything stand in."""
        if not is_asked_for(crawler.settings):
            raise NotConfigured
        return cls(crawler)

    def stand_in_by(self, deliver: Deliver, methods_after: Iterable[Callable[..., Any]]) -> None:
        """Learn how a page is delivered, and which hooks see it then on its way here."""
        self._deliver = deliver
        self._methods_after = list(methods_after)

    def set_aside(self, request: Request, stored: notmodified.Response) -> None:
        """Keep a stand-in until all others have seen the failure."""
        self._set_aside[request] = stored

    async def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Response | Request:
        """Exchange a failure that nobody wants to try again."""
        stored = self._set_aside.pop(request, None)
        if stored is None or response.status < SERVER_ERROR or self._is_the_spiders(request, response):
            return response
        page = await self._page(request, stored, response)
        return response if page is None else await self._on_its_way(request, page)

    async def process_exception(
        self,
        request: Request,
        exception: Exception,
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Response | None:
        """Exchange an exception that nobody wants to try again; Scrapy sends the page through all hooks."""
        stored = self._set_aside.pop(request, None)
        if stored is None or not isinstance(exception, self._failures):
            return None
        return await self._page(request, stored, None)

    async def _page(self, request: Request, stored: notmodified.Response, received: Response | None) -> Response | None:
        try:
            return None if self._deliver is None else await self._deliver(request, stored, received)
        except Exception:
            self._crawler.stats.inc_value("notmodified/errors")
            logger.warning("A stored page could not stand in for a failure, which goes on as it is", exc_info=True)
            return None

    def _is_the_spiders(self, request: Request, response: Response) -> bool:
        """Tell whether the spider names this status among those that it handles itself."""
        lists = (
            request.meta.get("handle_httpstatus_list"),
            getattr(self._crawler.spider, "handle_httpstatus_list", None),
        )
        return any(response.status in named for named in lists if named)

    async def _on_its_way(self, request: Request, page: Response) -> Response | Request:
        """Show it to whoever sees a page after a 304: it is still coded, and it may be a redirect.

        In place of an exception Scrapy does so itself. After an answer they have seen only that.
        """
        for method in self._methods_after:
            given = {"spider": self._crawler.spider} if _wants_spider(method) else {}
            result = method(request=request, response=page, **given)
            if isinstance(result, Deferred):
                result = await maybe_deferred_to_future(result)
            elif inspect.isawaitable(result):
                result = await result
            if not isinstance(result, Response):
                return result  # type: ignore[no-any-return]
            page = result
        return page


def is_asked_for(settings: BaseSettings) -> bool:
    """Tell whether a setting lets anything stand in; those that make no sense are refused elsewhere."""
    with contextlib.suppress(SettingsError):
        if not values.boolean(settings, "ENABLED", default=True):
            return False
    is_set = settings.get(f"{PREFIX}STALE_IF_ERROR") not in (None, "")
    return is_set or settings.get(f"{PREFIX}FRESHNESS") == "rfc9111"


def put_at_the_end(crawler: Crawler, deliver: Deliver, own_hook: Callable[..., Any]) -> StaleIfErrorMiddleware | None:
    """Find the middleware that is last to see a response; where none is enabled, bring it along.

    Give None where nothing stands in: no setting asks for it, or the project itself switched it off.
    """
    if not is_asked_for(crawler.settings):
        return None
    manager = crawler.engine.downloader.middleware
    hooks, middleware = manager.methods, crawler.get_downloader_middleware(StaleIfErrorMiddleware)
    if middleware is None:
        if components.orders(crawler.settings.getdict("DOWNLOADER_MIDDLEWARES"), StaleIfErrorMiddleware):
            return None
        # Scrapy fixes its list before it builds the first of them, and has no way to add to it later.
        middleware = StaleIfErrorMiddleware(crawler)
        hooks["process_response"].append(middleware.process_response)
        hooks["process_exception"].append(middleware.process_exception)
        manager.middlewares = (middleware, *manager.middlewares)
        logger.info("Enabled downloader middleware %s, before all others", PATH)
    responses = [hook for hook in hooks["process_response"] if hook is not None]
    begin, end = responses.index(own_hook), responses.index(middleware.process_response)
    middleware.stand_in_by(deliver, responses[begin + 1 : end])
    return middleware


def _wants_spider(method: Callable[..., Any]) -> bool:
    """Tell whether Scrapy hands this hook the spider: before 2.14 each, since then those that insist."""
    if scrapy.version_info < (2, 14):
        return True
    parameter = inspect.signature(method).parameters.get("spider")
    return parameter is not None and parameter.default is parameter.empty


def _exceptions(*lists: Iterable[Any]) -> tuple[type[BaseException], ...]:
    return tuple(load_object(one) for some in lists for one in some)
