"""The downloader middleware: plan before the download, settle after it.

It holds no rule of HTTP: `notmodified.Cache` says what to send and what the answer means. Its own work is to
take the added fields off a request again before anybody copies it, and never to lose a page: whatever goes
wrong here is counted and said once, and the response goes on as it was downloaded. Only a 304 to a question
that we asked is never handed on while it can still be asked for in full.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

from scrapy import signals
from scrapy.exceptions import IgnoreRequest, NotConfigured

import notmodified
from notmodified.scrapy import conditions, conversion, meta, spider_side, stale, throttle, waiting
from notmodified.scrapy.delivery import Delivery
from notmodified.scrapy.early import EarlyStop
from notmodified.scrapy.framing import Framing
from notmodified.scrapy.identity import CookieJars, name_by, proxy_of
from notmodified.scrapy.inspection import is_inspection
from notmodified.scrapy.jobs import Job
from notmodified.scrapy.order import warn_if_misplaced
from notmodified.scrapy.pages import pages_of
from notmodified.scrapy.reactors import refuse_where_nothing_can_be_awaited
from notmodified.scrapy.settings import Config
from notmodified.scrapy.statistics import Statistics
from notmodified.scrapy.store import close_store, open_store
from notmodified.scrapy.strict import StoreWatch

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

NOT_MODIFIED = 304
# Header fields, identity, proxy and cookie jar.
SentAs: TypeAlias = "tuple[conversion.Fields, str | None, str | None, str | None]"


@dataclass(slots=True)
class Asked:
    """A request on its way: its plan, and whether it asks once more after an unusable answer."""

    plan: notmodified.Plan
    conditions: tuple[tuple[bytes, bytes], ...]
    is_second: bool = False
    # What the plan of a second request was made for: as whom, and with which header fields.
    sent_as: SentAs | None = None
    # The second request came out of a disk queue without its first plan, or goes out as somebody else.
    is_orphan: bool = False
    # No more of its answer is downloaded, see `early`.
    is_stopped: bool = False


class NotModifiedMiddleware:
    """Makes requests conditional and turns 304s into the stored pages. Its place is order 800."""

    def __init__(self, crawler: Crawler, config: Config, cache: notmodified.Cache) -> None:
        self._crawler = crawler
        self.config = config
        self.cache = cache
        self._statistics = Statistics(crawler.stats)
        self._collector = crawler.stats
        self._jars = CookieJars(crawler)
        self._framing = Framing(crawler.settings)
        self._pages = pages_of(crawler)
        self._is_inspection = is_inspection(crawler)
        self._delivery = Delivery(crawler, config, self._statistics)
        self._job: Job | None = None
        self._watch = StoreWatch(crawler, cache) if config.strict else None
        # By code of the project's own, which runs on the thread of everything else.
        self._is_judged = config.storable is not None or callable(config.fingerprint)
        # Where a page may stand in for a failure.
        self._stale: stale.StaleIfErrorMiddleware | None = None
        # Never in meta, which is pickled and copied; weakly, since a request may be dropped on any way.
        self._asked: WeakKeyDictionary[Request, Asked] = WeakKeyDictionary()
        self._early = EarlyStop(crawler, self._asked, self._statistics) if config.stop_early else None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> NotModifiedMiddleware:
        """Read the settings and open the store."""
        spider = crawler.spider or crawler.spidercls
        try:
            config = Config.from_settings(crawler.settings, spider=spider.name)
            if not config.enabled:
                raise NotConfigured
            refuse_where_nothing_can_be_awaited(config)
            spider_side.bring_along(crawler.settings)
            config = spider_side.with_consumer(config, crawler.settings)
            middleware = cls(crawler, config, open_store(crawler, config))
            middleware.resume_job()
        except notmodified.NotModifiedError as error:
            # Scrapy shows a traceback, by some versions only when it is collected; this line is for people.
            logger.critical("The crawl does not start: %s", error)
            raise
        crawler.signals.connect(middleware.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(middleware.spider_closed, signal=signals.spider_closed)
        return middleware

    def resume_job(self) -> None:
        """See that a job that was killed loses nothing; the scheduler looks into its directory later."""
        if self.config.restart_killed_jobs and not self._is_inspection:
            self._job = Job.of(self._crawler.settings)
        if self._job is not None:
            self._job.start_over_if_killed()

    def spider_opened(self) -> None:
        """Look at what else is enabled, which is only known now."""
        if self._job is not None:
            self._job.begin()
        warn_if_misplaced(self._crawler, self)
        self._statistics.compare_with(self._crawler, self)
        self._stale = stale.put_at_the_end(self._crawler, self._delivery.deliver, self.process_response)
        throttle.warn_if_slowed(self._crawler)
        if self.config.consumer is not None and not self._pages.sees_callbacks:
            spider_side.warn_of_missing()

    async def spider_closed(self, spider: Spider) -> None:
        """Write what is left, and let the store go; other spiders of this process keep theirs."""
        if self._job is not None:
            self._job.end()
        try:
            await close_store(self.cache, self._collector)
        finally:
            self._statistics.close(spider)

    async def process_request(self, request: Request, spider: Spider | None = None) -> Response | None:  # noqa: ARG002
        """Ask conditionally, or answer at once what is still fresh."""
        conditions.take_off(request)
        meta.forget_outcome(request)
        is_second = bool(request.meta.pop(meta.AGAIN, False))
        if not meta.is_ours(request):
            return None
        try:
            return await self._ask(request, is_second=is_second)
        except Exception as error:  # noqa: BLE001, the request goes out as the spider made it
            self._statistics.failed(error)
            return None

    async def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Response | Request:
        """Settle what the answer means."""
        asked = self._asked.pop(request, None)
        conditions.take_off(request)
        if self._watch is not None:
            self._watch.stop_if_it_failed()
        if asked is None:
            self._statistics.take_back(request, response)
            return response
        # Somebody else's stop is none of ours, and a handler that does not stop has brought the page whole.
        asked.is_stopped &= conversion.STOPPED_FLAG in response.flags
        try:
            return await self._settle(request, response, asked)
        except Exception as error:  # noqa: BLE001, an exception here would lose the page: no retry sees it
            self._statistics.failed(error)
        is_our_304 = response.status == NOT_MODIFIED and bool(asked.conditions) and not asked.is_second
        return self._again_in_place_of(response, request) if is_our_304 or asked.is_stopped else response

    async def process_exception(
        self,
        request: Request,
        exception: Exception,
        spider: Spider | None = None,  # noqa: ARG002
    ) -> None:
        """Take the conditions off before RetryMiddleware copies the request."""
        asked = self._asked.pop(request, None)
        conditions.take_off(request)
        if asked is None:
            return
        try:
            if isinstance(exception, IgnoreRequest):
                asked.plan.abandon()
            else:
                self._set_aside(request, await waiting.fail(asked.plan, exception))
        except Exception as error:  # noqa: BLE001, the download's own exception is the one to go on
            self._statistics.failed(error)

    async def _ask(self, request: Request, *, is_second: bool) -> Response | None:
        asked, sent_as = self._asked.get(request), self._sent_as(request)
        if not is_second or asked is None or asked.sent_as != sent_as:
            # Without a plan of its own the second request asks for the whole page.
            plan = await self._plan(request, sent_as, full=is_second)
            if plan.response is not None:
                return await self._delivery.deliver(request, plan.response, None)
            asked = Asked(plan, plan.conditions.raw, is_second=is_second, is_orphan=is_second)
            self._asked[request] = asked
        conditions.put_on(request, asked.conditions)
        return None

    def _sent_as(self, request: Request) -> SentAs:
        fields = conversion.request_fields(request)
        return fields, self._identity(request), proxy_of(request), self._jars.name(request)

    def _plan(self, request: Request, sent_as: SentAs, *, full: bool) -> Awaitable[notmodified.Plan]:
        fields, identity, proxy, cookie_jar = sent_as
        return waiting.plan(
            self.cache,
            request.method,
            request.url,
            fields,
            identity=identity,
            proxy=proxy,
            cookie_jar=cookie_jar,
            has_content=bool(request.body),
            freshness=meta.freshness(request, self._statistics.refused),
            full=full or meta.is_full(request, self._statistics.refused),
        )

    def _identity(self, request: Request) -> str | None:
        given: str | None = request.meta.get(meta.IDENTITY)
        if given is None and callable(self.config.identity_by):
            return name_by(self.config.identity_by, request)
        return given

    async def _settle(self, request: Request, response: Response, asked: Asked) -> Response | Request:
        fields = conversion.response_fields(response)
        wire_bytes = conversion.wire_bytes(response, fields)
        self._statistics.answered(wire_bytes)
        if response.status == NOT_MODIFIED and asked.is_orphan:
            asked.plan.abandon()
            return response
        settled = await waiting.settle(
            asked.plan,
            response.status,
            fields,
            response.body,
            complete=self._framing.is_complete(request, response),
            stopped=asked.is_stopped,
            wire_bytes=wire_bytes,
            elapsed=request.meta.get("download_latency"),
            in_place=self._is_judged and response.status != NOT_MODIFIED,
        )
        if isinstance(settled, notmodified.Resend):
            return self._again(request, asked.plan, settled)
        if settled.outcome is notmodified.Outcome.STALE_IF_ERROR:
            self._set_aside(request, settled)
            return self._delivery.hand_on(request, response)
        return await self._delivery.deliver(request, settled, response)

    def _set_aside(self, request: Request, stored: notmodified.Response | None) -> None:
        """Keep what may stand in until Scrapy's retries are exhausted, and everybody has seen the failure."""
        if stored is not None and self._stale is not None:
            self._stale.set_aside(request, stored)

    def _again_in_place_of(self, response: Response, request: Request) -> Response | Request:
        """Ask once more, without conditions; where the request cannot be made again, hand on what came."""
        try:
            return self._again(request)
        except Exception as error:  # noqa: BLE001, as above
            self._statistics.failed(error)
            return response

    def _again(
        self, request: Request, plan: notmodified.Plan | None = None, resend: notmodified.Resend | None = None
    ) -> Request:
        """Make the same request once more, with no conditions but those that the core wants now."""
        again: Request = request.replace(dont_filter=True)
        self._statistics.asked_again()
        again.meta[meta.AGAIN] = True
        if plan is not None and resend is not None:
            sent_as = self._sent_as(request)
            wanted = tuple(pair for pair in resend.headers.raw if (pair[0].title(), pair[1]) not in sent_as[0])
            self._asked[again] = Asked(plan, wanted, is_second=True, sent_as=sent_as)
        return again
