"""A stored page stands in for an origin that fails, after Scrapy's retries and everybody else had their turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, crawl_apart, request
from origin import Origin, Page, Reply, cut, hang_before_reply, hang_in_body, sequence, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Handler

pytestmark = pytest.mark.usefixtures("environment")
ONE = b"<html>one</html>"
STALE: dict[str, Any] = {"NOTMODIFIED_STALE_IF_ERROR": 3600}
RETRYING: dict[str, Any] = {"RETRY_ENABLED": True, "RETRY_TIMES": 2}
WATCHED: dict[str, Any] = {"DOWNLOADER_MIDDLEWARES": {"crawls.failures.Watching": 543}}
SELECT_REACTOR = "twisted.internet.selectreactor.SelectReactor"
ASYNCIO_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
STOOD_IN = {"outcome": "stale-if-error", "changed": False, "not_modified": False}


def closed() -> Handler:
    """Close the connection without an answer."""
    return lambda _: Reply(raw=b"")


FAILURES: dict[str, Handler] = {"503": status(503, b"oops"), "closed": closed()}


def fail(origin: Origin, store: Path, failure: Handler, **page: Any) -> str:  # noqa: ANN401, a page's knobs
    """Crawl a page, then let its origin fail."""
    url = origin.on("/page.html", Page(ONE, **page))
    crawl([url], store=store)
    origin.on("/page.html", failure)
    return url


@pytest.mark.parametrize("name", FAILURES)
def test_stored_page_stands_in_after_the_last_retry(name: str, origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES[name])

    stood_in = crawl([url], store=store, **STALE, **RETRYING, **WATCHED)

    seen: dict[str, int | str] = {"503": 503, "closed": "exception"}
    assert stood_in.page["body"] == ONE.decode()
    assert stood_in.page["status"] == 200
    assert stood_in.page["flags"] == ["notmodified", "stale"]
    assert stood_in.page["meta"]["notmodified"] == STOOD_IN
    assert stood_in.stats["retry/count"] == 2
    assert stood_in.stats["retry/max_reached"] == 1
    assert len(origin.requests("/page.html")) == 1 + 3
    # Retries leave the chain before ban detection; it sees the failure, and then the page.
    assert stood_in.stats["seen"] == [seen[name], 200]
    assert stood_in.stats["notmodified/outcome/stale-if-error"] == 1


@pytest.mark.parametrize("failure", [hang_before_reply, hang_in_body(), cut(ONE, 3)])
def test_answer_that_does_not_end_is_a_failure(failure: Handler, origin: Origin, store: Path) -> None:
    url = fail(origin, store, failure)

    stood_in = crawl([url], store=store, **STALE, DOWNLOAD_TIMEOUT=0.3)

    assert stood_in.page["body"] == ONE.decode()
    assert stood_in.page["meta"]["notmodified"] == STOOD_IN


def test_connection_that_is_refused_is_a_failure(store: Path) -> None:
    with Origin() as gone:
        url = gone.on("/page.html", Page(ONE))
        crawl([url], store=store)

    assert crawl([url], store=store, **STALE).page["meta"]["notmodified"] == STOOD_IN


@pytest.mark.parametrize("bad", [{"NOTMODIFIED_STALE_IF_ERROR": [1]}, {**STALE, "NOTMODIFIED_ENABLED": "perhaps"}])
def test_setting_that_makes_no_sense_is_refused_in_one_line(bad: dict[str, Any], origin: Origin, store: Path) -> None:
    refused = crawl([origin.on("/page.html", Page(ONE))], store=store, **bad)

    assert refused.error is not None
    assert refused.error.startswith("SettingsError")
    assert origin.log == []


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("compression", [True, False])
def test_page_looks_as_after_a_304_whatever_failed(
    name: str,
    compression: bool,  # noqa: FBT001
    origin: Origin,
    store: Path,
) -> None:
    page = Page(ONE, gzip=True)
    url = request(origin.on("/page.html", page), headers={"Accept-Encoding": "gzip"})
    settings: dict[str, Any] = {
        **STALE,
        "COMPRESSION_ENABLED": compression,
        "DOWNLOADER_MIDDLEWARES": {"crawls.failures.Marking": 543},
    }
    crawl([url], store=store, **settings)
    unchanged = crawl([url], store=store, **settings).page
    origin.on("/page.html", FAILURES[name])

    stood_in = crawl([url], store=store, **settings).page

    assert unchanged["body"].endswith("<!-- seen -->")
    # Since nobody validated it (RFC 9111 section 4).
    assert stood_in["headers"].pop("Age") is not None
    for same in ("status", "body", "class", "headers", "request_headers"):
        assert stood_in[same] == unchanged[same]
    assert stood_in["meta"]["notmodified"] == STOOD_IN


@pytest.mark.parametrize("name", FAILURES)
def test_by_default_a_failure_is_a_failure(name: str, origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES[name])

    failed = crawl([url], store=store, spider="ErringSpider")

    assert "status" not in failed.page
    assert failed.stats.get("notmodified/outcome/stale-if-error") is None
    assert failed.said("INFO", "StaleIfError") == []


@pytest.mark.parametrize("name", FAILURES)
def test_retry_that_succeeds_leaves_no_trace_of_the_stand_in(name: str, origin: Origin, store: Path) -> None:
    url = fail(origin, store, sequence(FAILURES[name], Page(b"<html>two</html>")))

    crawled = crawl([url], store=store, **STALE, **RETRYING)

    assert crawled.page["body"] == "<html>two</html>"
    assert crawled.page["flags"] == []
    assert crawled.page["meta"]["notmodified"]["outcome"] == "changed"
    assert crawled.stats.get("notmodified/outcome/stale-if-error") is None


def test_request_that_must_not_be_retried_is_stood_in_for_at_once(origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES["503"])

    stood_in = crawl([request(url, meta={"dont_retry": True})], store=store, **STALE, **RETRYING)

    assert stood_in.page["meta"]["notmodified"] == STOOD_IN
    assert len(origin.requests("/page.html")) == 2


@pytest.mark.parametrize("forbidding", ["must-revalidate", "no-cache"])
def test_page_that_forbids_it_never_stands_in(forbidding: str, origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES["503"], cache_control=forbidding)

    failed = crawl([url], store=store, spider="ErringSpider", **STALE)

    assert "status" not in failed.page


def test_page_may_allow_it_itself_where_freshness_counts(origin: Origin, store: Path) -> None:
    rfc9111: dict[str, Any] = {"NOTMODIFIED_FRESHNESS": "rfc9111"}
    url = fail(origin, store, FAILURES["503"], cache_control="max-age=0, stale-if-error=3600")

    stood_in = crawl([url], store=store, **rfc9111, **RETRYING)

    assert stood_in.page["meta"]["notmodified"] == STOOD_IN
    assert stood_in.stats["retry/count"] == 2
    assert crawl([url], store=store, spider="ErringSpider").page.get("status") is None


def test_spider_that_names_the_status_sees_it(origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES["503"])

    named = crawl([request(url, meta={"handle_httpstatus_list": [503]})], store=store, **STALE)

    assert named.page["status"] == 503
    assert named.page["flags"] == []
    assert named.page["meta"]["notmodified"] == {"outcome": "passed", "changed": True, "not_modified": False}
    assert named.stats.get("notmodified/outcome/stale-if-error") is None


@pytest.mark.parametrize("name", FAILURES)
def test_media_are_stood_in_for(name: str, origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES[name], content_type="application/pdf")

    stood_in = crawl([request(url, meta={"handle_httpstatus_all": True})], store=store, **STALE)

    assert stood_in.page["status"] == 200
    assert stood_in.page["meta"]["notmodified"] == STOOD_IN


@pytest.mark.parametrize("name", FAILURES)
def test_robots_txt_is_stood_in_for(name: str, origin: Origin, store: Path) -> None:
    origin.on("/robots.txt", Page(b"User-agent: *\nDisallow: /secret\n", content_type="text/plain"))
    urls = [origin.on("/page.html", Page(ONE)), origin.on("/secret", Page(ONE))]
    crawl(urls, store=store, ROBOTSTXT_OBEY=True)
    origin.on("/robots.txt", FAILURES[name])

    stood_in = crawl(urls, store=store, ROBOTSTXT_OBEY=True, **STALE)

    assert [page["url"] for page in stood_in.items] == urls[:1]
    assert stood_in.stats["robotstxt/response_status_count/200"] == 1


@pytest.mark.parametrize(("refused", "stands_in"), [("network", True), ("ignore", False), ("bug", False)])
def test_only_what_the_network_does_is_stood_in_for(
    refused: str,
    stands_in: bool,  # noqa: FBT001
    origin: Origin,
    store: Path,
) -> None:
    url = origin.on("/page.html", Page(ONE))
    crawl([url], store=store)
    near_the_wire = {"DOWNLOADER_MIDDLEWARES": {"crawls.failures.Refusing": 900}}

    met = crawl([request(url, meta={"refused": refused})], store=store, spider="ErringSpider", **STALE, **near_the_wire)

    assert (met.page.get("status") == 200) is stands_in
    assert len(origin.log) == 1


def test_another_middlewares_own_answer_is_left_alone(origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES["closed"])

    answered = crawl([url], store=store, **STALE, DOWNLOADER_MIDDLEWARES={"crawls.failures.Answering": 543})

    assert answered.page["body"] == "<html>own</html>"
    assert answered.page["flags"] == []


def test_request_that_is_dropped_for_a_ban_stays_dropped(origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES["503"])

    dropped = crawl(
        [url], store=store, spider="ErringSpider", **STALE, DOWNLOADER_MIDDLEWARES={"crawls.failures.Dropping": 543}
    )

    assert "status" not in dropped.page


def test_page_that_nobody_acknowledged_stands_in_as_changed(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    consumer: dict[str, Any] = {
        "NOTMODIFIED_CONSUMER": "other",
        "SPIDER_MIDDLEWARES": {"notmodified.scrapy.NotModifiedSpiderMiddleware": 1100},
    }
    crawl([url], store=store)
    origin.on("/page.html", FAILURES["503"])

    told = [crawl([url], store=store, **STALE, **consumer).page["meta"]["notmodified"] for _ in range(2)]

    assert told == [{**STOOD_IN, "changed": True}, STOOD_IN]


def test_stored_redirect_that_stands_in_is_followed(origin: Origin, store: Path) -> None:
    target = origin.on("/target", Page(ONE))
    moved = [("Location", target), ("ETag", '"m"'), ("Cache-Control", "max-age=0")]
    settings: dict[str, Any] = {**STALE, "NOTMODIFIED_FRESHNESS": "rfc9111"}
    url = origin.on("/page.html", status(301, b"moved", moved))
    crawl([url], store=store, **settings)

    for failure in FAILURES.values():
        origin.on("/page.html", failure)
        assert crawl([url], store=store, **settings).page["url"] == target


def test_place_is_brought_along_unless_the_project_names_it(origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES["503"])
    off = {"DOWNLOADER_MIDDLEWARES": {"notmodified.scrapy.StaleIfErrorMiddleware": None}}

    failed = crawl([url], store=store, spider="ErringSpider", **STALE, **off)

    assert "status" not in failed.page


def test_exchange_works_with_other_reactors(origin: Origin, store: Path) -> None:
    url = fail(origin, store, FAILURES["closed"])

    for reactor in (SELECT_REACTOR, ASYNCIO_REACTOR):
        stood_in = crawl_apart([url], store=store, **STALE, TWISTED_REACTOR=reactor)
        assert stood_in is not None
        assert stood_in.page["meta"]["notmodified"] == STOOD_IN
