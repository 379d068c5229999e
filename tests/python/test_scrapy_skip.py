"""No callback for unchanged pages, where the callback or the request asks for it, and for no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, request
from origin import Page, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin


pytestmark = pytest.mark.usefixtures("environment")

ONE = b"<html>one</html>"
TWO = b"<html>two</html>"
KINDS = {
    "async_generator": {},
    "coroutine": {},
    "deferred": {},
    "generator": {},
    "item": {},
    "items": {},
    "of_class": {},
    "plain_function": {},
    "static": {},
    "with_arguments": {"cb_kwargs": {"number": 1, "response_text": "two"}},
}
SKIP = {"notmodified_skip_unchanged": True}
# A page of which nobody asks whether it is a start page.
INNER = {"is_start_request": False}


@pytest.fixture
def page() -> Page:
    """A page."""
    return Page(ONE)


@pytest.fixture
def url(origin: Origin, page: Page) -> str:
    """Where it is."""
    return origin.on("/page.html", page)


def test_decorated_callbacks_of_every_kind_run_on_changed_pages_alone(origin: Origin, store: Path) -> None:
    pages = {name: Page(ONE) for name in KINDS}
    wanted = [
        request(origin.on(f"/{name}", pages[name]), callback=name, meta=INNER, **arguments)
        for name, arguments in KINDS.items()
    ]

    def run() -> Crawled:
        return crawl(wanted, store=store, spider="skipping.KindsSpider")

    new, unchanged = run(), run()
    for changing in pages.values():
        changing.content = TWO
    changed = run()

    assert [sorted(crawled.pages) for crawled in (new, changed)] == [sorted(one["url"] for one in wanted)] * 2
    assert unchanged.items == []
    assert [crawled.skipped for crawled in (new, unchanged, changed)] == [0, len(KINDS), 0]
    assert changed.pages[f"{origin.url}/with_arguments"]["text"] == "two"
    for crawled in (new, unchanged, changed):
        assert crawled.said("WARNING", "skip") == []
        assert crawled.said("ERROR", "") == []


def test_decorated_callback_without_output_is_skipped_as_well(url: str, store: Path) -> None:
    looks = [
        crawl([request(url, callback="nothing", meta=INNER)], store=store, spider="skipping.KindsSpider").said(
            "INFO", "looked at"
        )
        for _ in range(2)
    ]

    assert looks == [[f"looked at {url}"], []]


def test_page_that_is_not_acknowledged_yet_is_not_skipped(url: str, store: Path) -> None:
    failing = [crawl([request(url, callback="failing")], store=store, spider="skipping.KindsSpider") for _ in range(2)]
    working = [crawl([request(url, callback="item")], store=store, spider="skipping.KindsSpider") for _ in range(2)]

    assert [crawled.stats["spider_exceptions/ValueError"] for crawled in failing] == [1, 1]
    assert [len(crawled.items) for crawled in working] == [1, 0]


def test_new_consumer_gets_every_page_once_more(url: str, store: Path) -> None:
    wanted = [request(url, callback="item")]

    runs = [
        len(crawl(wanted, store=store, spider="skipping.KindsSpider", NOTMODIFIED_CONSUMER=consumer).items)
        for consumer in ("parser-1", "parser-1", "parser-2", "parser-2", "parser-1")
    ]

    assert runs == [1, 0, 1, 0, 0]


def test_without_a_consumer_pages_are_skipped_that_are_as_they_were_stored(url: str, page: Page, store: Path) -> None:
    wanted = [request(url, callback="item")]

    def run() -> int:
        return len(crawl(wanted, store=store, spider="skipping.KindsSpider", NOTMODIFIED_CONSUMER="").items)

    runs = [run(), run()]
    page.content = TWO

    assert [*runs, run(), run()] == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("wish", "settings"),
    [
        ({"dont_cache": True}, {}),
        ({}, {"NOTMODIFIED_ENABLED": False}),
    ],
)
def test_page_that_did_not_go_through_the_cache_runs_its_callback(
    wish: dict[str, Any], settings: dict[str, Any], url: str, store: Path
) -> None:
    wanted = [request(url, callback="item")]
    crawl(wanted, store=store, spider="skipping.KindsSpider")

    later = [request(url, callback="item", meta={**wish, **SKIP})]
    crawled = crawl(later, store=store, spider="skipping.KindsSpider", **settings)

    assert len(crawled.items) == 1
    assert crawled.skipped == 0


def test_page_that_was_not_stored_runs_its_callback(origin: Origin, url: str, page: Page, store: Path) -> None:
    missing = origin.on("/missing.html", status(404, b"nothing here"))
    crawl([request(url, callback="item")], store=store, spider="skipping.KindsSpider")
    page.content = b"are you a robot?"

    meta = {"handle_httpstatus_all": True, **SKIP}
    wanted = [request(place, callback="item", meta=meta) for place in (url, missing)]
    crawls = [
        crawl(wanted, store=store, spider="skipping.KindsSpider", NOTMODIFIED_STORABLE="crawls.judges.is_page")
        for _ in range(2)
    ]

    for crawled in crawls:
        told = {item["url"]: item["meta"]["notmodified"] for item in crawled.items}
        assert {one["outcome"] for one in told.values()} == {"passed"}
        # A ban says nothing about the page: not that it changed, and not that it did not.
        assert told[url]["changed"] is False
        assert crawled.skipped == 0
        assert len(crawled.items) == 2


def test_meta_that_was_copied_from_an_unchanged_page_skips_no_other(origin: Origin, store: Path) -> None:
    start = origin.on("/start", Page(b'<html><a href="/answered">to a page that others answer for</a></html>'))
    answering = {"DOWNLOADER_MIDDLEWARES": {"crawls.skipping.Answering": 543}}

    crawls = [crawl([start], store=store, spider="skipping.LeadingSpider", **answering) for _ in range(2)]

    assert [crawled.stats["notmodified/requests"] for crawled in crawls] == [1, 1]
    assert [crawled.page["body"] for crawled in crawls] == ["from elsewhere"] * 2
    assert [crawled.page["meta"] for crawled in crawls] == [{}, {}]


def test_skipped_start_page_is_warned_of_once(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"%d" % number)) for number in range(3)]

    cold, warm = (crawl(urls, store=store, spider="skipping.ListSpider") for _ in range(2))

    assert warm.skipped == 3
    assert cold.said("WARNING", "") == []
    (warning,) = warm.said("WARNING", "")
    assert f"The callback of the start page {urls[0]} was skipped" in warning
    assert "changed pages behind it are not found" in warning


def test_start_page_without_scrapys_mark_is_known_by_its_depth(url: str, store: Path) -> None:
    unmarked = {"SPIDER_MIDDLEWARES": {"scrapy.spidermiddlewares.start.StartSpiderMiddleware": None}}

    _, warm = (crawl([url], store=store, spider="skipping.ListSpider", **unmarked) for _ in range(2))

    assert len(warm.said("WARNING", "The callback of the start page")) == 1


def test_skipped_pages_behind_the_start_page_are_not_warned_of(origin: Origin, store: Path) -> None:
    inner = Page(ONE)
    origin.on("/inner", inner)
    start = origin.on("/start", Page(b'<html><a href="/inner">inner</a></html>'))

    def run() -> Crawled:
        return crawl([start], store=store, spider="skipping.LeadingSpider")

    cold, warm = run(), run()
    inner.content = TWO
    changed = run()

    assert [len(crawled.items) for crawled in (cold, warm, changed)] == [1, 0, 1]
    assert [crawled.skipped for crawled in (cold, warm, changed)] == [0, 1, 0]
    assert warm.said("WARNING", "skipped") == []


def test_links_of_a_crawl_spider_are_followed_from_pages_that_are_skipped(origin: Origin, store: Path) -> None:
    leaf = Page(ONE)
    origin.on("/leaf", leaf)
    origin.on("/middle", Page(b'<html><a href="/leaf">leaf</a></html>'))
    start = origin.on("/start", Page(b'<html><a href="/middle">middle</a></html>'))

    def run() -> Crawled:
        return crawl([start], store=store, spider="skipping.RulesSpider")

    cold, warm = run(), run()
    leaf.content = TWO
    changed = run()

    assert sorted(cold.pages) == [f"{origin.url}/leaf", f"{origin.url}/middle"]
    assert {item["by"] for item in cold.items} == {"rule"}
    assert warm.items == []
    assert warm.skipped == 2
    assert changed.page["body"] == TWO.decode()
