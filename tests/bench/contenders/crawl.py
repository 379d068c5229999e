"""One Scrapy crawl over the pages, in a process of its own: PAGES DIRECTORY CACHE.

What is timed is the crawl, from starting the engine to its end: Scrapy's imports, and loading and saving the
dictionary, are not. What a cache does when its spider opens and closes is part of the crawl.
"""

from __future__ import annotations

import logging
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess
from scrapy.http import HtmlResponse
from xxhash import xxh3_64_intdigest

from bench.contenders.rounds import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.http import Response

NOT_MODIFIED = 304
# Ours, with each use of the store on the event loop timed; and the same where all of it is read in place.
TIMED = ("timed", "in-place")


class Pages(Spider):
    """Asks for each page once, and hashes what it gets."""

    name = "pages"
    pages: ClassVar[dict[str, int]] = {}
    right: ClassVar[int] = 0

    async def start(self) -> AsyncIterator[Request]:
        """Begin with all of them."""
        for url in self.pages:
            yield Request(url)

    def parse(self, response: Response) -> None:
        """Compare."""
        Pages.right += xxh3_64_intdigest(response.body) == self.pages[response.url]


class DictMiddleware:
    """Tags and bodies in a dictionary: the least that makes a crawl conditional."""

    held: ClassVar[dict[str, tuple[bytes, dict[bytes, list[bytes]], bytes]]] = {}

    async def process_request(self, request: Request) -> None:
        """Ask only if it changed."""
        if request.url in self.held:
            request.headers["If-None-Match"] = self.held[request.url][0]

    async def process_response(self, request: Request, response: Response) -> Response:
        """Put the page that is held in place of a 304."""
        if response.status == NOT_MODIFIED:
            _, headers, body = self.held[request.url]
            return HtmlResponse(request.url, headers=headers, body=body, request=request)
        tag = response.headers["ETag"]
        assert tag is not None
        self.held[request.url] = tag, dict(response.headers), response.body
        return response


def settings(cache: str, directory: Path) -> dict[str, Any]:
    """Of the crawl: Scrapy's own but for what would listen or speak, and the cache."""
    timed = {
        "ADDONS": {"notmodified.scrapy.Addon": 500},
        "DOWNLOADER_MIDDLEWARES": {
            "notmodified.scrapy.NotModifiedMiddleware": None,
            "bench.contenders.loop_time.TimedMiddleware": 800,
        },
    }
    caches: dict[str, dict[str, Any]] = {
        "none": {},
        # Where Scrapy's own cache has its place.
        "dict": {"DOWNLOADER_MIDDLEWARES": {DictMiddleware: 900}},
        "httpcache": {
            "HTTPCACHE_ENABLED": True,
            "HTTPCACHE_DIR": str(directory / "httpcache"),
            "HTTPCACHE_POLICY": "scrapy.extensions.httpcache.RFC2616Policy",
            "HTTPCACHE_STORAGE": "scrapy.extensions.httpcache.FilesystemCacheStorage",
        },
        "notmodified": {"ADDONS": {"notmodified.scrapy.Addon": 500}},
    }
    store = {"NOTMODIFIED_STORE": str(directory / "notmodified")} if cache in {"notmodified", *TIMED} else {}
    chosen = timed if cache in TIMED else caches[cache]
    return {"LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False, **chosen, **store}


def main() -> None:
    """Crawl, and tell what it cost."""
    listed, directory, cache = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    lines = (line.split() for line in listed.read_text(encoding="utf-8").splitlines())
    Pages.pages = {url: int(digest) for url, digest in lines}
    held = directory / "held.pickle"
    if cache == "dict" and held.exists():
        DictMiddleware.held = pickle.loads(held.read_bytes())  # noqa: S301 - of the crawl before
    if cache == "in-place":
        _read_in_place()
    process = CrawlerProcess(settings(cache, directory))
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    stopwatch = Stopwatch()
    process.crawl(Pages)
    process.start()
    stopwatch.tell(wrong=len(Pages.pages) - Pages.right, **_loop_time(cache))
    if cache == "dict":
        held.write_bytes(pickle.dumps(DictMiddleware.held))


def _read_in_place() -> None:
    """Do as under a reactor that is not asyncio's: for what reading elsewhere is worth."""
    from notmodified.scrapy import waiting  # noqa: PLC0415

    waiting.can_wait = lambda: False


def _loop_time(cache: str) -> dict[str, float]:
    if cache not in TIMED:
        return {}
    # Not above: what imports the product does so in the time that is measured.
    from bench.contenders.loop_time import LoopTime  # noqa: PLC0415

    return LoopTime.told(len(Pages.pages))


if __name__ == "__main__":
    main()
