"""The add-on: puts the middlewares in their places, and leaves alone what the project itself set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notmodified.scrapy import components, spider_side, throttle
from notmodified.scrapy.middleware import NotModifiedMiddleware
from notmodified.scrapy.stale import StaleIfErrorMiddleware

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

# After Scrapy's cookies (700) and proxy (750), so that every header that selects a response and the final
# proxy are known; before DownloaderStats (850), which then counts what really came over the wire.
DOWNLOADER_MIDDLEWARE_ORDER = 800
# Last to see a response or an exception: after Scrapy's retries (550), and ban detection as projects have it
# (543). It is only built where a setting asks for it.
STALE_IF_ERROR_ORDER = 20


class Addon:
    """`ADDONS = {"notmodified.scrapy.Addon": 500}`."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Enable the middlewares, unless the project names them itself (be it with `None`: off)."""
        components.add_to(settings, "DOWNLOADER_MIDDLEWARES", NotModifiedMiddleware, DOWNLOADER_MIDDLEWARE_ORDER)
        components.add_to(settings, "DOWNLOADER_MIDDLEWARES", StaleIfErrorMiddleware, STALE_IF_ERROR_ORDER)
        spider_side.add_to(settings)
        throttle.put_in_place(settings)
