"""The spider middlewares: where the project names only the downloader middleware, they come along."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.settings import BaseSettings, Settings

from crawls import Crawled, crawl, crawl_together
from notmodified.scrapy import NotModifiedItemMiddleware, NotModifiedSpiderMiddleware, spider_side
from notmodified.scrapy.settings import Config
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

NEAR, FAR = "notmodified.scrapy.NotModifiedSpiderMiddleware", "notmodified.scrapy.NotModifiedItemMiddleware"


class SubclassedSpiderMiddleware(NotModifiedSpiderMiddleware):
    """A project's own."""


def made_by_function() -> object:
    """Make a spider middleware."""
    return object()


def frozen(**settings: Any) -> Settings:  # noqa: ANN401
    """Make settings as a crawl has them when its middlewares are made."""
    made = Settings(settings)
    made.freeze()
    return made


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, {NotModifiedSpiderMiddleware: 1100, NotModifiedItemMiddleware: -1000}),
        (
            {"scrapy.spidermiddlewares.depth.DepthMiddleware": None},
            {
                "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
                NotModifiedSpiderMiddleware: 1100,
                NotModifiedItemMiddleware: -1000,
            },
        ),
        ({NEAR: 999}, {NEAR: 999, NotModifiedItemMiddleware: -1000}),
        ({NEAR: 999, FAR: 1}, {NEAR: 999, FAR: 1}),
        ({SubclassedSpiderMiddleware: 999}, {SubclassedSpiderMiddleware: 999, NotModifiedItemMiddleware: -1000}),
        (
            {made_by_function: 1},
            {made_by_function: 1, NotModifiedSpiderMiddleware: 1100, NotModifiedItemMiddleware: -1000},
        ),
        ({NEAR: None}, {NEAR: None}),
        ({NEAR: 1100, FAR: None}, {NEAR: 1100, FAR: None}),
    ],
)
def test_what_a_project_names_stands_and_the_rest_comes_along(named: dict[Any, Any], expected: dict[Any, Any]) -> None:
    settings = frozen(SPIDER_MIDDLEWARES=named)

    spider_side.bring_along(settings)

    assert dict(settings["SPIDER_MIDDLEWARES"]) == expected


def test_settings_that_are_frozen_to_the_ground_cost_the_consumer_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    settings = frozen(SPIDER_MIDDLEWARES={})
    settings["SPIDER_MIDDLEWARES"].freeze()

    spider_side.bring_along(settings)
    with caplog.at_level(logging.WARNING):
        config = spider_side.with_consumer(Config(consumer="shop"), settings)

    assert isinstance(settings["SPIDER_MIDDLEWARES"], BaseSettings)
    assert config.consumer is None
    assert "SPIDER_MIDDLEWARES = {'notmodified.scrapy.NotModifiedSpiderMiddleware': 1100}" in caplog.text


@pytest.mark.usefixtures("environment")
def test_crawls_of_one_process_do_not_share_what_came_along(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"<html>%d</html>" % number)) for number in range(4)]
    crawls = [[url] for url in urls]

    cold = crawl_together(crawls, store=store, spider="items.ItemsSpider")
    warm = crawl_together(crawls, store=store, spider="items.ItemsSpider")

    assert [told(crawled) for crawled in cold] == [True] * 4
    assert [told(crawled) for crawled in warm] == [False] * 4


@pytest.mark.usefixtures("environment")
def test_spider_middleware_that_is_not_made_is_missed_and_what_was_handed_over_counts(
    origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    refusing: dict[str, Any] = {"SPIDER_MIDDLEWARES": {"crawls.items.Unmade": 1100}}

    cold, warm = (crawl([url], store=store, spider="items.ItemsSpider", **refusing) for _ in range(2))

    assert len(cold.said("WARNING", "Without its spider middleware notmodified")) == 1
    assert [told(cold), told(warm)] == [True, False]


@pytest.mark.usefixtures("environment")
def test_without_the_item_middleware_the_end_of_the_callback_counts(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    near_alone: dict[str, Any] = {
        "SPIDER_MIDDLEWARES": {FAR: None},
        "ITEM_PIPELINES": {"crawls.items.Failing": 1},
    }

    cold, warm = (crawl([url], store=store, spider="items.ItemsSpider", **near_alone) for _ in range(2))

    assert [told(cold), told(warm)] == [True, False]


@pytest.mark.usefixtures("environment")
def test_spiders_of_different_names_on_one_store_see_each_change_once_each(origin: Origin, store: Path) -> None:
    page = Page(b"<html>one</html>")
    url = origin.on("/page.html", page)

    def turn() -> list[bool]:
        spiders = ("items.ItemsSpider", "items.OtherSpider", "items.ItemsSpider", "items.OtherSpider")
        return [told(crawl([url], store=store, spider=spider)) for spider in spiders]

    first = turn()
    page.content = b"<html>two</html>"

    assert [first, turn()] == [[True, True, False, False]] * 2
    assert (page.full, page.not_modified) == (2, 6)


def told(crawled: Crawled) -> bool:
    """Give whether the one page came as changed."""
    (answer,) = {item["meta"]["notmodified"]["changed"] for item in crawled.items}
    return bool(answer)
