"""A Scrapy project as `scrapy startproject` lays it out, for what is run by command: `scrapy crawl`, `scrapy shell`."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from crawls.environments import Environment

SETTINGS = """
BOT_NAME = "shop"
SPIDER_MODULES = ["shop.spiders"]
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
ROBOTSTXT_OBEY = True
"""

SPIDER = '''
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule


class Shop(CrawlSpider):
    name = "shop"
    start_urls = [{start_url!r}]
    rules = [Rule(LinkExtractor(), callback="parse_item", follow=True)]

    def parse_item(self, response):
        """Yield the page.

        @url {start_url}
        @returns items 1 1
        """
        yield {{
            "url": response.url,
            "title": response.css("h1::text").get(),
            "size": len(response.text),
            "changed": response.meta["notmodified"]["changed"],
        }}

    def closed(self, reason):
        print(self.crawler.stats.get_stats())
'''


class Project:
    """Has one CrawlSpider, `shop`, that follows all links from its start URL."""

    def __init__(self, directory: Path, environment: Environment, start_url: str) -> None:
        self._directory = directory
        self._environment = environment
        self._feeds = 0
        # Where the store lies by default.
        self.store = directory / ".scrapy" / "notmodified"
        spiders = directory / "shop" / "spiders"
        spiders.mkdir(parents=True)
        (directory / "scrapy.cfg").write_text("[settings]\ndefault = shop.settings\n")
        for package in (directory / "shop", spiders):
            (package / "__init__.py").touch()
        enabling = "".join(f"{name} = {value!r}\n" for name, value in environment.settings({}).items())
        (directory / "shop" / "settings.py").write_text(SETTINGS + enabling)
        (spiders / "shop.py").write_text(SPIDER.format(start_url=start_url))

    def scrapy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Scrapy's."""
        command = [str(self._environment.python), "-m", "scrapy", *arguments]
        return subprocess.run(  # noqa: S603
            command, cwd=self._directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def crawl(self, **settings: str) -> list[dict[str, Any]]:
        """Crawl to the end; gives the items, sorted by their URL."""
        self._feeds += 1
        feed = self._directory / f"items{self._feeds}.json"
        options = [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]
        finished = self.scrapy("crawl", "shop", "-o", str(feed), "--loglevel", "WARNING", *options)
        assert finished.returncode == 0, finished.stderr
        return sorted(json.loads(feed.read_text()), key=lambda item: str(item["url"]))
