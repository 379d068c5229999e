"""The Scrapy project of `examples/` crawls a real shop through real proxies: twice, changed, killed, resumed."""

from __future__ import annotations

import signal
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from proxy import Proxy
from shop_project import Project
from shop_site import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import ServeNginx
    from crawls import Environment
    from nginx import Nginx
    from shop_project import Finished

# Starts of an interpreter, and crawls of some hundred pages at AutoThrottle's pace.
pytestmark = pytest.mark.timeout(300)

# So many requests that Scrapy's list of those it has seen reaches the disk, which it does in pieces.
MANY_PER_LISTING = 50
MIDDLE = 200

DYING = """
import os, signal

from notmodified.scrapy import NotModifiedMiddleware


class Pipeline:
    def __init__(self, crawler):
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler):
        return cls(crawler)

    def process_item(self, item, spider=None):
        if item.url == self.crawler.settings["DIES_AT"]:
            self.crawler.get_downloader_middleware(NotModifiedMiddleware).cache.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return item
"""


@pytest.fixture
def proxies() -> Iterator[list[Proxy]]:
    """Three exits."""
    with Proxy() as first, Proxy() as second, Proxy() as third:
        yield [first, second, third]


@dataclass(frozen=True, slots=True)
class Setting:
    """A shop, and the project that crawls it."""

    shop: Shop
    project: Project

    @property
    def proxies(self) -> list[Proxy]:
        """The project's exits."""
        return self.project.proxies

    def exits(self) -> dict[str, set[int]]:
        """Tell by which proxies each URL was asked for."""
        by_url = defaultdict(set)
        for number, proxy in enumerate(self.proxies):
            for relayed in proxy.log:
                by_url[relayed.target].add(number)
        return by_url

    def whole(self) -> set[str]:
        """Tell which URLs were answered by anything but an empty 304, since it was looked last."""
        return {
            self.shop.nginx.url + visit.target
            for visit in self.shop.visits()
            if (visit.status, visit.body_bytes_sent) != (304, 0)
        }


@pytest.fixture
def setting(nginx_site: Nginx, tmp_path: Path, proxies: list[Proxy]) -> Setting:
    """A small shop with pictures and data sheets."""
    shop = Shop(nginx_site)
    return Setting(shop, Project(tmp_path / "project", shop.front, proxies))


@pytest.fixture
def large_setting(nginx_site: Nginx, tmp_path: Path, proxies: list[Proxy], environment: Environment) -> Setting:
    """A shop of many pages, and nothing else; crawled in each environment."""
    shop = Shop(nginx_site, products_per_listing=MANY_PER_LISTING, with_media=False)
    return Setting(shop, Project(tmp_path / "project", shop.front, proxies, environment))


def urls(crawled: Finished) -> list[str]:
    """Tell of which products there are items."""
    return sorted(item["url"] for item in crawled.items)


def media(crawled: Finished) -> dict[str, dict[str, Any]]:
    """Tell what became of each picture and data sheet."""
    return {told["url"]: told for item in crawled.items for told in (*item["images"], *item["files"])}


def test_second_crawl_has_the_same_items_and_gets_304s_alone(
    environment: Environment, serve_nginx: ServeNginx, tmp_path: Path, proxies: list[Proxy]
) -> None:
    shop = Shop(serve_nginx(gzip=True))
    setting = Setting(shop, Project(tmp_path / "project", shop.front, proxies, environment))

    cold = setting.project.crawl()
    assert setting.whole() == set(shop.urls)
    warm = setting.project.crawl()

    again = shop.visits()
    assert sorted(shop.nginx.url + visit.target for visit in again) == shop.urls
    assert {(visit.status, visit.body_bytes_sent) for visit in again} == {(304, 0)}
    assert urls(cold) == sorted(shop.products)
    assert warm.facts() == cold.facts()
    assert (cold.changed, warm.changed) == (set(shop.products), set())
    assert {told["status"] for told in media(warm).values()} == {"cached"}
    # Everything went out by a proxy, every proxy was used, and each URL met the one that knows it.
    assert set(setting.exits()) == set(shop.urls)
    assert all(len(used) == 1 for used in setting.exits().values())
    assert all(proxy.log for proxy in proxies)
    assert sorted(setting.project.history()) == sorted(shop.products)
    assert cold.log == warm.log == ""


