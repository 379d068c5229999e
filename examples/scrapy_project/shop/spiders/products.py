"""Walks from the shop's front page through its categories, page by page, to every product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

from shop.items import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse


class ProductsSpider(CrawlSpider):
    """Yields every product, changed or not: an unchanged page comes out of the store and costs a 304."""

    name = "products"
    rules = (
        # First, for without a callback its links are followed further.
        Rule(LinkExtractor(restrict_css=("nav", "a.next"))),
        Rule(LinkExtractor(restrict_css="ul.products"), callback="parse_product"),
    )

    def __init__(self, start_url: str = "http://127.0.0.1:8080/", **arguments: str) -> None:
        super().__init__(**arguments)
        self.start_urls = [start_url]

    def parse_product(self, response: TextResponse) -> Iterator[Product]:
        """Read one product page."""
        yield Product(
            url=response.url,
            name=response.css("h1::text").get(""),
            price=response.css(".price::text").get(),
            # Without a store, or with the add-on switched off, every page counts as changed.
            changed=response.meta.get("notmodified", {}).get("changed", True),
            image_urls=[response.urljoin(source) for source in response.css("img::attr(src)").getall()],
            file_urls=[response.urljoin(link) for link in response.css("a.sheet::attr(href)").getall()],
        )
