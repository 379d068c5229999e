"""A spider whose requests ask for something of their own, each from a callback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.http import TextResponse

from crawls.spiders import PageSpider, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import Response

WISHES: dict[str, dict[str, Any]] = {
    "whole": {"notmodified_full": True},
    "fresh": {"notmodified_freshness": "rfc9111"},
}


class WishingSpider(PageSpider):
    """Follows each link with the wish that is its name."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page, and its links as requests."""
        yield page(response)
        if isinstance(response, TextResponse):
            for link in response.css("a::attr(href)").getall():
                yield response.follow(link, meta=WISHES[link.removeprefix("/")])
