"""What a crawl may run on: asyncio with Twisted's reactor (all other tests), asyncio alone, and other reactors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, crawl_apart
from notmodified.scrapy.reactors import without_secrets
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
ELSEWHERE = {"TWISTED_REACTOR": "twisted.internet.selectreactor.SelectReactor"}
ALONE = {"TWISTED_REACTOR_ENABLED": False}
SECRETS = {"hunter2", "hunt", "er2"}
# What is given, and what of it may be shown.
SECRET_STORES = [
    ("redis://:hunter2@127.0.0.1:1/0", "redis://127.0.0.1:1/0"),
    ("valkey://user:hunt@er2@127.0.0.1:1", "valkey://127.0.0.1:1"),
    ("redis://127.0.0.1:1/0?password=hunter2", "redis://127.0.0.1:1/0"),
    ("redis://127.0.0.1:1/0?password=hunt@er2", "redis://..."),
    ("redis://:hunt/er2@127.0.0.1:1/0", "redis://..."),
]


def words(crawled: Crawled) -> set[str]:
    """All that was said."""
    return set(re.findall(r"\w+", str(crawled)))


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


def test_store_behind_a_url_is_refused_on_another_reactor(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    given, shown = SECRET_STORES[0]

    refused = crawled_apart(url, store, {**ELSEWHERE, "NOTMODIFIED_STORE": given})

    (line,) = refused.said("CRITICAL", "The crawl does not start")
    assert f"NOTMODIFIED_STORE is '{shown}'," in line
    assert "TWISTED_REACTOR = 'twisted.internet.asyncioreactor.AsyncioSelectorReactor'" in line
    assert not SECRETS & words(refused)
    assert origin.log == []


@pytest.mark.parametrize(("given", "shown"), SECRET_STORES)
def test_store_behind_a_url_is_not_there_yet_on_asyncio(given: str, shown: str, origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    refused = crawl([url], store=store, NOTMODIFIED_STORE=given)

    assert without_secrets(given) == shown
    (line,) = refused.said("CRITICAL", "The crawl does not start")
    assert f'NOTMODIFIED_STORE is "{shown}"; that is a URL, and this version keeps stores in directories' in line
    assert not SECRETS & words(refused)
    assert origin.log == []
