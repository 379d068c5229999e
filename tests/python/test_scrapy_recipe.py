"""What the recipe in docs/scrapy.md puts in place of Scrapy's own HTTP cache does the same, or better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, request
from origin import Page, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")

ONE = b"<html>one</html>"
A_YEAR = 86_400 * 365


def test_long_interval_in_place_of_the_dummy_policy_asks_nobody_again(origin: Origin, store: Path) -> None:
    page = Page(ONE, etag=None, cache_control="no-cache")
    url = origin.on("/page.html", page)
    for _ in range(3):
        crawled = crawl([url], store=store, NOTMODIFIED_MIN_INTERVAL=A_YEAR)
        assert crawled.page["body"] == ONE.decode()
    assert (page.full, page.not_modified) == (1, 0)


def test_freshness_in_place_of_the_rfc_policy_asks_when_the_origin_says_so(origin: Origin, store: Path) -> None:
    fresh, stale = Page(ONE, cache_control="max-age=3600"), Page(ONE, cache_control="no-cache")
    urls = [origin.on("/fresh", fresh), origin.on("/stale", stale)]
    for _ in range(2):
        assert len(crawl(urls, store=store, NOTMODIFIED_FRESHNESS="rfc9111").items) == 2
    assert (fresh.full, fresh.not_modified) == (1, 0)
    assert (stale.full, stale.not_modified) == (1, 1)


def test_only_if_cached_in_place_of_ignoring_what_is_missing_asks_nobody(origin: Origin, store: Path) -> None:
    urls = [origin.on(path, Page(ONE, cache_control="no-cache")) for path in ("/stored", "/missing")]
    crawl(urls[:1], store=store)
    settings: dict[str, Any] = {
        "DEFAULT_REQUEST_HEADERS": {"Cache-Control": "only-if-cached"},
        "NOTMODIFIED_MIN_INTERVAL": A_YEAR,
        "RETRY_ENABLED": True,
    }

    offline = crawl(urls, store=store, **settings)

    assert [page["url"] for page in offline.items] == urls[:1]
    assert len(origin.log) == 1


def test_no_codes_need_be_ignored_since_errors_replace_no_page(origin: Origin, store: Path) -> None:
    page = Page(ONE)
    url = origin.on("/page.html", page)
    handling = request(url, meta={"handle_httpstatus_list": [404]})
    crawl([handling], store=store)
    origin.on("/page.html", status(404))
    assert [crawl([handling], store=store).page["status"] for _ in range(2)] == [404, 404]
    origin.on("/page.html", page)

    assert crawl([handling], store=store).page["meta"]["notmodified"]["outcome"] == "not-modified"


@pytest.mark.parametrize("directives", ["no-cache", "private, max-age=0, must-revalidate", "no-cache, private"])
def test_nothing_need_be_forced_into_the_store_but_what_must_not_be(
    directives: str, origin: Origin, store: Path
) -> None:
    page, secret = Page(ONE, cache_control=directives), Page(ONE, cache_control="no-store")
    urls = [origin.on("/page.html", page), origin.on("/secret.html", secret)]
    for _ in range(2):
        crawl(urls, store=store)
    assert (page.full, page.not_modified) == (1, 1)
    assert (secret.full, secret.not_modified) == (2, 0)