def test_changed_page_and_changed_file_are_the_only_downloads(setting: Setting) -> None:
    shop, project = setting.shop, setting.project
    project.crawl()
    setting.whole()
    dearer, sheet, other_sheet = shop.products[3], shop.media[11], shop.media[1]
    shop.write_product(dearer, "12.75")
    shop.write_medium(sheet, b"%PDF-1.4 another sheet")

    warm = project.crawl()

    assert setting.whole() == {dearer, sheet}
    assert warm.changed == {dearer}
    assert {item["url"]: item["price"] for item in warm.items}[dearer] == "12.75"
    assert project.history()[len(shop.products) :] == [dearer]
    assert [url for url, told in media(warm).items() if told["status"] == "downloaded"] == [sheet]
    for url in (sheet, other_sheet):
        assert project.medium(media(warm)[url]) == shop.file(url).read_bytes()


def test_proxy_that_is_given_up_costs_a_download_of_what_it_knew_alone(setting: Setting) -> None:
    setting.project.crawl()
    setting.whole()
    given_up = setting.project.proxies.pop(1)

    warm = setting.project.crawl()

    assert urls(warm) == sorted(setting.shop.products)
    assert setting.whole() == {relayed.target for relayed in given_up.log}


def test_proxy_that_fails_is_replaced_by_the_next_for_its_urls(setting: Setting) -> None:
    broken = setting.proxies[2]
    broken.refuse = 503

    cold = setting.project.crawl()
    setting.whole()
    warm = setting.project.crawl()

    assert len(broken.log) > 0
    assert urls(cold) == sorted(setting.shop.products)
    assert warm.facts() == cold.facts()
    assert setting.whole() == set()


def test_crawl_killed_in_the_middle_and_resumed_loses_nothing(large_setting: Setting) -> None:
    shop, project = large_setting.shop, large_setting.project

    killed = project.interrupt(signal.SIGKILL, lambda: len(shop.nginx.log()) >= MIDDLE, JOBDIR="job")
    before = set(project.history())
    shop.visits()
    resumed = project.crawl(JOBDIR="job")

    assert killed.returncode == -signal.SIGKILL
    assert 0 < len(before) < len(shop.products)
    assert "starts over" in resumed.log
    assert before | resumed.changed == set(project.history()) == set(shop.products)
    # What the killed crawl had brought home is not downloaded a second time.
    assert [visit.status for visit in shop.visits()].count(304) > len(before) / 2
    third = project.crawl()
    assert large_setting.whole() == set()
    assert (urls(third), third.changed) == (sorted(shop.products), set())


def test_page_stored_but_not_processed_when_the_crawl_was_killed_comes_as_changed(
    environment: Environment, nginx_site: Nginx, tmp_path: Path, proxies: list[Proxy]
) -> None:
    shop = Shop(nginx_site, with_media=False)
    project = Project(tmp_path / "project", shop.front, proxies, environment)
    project.add_pipeline("dying", DYING, order=550)
    unlucky = shop.products[9]

    killed = project.crawl(JOBDIR="job", DIES_AT=unlucky)
    shop.visits()
    resumed = project.crawl(JOBDIR="job")

    assert killed.returncode == -signal.SIGKILL
    (answer,) = [visit for visit in shop.visits() if shop.nginx.url + visit.target == unlucky]
    assert answer.status == 304
    assert unlucky in resumed.changed
    assert project.history().count(unlucky) == 1
    assert set(project.history()) == set(shop.products)
    assert project.crawl().changed == set()


def test_killed_job_is_left_alone_where_a_setting_says_so(setting: Setting) -> None:
    shop, project = setting.shop, setting.project
    middle = len(shop.urls) // 2
    wanted = {"JOBDIR": "job", "NOTMODIFIED_RESTART_KILLED_JOBS": "False"}

    project.interrupt(signal.SIGKILL, lambda: len(shop.nginx.log()) >= middle, **wanted)
    resumed = project.crawl(**wanted)

    assert resumed.log == ""
    assert not (project.directory / "job" / "killed").exists()


def test_crawl_stopped_in_good_order_goes_on_where_it_was(
    nginx_site: Nginx, tmp_path: Path, proxies: list[Proxy]
) -> None:
    # More than is under way when the signal comes.
    shop = Shop(nginx_site, products_per_listing=20, with_media=False)
    project = Project(tmp_path / "project", shop.front, proxies)
    third = len(shop.urls) // 3

    stopped = project.interrupt(signal.SIGINT, lambda: len(nginx_site.log()) >= third, JOBDIR="job")
    resumed = project.crawl(JOBDIR="job")

    assert 0 < len(stopped.items) < len(shop.products)
    assert sorted(urls(stopped) + urls(resumed)) == sorted(project.history()) == sorted(shop.products)
    assert resumed.log == ""


def test_project_goes_on_without_its_store(setting: Setting) -> None:
    data = setting.project.directory / ".scrapy"
    data.mkdir()
    (data / "notmodified").write_text("a file, no directory")

    without = setting.project.crawl()

    assert without.changed == set(setting.shop.products)
    assert "The crawl goes on without it." in without.log
