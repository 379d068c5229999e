"""The add-on: puts the two middlewares in their places, and leaves alone what the project itself set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notmodified.scrapy import throttle
from notmodified.scrapy.acknowledge import NotModifiedSpiderMiddleware
from notmodified.scrapy.middleware import NotModifiedMiddleware

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

# After Scrapy's cookies (700) and proxy (750), so that every header that selects a response and the final
# proxy are known; before DownloaderStats (850), which then counts what really came over the wire.
DOWNLOADER_MIDDLEWARE_ORDER = 800
# Nearest to the callback (Scrapy's own end at 1000): its input hook runs last, so that only a callback that
# really began counts, and its exception hook runs first, so that an error that another middleware smooths
# over still counts.
SPIDER_MIDDLEWARE_ORDER = 1100


class Addon:
    """`ADDONS = {"notmodified.scrapy.Addon": 500}`."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Enable the middlewares, unless the project names them itself (be it with `None`: off)."""
        settings.setdefault_in_component_priority_dict(
            "DOWNLOADER_MIDDLEWARES", NotModifiedMiddleware, DOWNLOADER_MIDDLEWARE_ORDER
        )
        settings.setdefault_in_component_priority_dict(
            "SPIDER_MIDDLEWARES", NotModifiedSpiderMiddleware, SPIDER_MIDDLEWARE_ORDER
        )
        throttle.put_in_place(settings)
