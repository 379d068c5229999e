"""What a request's own meta asks for: its freshness, or the whole page whatever is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, request
from origin import Page, Reply, redirect

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
ONE = b"<html>one</html>"
TWO = b"<html>two</html>"
FULL = {"notmodified_full": True}
BY_FRESHNESS = {"notmodified_freshness": "rfc9111"}


def lasting() -> Page:
    """A page that is fresh for an hour, and whose tag never changes."""
    return Page(ONE, etag='"same"', cache_control="max-age=3600")


def test_request_is_served_what_is_fresh_where_it_says_so(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    crawl([url], store=store)

    fresh = crawl([request(url, meta=BY_FRESHNESS)], store=store)

    assert len(origin.log) == 1
    assert fresh.page["meta"]["notmodified"]["outcome"] == "fresh"
    crawl([url], store=store)
    assert origin.last.get("if-none-match") == '"same"'


def test_request_is_revalidated_where_it_says_so(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    settings = {"NOTMODIFIED_FRESHNESS": "rfc9111"}
    crawl([url], store=store, **settings)

    asked = crawl([request(url, meta={"notmodified_freshness": "revalidate"})], store=store, **settings)

    assert asked.page["meta"]["notmodified"]["outcome"] == "not-modified"
    assert len(origin.log) == 2


def test_whole_page_is_fetched_and_compared_whatever_is_stored(origin: Origin, store: Path) -> None:
    page = lasting()
    url = origin.on("/page.html", page)
    held: dict[str, Any] = {"NOTMODIFIED_FRESHNESS": "rfc9111", "NOTMODIFIED_MIN_INTERVAL": 3600}
    crawl([url], store=store, **held)
    page.content = TWO

    missed = crawl([url], store=store, **held)
    whole = crawl([request(url, meta=FULL)], store=store, **held)
    after = crawl([url], store=store, **held)

    assert [crawled.page["body"].encode() for crawled in (missed, whole, after)] == [ONE, TWO, TWO]
    assert whole.page["meta"]["notmodified"] == {"outcome": "changed", "changed": True, "not_modified": False}
    assert [received.has_condition() for received in origin.log] == [False, False]


def test_unchanged_page_that_was_fetched_whole_is_not_changed(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    crawl([url], store=store)

    whole = crawl([request(url, meta={**FULL, "notmodified_freshness": "rfc9111"})], store=store)

    assert whole.page["meta"]["notmodified"] == {"outcome": "same-content", "changed": False, "not_modified": False}


def test_retried_request_keeps_its_wish(origin: Origin, store: Path) -> None:
    page = lasting()
    url = origin.on("/page.html", page)
    crawl([url], store=store)
    page.interludes.append(Reply(503))

    crawl([request(url, meta=FULL)], store=store, RETRY_ENABLED=True, RETRY_TIMES=2)

    assert [received.has_condition() for received in origin.log] == [False, False, False]


def test_redirected_request_keeps_its_wish(origin: Origin, store: Path) -> None:
    target = origin.on("/to", lasting())
    source = origin.on("/from", redirect(target))
    crawl([target], store=store)

    moved = crawl([request(source, meta=FULL)], store=store)

    assert moved.page["url"] == target
    assert not origin.last.has_condition()
    fresh = crawl([request(source, meta=BY_FRESHNESS)], store=store)
    assert fresh.page["meta"]["notmodified"]["outcome"] == "fresh"


def test_wishes_come_through_a_disk_queue(origin: Origin, store: Path, tmp_path: Path) -> None:
    whole, fresh = origin.on("/whole", lasting()), origin.on("/fresh", lasting())
    crawl([whole, fresh], store=store)
    index = origin.on("/index.html", Page(b'<a href="/whole">1</a><a href="/fresh">2</a>'))

    resumed = crawl([index], store=store, spider="wishing.WishingSpider", JOBDIR=str(tmp_path / "job"))

    assert resumed.stats["scheduler/dequeued/disk"] == 3
    assert {url: page["meta"]["notmodified"]["outcome"] for url, page in resumed.pages.items()} == {
        index: "new",
        whole: "same-content",
        fresh: "fresh",
    }


def test_request_for_the_whole_page_leaves_the_spiders_own_condition_alone(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    crawl([url], store=store)
    own = request(url, headers={"If-None-Match": '"same"'}, meta={**FULL, "handle_httpstatus_list": [304]})

    answered = crawl([own], store=store)

    assert answered.page["status"] == 304
    assert origin.last.get("if-none-match") == '"same"'


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("notmodified_freshness", "always", "it must be 'revalidate' or 'rfc9111'"),
        ("notmodified_freshness", ["rfc9111"], "it must be 'revalidate' or 'rfc9111'"),
        ("notmodified_full", "yes", "it must be True or False"),
        ("notmodified_full", 1, "it must be True or False"),
    ],
)
def test_wish_that_cannot_be_followed_is_told_once_and_costs_no_page(
    key: str,
    value: Any,  # noqa: ANN401, whatever a spider writes there
    remedy: str,
    origin: Origin,
    store: Path,
) -> None:
    urls = [origin.on(f"/{number}.html", lasting()) for number in range(3)]
    crawl(urls, store=store)

    asked = crawl([request(url, meta={key: value}) for url in urls], store=store)

    assert [page["body"].encode() for page in asked.items] == [ONE] * 3
    assert {page["meta"]["notmodified"]["outcome"] for page in asked.items} == {"not-modified"}
    (line,) = asked.said("ERROR", "")
    assert f"meta['{key}'] is {value!r}; {remedy}" in line
    assert "\n" not in line
    assert asked.stats["notmodified/errors"] == 3


def test_wishes_that_differ_each_time_are_told_once(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", lasting()) for number in range(5)]

    asked = crawl([request(url, meta={"notmodified_full": url}) for url in urls], store=store)

    assert len(asked.said("ERROR", "notmodified_full")) == 1
    assert asked.stats["notmodified/errors"] == len(urls)


def test_wish_that_is_none_is_no_wish(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    crawl([url], store=store)
    asked = crawl([request(url, meta={"notmodified_freshness": None, "notmodified_full": None})], store=store)
    assert asked.page["meta"]["notmodified"]["outcome"] == "not-modified"
    assert "notmodified/errors" not in asked.stats
