"""At least once in Scrapy, to the end of the pipelines: acknowledged are pages whose items were scraped or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, crawl_apart
from origin import Page, status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from origin import Origin


pytestmark = pytest.mark.usefixtures("environment")

BEFORE_ALL = -5


def pipelines(*names: str) -> dict[str, Any]:
    """Give the setting that enables these, in this order."""
    return {"ITEM_PIPELINES": {f"crawls.items.{name}": order for order, name in enumerate(names)}}


def spider_middlewares(**orders: int) -> dict[str, Any]:
    """Give the setting that enables these."""
    return {"SPIDER_MIDDLEWARES": {f"crawls.items.{name}": order for name, order in orders.items()}}


def changed(urls: str | Iterable[str], store: Path) -> list[bool]:
    """Ask by another crawl which of the pages are still to be processed."""
    pages = crawl([urls] if isinstance(urls, str) else list(urls), store=store).pages
    return [page["meta"]["notmodified"]["changed"] for page in pages.values()]


@pytest.fixture
def url(origin: Origin) -> str:
    """A page."""
    return origin.on("/page.html", Page(b"<html>one</html>"))


@pytest.mark.parametrize("spider", ["items.ItemsSpider", "items.AsyncItemsSpider"])
@pytest.mark.parametrize("through", [(), ("Slow", "Dropping", "Renewing"), ("Deferring",)])
def test_page_is_acknowledged_when_its_items_were_scraped_or_dropped(
    through: tuple[str, ...], spider: str, url: str, store: Path
) -> None:
    first = crawl([url], store=store, spider=spider, **pipelines(*through))

    assert len(first.items) == (2 if "Dropping" in through else 3)
    assert changed(url, store) == [False]


@pytest.mark.parametrize("spider", ["items.ReturningSpider", "items.SilentSpider"])
def test_page_with_one_item_or_none_is_acknowledged_at_its_end(spider: str, url: str, store: Path) -> None:
    crawl([url], store=store, spider=spider)

    assert changed(url, store) == [False]


@pytest.mark.parametrize("through", [("Failing",), ("Slow", "Failing")])
def test_item_whose_pipeline_raises_acknowledges_nothing(through: tuple[str, ...], url: str, store: Path) -> None:
    failing = crawl([url], store=store, spider="items.ItemsSpider", **pipelines(*through))

    assert failing.stats["item_scraped_count"] == 2
    assert changed(url, store) == [True]
    # The next one acknowledges.
    assert changed(url, store) == [False]


@pytest.mark.parametrize("spider", ["items.ItemsSpider", "items.AsyncItemsSpider"])
def test_crawl_killed_in_a_pipeline_brings_the_change_again(spider: str, url: str, store: Path) -> None:
    assert crawl_apart([url], store=store, spider=spider, killed=True, **pipelines("Dying")) is None

    assert changed(url, store) == [True]


def test_crawl_killed_in_a_pipeline_keeps_what_was_acknowledged_before(origin: Origin, store: Path) -> None:
    done, lost = (origin.on(f"/{name}.html", Page(name.encode())) for name in ("done", "lost"))
    crawl([done], store=store)

    assert crawl_apart([done, lost], store=store, spider="items.ItemsSpider", killed=True, **pipelines("Dying")) is None

    assert changed([done, lost], store) == [False, True]


def test_other_spider_middlewares_lose_and_add_items_and_those_that_remain_count(url: str, store: Path) -> None:
    for order in (BEFORE_ALL, 543):
        crawled = crawl([url], store=store, spider="items.ItemsSpider", **spider_middlewares(Losing=order))
        assert [item["number"] for item in crawled.items] == [1, 2, 3]

        assert changed(url, store) == [False]


@pytest.mark.parametrize("order", [BEFORE_ALL, 543])
@pytest.mark.parametrize("spider", ["PageSpider", "AsyncSpider"])
def test_item_that_another_spider_middleware_added_fails_the_page_as_well(
    spider: str, order: int, url: str, store: Path
) -> None:
    adding = {**spider_middlewares(Adding=order), **pipelines("Numbering", "Failing")}

    crawled = crawl([url], store=store, spider=spider, **adding)

    assert [item["number"] for item in crawled.items] == [0]
    assert changed(url, store) == [True]


@pytest.mark.parametrize("order", [BEFORE_ALL, 543])
def test_item_that_is_added_after_the_end_of_the_callback_is_waited_for(order: int, url: str, store: Path) -> None:
    adding = {**spider_middlewares(Adding=order), **pipelines("Failing")}

    crawled = crawl([url], store=store, spider="items.SilentSpider", **adding)

    assert crawled.items == []
    assert changed(url, store) == [True]


@pytest.mark.parametrize("spider", ["items.ItemsSpider", "items.AsyncItemsSpider"])
def test_callback_whose_output_is_left_half_taken_acknowledges_nothing(spider: str, url: str, store: Path) -> None:
    crawled = crawl([url], store=store, spider=spider, **spider_middlewares(Ignoring=543))

    assert len(crawled.items) == 1
    assert changed(url, store) == [True]


def test_spider_closed_with_items_in_their_pipelines_acknowledges_them(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{name}", Page(name.encode())) for name in ("first", "second", "last")]

    crawled = crawl(urls, store=store, spider="items.ClosingSpider", **pipelines("Slow"), CONCURRENT_REQUESTS=1)

    assert crawled.stats["finish_reason"] == "enough"
    assert crawled.stats["item_scraped_count"] == 2
    assert "notmodified/errors" not in crawled.stats
    assert changed(urls, store) == [False, False, True]


def test_interrupted_crawl_ends_what_it_began_and_acknowledges_it(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{name}", Page(name.encode())) for name in ("first", "last", "never")]

    crawled = crawl_apart(urls, store=store, spider="items.InterruptedSpider", **pipelines("Slow"))

    assert isinstance(crawled, Crawled)
    assert crawled.stats["finish_reason"] == "shutdown"
    scraped = [item["url"] for item in crawled.items]
    assert scraped == urls[: len(scraped)]
    assert changed(urls, store) == [url not in scraped for url in urls]


def test_crawl_without_asyncio_waits_for_the_pipelines_as_well(url: str, store: Path) -> None:
    reactor: dict[str, Any] = {"TWISTED_REACTOR": "twisted.internet.selectreactor.SelectReactor"}

    failing = crawl_apart([url], store=store, spider="items.ItemsSpider", **reactor, **pipelines("Failing"))
    working = crawl_apart([url], store=store, spider="items.ItemsSpider", **reactor, **pipelines("Deferring"))

    assert [told(crawled) for crawled in (failing, working)] == [True, True]
    assert changed(url, store) == [False]


@pytest.mark.scrapy(since=(2, 15), reason="2.15 can do without a reactor")
def test_crawl_without_a_reactor_waits_for_the_pipelines_as_well(url: str, store: Path) -> None:
    reactor: dict[str, Any] = {"TWISTED_REACTOR_ENABLED": False}

    failing = crawl_apart([url], store=store, spider="items.ItemsSpider", **reactor, **pipelines("Failing"))
    working = crawl_apart([url], store=store, spider="items.ItemsSpider", **reactor, **pipelines("Dropping"))

    assert [told(crawled) for crawled in (failing, working)] == [True, True]
    assert changed(url, store) == [False]


def told(crawled: Crawled | None) -> bool:
    """Give whether the one page came as changed."""
    assert crawled is not None
    (answer,) = {item["meta"]["notmodified"]["changed"] for item in crawled.items}
    return bool(answer)


def test_media_of_an_item_belong_to_it(origin: Origin, url: str, store: Path, tmp_path: Path) -> None:
    origin.on("/page.html?file", Page(b"the file", content_type="text/plain"))
    files = {"FILES_STORE": str(tmp_path / "files"), **pipelines("Files", "Dying")}

    assert crawl_apart([url], store=store, spider="PageSpider", killed=True, **files) is None
    assert [path.read_bytes() for path in (tmp_path / "files").rglob("*") if path.is_file()] == [b"the file"]
    assert changed(url, store) == [True]


def test_errback_that_makes_items_of_a_failure_acknowledges_nothing(origin: Origin, url: str, store: Path) -> None:
    refusing = {"SPIDER_MIDDLEWARES": {"crawls.middlewares.Refusing": 543}}
    missing = origin.on("/missing.html", status(404))

    crawled = crawl([url, missing], store=store, spider="items.ErrbackSpider", **refusing)

    assert {item["url"] for item in crawled.items if "failed" in item} == {url, missing}
    assert changed(url, store) == [True]


def test_item_that_a_project_forwards_itself_does_not_stand_for_one_of_the_page(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"%d" % number)) for number in range(2)]

    failing = crawl(urls, store=store, spider="items.ForwardingSpider", **pipelines("Slow", "Failing"))

    assert [item["number"] for item in failing.items] == [0, 0]
    assert changed(urls, store) == [True, True]


def test_page_asked_for_again_does_not_end_its_first_turn(origin: Origin, url: str, store: Path) -> None:
    page = Page(b"<html>one</html>")
    origin.on("/page.html", page)
    killed = crawl_apart([url], store=store, spider="items.AgainSpider", killed=True, **pipelines("Dying"))

    assert killed is None
    assert (page.full, page.not_modified) == (1, 1)
    # The first turn went all its way, the second, with the same content, did not.
    assert changed(url, store) == [False]


def test_crawl_keeps_no_notes_of_pages_that_are_done(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"%d" % number)) for number in range(30)]

    crawls = [crawl(urls, store=store, spider="items.LastingSpider") for _ in range(2)]

    for crawled in crawls:
        assert len(crawled.items) == len(urls)
        # Scrapy itself still holds the last of them.
        assert crawled.stats["notes"] < len(urls) / 2
