"""How often a spider's crawls ask: the settings, over real crawls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crawls import crawl
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
ONE = b"<html>one</html>"


def test_crawl_within_the_interval_gets_its_pages_from_the_store(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    crawl([url], store=store, NOTMODIFIED_MIN_INTERVAL=3600)
    second = crawl([url], store=store, NOTMODIFIED_MIN_INTERVAL=3600)
    assert len(origin.log) == 1
    assert list(second.pages) == [url]
    assert second.stats["notmodified/outcome/fresh"] == 1


def test_every_so_many_crawls_the_page_is_fetched_whole_and_a_missed_change_told(origin: Origin, store: Path) -> None:
    page = Page(ONE, etag='"same"')
    url = origin.on("/page.html", page)
    crawl([url], store=store, NOTMODIFIED_FULL_EVERY=2)
    page.content = b"<html>two</html>"
    assert crawl([url], store=store, NOTMODIFIED_FULL_EVERY=2).stats["notmodified/outcome/not-modified"] == 1
    third = crawl([url], store=store, NOTMODIFIED_FULL_EVERY=2)
    assert third.stats["notmodified/outcome/changed"] == 1
    assert not origin.last.has_condition()
