"""What becomes of an item: its price is read, Scrapy fetches its media, and its history is written down."""

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal
from typing import TYPE_CHECKING

from scrapy.exceptions import DropItem

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler

    from shop.items import Product

PRICE = re.compile(r"\d[\d,]*(?:\.\d+)?")


class Price:
    """Reads the price, and drops what has none."""

    def process_item(self, item: Product, spider: Spider | None = None) -> Product:
        """Make a number of the price."""
        found = PRICE.search(str(item.price))
        if found is None:
            raise DropItem(f"{item.url} has no price")
        item.price = Decimal(found[0].replace(",", ""))
        return item


class History:
    """Adds a row for each change of a product, and commits it, before the item counts as scraped.

    A change is acknowledged only after that: a crawl that is killed before it is told of the same change again. So a
    change may stand here twice, and is never missing.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> History:
        """Read the setting."""
        return cls(crawler.settings["HISTORY"])

    def open_spider(self, spider: Spider | None = None) -> None:
        """Open the database."""
        self.database = sqlite3.connect(self.path)
        self.database.execute("CREATE TABLE IF NOT EXISTS history (url TEXT, name TEXT, price TEXT, seen TEXT)")

    def process_item(self, item: Product, spider: Spider | None = None) -> Product:
        """Write a change down."""
        if item.changed:
            row = (item.url, item.name, str(item.price))
            with self.database:
                self.database.execute("INSERT INTO history VALUES (?, ?, ?, datetime('now'))", row)
        return item

    def close_spider(self, spider: Spider | None = None) -> None:
        """Close the database."""
        self.database.close()
