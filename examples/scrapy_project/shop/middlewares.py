"""Sends the project's requests out through several proxies.

Each proxy is an exit of its own: what an origin said through one (a page, its validator) is used through another only
when several were given the very same, since the origin could recognise a client by it. So the rotation decides how much
of a crawl can be asked "only if it changed". Round robin or chance would ask most URLs through another proxy than last
time: a download in full until enough proxies have seen the page, and for ever where the origin gives each a tag of its
own. Here the URL chooses: the requests spread over all proxies, and each URL meets again, from the second crawl on, the
proxy that knows it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler


class RotatingProxies:
    """Gives each request one of `PROXIES`, robots.txt and media included. Its place is before HttpProxyMiddleware."""

    def __init__(self, proxies: list[str]) -> None:
        self.proxies = proxies

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RotatingProxies:
        """Read the setting; without proxies there is nothing to do."""
        proxies = crawler.settings.getlist("PROXIES")
        if not proxies:
            raise NotConfigured("PROXIES is empty")
        return cls(proxies)

    def process_request(self, request: Request, spider: Spider | None = None) -> None:
        """Choose by the URL; a request that failed tries the URL's next proxy."""
        ranked = sorted(self.proxies, key=lambda proxy: _rank(request.url, proxy))
        request.meta["proxy"] = ranked[request.meta.get("retry_times", 0) % len(ranked)]


def _rank(url: str, proxy: str) -> bytes:
    """Rank a proxy for a URL, so that a proxy that comes or goes moves no URL between the others."""
    return hashlib.blake2b(f"{url} {proxy}".encode(), digest_size=8).digest()
