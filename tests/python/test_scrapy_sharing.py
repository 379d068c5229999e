"""A crawl whose proxies rotate by request saves as if they did not, and gives none of them away."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from crawls import crawl
from origin import Page
from tracking import Exits, Ledger, links
from tracking.tracked_site import TrackedSite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
ROTATING: dict[str, Any] = {"DOWNLOADER_MIDDLEWARES": {"crawls.middlewares.Rotating": 1}}


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


def crawled(urls: Sequence[str], proxies: Sequence[str], store: Path, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
    """Crawl these URLs, the first request by the first proxy and so on; gives the statistics."""
    ended = crawl(list(urls), store=store, PROXIES=list(proxies), **ROTATING, **settings)
    assert len(ended.items) == len(urls)
    return ended.stats


def test_pages_by_ever_new_proxies_are_not_modified_from_the_third_crawl_on(
    origin: Origin, exits: Exits, store: Path
) -> None:
    ledger = Ledger()
    urls = [origin.on(f"/{number}", ledger.watch(Page(b"<p>page</p>"))) for number in range(6)]
    fresh = (exits.proxy(number) for number in count())
    answered = []
    for _ in range(4):
        crawled(urls, [next(fresh) for _ in urls], store)
        answered.append(ledger.count(304))
    assert answered == [0, 0, 6, 12]
    assert links(ledger.visits, k=2) == []


def rotated(origin: Origin, exits: Exits, store: Path, **settings: Any) -> TrackedSite:  # noqa: ANN401
    """Crawl a site that tracks again and again, by seven proxies in turn; gives the site."""
    site = TrackedSite(origin)
    proxies = [exits.proxy(number) for number in range(7)]
    for turn in range(12):
        turns = proxies[turn % 7 :] + proxies[: turn % 7]
        crawled(site.urls, turns * 4, store, CONCURRENT_REQUESTS=1 + 7 * (turn % 2), **settings)
    return site


def test_rotation_over_a_site_that_tracks_gives_no_proxy_away(origin: Origin, exits: Exits, store: Path) -> None:
    site = rotated(origin, exits, store)
    assert len(site.ledger.clients()) == 7
    assert site.ledger.count(304) > len(site.urls)
    assert links(site.ledger.visits, k=2) == []


def test_rotation_over_a_central_registry_gives_every_proxy_away(origin: Origin, exits: Exits, store: Path) -> None:
    assert rotated(origin, exits, store, NOTMODIFIED_SHARING="central").linked(2) == 7
