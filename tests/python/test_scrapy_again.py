"""Whatever a request goes through, it carries no validator on, and no page is lost to a store that breaks."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, crawl_apart, request
from origin import Gate, Page, Reply, Request, cut, held, redirect, sequence, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Handler, Origin

pytestmark = pytest.mark.usefixtures("environment")
ONE = b"<html>one</html>"
RETRYING: dict[str, Any] = {"RETRY_ENABLED": True, "RETRY_TIMES": 1}
STALE: dict[str, Any] = {"NOTMODIFIED_STALE_IF_ERROR": 3600}
FAILURES: dict[str, Handler] = {
    "503": status(503),
    "closed": lambda _: Reply(raw=b""),
    "cut": cut(b"x" * 99, 9, headers=[("ETag", '"cut"')]),
}


@pytest.fixture(params=["memory", "disk"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of a queue in memory, and of one on the disk, through which requests are pickled."""
    return {"JOBDIR": str(tmp_path / "job")} if request.param == "disk" else {}


def tags(origin: Origin, path: str) -> list[str | None]:
    """List the entity tags that were sent back for a path; `get` refuses a field with two lines."""
    return [received.get("if-none-match") for received in origin.requests(path)]


@pytest.mark.parametrize("name", FAILURES)
def test_retry_asks_with_one_validator_from_any_queue(
    name: str, queue: dict[str, Any], origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", Page(ONE, etag='"t"'))
    crawl([url], store=store)
    origin.on("/page.html", sequence(FAILURES[name], Page(ONE, etag='"t"')))

    retried = crawl([url], store=store, **RETRYING, **queue)

    assert retried.page["meta"]["notmodified"]["outcome"] == "not-modified"
    assert tags(origin, "/page.html") == [None, '"t"', '"t"']


def test_plan_that_a_disk_queue_lost_teaches_nothing_about_the_tag(origin: Origin, store: Path, tmp_path: Path) -> None:
    foreign = Reply(304, headers=[("ETag", '"foreign"')])
    url = origin.on("/page.html", sequence(Page(ONE, etag='"t"'), foreign, Page(ONE, etag='"t"')))
    always = request(url, dont_filter=True)
    queue = {"JOBDIR": str(tmp_path / "job")}

    outcomes = [crawl([always], store=store, **queue).page["meta"]["notmodified"]["outcome"] for _ in range(3)]

    assert outcomes == ["new", "same-content", "not-modified"]
    assert tags(origin, "/page.html") == [None, '"t"', None, '"t"']


def test_spiders_own_retry_asks_with_one_validator(queue: dict[str, Any], origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE, etag='"t"'))
    crawl([url], store=store)

    retried = crawl([url], store=store, spider="again.RetryingSpider", **queue)

    assert [page["flags"] for page in retried.items] == [["notmodified"]] * 2
    assert tags(origin, "/page.html") == [None, '"t"', '"t"']
    assert all("If-None-Match" not in page["request_headers"] for page in retried.items)


def test_redirect_from_a_disk_queue_leaves_the_validator_behind(
    queue: dict[str, Any], origin: Origin, store: Path
) -> None:
    target = origin.on("/target", Page(ONE, etag='"target"'))
    url = origin.on("/page.html", sequence(Page(ONE, etag='"t"'), redirect(target)))
    always = request(url, dont_filter=True)
    crawled = [crawl([always], store=store, **queue).page["url"] for _ in range(3)]

    assert crawled == [url, target, target]
    assert tags(origin, "/page.html") == [None, '"t"', '"t"']
    assert tags(origin, "/target") == [None, '"target"']


def test_meta_refresh_of_a_stored_page_is_followed_without_its_validator(origin: Origin, store: Path) -> None:
    target = origin.on("/target", Page(ONE, etag='"target"'))
    refreshing = b'<html><head><meta http-equiv="refresh" content="0; url=/target"></head></html>'
    url = origin.on("/page.html", Page(refreshing, etag='"t"'))

    crawled = [crawl([url], store=store).page["url"] for _ in range(2)]

    assert crawled == [target, target]
    assert tags(origin, "/page.html") == [None, '"t"']
    assert tags(origin, "/target") == [None, '"target"']


@pytest.mark.parametrize(
    "written",
    [
        "nonsense",
        {"If-None-Match": '"spider"'},
        {"If-None-Match": {"added": 7}},
        {"X": {"added": ["\u20ac"], "before": []}},
    ],
)
def test_nonsense_in_the_place_of_our_notes_costs_no_page(written: object, origin: Origin, store: Path) -> None:
    url = request(origin.on("/page.html", Page(ONE, etag='"t"')), meta={"notmodified_added": written})

    crawled = [crawl([url], store=store) for _ in range(2)]

    assert [one.page["body"] for one in crawled] == [ONE.decode()] * 2
    assert tags(origin, "/page.html") == [None, '"t"']


