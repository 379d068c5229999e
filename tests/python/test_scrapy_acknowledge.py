"""At least once in Scrapy: a page is acknowledged when its callback has finished without an error, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, crawl_apart
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin


pytestmark = pytest.mark.usefixtures("environment")


def outcome(crawled: Crawled) -> tuple[str, bool]:
    """Give the outcome of the one page, and whether it counts as changed."""
    told = crawled.page["meta"]["notmodified"]
    return told["outcome"], told["changed"]


def test_crawl_killed_between_store_and_callback_brings_the_change_again(origin: Origin, store: Path) -> None:
    page = Page(b"<html>one</html>")
    url = origin.on("/page.html", page)
    crawl([url], store=store)
    page.content = b"<html>two</html>"

    assert crawl_apart([url], store=store, spider="DyingSpider", killed=True) is None
    outcomes = [outcome(crawl([url], store=store)) for _ in range(2)]

    assert outcomes == [("not-modified", True), ("not-modified", False)]
    assert (page.full, page.not_modified) == (2, 2)


def test_callback_that_raises_acknowledges_nothing(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    failing = [outcome(crawl([url], store=store, spider="RaisingSpider")) for _ in range(2)]
    working = [outcome(crawl([url], store=store)) for _ in range(2)]

    assert failing == [("new", True), ("not-modified", True)]
    assert working == [("not-modified", True), ("not-modified", False)]


def test_error_that_another_middleware_smooths_over_acknowledges_nothing(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    smoothing = {"SPIDER_MIDDLEWARES": {"crawls.middlewares.Smoothing": 543}}

    crawl([url], store=store, spider="RaisingSpider", **smoothing)

    assert outcome(crawl([url], store=store)) == ("not-modified", True)


def test_page_that_another_middleware_keeps_from_its_callback_is_not_acknowledged(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    refusing: dict[str, Any] = {"crawls.middlewares.Refusing": 543, "crawls.middlewares.Smoothing": 500}

    crawl([url], store=store, SPIDER_MIDDLEWARES=refusing)

    assert outcome(crawl([url], store=store)) == ("not-modified", True)


def test_asynchronous_callback_acknowledges_after_its_last_output(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    outcomes = [outcome(crawl([url], store=store, spider="AsyncSpider")) for _ in range(2)]

    assert outcomes == [("new", True), ("not-modified", False)]


def test_page_fetched_without_a_callback_is_acknowledged_when_handed_over(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    outcomes = [outcome(crawl([url], store=store, spider="FetchingSpider")) for _ in range(2)]

    assert outcomes == [("new", True), ("not-modified", False)]


def test_consumers_with_different_names_see_each_change_once_each(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    crawl([url], store=store)

    renamed = [outcome(crawl([url], store=store, NOTMODIFIED_CONSUMER="parser-2")) for _ in range(2)]

    assert renamed == [("not-modified", True), ("not-modified", False)]


def test_spider_middleware_that_is_kept_off_is_missed_and_leaves_the_plain_comparison(
    origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    off = {"notmodified.scrapy.NotModifiedSpiderMiddleware": None}

    cold, warm = (crawl([url], store=store, SPIDER_MIDDLEWARES=off) for _ in range(2))

    (warning,) = warm.said("WARNING", "")
    assert "SPIDER_MIDDLEWARES = {'notmodified.scrapy.NotModifiedSpiderMiddleware': 1100}" in warning
    assert [outcome(cold), outcome(warm)] == [("new", True), ("not-modified", False)]


def test_spider_middleware_named_by_the_project_does_as_the_one_that_comes_along(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    by_hand = {"notmodified.scrapy.acknowledge.NotModifiedSpiderMiddleware": 1100}

    failed = crawl([url], store=store, spider="RaisingSpider", SPIDER_MIDDLEWARES=by_hand)
    outcomes = [outcome(crawl([url], store=store, SPIDER_MIDDLEWARES=by_hand)) for _ in range(2)]

    assert failed.said("WARNING", "notmodified") == []
    assert outcomes == [("not-modified", True), ("not-modified", False)]
