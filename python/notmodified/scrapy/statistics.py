"""What a crawl counts, under `notmodified/`, and what it says of that in the end.

DownloaderStats counts whatever passes it for something that came over the wire. Scrapy sends a page that was
served without asking, or in place of an exception, past it as well; what it counted of that is taken back.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from weakref import WeakSet

from scrapy.downloadermiddlewares.stats import DownloaderStats

from notmodified.outcomes import Outcome
from notmodified.scrapy import conversion

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.statscollectors import StatsCollector

    import notmodified

logger = logging.getLogger(__name__)

KILO = 1000
# How the pages of each outcome are called in the summary.
PAGES = {
    "unchanged": (Outcome.NOT_MODIFIED, Outcome.SAME_CONTENT, Outcome.STOPPED_EARLY),
    "changed": (Outcome.CHANGED,),
    "new": (Outcome.NEW,),
    "not asked for": (Outcome.FRESH,),
    "stale in place of an error": (Outcome.STALE_IF_ERROR,),
    "not stored": (Outcome.PASSED,),
}


class Statistics:
    """Counts answers, outcomes and failures in the crawl's own statistics."""

    def __init__(self, collector: StatsCollector) -> None:
        self._collector = collector
        # Five times a page, and dear to look up.
        self._inc_value = collector.inc_value
        self._has_warned = False
        self._is_counted_by_scrapy = False
        self._never_sent: WeakSet[Request] = WeakSet()
        self._told: set[str] = set()

    def compare_with(self, crawler: Crawler, middleware: object) -> None:
        """See whether DownloaderStats is enabled, and sees responses before this middleware does."""
        order = crawler.engine.downloader.middleware.middlewares
        counting = crawler.get_downloader_middleware(DownloaderStats)
        self._is_counted_by_scrapy = counting is not None and order.index(counting) > order.index(middleware)

    def answered(self, wire_bytes: int) -> None:
        """Count an answer from the wire."""
        self._inc_value("notmodified/requests")
        self._inc_value("notmodified/wire_bytes", wire_bytes)

    def asked_again(self) -> None:
        """Count an answer that could not be used, and is asked for once more."""
        self._inc_value("notmodified/resends")

    def delivered(self, settled: notmodified.Response) -> None:
        """Count a response by what became of it."""
        self._inc_value(f"notmodified/outcome/{settled.outcome.value}")
        if settled.not_modified:
            self._inc_value("notmodified/not_modified")
        if settled.not_modified or settled.outcome is Outcome.STOPPED_EARLY:
            self._inc_value("notmodified/bytes_saved", settled.bytes_saved)

    def handed_on(self) -> None:
        """Count a failure that a stored page may yet stand in for."""
        self._inc_value(f"notmodified/outcome/{Outcome.PASSED.value}")

    def never_sent(self, request: Request) -> None:
        """Take note that this request's page comes from the store alone, and will pass DownloaderStats."""
        if self._is_counted_by_scrapy:
            self._never_sent.add(request)

    def take_back(self, request: Request, response: Response) -> None:
        """Take back what DownloaderStats has just counted of a page that never came over the wire."""
        if request not in self._never_sent:
            return
        self._never_sent.discard(request)
        for name, count in (
            ("response_count", 1),
            (f"response_status_count/{response.status}", 1),
            ("response_bytes", conversion.wire_bytes(response, conversion.response_fields(response))),
        ):
            self._inc_value(f"downloader/{name}", -count)
            if self._collector.get_value(f"downloader/{name}") == 0:
                # What was never received has no line.
                self._collector.get_stats().pop(f"downloader/{name}", None)

    def refused(self, key: str, problem: str) -> None:
        """Count what a request asked for and cannot have; of each key the first is logged."""
        self._inc_value("notmodified/errors")
        if key not in self._told:
            self._told.add(key)
            logger.error(problem)

    def failed(self, error: Exception) -> None:
        """Count what went wrong here; the first is logged."""
        self._inc_value("notmodified/errors")
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "notmodified failed on a request, which goes on without it; "
                "further failures are only counted (notmodified/errors)",
                exc_info=error,
            )

    def close(self, spider: Spider) -> None:
        """Count what is known in the end alone, and say what all of it comes to."""
        requests = self._count("requests")
        if requests:
            ratio = round(self._count("not_modified") / requests, 4)
            self._collector.set_value("notmodified/not_modified_ratio", ratio)
        summary = self._summary()
        if summary:
            logger.info("notmodified:\n  %s", "\n  ".join(summary), extra={"spider": spider})

    def _summary(self) -> list[str]:
        """Give the lines for a person; none where nothing went through here."""
        requests, not_modified = self._count("requests"), self._count("not_modified")
        pages = {name: sum(self._count(f"outcome/{one.value}") for one in some) for name, some in PAGES.items()}
        troubles = [self._count("store_errors"), self._count("errors")]
        if not any((requests, *pages.values(), *troubles)):
            return []
        ratio = f" ({not_modified / requests:.1%})" if requests else ""
        lines = [
            f"requests: {requests:,}, answered 304: {not_modified:,}{ratio}",
            "pages: " + ", ".join(f"{count:,} {name}" for name, count in pages.items() if count),
            f"bytes: {size(self._count('wire_bytes'))} on the wire, {size(self._count('bytes_saved'))} saved",
        ]
        if skipped := self._count("skipped"):
            lines.append(f"callbacks skipped: {skipped:,}")
        if any(troubles):
            lines.append(f"trouble: {troubles[0]:,} errors of the store, {troubles[1]:,} others")
        return lines

    def _count(self, name: str) -> int:
        counted: int = self._collector.get_value(f"notmodified/{name}", 0)
        return counted


def size(count: int) -> str:
    """Write a number of bytes for a person."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < KILO:
            break
        value, unit = value / KILO, larger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
