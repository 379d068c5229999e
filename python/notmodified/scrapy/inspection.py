"""Tells a crawl from a look at a page: `scrapy shell`, `fetch`, `view`, `parse` and `check` process nothing.

They download in a spider's name, and with its settings. Were their pages acknowledged as a crawl's, the crawl that
follows would not hear of the change; were callbacks skipped in them, the page that somebody wants to see would not
come. So in them nothing is acknowledged and nothing skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

COMMANDS = "scrapy.commands."


def is_inspection(crawler: Crawler) -> bool:
    """Tell whether a command looks at pages; to be asked while the crawl's components are made."""
    # The shell has no spider until its first page is fetched; the others give the spider requests of their own.
    return crawler.spider is None or getattr(crawler.spidercls.start, "__module__", "").startswith(COMMANDS)
