"""What a crawl puts on the wire, and what it must not: validators stay with the URL and the identity they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, request
from origin import Gate, Origin, Page, Reply, Request, close_delimited, cut, held, redirect, sequence, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Handler

pytestmark = pytest.mark.usefixtures("environment")
RETRYING: dict[str, Any] = {"RETRY_ENABLED": True, "RETRY_TIMES": 2}
ONE = b"<html>one</html>"
TAG = [("ETag", '"t"')]


def conditions(origin: Origin, path: str) -> list[str | None]:
    """List the entity tags that were sent back for a path, one entry a request."""
    return [received.get("if-none-match") for received in origin.requests(path)]


def test_entity_tag_with_obs_text_is_sent_back_byte_for_byte(origin: Origin, store: Path) -> None:
    page = Page(ONE, etag=b'"caf\xe9\xff"')
    url = origin.on("/page.html", page)

    crawl([url], store=store)
    crawl([url], store=store)

    assert (b"If-None-Match", b'"caf\xe9\xff"') in origin.last.fields
    assert page.not_modified == 1


def test_redirected_request_leaves_the_validators_behind(origin: Origin, store: Path) -> None:
    with Origin() as elsewhere:
        targets = [origin.on("/same", Page(ONE)), elsewhere.on("/other", Page(ONE))]
        sources = [
            origin.on(f"/{number}", sequence(Page(ONE), redirect(target))) for number, target in enumerate(targets)
        ]
        crawl(sources, store=store)

        moved = crawl(sources, store=store)

        assert [page["url"] for page in moved.items] == targets
        assert [origin.requests(f"/{number}")[1].has_condition() for number in (0, 1)] == [True, True]
        assert not origin.requests("/same")[0].has_condition()
        assert not elsewhere.last.has_condition()


@pytest.mark.parametrize("failure", [Reply(503), Reply(200, [("ETag", '"t"')], b"x" * 99, cut_after=9)])
def test_retried_request_asks_with_one_validator_again(failure: Reply, origin: Origin, store: Path) -> None:
    page = Page(ONE, etag='"t"')
    url = origin.on("/page.html", page)
    crawl([url], store=store)
    page.interludes.append(failure)

    retried = crawl([url], store=store, **RETRYING)

    assert retried.page["body"] == ONE.decode()
    assert retried.page["meta"]["notmodified"]["outcome"] == "not-modified"
    # `get` refuses a field with two lines.
    assert conditions(origin, "/page.html") == [None, '"t"', '"t"']


def test_copy_of_a_request_on_its_way_loses_what_was_added(origin: Origin, store: Path) -> None:
    url = origin.on("/from", Page(ONE))
    target = origin.on("/to", Page(ONE))
    crawl([url], store=store)

    copied = crawl([url], store=store, DOWNLOADER_MIDDLEWARES={"crawls.middlewares.Rewriting": 900})

    assert copied.page["url"] == target
    assert not origin.last.has_condition()


def test_repeated_request_with_all_of_its_meta_is_revalidated_once_more(origin: Origin, store: Path) -> None:
    page = Page(ONE)
    url = origin.on("/page.html", page)

    repeated = crawl([url], store=store, spider="RepeatingSpider")

    assert (page.full, page.not_modified) == (1, 1)
    assert [item["flags"] for item in repeated.items] == [[], ["notmodified"]]
    assert [item["meta"]["notmodified"]["outcome"] for item in repeated.items] == ["new", "not-modified"]


def test_repeated_request_that_is_left_alone_carries_no_old_outcome(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    again = request(url, meta={"again": {"dont_cache": True}})

    first, second = crawl([again], store=store, spider="RepeatingSpider").items

    assert set(first["meta"]) == {"notmodified"}
    assert second["meta"] == {}
    assert not origin.last.has_condition()


def test_errback_sees_the_request_as_the_spider_made_it(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", sequence(Page(ONE), cut(ONE, 3)))
    cold = crawl([url], store=store)

    failed = crawl([url], store=store, spider="ErringSpider")

    assert origin.last.has_condition()
    assert failed.page["request_headers"] == cold.page["request_headers"]
    assert failed.page["meta"] == {}


def test_fragment_is_no_part_of_what_is_stored(origin: Origin, store: Path) -> None:
    page = Page(ONE)
    url = origin.on("/page.html", page)

    crawled = [crawl([url + fragment], store=store).page["url"] for fragment in ("#one", "#two", "")]

    assert crawled == [url, url, url]
    assert (page.full, page.not_modified) == (1, 2)


def test_spiders_own_condition_gets_its_own_304(origin: Origin, store: Path) -> None:
    page = Page(ONE, etag='"t"')
    url = origin.on("/page.html", page)
    crawl([url], store=store)
    own = request(url, headers={"If-None-Match": '"t"'}, meta={"handle_httpstatus_list": [304]})

    answered = crawl([own], store=store)

    assert answered.page["status"] == 304
    assert answered.page["body"] == ""
    assert answered.page["flags"] == []
    assert answered.page["meta"]["notmodified"]["outcome"] == "passed"
    assert answered.page["request_headers"]["If-None-Match"] == ['"t"']


def test_request_that_handles_every_status_gets_the_stored_page(origin: Origin, store: Path) -> None:
    url = origin.on("/file.pdf", Page(b"%PDF", content_type="application/pdf"))
    media = request(url, meta={"handle_httpstatus_all": True})
    crawl([media], store=store)

    unchanged = crawl([media], store=store)

    assert origin.last.has_condition()
    assert unchanged.page["status"] == 200
    assert unchanged.page["body"] == "%PDF"


@pytest.mark.parametrize("with_disk_queue", [False, True])
def test_304_for_nothing_stored_is_asked_for_in_full_once(
    with_disk_queue: bool,  # noqa: FBT001
    origin: Origin,
    store: Path,
    tmp_path: Path,
) -> None:
    page = Page(ONE, etag='"t"', etag_on_304='"another"')
    url = origin.on("/page.html", page)
    crawl([url], store=store)
    page.orphan_304s = 1
    disk_queue: dict[str, Any] = {"JOBDIR": str(tmp_path / "job")} if with_disk_queue else {}

    answered = crawl([url], store=store, **disk_queue)

    assert answered.page["status"] == 200
    assert answered.page["flags"] == []
    assert conditions(origin, "/page.html") == [None, '"t"', None]
    assert answered.stats["notmodified/resends"] == 1
    assert answered.stats["notmodified/requests"] == 2


@pytest.mark.parametrize("with_disk_queue", [False, True])
def test_endless_304s_are_handed_on_after_the_second(
    with_disk_queue: bool,  # noqa: FBT001
    origin: Origin,
    store: Path,
    tmp_path: Path,
) -> None:
    page = Page(ONE, etag='"t"', etag_on_304='"another"')
    url = origin.on("/page.html", page)
    crawl([url], store=store)
    page.orphan_304s = 9
    disk_queue: dict[str, Any] = {"JOBDIR": str(tmp_path / "job")} if with_disk_queue else {}

    answered = crawl([request(url, meta={"handle_httpstatus_all": True})], store=store, **disk_queue)

    assert answered.page["status"] == 304
    assert len(origin.log) == 3


def test_304_that_cannot_be_settled_is_asked_for_in_full(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE, etag='"t"'))
    crawl([url], store=store)

    spoilt = crawl([url], store=store, DOWNLOADER_MIDDLEWARES={"crawls.middlewares.Spoiling": 900})

    assert spoilt.page["status"] == 200
    assert spoilt.page["body"] == ONE.decode()
    assert conditions(origin, "/page.html") == [None, '"t"', None]
    assert spoilt.stats["notmodified/errors"] == 2
    assert len(spoilt.said("WARNING", "notmodified failed")) == 1


def test_cache_that_breaks_in_the_middle_costs_no_page(origin: Origin, store: Path) -> None:
    gate = Gate()

    def last(_: Request) -> Reply:
        gate.set()
        return Reply(body=b"last")

    origin.on("/last", last)
    urls = [origin.on("/first", Page(b"first")), origin.on("/under-way", held(gate, Page(b"under way")))]
    gate.set()
    crawl(urls, store=store)
    gate.clear()

    # The conditional request for the second page is under way when the first one's callback breaks the cache.
    broken = crawl(urls, store=store, spider="BreakingSpider", CONCURRENT_REQUESTS=2)

    assert [page["body"] for page in broken.items] == ["first", "last", "under way"]
    assert broken.stats["notmodified/errors"] >= 1
    assert len(broken.said("WARNING", "notmodified failed")) == 1
    assert broken.said("ERROR", "") == []


@pytest.mark.parametrize(
    ("flag", "incomplete"),
    [
        ("dataloss", cut(b"x" * 50, 50, chunked=True, headers=TAG)),
        ("dataloss", cut(b"x" * 100, 50, headers=TAG)),
        ("partial", close_delimited(b"x" * 50, headers=TAG)),
    ],
)
def test_incomplete_page_is_handed_on_but_not_stored(
    flag: str, incomplete: Handler, origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", sequence(incomplete, Page(b"x" * 100, etag='"t"')))

    cut_short = crawl([url], store=store, DOWNLOAD_FAIL_ON_DATALOSS=False)
    again = crawl([url], store=store)

    assert len(cut_short.page["body"]) == 50
    assert cut_short.page["flags"] == [flag]
    assert cut_short.page["meta"]["notmodified"]["outcome"] == "passed"
    assert conditions(origin, "/page.html") == [None, None]
    assert len(again.page["body"]) == 100


def test_fresh_page_is_asked_for_again_after_a_post(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE, cache_control="max-age=3600"))
    fresh: dict[str, Any] = {"NOTMODIFIED_FRESHNESS": "rfc9111"}

    for method in ("GET", "GET", "POST", "GET"):
        crawl([request(url, method=method)], store=store, **fresh)

    assert [received.method for received in origin.log] == ["GET", "POST", "GET"]


def test_questions_asked_by_content_are_never_taken_for_each_other(origin: Origin, store: Path) -> None:
    url = origin.on("/search", lambda received: Reply(200, [("ETag", '"t"')], received.body))
    questions = [request(url, body=text, dont_filter=True) for text in ("one", "two", "one")]

    answers = crawl(questions, store=store)

    assert [page["body"] for page in answers.items] == ["one", "two", "one"]
    assert conditions(origin, "/search") == [None, None, None]


def test_error_page_is_not_stored(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", status(404, b"gone", [("ETag", '"t"')]))

    for _ in range(2):
        missing = crawl([request(url, meta={"handle_httpstatus_list": [404]})], store=store)

    assert missing.page["body"] == "gone"
    assert conditions(origin, "/page.html") == [None, None]


def test_fresh_page_is_served_without_asking(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE, cache_control="max-age=3600", gzip=True))
    crawl([url], store=store, NOTMODIFIED_FRESHNESS="rfc9111")

    fresh = crawl([url], store=store, NOTMODIFIED_FRESHNESS="rfc9111")

    assert len(origin.log) == 1
    assert fresh.page["body"] == ONE.decode()
    assert fresh.page["class"] == "HtmlResponse"
    assert fresh.page["meta"]["notmodified"]["outcome"] == "fresh"
    assert fresh.stats["notmodified/outcome/fresh"] == 1
