"""What the spider set itself is the spider's, and cookies are those of the answer that came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, request
from origin import Page, Reply, sequence

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin
    from origin import Request as Received

pytestmark = pytest.mark.usefixtures("environment")
ONE = b"<html>one</html>"
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
BY_FRESHNESS: dict[str, Any] = {"NOTMODIFIED_FRESHNESS": "rfc9111"}
LARGE = b'<html><a href="/next.html">next</a>' + bytes(1 << 20)


def lasting(**knobs: Any) -> Page:  # noqa: ANN401, those of a page
    """A page that is fresh for an hour."""
    return Page(ONE, etag='"t"', last_modified=DATE, cache_control="max-age=3600", **knobs)


def asked(origin: Origin, name: str) -> list[str | None]:
    """What each request had in this field."""
    return [received.get(name) for received in origin.log]


@pytest.mark.parametrize(
    ("name", "value"), [("If-None-Match", '"t"'), ("If-Modified-Since", DATE)], ids=["tag", "date"]
)
def test_own_condition_goes_to_the_origin_alone_and_its_304_comes_back(
    name: str, value: str, origin: Origin, store: Path
) -> None:
    page = lasting()
    url = origin.on("/page.html", page)
    crawl([url], store=store)
    own = request(url, headers={name: value}, meta={"handle_httpstatus_list": [304]})
    page.interludes.append(Reply(503))

    answered = crawl([own], store=store, RETRY_ENABLED=True, RETRY_TIMES=1)

    assert (answered.page["status"], answered.page["body"], answered.page["flags"]) == (304, "", [])
    assert answered.page["request_headers"][name] == [value]
    others = {"if-none-match", "if-modified-since"} - {name.lower()}
    assert asked(origin, name.lower()) == [None, value, value]
    assert [asked(origin, other) for other in others] == [[None] * 3]


def part(received: Received) -> Reply:
    """Answer a range, or the page."""
    if received.get("range") is None:
        return lasting()(received)
    return Reply(206, [("ETag", '"t"'), ("Content-Range", f"bytes 0-3/{len(ONE)}")], ONE[:4])


def test_own_range_gets_its_part_and_the_page_stays_stored(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", part)
    own = request(url, headers={"Range": "bytes=0-3"})
    crawl([url], store=store)

    answered = crawl([own], store=store)

    assert (answered.page["status"], answered.page["body"], answered.page["flags"]) == (206, "<htm", [])
    assert not origin.last.has_condition()
    assert crawl([url], store=store).page["body"].encode() == ONE
    assert origin.last.get("if-none-match") == '"t"'


def test_own_condition_and_range_are_answered_by_a_page_that_is_fresh(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    crawl([url], store=store, **BY_FRESHNESS)
    every: dict[str, Any] = {"meta": {"handle_httpstatus_all": True}, "dont_filter": True}
    requests = [
        request(url, headers={"If-None-Match": '"t"'}, **every),
        request(url, headers={"Range": "bytes=0-3", "Accept-Encoding": "identity"}, **every),
    ]
    unmodified, ranged = crawl(requests, store=store, **BY_FRESHNESS).items
    assert (unmodified["status"], unmodified["body"]) == (304, "")
    assert (ranged["status"], ranged["body"]) == (206, "<htm")
    assert len(origin.log) == 1


def test_own_no_store_is_neither_conditional_nor_stored(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    own = request(url, headers={"Cache-Control": "no-store"})
    for _ in range(2):
        assert crawl([own], store=store).page["meta"]["notmodified"]["outcome"] == "passed"
    assert asked(origin, "if-none-match") == [None, None]
    crawl([url], store=store)
    assert not origin.last.has_condition()
    crawl([own], store=store)
    assert not origin.last.has_condition()


def test_own_only_if_cached_is_answered_without_asking(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    own = request(
        url, headers={"Cache-Control": "only-if-cached"}, meta={"handle_httpstatus_all": True, "dont_retry": True}
    )
    missing = crawl([own], store=store)
    assert (missing.page["status"], missing.page["body"]) == (504, "")
    assert origin.log == []
    crawl([url], store=store)
    assert crawl([own], store=store).page["body"].encode() == ONE
    assert len(origin.log) == 1


def test_own_no_cache_asks_though_the_page_is_fresh_and_goes_out_as_it_is(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", lasting())
    held = {**BY_FRESHNESS, "NOTMODIFIED_MIN_INTERVAL": 3600}
    crawl([url], store=store, **held)
    answered = crawl([request(url, headers={"Cache-Control": "no-cache"})], store=store, **held)
    assert answered.page["meta"]["notmodified"]["outcome"] == "not-modified"
    assert asked(origin, "cache-control") == [None, "no-cache"]


@pytest.mark.parametrize("settings", [BY_FRESHNESS, {"NOTMODIFIED_MIN_INTERVAL": 3600}], ids=["fresh", "held"])
def test_page_that_is_served_without_asking_brings_no_cookie(
    settings: dict[str, Any], origin: Origin, store: Path
) -> None:
    front = Page(b'<html><a href="/next.html">next</a>', set_cookie="session=stored", cache_control="max-age=3600")
    start = origin.on("/start", front)
    origin.on("/next.html", sequence(Reply(404), Reply(404)))
    for _ in range(2):
        crawl([start], store=store, spider="FollowingSpider", **settings)
    assert [received.get("cookie") for received in origin.requests("/next.html")] == ["session=stored", None]
    assert len(origin.requests("/start")) == 1


def test_cookie_of_a_page_that_was_stopped_reaches_the_jar(origin: Origin, store: Path) -> None:
    front = Page(LARGE, etag='"t"', ignores_conditions=True, set_cookie="session=stored")
    start = origin.on("/start", front)
    origin.on("/next.html", Reply(404))
    outcomes = []
    for cookie in ("session=stored", "session=new", None):
        front.set_cookie = cookie
        crawled = crawl([start], store=store, spider="FollowingSpider", NOTMODIFIED_STOP_EARLY=True)
        outcomes.append(crawled.page["meta"]["notmodified"]["outcome"])
    assert outcomes == ["new", "stopped-early", "stopped-early"]
    cookies = [received.get("cookie") for received in origin.requests("/next.html")]
    assert cookies == ["session=stored", "session=new", None]
