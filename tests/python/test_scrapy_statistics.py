"""What a crawl counts, and says in the end, is what came over the wire and what did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, crawl_together, request
from notmodified.scrapy.statistics import size
from origin import Page, Reply, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

CRAWLS = pytest.mark.usefixtures("environment")
RFC9111: dict[str, Any] = {"NOTMODIFIED_FRESHNESS": "rfc9111"}
STALE: dict[str, Any] = {"NOTMODIFIED_STALE_IF_ERROR": 3600}


def scrapys(crawled: Crawled) -> dict[str, int]:
    """What DownloaderStats counted of responses."""
    return {name: count for name, count in crawled.stats.items() if name.startswith("downloader/response_")}


def summary(crawled: Crawled) -> list[str]:
    """The lines of the one summary."""
    (said,) = crawled.said("INFO", "notmodified:")
    return [line.strip() for line in said.splitlines()[1:]]


@CRAWLS
def test_pages_that_were_never_asked_for_are_no_responses(origin: Origin, store: Path) -> None:
    page = Page(b"<html>one</html>", cache_control="max-age=3600")
    fresh = [origin.on(path, page) for path in ("/1", "/2")]
    asked = origin.on("/asked", Page(b"<html>asked</html>", cache_control="no-cache"))
    crawl([*fresh, asked], store=store, **RFC9111)

    alone = crawl(fresh, store=store, **RFC9111)
    mixed = crawl([*fresh, asked], store=store, **RFC9111)

    assert scrapys(alone) == {}
    assert "notmodified/requests" not in alone.stats
    assert alone.stats["notmodified/outcome/fresh"] == 2
    assert scrapys(mixed) == {
        "downloader/response_count": 1,
        "downloader/response_status_count/304": 1,
        "downloader/response_bytes": mixed.stats["notmodified/wire_bytes"],
    }


@CRAWLS
@pytest.mark.parametrize("enabled", [True, False])
def test_page_in_place_of_an_exception_is_no_response(
    enabled: bool,  # noqa: FBT001
    origin: Origin,
    store: Path,
) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>", gzip=True))
    crawl([url], store=store)
    origin.on("/page.html", Reply(raw=b""))

    stood_in = crawl([url], store=store, DOWNLOADER_STATS=enabled, **STALE)

    assert scrapys(stood_in) == {}
    assert stood_in.stats.get("downloader/exception_count") == (1 if enabled else None)
    assert "notmodified/requests" not in stood_in.stats


@CRAWLS
def test_page_in_place_of_an_error_counts_as_the_error_that_came(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    crawl([url], store=store)
    origin.on("/page.html", status(503, b"oops"))

    stood_in = crawl([url], store=store, **STALE)

    assert scrapys(stood_in) == {
        "downloader/response_count": 1,
        "downloader/response_status_count/503": 1,
        "downloader/response_bytes": stood_in.stats["notmodified/wire_bytes"],
    }
    assert stood_in.stats["notmodified/requests"] == 1
    assert stood_in.stats["notmodified/outcome/stale-if-error"] == 1


@CRAWLS
def test_downloader_stats_that_looks_behind_us_is_left_alone(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>", cache_control="max-age=3600"))
    behind: dict[str, Any] = {"DOWNLOADER_MIDDLEWARES": {"scrapy.downloadermiddlewares.stats.DownloaderStats": 790}}
    crawl([url], store=store, **RFC9111)

    fresh = crawl([url], store=store, **RFC9111, **behind)

    # It was asked to count what comes out here, and does.
    assert fresh.stats["downloader/response_count"] == 1


@CRAWLS
def test_crawl_ends_with_a_summary_on_one_screen(origin: Origin, store: Path) -> None:
    pages = [Page(b"<html>" + b"x" * 5_000 + b"%d</html>" % number) for number in range(8)]
    urls = [origin.on(f"/{number}", page) for number, page in enumerate(pages)]
    crawl(urls[:-1], store=store)
    pages[0].content = b"<html>changed</html>"

    crawled = crawl(urls, store=store)

    stats = crawled.stats
    assert stats["notmodified/not_modified_ratio"] == 0.75
    assert summary(crawled) == [
        "requests: 8, answered 304: 6 (75.0%)",
        "pages: 6 unchanged, 1 changed, 1 new",
        f"bytes: {size(stats['notmodified/wire_bytes'])} on the wire, {size(stats['notmodified/bytes_saved'])} saved",
    ]


@CRAWLS
def test_crawl_that_does_without_has_no_summary(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    left_alone = crawl([request(url, meta={"dont_cache": True})], store=store)

    assert left_alone.said("INFO", "notmodified:") == []
    assert not any(name.startswith("notmodified/") for name in left_alone.stats)


@CRAWLS
def test_spiders_of_one_process_have_a_summary_each(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"<html>%d</html>" % number)) for number in range(5)]

    crawled = crawl_together([urls[:1], urls[1:]], store=store)

    # All that a process logs is in the log of each.
    said = {text.splitlines()[1].strip() for text in crawled[0].said("INFO", "notmodified:")}
    said |= {text.splitlines()[1].strip() for text in crawled[1].said("INFO", "notmodified:")}
    assert said == {"requests: 1, answered 304: 0 (0.0%)", "requests: 4, answered 304: 0 (0.0%)"}


@CRAWLS
def test_summary_stands_before_the_dump_and_tells_of_troubles(origin: Origin, store: Path) -> None:
    url = origin.on("/first", Page(b"first"))
    origin.on("/last", Page(b"last"))

    broken = crawl([url], store=store, spider="BreakingSpider")

    assert summary(broken)[-1] == f"trouble: 0 errors of the store, {broken.stats['notmodified/errors']} others"
    texts = [text for _, text in broken.log]
    (dump,) = broken.said("INFO", "Dumping Scrapy stats")
    (told,) = broken.said("INFO", "notmodified:")
    assert texts.index(told) < texts.index(dump)
    assert "notmodified/not_modified_ratio" in dump


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (20_480, "20.5 kB"),
        (5_760_000, "5.8 MB"),
        (2 * 10**15, "2000.0 TB"),
    ],
)
def test_numbers_of_bytes_are_written_for_a_person(count: int, text: str) -> None:
    assert size(count) == text
