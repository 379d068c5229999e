"""From what `notmodified.Cache` settled to what the spider gets: the page, what is told of it, and what is awaited.

A page whose change is still to be acknowledged is taken note of in `pages`, before it goes to its callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.http.request import NO_CALLBACK

from notmodified.outcomes import Outcome
from notmodified.scrapy import conversion, meta, waiting
from notmodified.scrapy.inspection import is_inspection
from notmodified.scrapy.pages import Page, deliver, pages_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    import notmodified
    from notmodified.scrapy.settings import Config
    from notmodified.scrapy.statistics import Statistics

# What is the stored page, whoever acknowledged it.
AS_STORED = frozenset(
    {Outcome.FRESH, Outcome.NOT_MODIFIED, Outcome.SAME_CONTENT, Outcome.STALE_IF_ERROR, Outcome.STOPPED_EARLY}
)


class Delivery:
    """Hands pages on to the spider of one crawl."""

    def __init__(self, crawler: Crawler, config: Config, statistics: Statistics) -> None:
        self._statistics = statistics
        self._pages = pages_of(crawler)
        self._has_consumer = config.consumer is not None
        self._is_inspection = is_inspection(crawler)

    async def deliver(self, request: Request, settled: notmodified.Response, received: Response | None) -> Response:
        """Give the page of a settled response; `received` is None where no answer came."""
        page = received
        if page is None or page.status != settled.status or settled.outcome is Outcome.STOPPED_EARLY:
            page = conversion.stored_page(settled, await waiting.body(settled), request, received)
        request.meta[meta.OUTCOME] = {
            "outcome": settled.outcome.value,
            "changed": _is_changed(request, settled),
            "not_modified": settled.not_modified,
        }
        self._statistics.delivered(settled)
        self._take_note(request, settled)
        if received is None:
            self._statistics.never_sent(request)
        return page

    def hand_on(self, request: Request, failure: Response) -> Response:
        """Give a failure as it came, for which a stored page may yet stand in."""
        request.meta[meta.OUTCOME] = {"outcome": Outcome.PASSED.value, "changed": True, "not_modified": False}
        self._statistics.handed_on()
        # Told by us, with nothing to acknowledge.
        deliver(request, Page(None, is_inspected=self._is_inspection))
        return failure

    def _take_note(self, request: Request, settled: notmodified.Response) -> None:
        is_awaited = settled.changed and self._has_consumer and not self._is_inspection
        if request.callback is NO_CALLBACK:
            is_awaited = False
        elif is_awaited and not self._pages.sees_callbacks:
            settled.acknowledge()
            is_awaited = False
        deliver(request, Page(settled if is_awaited else None, is_inspected=self._is_inspection))


def _is_changed(request: Request, settled: notmodified.Response) -> bool:
    if request.callback is not NO_CALLBACK:
        return settled.changed
    # A media pipeline, or robots.txt: no callback will ever finish. What the consumer acknowledged tells of pages
    # that a callback processed, and the same URL may be one of them; so this compares with what was stored.
    return settled.changed and settled.outcome not in AS_STORED