def test_304_for_a_request_that_cannot_be_asked_again_is_handed_on(origin: Origin, store: Path) -> None:
    page = Page(ONE, etag='"t"', etag_on_304='"another"')
    url = request(origin.on("/page.html", page), meta={"handle_httpstatus_list": [304]})
    crawl([url], store=store)
    page.orphan_304s = 1

    handed_on = crawl([url], store=store, spider="again.StubbornSpider")

    assert handed_on.page["status"] == 304
    assert handed_on.stats["notmodified/errors"] >= 1


@pytest.mark.parametrize("stale", [{}, STALE])
@pytest.mark.parametrize("name", FAILURES)
def test_failure_after_the_cache_broke_ends_as_it_may(
    name: str, stale: dict[str, Any], origin: Origin, store: Path
) -> None:
    gate = Gate()

    def last(_: Request) -> Reply:
        gate.set()
        return Reply(body=b"last")

    origin.on("/last", last)
    urls = [origin.on("/first", Page(b"first")), origin.on("/under-way", Page(b"under way"))]
    crawl(urls, store=store)
    origin.on("/under-way", held(gate, FAILURES[name]))

    # The second page is under way when the first one's callback breaks the cache.
    broken = crawl(urls, store=store, spider="again.BreakingSpider", CONCURRENT_REQUESTS=2, **stale)

    under_way = broken.pages.pop(urls[1], {})
    assert sorted(item["body"] for item in broken.items if item is not under_way) == ["first", "last"]
    # What was read before may still stand in; where nothing may, it is the failure that came.
    assert ("failure" in under_way) or (stale and under_way["body"] == "under way")
    assert broken.stats["notmodified/errors"] >= 1
    assert len(broken.said("WARNING", "notmodified failed")) == 1


def contents() -> list[bytes]:
    """Pages that cannot be pressed, 1 MB together."""
    return [Random(number).randbytes(50_000) for number in range(20)]


def test_full_disk_costs_no_page_and_is_said_once(origin: Origin, store: Path) -> None:
    pages = {origin.on(f"/{number}", Page(content)): content for number, content in enumerate(contents())}
    full_disk = {"EXTENSIONS": {"crawls.again.FullDisk": 0}}

    crawled = crawl_apart(list(pages), store=store, **full_disk)  # type: ignore[arg-type]

    assert crawled is not None
    assert {url: page["body"].encode("latin-1") for url, page in crawled.pages.items()} == pages
    assert crawled.stats["notmodified/store_errors"] > 0
    assert crawled.stats.get("notmodified/errors") is None
    (error,) = crawled.said("ERROR", "")
    assert "The store refused" in error
    assert f"trouble: {crawled.stats['notmodified/store_errors']}" in crawled.said("INFO", "notmodified:")[0]


def stop_by_full_disk(origin: Origin, store: Path, **settings: Any) -> None:  # noqa: ANN401, a project's
    """Fill the disk of a strict crawl, slowly: the store writes behind the crawl's back."""
    urls = [origin.on(f"/{number}", Page(content)) for number, content in enumerate(contents())]
    full_disk: dict[str, Any] = {"EXTENSIONS": {"crawls.again.FullDisk": 0}, "DOWNLOAD_DELAY": 0.1}

    stopped = crawl_apart(urls, store=store, NOTMODIFIED_STRICT=True, **full_disk, **settings)

    assert stopped is not None
    assert stopped.stats["finish_reason"] == "notmodified_store_failed"
    assert len(stopped.said("CRITICAL", "NOTMODIFIED_STRICT is on")) == 1
    assert 0 < len(stopped.items) < len(urls)
    assert len(stopped.items) == stopped.stats["downloader/response_count"]


def test_full_disk_stops_a_strict_crawl(origin: Origin, store: Path) -> None:
    stop_by_full_disk(origin, store)


@pytest.mark.scrapy(since=(2, 15), reason="crawls without a reactor came with 2.15")
def test_full_disk_stops_a_strict_crawl_without_a_reactor(origin: Origin, store: Path) -> None:
    stop_by_full_disk(origin, store, TWISTED_REACTOR_ENABLED=False)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_store_costs_no_page(seed: int, origin: Origin, store: Path) -> None:
    pages = {origin.on(f"/{number}", Page(content)): content for number, content in enumerate(contents())}
    crawl(list(pages), store=store)
    draw = Random(seed)
    for file in store.rglob("*"):
        damaged = bytearray(file.read_bytes())
        # Behind what says that it is a store at all.
        for place in (draw.randrange(3 * 4096, len(damaged)) for _ in range(200) if len(damaged) > 4 * 4096):
            damaged[place] ^= 1 << draw.randrange(8)
        file.write_bytes(damaged)

    crawled = crawl_apart(list(pages), store=store)

    assert crawled is not None
    assert {url: page["body"].encode("latin-1") for url, page in crawled.pages.items()} == pages
