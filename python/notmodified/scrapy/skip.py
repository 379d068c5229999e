"""No callback for a page that is stored and unchanged, where the callback or the request asks for it.

There is no switch for all pages: an unchanged index page still leads to changed ones. `@skip_unchanged` skips the
callback alone (what a CrawlSpider's rules follow is still followed), `meta["notmodified_skip_unchanged"]` whatever
the callback of the request is. A skipped page is no failure: no errback hears of it.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import logging
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakSet

from scrapy.http import Response

import notmodified
from notmodified.scrapy import meta
from notmodified.scrapy.pages import delivered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from scrapy.statscollectors import StatsCollector

logger = logging.getLogger(__name__)

Callback = TypeVar("Callback", bound="Callable[..., Any]")

# What decorated callbacks skipped, until the spider middleware counts it: a callback knows no crawler.
_skipped: WeakSet[Response] = WeakSet()


def skip_unchanged(callback: Callback) -> Callback:
    """Decorate a callback that need not run on pages that are stored and unchanged for the consumer.

    For functions, generators, coroutines and asynchronous generators, methods or not; each stays what it is. The
    callback runs as ever where the page changed or was not stored (`passed`), and where `notmodified` had no part
    in it: `dont_cache`, the add-on switched off, a response made by hand, `scrapy check`, `parse` and `shell`.

        @notmodified.scrapy.skip_unchanged
        def parse_product(self, response):
            yield {"name": response.css("h1::text").get()}
    """
    if not callable(callback):
        raise TypeError(
            f"@skip_unchanged is for callbacks, and {callback!r} cannot be called; it goes below "
            "@classmethod and @staticmethod"
        )
    if inspect.isasyncgenfunction(callback):
        return cast("Callback", _skipping_async_generator(callback))
    if inspect.iscoroutinefunction(callback):
        return cast("Callback", _skipping_coroutine(callback))
    if inspect.isgeneratorfunction(callback):
        return cast("Callback", _skipping_generator(callback))
    return cast("Callback", _skipping_function(callback))


def is_skippable(response: Response) -> bool:
    """Tell whether the page is stored and unchanged, and nobody wants to see the callback run."""
    request = response.request
    if request is None:
        return False
    told = request.meta.get(meta.OUTCOME)
    # Without us in the crawl, anybody's word may stand there.
    if not isinstance(told, dict) or told.get("changed") is not False:
        return False
    if told.get("outcome") == notmodified.Outcome.PASSED:
        return False
    page = delivered(request)
    return page is None or not page.is_inspected


class Skips:
    """Skips by meta, and counts and tells what was skipped in one crawl."""

    def __init__(self, collector: StatsCollector) -> None:
        self._collector = collector
        self._has_warned_of_start = False
        self._has_refused = False

    def skip_if_asked(self, response: Response) -> None:
        """Give the request of this response a callback that does nothing, if it asks for that."""
        request = response.request
        wish = None if request is None else request.meta.get(meta.SKIP_UNCHANGED)
        if wish is None:
            return
        if not isinstance(wish, bool):
            self._refuse(response, wish)
        elif wish and is_skippable(response):
            _without_callback(response)
            self._count(response)

    def count_skipped(self, response: Response) -> None:
        """Count the page, if a decorated callback skipped it."""
        if response in _skipped:
            _skipped.discard(response)
            self._count(response)

    def _count(self, response: Response) -> None:
        self._collector.inc_value("notmodified/skipped")
        logger.debug("Skipped the callback of %s, which is unchanged", response.url)
        if not self._has_warned_of_start and _is_start(response):
            self._has_warned_of_start = True
            logger.warning(
                "The callback of the start page %s was skipped, since the page is unchanged. If its links are "
                "followed by that callback, changed pages behind it are not found by this crawl: "
                "leave notmodified's skip_unchanged to pages that lead nowhere.",
                response.url,
            )

    def _refuse(self, response: Response, wish: object) -> None:
        self._collector.inc_value("notmodified/errors")
        if not self._has_refused:
            self._has_refused = True
            logger.error(
                "meta[%r] of %s is %r; it must be True or False. The callback is called.",
                meta.SKIP_UNCHANGED,
                response.url,
                wish,
            )


def _is_start(response: Response) -> bool:
    told: dict[str, Any] = response.meta
    return bool(told.get("is_start_request", told.get("depth", 0) == 0))


def _without_callback(response: Response) -> None:
    # Spider middlewares may refuse a page only by an exception, and that goes to the errback. But Scrapy calls
    # the callback that `response.request` has: so for this one call, and no longer, it is a copy that has
    # another.
    request = response.request

    def skip(response: Response, **_cb_kwargs: object) -> None:
        response.request = request

    # Not by `replace`, which calls constructors of others.
    skipping = copy.copy(request)
    assert skipping is not None  # noqa: S101, the caller has looked
    skipping.callback = skip
    response.request = skipping


def _skips(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    # (response), or (self, response); Scrapy passes everything else by keyword.
    responses = [given for given in (*arguments[:2], keywords.get("response")) if isinstance(given, Response)]
    if not responses or not is_skippable(responses[0]):
        return False
    _skipped.add(responses[0])
    return True


def _skipping_function(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def skipping(*arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        # A subclass may go through what it gets.
        return [] if _skips(arguments, keywords) else callback(*arguments, **keywords)

    return skipping


def _skipping_generator(callback: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    @wraps(callback)
    def skipping(*arguments: Any, **keywords: Any) -> Iterator[Any]:  # noqa: ANN401
        if not _skips(arguments, keywords):
            yield from callback(*arguments, **keywords)

    return skipping


def _skipping_coroutine(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    async def skipping(*arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        return [] if _skips(arguments, keywords) else await callback(*arguments, **keywords)

    return skipping


def _skipping_async_generator(callback: Callable[..., Any]) -> Callable[..., AsyncIterator[Any]]:
    @wraps(callback)
    async def skipping(*arguments: Any, **keywords: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        if _skips(arguments, keywords):
            return
        async with contextlib.aclosing(callback(*arguments, **keywords)) as outputs:
            async for output in outputs:
                yield output

    return skipping
