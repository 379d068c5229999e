"""The pages of a crawl on their way: delivered by the downloader, begun by their callback, processed.

A process may die between the store and the pipelines; the next crawl is then answered 304 although nobody ever
processed the change. So the store remembers, for the consumer (the spider's name), what it last acknowledged,
and `changed` compares with that. Here stands when a page is acknowledged: when its callback has finished
without an error, and every item that came out for the item pipelines was scraped or dropped. What raised, never
began or was left half done acknowledges nothing, and the page comes as changed again.

Nothing is kept alive: pages hang on their requests and responses, weakly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    import notmodified


@dataclass(slots=True)
class Page:
    """One page, and how far it got."""

    # What there is to acknowledge; None where there is nothing.
    answer: notmodified.Response | None
    has_begun: bool = False
    # Somebody wants to see it; see `inspection`.
    is_inspected: bool = False
    has_callback_ended: bool = False
    has_output_ended: bool = False
    items_under_way: int = 0


# By request, since other middlewares replace responses on their way to the spider. For the whole process, since
# a decorated callback knows no crawler.
_delivered: WeakKeyDictionary[Request, Page] = WeakKeyDictionary()


def deliver(request: Request, page: Page) -> None:
    """Take note of a page that is on its way to its callback."""
    _delivered[request] = page


def delivered(request: Request) -> Page | None:
    """Give the page that this request was last answered with, if it was by us."""
    return _delivered.get(request)


class Pages:
    """The pages of one crawl that are to be acknowledged, from the begin of their callback on.

    By response: from there on nobody replaces it, while one request may bring several.
    """

    def __init__(self) -> None:
        # Whether the two spider middlewares were made.
        self.sees_callbacks = False
        self.sees_items = False
        self._in_hand: WeakKeyDictionary[Response, Page] = WeakKeyDictionary()

    def begin(self, response: Response, page: Page) -> None:
        """Take note that the callback is called next."""
        page.has_begun = True
        if page.answer is not None:
            page.has_output_ended = not self.sees_items
            self._in_hand[response] = page

    def fail(self, response: Response) -> None:
        """Take note that the callback, or the pipeline of an item, raised."""
        self._in_hand.pop(response, None)

    def in_hand(self, response: Response) -> Page | None:
        """Give the page, if it is still to be acknowledged."""
        return self._in_hand.get(response)

    def end_callback(self, response: Response) -> None:
        """Take note that the callback's last output was taken."""
        page = self._in_hand.get(response)
        if page is not None:
            page.has_callback_ended = True
            self._acknowledge_if_processed(response, page)

    def end_output(self, response: Response) -> None:
        """Take note that nothing more comes out of the spider middlewares."""
        page = self._in_hand.get(response)
        if page is not None:
            page.has_output_ended = True
            self._acknowledge_if_processed(response, page)

    def end_item(self, response: Response) -> None:
        """Take note that an item was scraped or dropped."""
        page = self._in_hand.get(response)
        # A project may hand items to the pipelines itself, past the spider middlewares.
        if page is not None and page.items_under_way > 0:
            page.items_under_way -= 1
            self._acknowledge_if_processed(response, page)

    def _acknowledge_if_processed(self, response: Response, page: Page) -> None:
        if not (page.has_callback_ended and page.has_output_ended and page.items_under_way == 0):
            return
        self._in_hand.pop(response)
        answer, page.answer = page.answer, None
        if answer is not None:
            answer.acknowledge()


_of_crawler: WeakKeyDictionary[Crawler, Pages] = WeakKeyDictionary()


def pages_of(crawler: Crawler) -> Pages:
    """Give what the middlewares of a crawl share, whichever of them is made first."""
    return _of_crawler.setdefault(crawler, Pages())
