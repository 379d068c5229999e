"""Spiders whose callbacks need not run on unchanged pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.http import Response, TextResponse
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule
from twisted.internet.defer import Deferred, succeed

from crawls.spiders import PageSpider, page
from notmodified.scrapy import skip_unchanged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure
    from typing_extensions import Self


@skip_unchanged
def plain_function(response: Response) -> dict[str, Any]:
    """Return the page."""
    return page(response)


class KindsSpider(PageSpider):
    """Has a callback of each kind; requests name theirs."""

    async def start(self) -> AsyncIterator[Request]:
        """Begin with what the test wants."""
        for described in self._requests:
            callback = described.get("callback")
            named = plain_function if callback == "plain_function" else callback and getattr(self, callback)
            yield Request(**{**described, "callback": named, "errback": self.failed})

    def failed(self, failure: Failure) -> Iterator[Any]:
        """Yield the failure."""
        yield {"url": failure.request.url, "failed": repr(failure.value)}  # type: ignore[attr-defined]

    @skip_unchanged
    def item(self, response: Response) -> dict[str, Any]:
        """Return one."""
        return page(response)

    @skip_unchanged
    def items(self, response: Response) -> list[dict[str, Any]]:
        """Return a list."""
        return [page(response)]

    @skip_unchanged
    def nothing(self, response: Response) -> None:
        """Tell by the log that it ran."""
        self.logger.info("looked at %s", response.url)

    @skip_unchanged
    def generator(self, response: Response) -> Iterator[Any]:
        """Yield one."""
        yield page(response)

    @skip_unchanged
    async def coroutine(self, response: Response) -> list[dict[str, Any]]:
        """Return a list."""
        return [page(response)]

    @skip_unchanged
    async def async_generator(self, response: Response) -> AsyncIterator[Any]:
        """Yield one."""
        yield page(response)

    @skip_unchanged
    def deferred(self, response: Response) -> Deferred[list[dict[str, Any]]]:
        """Promise a list."""
        return succeed([page(response)])

    @skip_unchanged
    def with_arguments(self, response: Response, number: int, *, response_text: str) -> Iterator[Any]:
        """Yield one with what came along."""
        yield {**page(response), "number": number, "text": response_text}

    @staticmethod
    @skip_unchanged
    def static(response: Response) -> Iterator[Any]:
        """Yield one."""
        yield page(response)

    @classmethod
    @skip_unchanged
    def of_class(cls, response: Response) -> Iterator[Any]:
        """Yield one."""
        yield page(response)

    @skip_unchanged
    def failing(self, response: Response) -> Iterator[Any]:
        """Fail after one."""
        yield page(response)
        raise ValueError("the page cannot be parsed")


class LeadingSpider(PageSpider):
    """Follows the links of a start page, to callbacks that skip."""

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the links, with all of the start page's meta."""
        if isinstance(response, TextResponse):
            for request in response.follow_all(css="a", callback=self.product):
                request.meta.update({**response.meta, **request.meta, "is_start_request": False})
                yield request

    @skip_unchanged
    def product(self, response: Response) -> Iterator[Any]:
        """Yield the page."""
        yield page(response)


class ListSpider(PageSpider):
    """Skips its start pages, which it should not."""

    @skip_unchanged
    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the page."""
        yield page(response)


class RulesSpider(CrawlSpider):
    """Follows all links, and makes items of all pages."""

    name = "pages"
    rules = (Rule(LinkExtractor(), callback="parse_item", follow=True, cb_kwargs={"by": "rule"}),)

    def __init__(self, requests: list[dict[str, Any]], **arguments: Any) -> None:  # noqa: ANN401
        super().__init__(**arguments)
        self._requests = requests

    async def start(self) -> AsyncIterator[Request]:
        """Begin with what the test wants."""
        for described in self._requests:
            yield Request(**described)

    @skip_unchanged
    def parse_item(self, response: Response, by: str) -> Iterator[Any]:
        """Yield the page."""
        yield {**page(response), "by": by}


class Answering:
    """A downloader middleware that answers for `/answered` itself, so that nobody after it sees the request."""

    def process_request(self, request: Request, spider: object = None) -> Response | None:  # noqa: ARG002
        """Answer."""
        if not request.url.endswith("/answered"):
            return None
        return TextResponse(request.url, body=b"from elsewhere", request=request)


class Watching:
    """A spider middleware that tells which request a response had on its way out."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build it."""
        return cls(crawler)

    def process_spider_output(
        self,
        response: Response,
        result: Iterable[Any],
        spider: object = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Tell it after the end."""
        yield from result
        self._tell(response)

    async def process_spider_output_async(
        self,
        response: Response,
        result: AsyncIterator[Any],
        spider: object = None,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Tell it after the end."""
        async for output in result:
            yield output
        self._tell(response)

    def _tell(self, response: Response) -> None:
        request = response.request
        assert self._crawler.spider is not None
        assert request is not None
        self._crawler.spider.logger.info(
            "came out with %s", [request.callback, request.cb_kwargs, "notmodified" in request.meta]
        )
