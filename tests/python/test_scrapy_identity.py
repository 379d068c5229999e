"""One identity's validator is never sent by another: proxies, their users, cookie jars, logins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scrapy import Request
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware

from crawls import crawl, request
from notmodified.scrapy.identity import proxy_of
from origin import Page, Reply, sequence
from proxy import Proxy
from tracking import Gateway

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

pytestmark = pytest.mark.usefixtures("environment")
COOKIES = "scrapy.downloadermiddlewares.cookies.CookiesMiddleware"
ROTATING: dict[str, Any] = {"DOWNLOADER_MIDDLEWARES": {"crawls.middlewares.Rotating": 1}}
ONE = b"<html>one</html>"


def asked(url: str, *, store: Path, spider: str = "PageSpider", **arguments: Any) -> None:  # noqa: ANN401
    """Crawl one request; what is written in capitals is a setting."""
    settings = {name: arguments.pop(name) for name in list(arguments) if name.isupper()}
    assert len(crawl([request(url, **arguments)], store=store, spider=spider, **settings).items) > 0


def has_conditions(origin: Origin) -> list[bool]:
    """Tell for each request whether it was conditional."""
    return [received.has_condition() for received in origin.log]


def test_what_two_proxies_were_given_is_sent_by_a_third_exit_and_not_before(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    with Proxy() as first, Proxy() as second:
        for exit_by in (first, first, second, None):
            asked(url, store=store, meta={"proxy": exit_by.url} if exit_by else {})

    assert has_conditions(origin) == [False, True, False, True]


def test_isolated_proxies_never_share_a_validator(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    with Proxy() as first, Proxy() as second:
        for exit_by in (first, second, first, None):
            meta = {"proxy": exit_by.url} if exit_by else {}
            asked(url, store=store, meta=meta, NOTMODIFIED_SHARING="isolated")

    assert has_conditions(origin) == [False, False, True, False]


def test_two_users_of_one_proxy_never_share_a_validator(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    with Proxy() as gateway:
        for user in ("session-1", "session-2", "session-1"):
            asked(url, store=store, meta={"proxy": f"http://{user}:s%40cret@127.0.0.1:{gateway.port}"})

        assert len({relayed.authorization for relayed in gateway.log}) == 2
    assert has_conditions(origin) == [False, False, True]


def test_request_that_asks_once_more_by_another_proxy_leaves_nothing_to_the_first(origin: Origin, store: Path) -> None:
    foreign = Reply(304, headers=[("ETag", '"foreign"')])
    url = origin.on("/page.html", sequence(Page(ONE, etag='"a"'), foreign, Page(ONE, etag='"b"')))
    with Proxy() as first, Proxy() as second:
        for turns in ([first], [first, second], [first], [second]):
            rotating = {"PROXIES": [turn.url for turn in turns], **ROTATING}
            crawl([url], store=store, **rotating)

        tags_by = [[dict(relayed.fields).get(b"If-None-Match") for relayed in by.log] for by in (first, second)]

    assert tags_by == [[None, b'"a"', b'"a"'], [None, b'"b"']]


def test_two_cookie_jars_never_share_a_validator(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE, set_cookie="visit=1"))
    for jar in ("a", "b", "a", 1, "1"):
        asked(url, store=store, meta={"cookiejar": jar})

    assert has_conditions(origin) == [False, False, True, False, False]


def test_two_logins_by_cookie_never_share_a_validator(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    for session in ("alice", "bob", "alice"):
        asked(url, store=store, cookies={"session": session})
    asked(url, store=store)

    assert has_conditions(origin) == [False, False, True, False]


def test_login_at_one_site_is_not_taken_for_that_at_another(origin: Origin, tls_origin: Origin, store: Path) -> None:
    here = origin.on("/page.html", Page(ONE))
    there = tls_origin.on("/page.html", Page(ONE)).replace("127.0.0.1", "localhost")
    logins = [
        request(here, cookies={"user": "alice"}, priority=4),
        request(there, cookies={"user": "bob"}, priority=3),
        request(here, dont_filter=True, priority=2),
        request(here, cookies={"user": "bob"}, dont_filter=True, priority=1),
    ]

    crawled = crawl(logins, store=store, CONCURRENT_REQUESTS=1)

    assert [received.get("cookie") for received in origin.log] == ["user=alice", "user=alice", "user=bob"]
    assert has_conditions(origin) == [False, True, False]
    assert len(crawled.items) == 4


def test_cookie_that_the_site_renews_stays_the_login_that_it_was_given_as(origin: Origin, store: Path) -> None:
    page = Page(ONE)
    origin.on("/page.html", page)
    front = Page(b'<html><a href="/page.html">page</a></html>')
    start = origin.on("/start", front)
    for renewed in ("1", "2"):
        front.set_cookie = f"session={renewed}"
        asked(start, store=store, spider="FollowingSpider", cookies={"session": "alice"})

    assert [received.get("cookie") for received in origin.requests("/page.html")] == ["session=1", "session=2"]
    assert (page.full, page.not_modified) == (1, 1)


def test_login_goes_on_with_the_requests_that_follow(origin: Origin, store: Path) -> None:
    page = Page(ONE)
    origin.on("/page.html", page)
    start = origin.on("/start", Page(b'<html><a href="/page.html">page</a></html>'))
    for session in ("alice", "bob", "alice"):
        asked(start, store=store, spider="FollowingSpider", cookies={"session": session})

    received = origin.requests("/page.html")
    assert [request.get("cookie") for request in received] == ["session=alice", "session=bob", "session=alice"]
    assert [request.has_condition() for request in received] == [False, False, True]


def test_session_cookies_of_the_origin_do_not_keep_a_jar_from_its_validators(origin: Origin, store: Path) -> None:
    page = Page(ONE)
    origin.on("/page.html", page)
    front = Page(b'<html><a href="/page.html">page</a></html>', set_cookie="session=1")
    start = origin.on("/start", front)
    asked(start, store=store, spider="FollowingSpider")
    front.set_cookie = "session=2"
    asked(start, store=store, spider="FollowingSpider")

    assert [request.get("cookie") for request in origin.requests("/page.html")] == ["session=1", "session=2"]
    assert (page.full, page.not_modified) == (1, 1)


def test_cookie_of_a_304_reaches_the_jar_and_a_stored_one_is_never_replayed(origin: Origin, store: Path) -> None:
    front = Page(b'<html><a href="/page.html">page</a></html>', set_cookie="session=stored")
    start = origin.on("/start", front)
    origin.on("/page.html", Page(ONE))
    asked(start, store=store, spider="FollowingSpider")
    front.set_cookie = "session=new"
    asked(start, store=store, spider="FollowingSpider")
    front.set_cookie = None
    asked(start, store=store, spider="FollowingSpider")

    cookies = [request.get("cookie") for request in origin.requests("/page.html")]
    assert cookies == ["session=stored", "session=new", None]
    assert (front.full, front.not_modified) == (1, 2)


def test_own_cookie_header_is_an_identity_where_scrapy_keeps_no_jar(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    for cookie in ("session=alice", "session=bob", "session=alice"):
        crawl([request(url, headers={"Cookie": cookie})], store=store, COOKIES_ENABLED=False)

    assert has_conditions(origin) == [False, False, True]


def test_own_cookie_header_is_an_identity_beside_middlewares_made_by_functions(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    named = {COOKIES: None, "crawls.middlewares.rewriting": 1}
    for cookie in ("session=alice", "session=bob", "session=alice"):
        asked(url, store=store, headers={"Cookie": cookie}, DOWNLOADER_MIDDLEWARES=named)

    assert has_conditions(origin) == [False, False, True]


@pytest.mark.scrapy(since=(2, 19), reason="until then only the path switches off what Scrapy names by its path")
def test_own_cookie_header_is_an_identity_where_a_class_switches_the_jars_off(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    for cookie in ("session=alice", "session=bob", "session=alice"):
        asked(url, store=store, headers={"Cookie": cookie}, spider="middlewares.CookielessSpider")

    assert has_conditions(origin) == [False, False, True]


def test_key_of_the_project_is_that_of_its_identities(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    for key in ("a" * 16, "b" * 16, "a" * 16):
        asked(url, store=store, meta={"notmodified_identity": "shop-7"}, NOTMODIFIED_IDENTITY_KEY=key, NOTMODIFIED_K=9)

    assert has_conditions(origin) == [False, False, True]


def test_named_identities_and_credentials_are_kept_apart(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    identities: tuple[dict[str, Any], ...] = (
        {"meta": {"notmodified_identity": "a"}},
        {"meta": {"notmodified_identity": "b"}},
        {"meta": {"notmodified_identity": "a"}},
        {"headers": {"Authorization": "Bearer a"}},
        {"headers": {"Authorization": "Bearer b"}},
        {"headers": {"Authorization": "Bearer a"}},
    )
    for arguments in identities:
        asked(url, store=store, **arguments)

    assert has_conditions(origin) == [False, False, True, False, False, True]


def test_proxy_credentials_never_reach_the_origin_nor_the_store(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    with Proxy() as gateway:
        for _ in range(2):
            asked(url, store=store, meta={"proxy": f"http://customer-7:topsecret@127.0.0.1:{gateway.port}"})

    for received in origin.log:
        assert received.get("proxy-authorization") is None
    for file in store.rglob("*"):
        assert file.is_dir() or not {b"topsecret", b"customer-7"} & _words(file.read_bytes())


def _words(content: bytes) -> set[bytes]:
    return {word for word in (b"topsecret", b"customer-7") if word in content}


def test_rule_of_the_project_names_the_identities(origin: Origin, store: Path) -> None:
    origin.on("/page.html", Page(ONE))
    for agent in ("one", "two", "one"):
        url = origin.url + "/page.html"
        asked(url, store=store, headers={"User-Agent": agent}, NOTMODIFIED_IDENTITY_BY="crawls.judges.agent_of")

    assert has_conditions(origin) == [False, False, True]


def test_name_given_by_a_request_wins_over_the_rule(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    by_rule = {"NOTMODIFIED_IDENTITY_BY": "crawls.judges.agent_of"}
    for agent in ("one", "two"):
        meta = {"notmodified_identity": "both"}
        asked(url, store=store, headers={"User-Agent": agent}, meta=meta, **by_rule)

    assert has_conditions(origin) == [False, True]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("crawls.judges.nobody", "NOTMODIFIED_IDENTITY_BY (crawls.judges.nobody) raised an exception"),
        ("crawls.judges.number_of", "NOTMODIFIED_IDENTITY_BY (crawls.judges.number_of) returned int"),
    ],
)
def test_rule_that_gives_no_name_is_named_and_the_request_goes_out_without_validators(
    origin: Origin, store: Path, rule: str, told: str
) -> None:
    url = origin.on("/page.html", Page(ONE))
    asked(url, store=store)

    failed = crawl([url], store=store, NOTMODIFIED_IDENTITY_BY=rule)

    assert failed.page["body"] == ONE.decode()
    assert failed.stats["notmodified/errors"] == 1
    assert has_conditions(origin) == [False, False]
    assert failed.said("WARNING", told)


def test_proxy_that_cannot_be_read_is_counted_and_its_request_goes_out_without_validators(
    origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", Page(ONE))
    asked(url, store=store)
    with Proxy() as by:
        # Scrapy looks no further than to the port.
        credentials = {"Proxy-Authorization": "Basic dG9wOnNlY3JldA=="}
        described = request(url, meta={"proxy": f"http://127.0.0.1:{by.port}/@"}, headers=credentials)
        without = {"scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": None}
        crawls = [crawl([described], store=store, DOWNLOADER_MIDDLEWARES=without) for _ in range(2)]

    assert [crawled.stats["notmodified/errors"] for crawled in crawls] == [1, 1]
    assert has_conditions(origin) == [False, False, False]
    assert not [text for crawled in crawls for _, text in crawled.log if "secret" in text or "c2VjcmV0" in text]


def test_session_pool_is_known_by_its_jars_through_all_proxies(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    by_jar: dict[str, Any] = {"NOTMODIFIED_IDENTITY_BY": "session", "NOTMODIFIED_SHARING": "isolated"}
    with Proxy() as first, Proxy() as second:
        for jar, by in (("a", first), ("a", second), ("b", second), ("b", first)):
            asked(url, store=store, meta={"proxy": by.url, "cookiejar": jar}, **by_jar)

    assert has_conditions(origin) == [False, True, False, True]


def test_rotating_gateway_leaves_nothing_to_whoever_comes_next(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    with Gateway() as gateway:
        for sharing in ("isolated", "isolated", "corroborated", "corroborated", "corroborated"):
            rotating: dict[str, Any] = {"NOTMODIFIED_ROTATING": [f"127.0.0.1:{gateway.port}"]}
            asked(url, store=store, meta={"proxy": gateway.proxy()}, NOTMODIFIED_SHARING=sharing, **rotating)

    assert len({received.client for received in origin.log}) == 5
    assert has_conditions(origin) == [False, False, False, False, True]


@pytest.mark.parametrize(
    "login",
    [{"cookies": {"session": "alice"}}, {"headers": {"Authorization": "Bearer alice"}}],
    ids=["cookie", "authorization"],
)
def test_login_through_rotating_proxies_is_shared_with_nobody(
    origin: Origin, store: Path, login: dict[str, Any]
) -> None:
    url = origin.on("/page.html", Page(ONE))
    with Proxy() as first, Proxy() as second, Proxy() as third:
        for by in (first, second, third):
            asked(url, store=store, meta={"proxy": by.url}, **login)
        for by in (first, second, third):
            asked(url, store=store, meta={"proxy": by.url})
        asked(url, store=store, meta={"proxy": first.url}, **login)

    assert has_conditions(origin) == [False, False, False, False, False, True, True]


def test_cookies_of_the_origin_keep_a_crawl_through_proxies_from_what_they_share(origin: Origin, store: Path) -> None:
    page = Page(ONE)
    origin.on("/page.html", page)
    start = origin.on("/start", Page(b'<html><a href="/page.html">page</a></html>', set_cookie="session=1"))
    with Proxy() as first, Proxy() as second, Proxy() as third:
        for by in (first, second, third):
            asked(start, store=store, spider="FollowingSpider", PROXIES=[by.url, by.url], **ROTATING)

    assert [received.get("cookie") for received in origin.requests("/page.html")] == ["session=1"] * 3
    assert (page.full, page.not_modified) == (3, 0)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("http://gate.example", "http://gate.example:80"),
        ("https://gate.example/", "https://gate.example:443/"),
        ("gate.example:8080", "http://gate.example:8080"),
        ("//gate.example:8080", "http://gate.example:8080"),
        ("http://[2001:db8::1]", "http://[2001:db8::1]:80"),
        ("http://shop:p%40ss@gate.example:8080", "http://shop:p%40ss@gate.example:8080"),
        ("http://shop:p%40s%2F%25@gate.example", "http://shop:p%40s%2F%25@gate.example:80"),
    ],
)
@pytest.mark.parametrize("is_moved", [False, True], ids=["by-itself", "after-scrapys-middleware"])
def test_proxy_is_read_as_scrapy_goes_to_it(given: str, read: str, *, is_moved: bool) -> None:
    asked_for = Request("http://origin.example/", meta={"proxy": given})
    if is_moved:
        HttpProxyMiddleware().process_request(asked_for)

    assert (proxy_of(asked_for) or "").rstrip("/") == read.rstrip("/")
