"""Early stop: of a page that turns out to be the stored one when its header section is here, no more is downloaded.

headers_received → `Plan.may_stop` → StopDownload → `process_response` settles a page that was stopped. Scrapy tells
no status with the header section, so that what turns out to be no 200 after all is asked for once more by the
middleware, and downloaded to its end. Whatever goes wrong here, the page is downloaded as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import StopDownload

from notmodified.scrapy import conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Headers

    from notmodified.scrapy.middleware import Asked
    from notmodified.scrapy.statistics import Statistics


class EarlyStop:
    """Stops downloads of what is stored. Its signal is connected for as long as it lives."""

    def __init__(self, crawler: Crawler, asked: Mapping[Request, Asked], statistics: Statistics) -> None:
        self._asked = asked
        self._statistics = statistics
        crawler.signals.connect(self.headers_received, signal=signals.headers_received)

    def headers_received(self, headers: Headers, body_length: object, request: Request) -> None:
        """Raise StopDownload where the rest is the stored page."""
        asked = self._asked.get(request)
        # A length that nobody knows is None, or a word of Twisted's.
        if asked is None or asked.is_second or not isinstance(body_length, int) or body_length <= 0:
            return
        try:
            if asked.plan.may_stop(conversion.header_fields(headers), length=body_length):
                # It may turn out that it has to be asked for once more: what nobody can copy is downloaded.
                request.replace(dont_filter=True)
                asked.is_stopped = True
        except Exception as error:  # noqa: BLE001, the page is downloaded to its end
            self._statistics.failed(error)
        if asked.is_stopped:
            raise StopDownload(fail=False)
