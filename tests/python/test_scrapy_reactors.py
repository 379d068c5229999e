"""What a crawl may run on: asyncio with Twisted's reactor (all other tests), asyncio alone, and other reactors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, crawl_apart
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
ELSEWHERE = {"TWISTED_REACTOR": "twisted.internet.selectreactor.SelectReactor"}
ALONE = {"TWISTED_REACTOR_ENABLED": False}
SECRET_STORES = [
    "redis://:hunter2@127.0.0.1:1/0",
    "valkey://user:hunter2@127.0.0.1:1/0",
    "redis://:hunter2?a/b@127.0.0.1:1/0",
    "redis://127.0.0.1:1/0?password=hunter2",
]


def crawled_apart(url: str, store: Path, settings: dict[str, Any]) -> Crawled:
    """Crawl this page in a process of its own."""
    crawled = crawl_apart([url], store=store, **settings)
    assert crawled is not None
    return crawled


def revalidates(origin: Origin, store: Path, reactor: dict[str, Any]) -> None:
    """Crawl twice."""
    url = origin.on("/page.html", Page(b"<html>one</html>", gzip=True))

    cold, warm = (crawled_apart(url, store, reactor) for _ in range(2))

    assert cold.page["body"] == warm.page["body"] == "<html>one</html>"
    assert warm.page["class"] == "HtmlResponse"
    assert warm.page["meta"]["notmodified"] == {"outcome": "not-modified", "changed": False, "not_modified": True}
    assert (cold.error, warm.error) == (None, None)
    assert cold.said("WARNING", "notmodified") == warm.said("WARNING", "notmodified") == []


def test_crawl_on_another_reactor_revalidates(origin: Origin, store: Path) -> None:
    revalidates(origin, store, ELSEWHERE)


@pytest.mark.scrapy(since=(2, 15), reason="crawls without a reactor came with 2.15")
def test_crawl_on_asyncio_alone_revalidates(origin: Origin, store: Path) -> None:
    revalidates(origin, store, ALONE)


@pytest.mark.parametrize("store_url", SECRET_STORES)
def test_store_behind_a_url_is_refused_on_another_reactor(store_url: str, origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    refused = crawled_apart(url, store, {**ELSEWHERE, "NOTMODIFIED_STORE": store_url})

    (line,) = refused.said("CRITICAL", "The crawl does not start")
    assert f"NOTMODIFIED_STORE is '{store_url.partition(':')[0]}://127.0.0.1:1/0'" in line
    assert "TWISTED_REACTOR = 'twisted.internet.asyncioreactor.AsyncioSelectorReactor'" in line
    assert "hunter2" not in str(refused)
    assert origin.log == []


@pytest.mark.parametrize("store_url", SECRET_STORES)
def test_store_behind_a_url_is_not_there_yet_on_asyncio(store_url: str, origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    refused = crawl([url], store=store, NOTMODIFIED_STORE=store_url)

    (line,) = refused.said("CRITICAL", "The crawl does not start")
    assert "this version keeps stores in directories" in line
    assert "hunter2" not in str(refused)
    assert origin.log == []
