"""Who else stops downloads, or counts what arrives, in the test crawls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import StopDownload

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class Stopping:
    """An extension that stops every download when its first bytes are here."""

    fail = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Stopping:
        """Connect it."""
        extension = cls()
        crawler.signals.connect(extension.bytes_received, signal=signals.bytes_received)
        return extension

    def bytes_received(self) -> None:
        """Stop."""
        raise StopDownload(fail=self.fail)


class Failing(Stopping):
    """The same, and the request is to fail."""

    fail = True


class Counting:
    """An extension that counts the header sections and the bytes that its signals tell of."""

    def __init__(self, crawler: Crawler) -> None:
        self._stats: Any = crawler.stats
        crawler.signals.connect(self.headers_received, signal=signals.headers_received)
        crawler.signals.connect(self.bytes_received, signal=signals.bytes_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Counting:
        """Make it."""
        return cls(crawler)

    def headers_received(self) -> None:
        """Count a header section."""
        self._stats.inc_value("counting/headers")

    def bytes_received(self, data: bytes) -> None:
        """Count a piece of a body."""
        self._stats.inc_value("counting/bytes", len(data))
