"""AutoThrottle learns from a page that did not change as from one that came whole, and from errors nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scrapy.settings import Settings

from crawls import crawl, request
from notmodified.scrapy import Addon
from origin import Page, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
PAGES = 5
START_DELAY = 0.2
# Five halvings of the start delay make 6 ms; the rest is for the latency of a busy machine.
SPED_UP = START_DELAY / 2
SCRAPYS, OURS = "scrapy.extensions.throttle.AutoThrottle", "notmodified.scrapy.AutoThrottle"
THROTTLED: dict[str, Any] = {
    "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": START_DELAY,
    "EXTENSIONS": {"crawls.pace.Delays": 0},
}


@pytest.fixture
def urls(origin: Origin) -> list[str]:
    """Pages that do not change."""
    return [origin.on(f"/{number}.html", Page(b"<html>%d</html>" % number, etag='"t"')) for number in range(PAGES)]


@pytest.mark.scrapy(way="addon", reason="by hand it takes one more line, see below")
def test_unchanged_pages_shorten_the_delay_as_whole_ones_do(urls: list[str], store: Path) -> None:
    cold, warm = crawl(urls, store=store, **THROTTLED), crawl(urls, store=store, **THROTTLED)

    assert warm.stats["downloader/response_status_count/304"] == PAGES
    for delays in (cold.stats["delays"], warm.stats["delays"]):
        assert len(delays) == PAGES
        assert delays == sorted(delays, reverse=True)
        assert delays[-1] < SPED_UP
    assert warm.said("WARNING", "AutoThrottle") == []


@pytest.mark.parametrize("code", [429, 503])
def test_errors_never_shorten_the_delay(code: int, origin: Origin, urls: list[str], store: Path) -> None:
    crawl(urls, store=store, **THROTTLED)
    for number in range(PAGES):
        origin.on(f"/{number}.html", status(code))

    failed = crawl(urls, store=store, **THROTTLED)

    assert failed.stats[f"downloader/response_status_count/{code}"] == PAGES
    assert min(failed.stats["delays"]) >= START_DELAY


def test_304_to_the_spiders_own_condition_stays_scrapys_to_judge(urls: list[str], store: Path) -> None:
    own = [request(url, headers={"If-None-Match": '"t"'}, meta={"handle_httpstatus_list": [304]}) for url in urls]

    answered = crawl(own, store=store, **THROTTLED)

    assert [page["status"] for page in answered.items] == [304] * PAGES
    assert min(answered.stats["delays"]) >= START_DELAY


@pytest.mark.parametrize("own", [{"crawls.pace.OwnThrottle": 0, SCRAPYS: None}, {"crawls.pace.OwnThrottle": 0}])
def test_projects_own_throttle_is_kept(own: dict[str, int | None], urls: list[str], store: Path) -> None:
    settings = {**THROTTLED, "EXTENSIONS": {"crawls.pace.Delays": 0, **own}}
    crawl(urls, store=store, **settings)

    warm = crawl(urls, store=store, **settings)

    assert warm.stats["delays"] == [START_DELAY] * PAGES


@pytest.mark.scrapy(way="hand", reason="the add-on does it")
def test_by_hand_it_takes_one_line_and_says_which(urls: list[str], store: Path) -> None:
    exchanged = {**THROTTLED, "EXTENSIONS": {"crawls.pace.Delays": 0, SCRAPYS: None, OURS: 0}}

    (warning,) = crawl(urls, store=store, **THROTTLED).said("WARNING", "AutoThrottle")
    warm = crawl(urls, store=store, **exchanged)

    assert f"EXTENSIONS = {{'{SCRAPYS}': None, '{OURS}': 0}}" in warning
    assert warm.stats["downloader/response_status_count/304"] == PAGES
    assert warm.stats["delays"][-1] < SPED_UP
    assert warm.said("WARNING", "AutoThrottle") == []


def test_without_autothrottle_nothing_is_installed(urls: list[str], store: Path) -> None:
    settings = Settings({"EXTENSIONS": {"crawls.pace.Delays": 7}})

    Addon().update_settings(settings)
    plain = crawl(urls, store=store, EXTENSIONS={"crawls.pace.Delays": 0})

    assert dict(settings["EXTENSIONS"]) == {"crawls.pace.Delays": 7}
    assert plain.stats["delays"] == [0] * PAGES
    assert plain.said("INFO", "AutoThrottle") == []


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ({}, {SCRAPYS: None, OURS: 0}),
        ({SCRAPYS: 300}, {SCRAPYS: None, OURS: 300}),
        ({SCRAPYS: None}, {SCRAPYS: None}),
        ({OURS: 5}, {OURS: 5}),
        # A place where Scrapy once was: its to complain of, where it is loaded at all.
        ({"scrapy.telnet.TelnetConsole": None}, {"scrapy.telnet.TelnetConsole": None, SCRAPYS: None, OURS: 0}),
    ],
)
def test_add_on_keeps_what_the_project_says_of_extensions(
    given: dict[str, int | None], becomes: dict[str, int | None]
) -> None:
    settings = Settings({"AUTOTHROTTLE_ENABLED": True, "EXTENSIONS": given})

    Addon().update_settings(settings)

    assert dict(settings["EXTENSIONS"]) == becomes


@pytest.mark.parametrize("off", [False, "False", 0, "0"])
def test_add_on_that_is_switched_off_leaves_scrapys_alone(off: object) -> None:
    settings = Settings({"AUTOTHROTTLE_ENABLED": True, "NOTMODIFIED_ENABLED": off})

    Addon().update_settings(settings)

    assert dict(settings["EXTENSIONS"]) == {}
