"""Other people's middlewares, as the test crawls meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.downloadermiddlewares.cookies import CookiesMiddleware

from crawls.spiders import PageSpider

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings


class Rewriting:
    """After everything else, sends each request elsewhere once: what it copies has our fields on it."""

    async def process_request(self, request: Request, spider: object = None) -> Request | None:  # noqa: ARG002
        """Replace `/from` by `/to`."""
        if not request.url.endswith("/from"):
            return None
        return request.replace(url=request.url.replace("/from", "/to"), dont_filter=True)


class Spoiling:
    """Writes nonsense where Scrapy writes how long a download took."""

    async def process_response(self, request: Request, response: Response, spider: object = None) -> Response:  # noqa: ARG002
        """Hand the response on."""
        request.meta["download_latency"] = "soon"
        return response


def rewriting(*_crawler: object) -> Rewriting:
    """Make one; a project may name a function."""
    return Rewriting()


class CookielessSpider(PageSpider):
    """Switches Scrapy's cookie jars off by their class."""

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Do it, and leave the rest as it is."""
        super().update_settings(settings)
        settings["DOWNLOADER_MIDDLEWARES"].set(CookiesMiddleware, None, "spider")


class Smoothing:
    """Turns every exception of a callback into output."""

    def process_spider_exception(
        self,
        response: Response,  # noqa: ARG002
        exception: Exception,  # noqa: ARG002
        spider: object = None,  # noqa: ARG002
    ) -> list[Any]:
        """Say that nothing happened."""
        return []


class Refusing:
    """Keeps every page from its callback."""

    def process_spider_input(self, response: Response, spider: object = None) -> None:  # noqa: ARG002
        """Raise; the errback hears of it."""
        raise ValueError(f"refused: {response.url}")


class Rotating:
    """Sends each request through the next proxy of the setting `PROXIES`, whichever it was to go through before."""

    def __init__(self, crawler: Crawler) -> None:
        self._proxies = iter(crawler.settings.getlist("PROXIES"))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Rotating:
        """Build it."""
        return cls(crawler)

    def process_request(self, request: Request, spider: object = None) -> None:  # noqa: ARG002
        """Choose."""
        request.meta["proxy"] = next(self._proxies)
