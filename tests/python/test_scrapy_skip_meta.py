"""`meta["notmodified_skip_unchanged"]`: no callback for this request, whichever it has, if its page is unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl, request
from origin import Page, redirect, sequence, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin


pytestmark = pytest.mark.usefixtures("environment")

ONE = b"<html>one</html>"
TWO = b"<html>two</html>"
SKIP: dict[str, Any] = {"notmodified_skip_unchanged": True, "is_start_request": False}


@pytest.fixture
def page() -> Page:
    """A page."""
    return Page(ONE)


@pytest.fixture
def url(origin: Origin, page: Page) -> str:
    """Where it is."""
    return origin.on("/page.html", page)


@pytest.mark.parametrize("spider", ["PageSpider", "AsyncSpider", "skipping.KindsSpider", "skipping.RulesSpider"])
def test_default_callback_is_skipped_on_an_unchanged_page_alone(spider: str, url: str, page: Page, store: Path) -> None:
    def run() -> int:
        return crawl([request(url, meta=SKIP)], store=store, spider=spider).skipped

    runs = [run(), run()]
    page.content = TWO

    assert [*runs, run()] == [0, 1, 0]


def test_no_errback_hears_of_it_and_nobody_sees_another_request(url: str, store: Path) -> None:
    watching = {"SPIDER_MIDDLEWARES": {"crawls.skipping.Watching": 543}}
    arguments = {"number": 1, "response_text": "text"}
    wanted = [request(url, callback="with_arguments", cb_kwargs=arguments, meta=SKIP)]

    cold, warm = (crawl(wanted, store=store, spider="skipping.KindsSpider", **watching) for _ in range(2))

    assert len(cold.items) == 1
    assert warm.items == []
    assert warm.skipped == 1
    for crawled in (cold, warm):
        (told,) = crawled.said("INFO", "came out with")
        assert "KindsSpider.with_arguments" in told
        assert told.endswith("{'number': 1, 'response_text': 'text'}, True]")
        assert crawled.said("ERROR", "") == []


def test_crawl_spider_follows_no_links_of_a_skipped_page_and_says_so(origin: Origin, store: Path) -> None:
    origin.on("/leaf", Page(ONE))
    start = origin.on("/start", Page(b'<html><a href="/leaf">leaf</a></html>'))
    wanted = [request(start, meta={"notmodified_skip_unchanged": True})]

    cold, warm = (crawl(wanted, store=store, spider="skipping.RulesSpider") for _ in range(2))

    assert [crawled.stats["downloader/request_count"] for crawled in (cold, warm)] == [2, 1]
    assert len(warm.said("WARNING", f"The callback of the start page {start} was skipped")) == 1


@pytest.mark.parametrize("wish", ["yes", 1, "", ["yes"]])
def test_wish_that_is_neither_true_nor_false_is_an_error_and_the_callback_runs(
    wish: object, url: str, store: Path
) -> None:
    wanted = [request(f"{url}?{number}", meta={"notmodified_skip_unchanged": wish}) for number in range(2)]

    cold, warm = (crawl(wanted, store=store) for _ in range(2))

    for crawled in (cold, warm):
        assert len(crawled.items) == 2
        (error,) = crawled.said("ERROR", "notmodified_skip_unchanged")
        assert error.endswith(f"{url}?0 is {wish!r}; it must be True or False. The callback is called.")
        assert crawled.stats["notmodified/errors"] == 2


@pytest.mark.parametrize("wish", [False, None])
def test_wish_for_the_callback_leaves_it_alone(wish: object, url: str, store: Path) -> None:
    wanted = [request(url, meta={"notmodified_skip_unchanged": wish})]

    crawls = [crawl(wanted, store=store) for _ in range(2)]

    assert [len(crawled.items) for crawled in crawls] == [1, 1]
    assert all("notmodified/errors" not in crawled.stats for crawled in crawls)


def test_wish_lives_through_redirects_and_retries(origin: Origin, url: str, store: Path) -> None:
    moved = origin.on("/moved", redirect(url))
    crawl([request(moved, meta=SKIP)], store=store)
    origin.on("/page.html", sequence(status(503), Page(ONE)))

    crawled = crawl([request(moved, meta=SKIP)], store=store, RETRY_ENABLED=True)

    assert crawled.stats["retry/count"] == 1
    assert crawled.stats["downloader/response_status_count/302"] == 1
    assert crawled.items == []
    assert crawled.skipped == 1


def test_wish_and_decorated_callback_live_through_a_job_directory(origin: Origin, store: Path, tmp_path: Path) -> None:
    job = {"JOBDIR": str(tmp_path / "job"), "CLOSESPIDER_PAGECOUNT": 1, "SCHEDULER_DEBUG": True}
    wishes: list[dict[str, Any]] = [{"meta": SKIP}, {"callback": "item"}, {"callback": "coroutine"}]
    wanted = [
        request(origin.on(f"/{number}.html", Page(b"%d" % number)), **wish) for number, wish in enumerate(wishes * 2)
    ]
    cold = crawl(wanted, store=store, spider="skipping.KindsSpider")
    assert len(cold.items) == len(wanted)

    # Each time one page more, out of the disk queue.
    crawls = [crawl(wanted, store=store, spider="skipping.KindsSpider", **job) for _ in range(len(wanted) + 1)]

    assert crawls[0].said("WARNING", "Unable to serialize request") == []
    assert sum(crawled.stats.get("scheduler/dequeued/disk", 0) for crawled in crawls) == len(wanted)
    assert [item for crawled in crawls for item in crawled.items] == []
    assert sum(crawled.skipped for crawled in crawls) == len(wanted)
