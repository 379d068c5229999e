"""Complete or not at all: what did not arrive whole, or is not known to have, is handed on as it is and not stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, crawl_apart
from origin import Page, Reply, close_delimited, cut, sequence

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Handler, Origin

pytestmark = pytest.mark.usefixtures("environment")
WHOLE = b"<html>" + b"x" * 94
TAG = [("ETag", '"t"')]
LOSSY: dict[str, Any] = {"DOWNLOAD_FAIL_ON_DATALOSS": False}
WITHOUT_REACTOR: dict[str, Any] = {"TWISTED_REACTOR_ENABLED": False}


def old(*lines: str, body: bytes) -> Reply:
    """An answer of HTTP/1.0, which ends with its connection."""
    head = "\r\n".join(["HTTP/1.0 200 OK", 'ETag: "t"', *lines, "", ""])
    return Reply(raw=head.encode() + body)


def outcome(crawled: Crawled | None) -> str:
    """What became of the one page."""
    assert crawled is not None
    told: str = crawled.page["meta"]["notmodified"]["outcome"]
    return told


@pytest.mark.parametrize(
    ("incomplete", "flag"),
    [
        (old(body=WHOLE[:50]), "partial"),
        (old("Content-Length: 100", body=WHOLE[:50]), "dataloss"),
        (Reply(raw=b'HTTP/1.1 200 OK\r\nETag: "t"\r\n\r\n' + WHOLE[:50]), "partial"),
    ],
    ids=["old", "old-with-length", "without-framing"],
)
def test_body_that_ended_with_its_connection_is_not_stored(
    incomplete: Reply, flag: str, origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", sequence(incomplete, Page(WHOLE, etag='"t"')))

    first = crawl([url], store=store, **LOSSY)

    assert first.page["flags"] == [flag]
    assert first.page["body"].encode() == WHOLE[:50]
    assert outcome(first) == "passed"
    assert crawl([url], store=store).page["body"].encode() == WHOLE
    assert not origin.last.has_condition()


@pytest.mark.parametrize("incomplete", [cut(WHOLE, 50, headers=TAG), close_delimited(WHOLE[:50], TAG)])
def test_incomplete_body_takes_no_stored_pages_place(incomplete: Handler, origin: Origin, store: Path) -> None:
    page = Page(WHOLE, etag='"t"')
    url = origin.on("/page.html", sequence(page, incomplete, page))
    crawl([url], store=store)

    assert outcome(crawl([url], store=store, **LOSSY)) == "passed"

    again = crawl([url], store=store)
    assert outcome(again) == "not-modified"
    assert again.page["body"].encode() == WHOLE


def test_download_that_fails_for_lost_data_stores_nothing_and_is_retried(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", sequence(cut(WHOLE, 50, headers=TAG), Page(WHOLE, etag='"t"')))
    assert crawl([url], store=store, spider="ErringSpider").page["meta"] == {}
    origin.on("/page.html", sequence(cut(WHOLE, 50, headers=TAG), Page(WHOLE, etag='"t"')))

    retried = crawl([url], store=store, RETRY_ENABLED=True, RETRY_TIMES=1)

    assert retried.page["body"].encode() == WHOLE
    assert outcome(retried) == "new"
    assert not any(received.has_condition() for received in origin.log)


def test_body_of_another_length_than_it_announced_is_not_stored(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(WHOLE, etag='"t"'))

    cut_short = crawl([url], store=store, DOWNLOADER_MIDDLEWARES={"crawls.truncating.Truncating": 900})

    assert cut_short.page["flags"] == []
    assert outcome(cut_short) == "passed"
    assert crawl([url], store=store).page["body"].encode() == WHOLE
    assert not origin.last.has_condition()


def test_bytes_beyond_the_announced_length_are_no_part_of_the_page(origin: Origin, store: Path) -> None:
    head = b'HTTP/1.1 200 OK\r\nETag: "t"\r\nContent-Length: 100\r\n\r\n'
    url = origin.on("/page.html", sequence(Reply(raw=head + WHOLE + b"beyond"), Page(WHOLE, etag='"t"')))
    assert crawl([url], store=store).page["body"].encode() == WHOLE
    assert outcome(crawl([url], store=store)) == "not-modified"


def test_whole_body_in_chunks_is_stored(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(WHOLE, chunked=True))
    assert [outcome(crawl([url], store=store)) for _ in range(2)] == ["new", "not-modified"]


@pytest.mark.scrapy(since=(2, 19), reason="the first that reads by aiohttp where there is no reactor")
def test_without_a_reactor_the_framing_tells_what_no_flag_does(origin: Origin, store: Path) -> None:
    urls = [
        origin.on("/closed", close_delimited(WHOLE[:50], TAG)),
        origin.on("/old", old(body=WHOLE[:50])),
        origin.on("/length", Page(WHOLE)),
        origin.on("/chunks", Page(WHOLE, chunked=True)),
    ]
    crawls = [crawl_apart(urls, store=store, **WITHOUT_REACTOR) for _ in range(2)]
    outcomes = [
        {page["url"]: page["meta"]["notmodified"]["outcome"] for page in crawled.items} for crawled in crawls if crawled
    ]
    assert [list(map(told.get, urls)) for told in outcomes] == [
        ["passed", "passed", "new", "new"],
        ["passed", "passed", "not-modified", "not-modified"],
    ]
