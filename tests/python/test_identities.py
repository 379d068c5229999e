"""What the origin told one identity is never used for another: no validator, no stored body, no connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, Request, Response, Session, UnexpectedNotModifiedError
from origin import Page, Reply, sequence
from proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from origin import Authority, Origin


@dataclass(frozen=True)
class Pair:
    """Two ways to ask for one page that an origin can tell apart."""

    first: dict[str, Any]
    second: dict[str, Any]
    # Userinfo in front of the host.
    users: tuple[str, str] = field(default=("", ""))

    def requests(self, url: str) -> tuple[Request, Request]:
        """Both requests for that URL."""
        first, second = (url.replace("://", f"://{user}") for user in self.users)
        return Request(first, **self.first), Request(second, **self.second)


def _header(name: str, first: str, second: str) -> Pair:
    return Pair({"headers": {name: first}}, {"headers": {name: second}})


PAIRS: dict[str, Callable[[Proxy, Proxy], Pair]] = {
    "identity": lambda _a, _b: Pair({"identity": "a"}, {"identity": "b"}),
    "identity-and-none": lambda _a, _b: Pair({"identity": "a"}, {}),
    "authorization": lambda _a, _b: _header("Authorization", "Bearer a", "Bearer b"),
    "authorization-and-none": lambda _a, _b: Pair({"headers": {"authorization": "Bearer a"}}, {}),
    "cookie": lambda _a, _b: _header("Cookie", "sid=a", "sid=b"),
    "cookie-and-none": lambda _a, _b: Pair({"headers": {"cookie": "sid=a"}}, {}),
    "two-cookie-lines": lambda _a, _b: Pair(
        {"headers": [("Cookie", "x=1"), ("Cookie", "sid=a")]}, {"headers": [("Cookie", "x=1"), ("Cookie", "sid=b")]}
    ),
    "userinfo": lambda _a, _b: Pair({}, {}, ("alice:x@", "bob:x@")),
    "password": lambda _a, _b: Pair({}, {}, ("alice:x@", "alice:y@")),
    "userinfo-and-none": lambda _a, _b: Pair({}, {}, ("alice:x@", "")),
    "proxy": lambda a, b: Pair({"proxy": a.url}, {"proxy": b.url}),
    "proxy-and-none": lambda a, _b: Pair({"proxy": a.url}, {}),
    "proxy-user": lambda a, _b: Pair(
        {"proxy": f"http://alice:x@127.0.0.1:{a.port}"}, {"proxy": f"http://bob:x@127.0.0.1:{a.port}"}
    ),
    "proxy-user-and-none": lambda a, _b: Pair({"proxy": f"http://alice:x@127.0.0.1:{a.port}"}, {"proxy": a.url}),
}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Each pair of identities."""
    with Proxy() as first, Proxy() as second:
        yield PAIRS[request.param](first, second)


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


async def test_no_validator_crosses(session: Session, origin: Origin, pair: Pair) -> None:
    first, second = pair.requests(origin.on("/page.html", Page(b"one", etag='"1"')))
    responses = [await session.send(request) for request in (first, second, first, second)]
    assert [request.get("if-none-match") for request in origin.log] == [None, None, '"1"', '"1"']
    assert [response.outcome for response in responses] == ["new", "new", "not-modified", "not-modified"]


async def test_no_stored_body_crosses_after_a_304(session: Session, origin: Origin, pair: Pair) -> None:
    handler = sequence(Page(b"one", etag='"1"'), Reply(304, close=True))
    first, second = pair.requests(origin.on("/page.html", handler))
    await session.send(first)
    with pytest.raises(UnexpectedNotModifiedError):
        await session.send(second)


async def test_no_fresh_body_crosses(origin: Origin, pair: Pair) -> None:
    page = Page(b"one", cache_control="max-age=3600")
    first, second = pair.requests(origin.on("/page.html", page))
    async with Session(":memory:", freshness="rfc9111") as session:
        await session.send(first)
        page.content = b"two"
        assert (await session.send(second)).content == b"two"
        assert (await session.send(first)).content == b"one"
    assert len(origin.log) == 2


async def test_no_connection_is_shared(session: Session, origin: Origin, pair: Pair) -> None:
    first, second = pair.requests(origin.on("/page.html", Page(b"one")))
    for request in (first, second):
        await session.send(request)
    assert origin.log[0].connection != origin.log[1].connection


async def test_nothing_crosses_through_a_store(store: Path, origin: Origin, pair: Pair) -> None:
    first, second = pair.requests(origin.on("/page.html", Page(b"one")))
    for request in (first, second):
        async with Session(store) as session:
            assert (await session.send(request)).outcome == "new"
    async with Session(store) as session:
        assert (await session.send(first)).outcome == "not-modified"


