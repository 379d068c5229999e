"""A Scrapy project's whole way: one line in settings.py, and the second crawl pays only for what changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from crawls import Crawled, Environment, Project, crawl, crawl_apart, crawl_together, request
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import ServeNginx
    from nginx import Nginx
    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
PAGES = 30


def write_site(nginx: Nginx) -> str:
    """Write an index and its pages, some of them only linked from others, and a robots.txt; returns the index."""
    nginx.write("robots.txt", "User-agent: *\nAllow: /\n")
    for number in range(PAGES):
        link = f'<a href="p{number + 10}.html">more</a>' if number + 10 < PAGES else ""
        nginx.write(f"p{number}.html", f"<html><h1>page {number}</h1>{link}{'text ' * 500}</html>")
    links = "".join(f'<a href="p{number}.html">{number}</a>' for number in range(10))
    return nginx.write("index.html", f"<html>{links}</html>")


def test_project_crawled_twice_gets_304s_and_the_same_items(
    environment: Environment, serve_nginx: ServeNginx, tmp_path: Path
) -> None:
    nginx = serve_nginx(gzip=True)
    project = Project(tmp_path / "project", environment, write_site(nginx))

    cold = project.crawl()
    asked = len(nginx.log())
    warm = project.crawl()

    assert len(cold) == PAGES
    assert {item["changed"] for item in cold} == {True}
    assert warm == [{**item, "changed": False} for item in cold]
    # robots.txt and the index, too.
    assert asked == PAGES + 2
    second = nginx.log(2 * asked)[asked:]
    assert [access for access in second if access.status != 304] == []
    assert sum(access.body_bytes_sent for access in second) == 0
    assert project.store.stat().st_mode & 0o077 == 0


def test_changed_page_is_told_from_the_others(nginx_site: Nginx, store: Path) -> None:
    index = write_site(nginx_site)
    crawl([index], store=store, spider="FollowingSpider")
    changed = nginx_site.write("p7.html", "<html><h1>page 7</h1>a new price</html>")

    second = crawl([index], store=store, spider="FollowingSpider")

    told = {url: page["meta"]["notmodified"] for url, page in second.pages.items()}
    # Without its link, p17 is found no more; it was the only way to p27.
    assert len(told) == PAGES + 1 - 2
    assert [url for url, outcome in told.items() if outcome["changed"]] == [changed]
    assert told[changed] == {"outcome": "changed", "changed": True, "not_modified": False}
    assert told[index] == {"outcome": "not-modified", "changed": False, "not_modified": True}
    assert second.pages[index]["flags"] == ["notmodified"]
    assert second.pages[changed]["flags"] == []


def test_stats_tell_what_came_over_the_wire_and_what_did_not(origin: Origin, store: Path) -> None:
    page = Page(b"<html>" + b"x" * 20_000 + b"</html>")
    url = origin.on("/page.html", page)

    cold, warm = crawl([url], store=store).stats, crawl([url], store=store).stats

    assert cold["notmodified/outcome/new"] == 1
    assert "notmodified/not_modified" not in cold
    assert warm["notmodified/requests"] == warm["notmodified/not_modified"] == 1
    assert warm["notmodified/outcome/not-modified"] == 1
    assert warm["downloader/response_status_count/304"] == 1
    for stats in (cold, warm):
        assert stats["notmodified/wire_bytes"] == stats["downloader/response_bytes"]
    saved = cold["downloader/response_bytes"] - warm["downloader/response_bytes"]
    assert warm["notmodified/bytes_saved"] == saved > len(page.content)
    assert not any("error" in name for name in {*cold, *warm})


def test_spiders_of_one_process_share_one_store(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"<html>%d</html>" % number)) for number in range(20)]

    cold = crawl_together([urls[:3], urls[3:]], store=store)
    warm = crawl_together([urls[:10], urls], store=store, CONCURRENT_REQUESTS=4)

    assert [len(one.items) for one in cold] == [3, 17]
    assert [len(one.items) for one in warm] == [10, 20]
    for one in warm:
        assert {page["meta"]["notmodified"]["outcome"] for page in one.items} == {"not-modified"}
        assert one.stats["notmodified/requests"] == len(one.items)


def test_spiders_of_one_process_open_the_store_once(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))

    crawled = crawl_together([[url], [url], [url]], store=store, spider="MappingSpider")

    assert [one.page["maps"] for one in crawled] == [1, 1, 1]


def test_processes_at_once_share_one_store(origin: Origin, store: Path) -> None:
    urls = [origin.on(f"/{number}.html", Page(b"<html>%d</html>" % number)) for number in range(20)]

    def crawl_all(parts: list[list[str]]) -> list[Crawled]:
        with ThreadPoolExecutor() as pool:
            return [one for one in pool.map(lambda part: crawl_apart(part, store=store), parts) if one is not None]

    cold = crawl_all([urls[:12], urls[8:]])
    warm = crawl_all([urls, urls])

    assert [len(one.items) for one in cold] == [12, 12]
    assert [len(one.items) for one in warm] == [20, 20]
    for one in warm:
        assert one.stats["notmodified/outcome/not-modified"] == 20
    for one in (*cold, *warm):
        assert "notmodified/store_errors" not in one.stats
        assert one.said("ERROR", "") == []


def test_content_type_decides_the_response_class_as_in_a_download(
    environment: Environment, origin: Origin, store: Path
) -> None:
    urls = [
        origin.on("/a", Page(b"<html>one</html>")),
        origin.on("/b", Page(b'{"price": 1}', content_type="application/json", gzip=True)),
        origin.on("/c", Page(b"\x89PNG\r\n\x1a\n\x00", content_type="image/png")),
        origin.on("/d", Page("<p>é</p>".encode("cp1252"), content_type="text/html; charset=cp1252")),
    ]

    cold, warm = crawl(urls, store=store), crawl(urls, store=store)

    assert [warm.pages[url]["class"] for url in urls] == [
        "HtmlResponse",
        "JsonResponse",
        "Response",
        "HtmlResponse",
    ]
    for url in urls:
        assert warm.pages[url]["flags"] == ["notmodified"]
        # Of an answer without a body, Scrapy 2.14 and before do not tell the address.
        assert warm.pages[url]["ip_address"] == ("127.0.0.1" if environment.scrapy >= (2, 15) else "None")
        for same in ("status", "body", "class"):
            assert warm.pages[url][same] == cold.pages[url][same]


def test_callback_sees_requests_as_the_spider_made_them(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>", gzip=True))

    cold, warm = crawl([url], store=store), crawl([url], store=store)

    assert origin.last.has_condition()
    assert warm.page["request_headers"] == cold.page["request_headers"]
    assert set(warm.page["meta"]) == {"notmodified"}


def test_request_with_dont_cache_is_left_alone(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"<html>one</html>"))
    crawl([url], store=store)

    left = crawl([request(url, meta={"dont_cache": True})], store=store)

    assert not origin.last.has_condition()
    assert left.page["meta"] == {}


def test_robots_txt_is_revalidated(origin: Origin, store: Path) -> None:
    rules = Page(b"User-agent: *\nDisallow: /secret\n", content_type="text/plain")
    origin.on("/robots.txt", rules)
    urls = [origin.on("/page.html", Page(b"<html>one</html>")), origin.on("/secret", Page(b"two"))]

    crawl(urls, store=store, ROBOTSTXT_OBEY=True)
    warm = crawl(urls, store=store, ROBOTSTXT_OBEY=True)

    assert (rules.full, rules.not_modified) == (1, 1)
    assert [page["url"] for page in warm.items] == [urls[0]]
    assert warm.stats["robotstxt/response_status_count/200"] == 1
