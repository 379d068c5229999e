"""The second user: a Scrapy spider that follows every link of a site, with the add-on switched on.

Run by path with the URL to start from, in a process of its own, since Scrapy's reactor starts only once in a process.
It writes a line of JSON for each page, and at last one with Scrapy's counters.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from scrapy import Request
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.http import Response

SETTINGS: dict[str, Any] = {
    "ADDONS": {"notmodified.scrapy.Addon": 500},
    "LOG_LEVEL": "WARNING",
    # Nobody is to steer this crawl from outside.
    "REMOTE_CONTROL_ENABLED": False,
}


class DocumentationSpider(CrawlSpider):
    """Visits every page at or below the place of the first one."""

    name = "documentation"

    def __init__(self, start_url: str) -> None:
        self.start_urls = [start_url]
        below = re.escape(urljoin(start_url, "."))
        self.rules = [Rule(LinkExtractor(allow=f"^{below}"), callback="parse_page", follow=True)]
        super().__init__()

    async def start(self) -> AsyncIterator[Request]:
        """Begin with a request that Scrapy remembers; its own would be made again when a link leads back."""
        yield Request(self.start_urls[0])

    def parse_start_url(self, response: Response, **_arguments: object) -> None:
        """Treat the first page as any other."""
        self.parse_page(response)

    def parse_page(self, response: Response) -> None:
        """Tell of one page."""
        content = hashlib.sha256(response.body).hexdigest()
        tell(page=response.url, is_changed=response.meta["notmodified"]["changed"], digest=content)


def tell(**fields: object) -> None:
    """Write one line."""
    try:
        print(json.dumps(fields), flush=True)
    except BrokenPipeError:
        # Whoever started the crawl was killed, and the server with it.
        os._exit(1)


def main(start_url: str) -> None:
    """Crawl."""
    process = CrawlerProcess(SETTINGS)
    crawler = process.create_crawler(DocumentationSpider)
    process.crawl(crawler, start_url)
    process.start()
    stats = crawler.stats.get_stats()
    tell(stats={name: value for name, value in stats.items() if name.startswith("notmodified/")})


if __name__ == "__main__":
    main(sys.argv[1])