async def test_requests_under_way_at_once_are_not_one(session: Session, origin: Origin, pair: Pair) -> None:
    url = origin.on("/page.html", Reply(200, body=b"one", delay=0.05))
    requests = pair.requests(url)
    results = [result async for result in session.get_many(requests)]
    assert all(isinstance(result, Response) for result in results)
    assert len(origin.log) == 2


async def test_two_ways_to_write_one_login_are_one_identity(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    await session.get(url.replace("://", "://alice:s%40cret@"))
    response = await session.get(url, headers={"Authorization": "Basic YWxpY2U6c0BjcmV0"})
    assert response.not_modified


async def test_userinfo_becomes_authorization(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    response = await session.get(url.replace("://", "://alice:s%40cret@"))
    assert origin.last.get("authorization") == "Basic YWxpY2U6c0BjcmV0"
    assert response.url == url


async def test_sessions_identity_is_that_of_requests_that_name_none(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", identity="a") as session:
        await session.get(url)
        assert (await session.get(url, identity="a")).not_modified
        assert (await session.get(url, identity="b")).outcome == "new"


async def test_sessions_authorization_is_an_identity(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    for value in ("Bearer a", "Bearer b"):
        async with Session(store, headers={"Authorization": value}) as session:
            assert (await session.get(url)).outcome == "new"
            assert origin.last.get("authorization") == value


async def test_sessions_proxy_is_that_of_requests_that_name_none(origin: Origin, proxy: Proxy) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", proxy=proxy.url) as session:
        await session.get(url)
        with Proxy() as other:
            assert (await session.get(url, proxy=other.url)).outcome == "new"
            assert (len(proxy.log), len(other.log)) == (1, 1)


async def test_proxy_of_the_environment_is_not_used(
    session: Session, origin: Origin, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    async with Session(":memory:") as later:
        for one in (session, later):
            await one.get(origin.on("/page.html", Page(b"one")))
    assert not proxy.log
    assert len(origin.log) == 2


async def test_guarded_proxy_gets_its_credentials_and_the_origin_does_not(
    session: Session, origin: Origin, guarded_proxy: Proxy
) -> None:
    url = origin.on("/page.html", Page(b"one"))
    response = await session.get(url, proxy=guarded_proxy.url_with_credentials)
    assert response.content == b"one"
    assert guarded_proxy.log[-1].authorization == "Basic dXNlcjpzZWNyZXQ="
    assert origin.last.get("proxy-authorization") is None


async def test_tls_sessions_are_not_shared(tls_origin: Origin, authority: Authority) -> None:
    url = tls_origin.on("/page.html", Reply(200, body=b"one", close=True))
    async with Session(":memory:", ca_file=authority.ca_file) as session:
        for name in ("a", "a", "b"):
            await session.get(url, identity=name)
    assert [request.tls_resumed for request in tls_origin.log] == [False, True, False]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"identity": "a"}, {"identity": "b"}),
        ({"proxy": "http://127.0.0.1:1"}, {"proxy": "http://127.0.0.1:2"}),
        ({"proxy": "http://a:x@127.0.0.1:1"}, {"proxy": "http://b:x@127.0.0.1:1"}),
        ({"proxy": "http://127.0.0.1:1"}, {"proxy": "https://127.0.0.1:1"}),
        ({"cookie_jar": "a"}, {"cookie_jar": "b"}),
        ({"cookie_jar": "a"}, {}),
        ({"headers": {"Cookie": "sid=a"}}, {"headers": {"Cookie": "sid=b"}}),
        ({"headers": {"Authorization": "a"}}, {"headers": {"Authorization": "b"}}),
        ({"identity": "ab"}, {"identity": "a", "cookie_jar": "b"}),
    ],
    ids=str,
)
def test_plans_of_two_identities_share_nothing(first: dict[str, Any], second: dict[str, Any]) -> None:
    url = "http://127.0.0.1/page.html"
    with Cache(":memory:", freshness="rfc9111") as cache:
        cache.plan("GET", url, **first).settle(200, {"ETag": '"1"', "Cache-Control": "max-age=60"}, b"one")
        plan = cache.plan("GET", url, **second)
        assert plan.response is None
        assert not plan.conditions
        assert cache.plan("GET", url, **first).response is not None


def test_jar_and_not_its_cookies_is_the_identity() -> None:
    url = "http://127.0.0.1/page.html"
    with Cache(":memory:") as cache:
        cache.plan("GET", url, {"Cookie": "sid=1"}, cookie_jar="a").settle(200, {"ETag": '"1"'}, b"one")
        assert cache.plan("GET", url, {"Cookie": "sid=2"}, cookie_jar="a").conditions
