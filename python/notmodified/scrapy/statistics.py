"""What a crawl counts, under `notmodified/`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.statscollectors import StatsCollector

    import notmodified

logger = logging.getLogger(__name__)


class Statistics:
    """Counts answers, outcomes and failures in the crawl's own statistics."""

    def __init__(self, collector: StatsCollector) -> None:
        self._collector = collector
        self._has_warned = False

    def answered(self, wire_bytes: int) -> None:
        """Count an answer from the wire."""
        self._collector.inc_value("notmodified/requests")
        self._collector.inc_value("notmodified/wire_bytes", wire_bytes)

    def asked_again(self) -> None:
        """Count an answer that could not be used, and is asked for once more."""
        self._collector.inc_value("notmodified/resends")

    def delivered(self, settled: notmodified.Response) -> None:
        """Count a response by what became of it."""
        self._collector.inc_value(f"notmodified/outcome/{settled.outcome.value}")
        if settled.not_modified:
            self._collector.inc_value("notmodified/not_modified")
            self._collector.inc_value("notmodified/bytes_saved", settled.bytes_saved)

    def failed(self, error: Exception) -> None:
        """Count what went wrong here; the first is logged."""
        self._collector.inc_value("notmodified/errors")
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "notmodified failed on a request, which goes on without it; "
                "further failures are only counted (notmodified/errors)",
                exc_info=error,
            )
