"""What is one exit: by the proxy, by its subnet, by the session, by the request, or by the caller's own code."""

from __future__ import annotations

import functools
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, InvalidRequestError, Request, Session
from origin import Page
from proxy import Proxy
from tracking import AddressTracker, Exits, Gateway, Ledger, linked_clients, links

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from origin import Origin

URL = "http://127.0.0.1/page.html"


def conditions(cache: Cache, *asked: dict[str, Any]) -> list[bool]:
    """Ask for one page as each of these, as a page that never changes answers; tell which had a condition."""
    told = []
    for options in asked:
        plan = cache.plan("GET", URL, **options)
        told.append(bool(plan.conditions))
        status, body = (304, b"") if plan.conditions else (200, b"one")
        plan.settle(status, {"ETag": '"1"'}, body)
    return told


def proxied(*urls: str) -> list[dict[str, Any]]:
    """Ask by each of these proxies."""
    return [{"proxy": url} for url in urls]


@pytest.mark.parametrize("rule", [None, "proxy"])
def test_proxy_and_its_user_are_an_exit(rule: Any) -> None:  # noqa: ANN401
    with Cache(":memory:", sharing="isolated", identity_by=rule) as cache:
        asked = proxied("http://a:1@10.1.2.3:1", "http://b:1@10.1.2.3:1", "http://10.1.2.3:2", "http://a:1@10.1.2.3:1")
        assert conditions(cache, *asked, {}, {}) == [False, False, False, True, False, True]


def test_proxies_of_one_subnet_are_one_exit() -> None:
    with Cache(":memory:", sharing="isolated", identity_by="proxy-subnet") as cache:
        asked = proxied("http://a:1@10.1.2.3:1", "socks5://b:2@10.1.2.250:2", "http://10.1.3.3:1")
        assert conditions(cache, *asked) == [False, True, False]
        asked = proxied("http://[2001:db8:7:1::1]:1", "http://[2001:db8:7:2::9]:2", "http://[2001:db8:8::1]:1")
        assert conditions(cache, *asked) == [False, True, False]
        asked = proxied("http://a:1@gate.example:1", "http://b:2@GATE.example:2", "http://other.example:1")
        assert conditions(cache, *asked) == [False, True, False]


def test_witnesses_of_one_subnet_are_one_witness() -> None:
    given = {"ETag": '"1"'}
    for rule, is_shared in (("proxy", True), ("proxy-subnet", False)):
        with Cache(":memory:", identity_by=rule) as cache:  # type: ignore[arg-type]
            for proxy in ("http://10.1.2.3:1", "http://10.1.2.4:1"):
                cache.plan("GET", URL, proxy=proxy).settle(200, given, b"one")
            assert bool(cache.plan("GET", URL, proxy="http://10.9.9.9:1").conditions) is is_shared


def test_session_is_its_cookie_jar_by_whatever_proxy() -> None:
    with Cache(":memory:", sharing="isolated", identity_by="session") as cache:
        first, second = "http://10.1.2.3:1", "http://10.9.9.9:1"
        jar = [{"proxy": first, "cookie_jar": "a"}, {"proxy": second, "cookie_jar": "a"}]
        assert conditions(cache, *jar, {"proxy": first, "cookie_jar": "b"}) == [False, True, False]
        assert conditions(cache, {"proxy": first}, {"proxy": second}, {}) == [False, True, True]


async def test_session_by_session_is_one_exit_through_all_its_proxies(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    with Proxy() as first, Proxy() as second:
        async with Session(":memory:", identity_by="session", cookies=True) as session:
            outcomes = [(await session.get(url, proxy=by.url)).outcome for by in (first, second, second)]
    assert outcomes == ["new", "not-modified", "not-modified"]


async def test_request_is_an_exit_of_its_own_and_leaves_nothing(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    async with Session(store, identity_by="request", sharing="isolated", freshness="rfc9111", cookies=True) as session:
        for _ in range(3):
            assert (await session.get(url)).outcome == "new"
    assert [request.has_condition() for request in origin.log] == [False] * 3
    assert len({request.connection for request in origin.log}) == 3
    with Cache(store) as cache:
        assert list(cache.entries()) == []


async def test_request_by_request_uses_what_exits_share(origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    async with Session(":memory:", identity_by="request", k=3) as session:
        outcomes = [(await session.get(url)).outcome for _ in range(5)]
        page.content = b"two"
        changed = [(await session.get(url)).changed for _ in range(5)]
    assert outcomes == ["new", "new", "new", "not-modified", "not-modified"]
    assert changed == [True, False, False, False, False]


async def test_request_by_request_is_one_registry_where_that_is_central(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", identity_by="request", sharing="central") as session:
        assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "not-modified", "not-modified"]


async def test_login_by_request_leaves_nothing_that_could_be_acknowledged(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store, identity_by="request", consumer="prices") as session:
        for _ in range(2):
            response = await session.get(url, headers={"Authorization": "Bearer a"})
            assert response.changed
            response.acknowledge()
    with Cache(store) as cache:
        assert list(cache.entries()) == []


async def test_rotating_gateway_is_told_from_others(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    with Proxy() as gateway, Proxy() as other:
        rotating = [f"127.0.0.*:{gateway.port}"]
        async with Session(":memory:", sharing="isolated", rotating=rotating) as session:
            for by in (gateway, gateway, other, other):
                await session.get(url, proxy=by.url)
    assert [request.has_condition() for request in origin.log] == [False, False, False, True]


async def test_tracker_behind_a_rotating_gateway_knows_nobody_again(origin: Origin) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    with Gateway() as gateway:
        async with Session(":memory:", rotating=[f"127.0.0.1:{gateway.port}"]) as session:
            async for result in session.get_many([Request(url, proxy=gateway.proxy())] * 30, concurrency=1):
                assert result.ok  # type: ignore[union-attr]
    assert len(ledger.clients()) == ledger.count(200) > 1
    assert links(ledger.visits, k=2) == []


async def test_tracker_behind_a_gateway_that_nobody_named_knows_all_again(origin: Origin) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    with Gateway() as gateway:
        async with Session(":memory:") as session:
            for _ in range(10):
                await session.get(url, proxy=gateway.proxy())
    assert linked_clients(links(ledger.visits, k=2)) == 10


async def test_honest_page_behind_a_rotating_gateway_is_soon_not_modified(origin: Origin) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(Page(b"one")))
    with Gateway() as gateway:
        async with Session(":memory:", rotating=["127.0.0.1"], k=3) as session:
            outcomes = [(await session.get(url, proxy=gateway.proxy())).outcome for _ in range(10)]
    assert outcomes[3:] == ["not-modified"] * 7
    assert len(ledger.clients()) == 10
    assert links(ledger.visits, k=3) == []


async def test_name_wins_over_the_rule_and_over_rotating_gateways(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    with Proxy() as gateway:
        options: dict[str, Any] = {"sharing": "isolated", "identity_by": "request", "rotating": ["127.0.0.1"]}
        async with Session(":memory:", **options) as session:
            for _ in range(2):
                await session.get(url, identity="shop-7", proxy=gateway.url)
        async with Session(":memory:", identity="shop-7", **options) as session:
            for _ in range(2):
                await session.get(url, proxy=gateway.url)
    assert [request.has_condition() for request in origin.log] == [False, True, False, True]


async def test_callable_names_whoever_asks_from_the_request_as_it_goes_out(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    seen: list[Request] = []

    def customer(request: Request) -> str | None:
        seen.append(request)
        return str(request.context) if request.context else None

    with Proxy() as by:
        url_of_proxy = f"http://user:p%40ss@127.0.0.1:{by.port}"
        headers = {"X-Ours": "1"}
        options: dict[str, Any] = {"proxy": url_of_proxy, "headers": headers, "sharing": "isolated"}
        async with Session(":memory:", identity_by=customer, **options) as session:
            for context in ("a", "b", "a", None, None):
                await session.send(Request(url, context=context))
            await session.get(url, identity="a")
    assert [request.has_condition() for request in origin.log] == [False, False, True, False, True, True]
    assert {(one.url, one.proxy, one.headers["x-ours"]) for one in seen} == {(url, url_of_proxy, "1")}
    assert len(seen) == 5


def test_callable_names_whoever_plans() -> None:
    def proxy_pool(request: Request) -> str:
        return str(request.proxy).partition("-")[0]

    with Cache(":memory:", sharing="isolated", identity_by=proxy_pool) as cache:
        asked = proxied("http://gold-1:1", "http://gold-2:1", "http://lead-1:1")
        assert conditions(cache, *asked) == [False, True, False]


class _Rules:
    """Rules that do not work."""

    def raises(self, request: Request) -> str:
        """Fail as code does."""
        raise LookupError(request.headers["x-secret"])

    def returns_number(self, _request: Request) -> Any:  # noqa: ANN401
        """Give something else."""
        return 7

    def returns_nothing(self, _request: Request) -> str:
        """Give a name that is none."""
        return ""

    def returns_megabyte(self, _request: Request) -> str:
        """Give a page in place of a name."""
        return "x" * (1 << 20)

    def returns_surrogate(self, _request: Request) -> str:
        """Give what is no text."""
        return "\udc80"

    async def waits(self, _request: Request) -> str:
        """Give it later."""
        return "a"

    def returns_coroutine(self, request: Request) -> Any:  # noqa: ANN401
        """Give it later, and do not show it."""
        return self.waits(request)


RULES = _Rules()
BROKEN: dict[str, tuple[Callable[[Request], Any], list[str]]] = {
    "raises": (RULES.raises, ["_Rules.raises", "raised"]),
    "number": (RULES.returns_number, ["returns_number", "int"]),
    "empty": (RULES.returns_nothing, ["returns_nothing", "0 bytes"]),
    "megabyte": (RULES.returns_megabyte, ["returns_megabyte", "1048576 bytes"]),
    "surrogate": (RULES.returns_surrogate, ["returns_surrogate", "surrogate"]),
    "coroutine": (RULES.returns_coroutine, ["returns_coroutine", "coroutine"]),
    "partial": (functools.partial(RULES.raises), ["functools.partial"]),
}


@pytest.fixture(params=BROKEN)
def broken(request: pytest.FixtureRequest) -> tuple[Callable[[Request], Any], list[str]]:
    """Each rule that does not work, and what its refusal has to name."""
    return BROKEN[request.param]


def _is_clear(error: InvalidRequestError, words: list[str]) -> bool:
    text = str(error)
    return all(word in text for word in ["identity_by=", "must return a name", *words]) and "hunter2" not in text


async def test_rule_that_does_not_work_is_named_and_nothing_is_sent(
    origin: Origin, broken: tuple[Callable[[Request], Any], list[str]]
) -> None:
    rule, words = broken
    url = origin.on("/page.html", Page(b"one"))
    request = Request(url, headers={"X-Secret": "hunter2"})
    async with Session(":memory:", identity_by=rule) as session:
        with pytest.raises(InvalidRequestError) as caught:
            await session.send(request)
        assert caught.value.request is request
        with Cache(":memory:", identity_by=rule) as cache, pytest.raises(InvalidRequestError) as planned:
            cache.plan("GET", url, {"X-Secret": "hunter2"})
    assert _is_clear(caught.value, words)
    assert _is_clear(planned.value, words)
    assert origin.log == []


async def test_what_a_rule_raises_is_the_cause(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", identity_by=RULES.raises, headers={"X-Secret": "hunter2"}) as session:
        with pytest.raises(InvalidRequestError) as caught:
            await session.get(url)
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize("ordered", [False, True])
async def test_rule_that_fails_for_some_lets_the_others_of_many_go(origin: Origin, *, ordered: bool) -> None:
    urls = [origin.on(f"/{number}", Page(b"one")) for number in range(9)]

    def even(request: Request) -> str:
        if int(request.url[-1]) % 3 == 1:
            raise LookupError
        return "even"

    async with Session(":memory:", identity_by=even) as session:
        results = [result async for result in session.get_many(urls, ordered=ordered)]
    refused = [result.request.url for result in results if isinstance(result, InvalidRequestError) and result.request]
    assert sorted(refused) == urls[1::3]
    assert len(origin.log) == 6
    if ordered:
        assert [result.request.url for result in results if result.request] == urls


async def test_interrupt_in_a_rule_goes_through(origin: Origin) -> None:
    def interrupted(_request: Request) -> str:
        raise KeyboardInterrupt

    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", identity_by=interrupted) as session:
        with pytest.raises(KeyboardInterrupt):
            await session.get(url)


class _Waiting:
    """An object that is asked by an async call."""

    async def __call__(self, _request: Request) -> str:
        """Give it later."""
        return "a"


@pytest.mark.parametrize("make", [Session, Cache])
def test_rule_that_leads_back_is_collected(make: Any) -> None:  # noqa: ANN401
    class Owner:
        def __init__(self) -> None:
            self.asks = make(":memory:", identity_by=self.name)

        def name(self, _request: Request) -> str:
            return "owner"

    owner = weakref.ref(Owner())
    gc.collect()
    assert owner() is None


@pytest.mark.parametrize("rule", [RULES.waits, functools.partial(RULES.waits), _Waiting()], ids=str)
@pytest.mark.parametrize("make", [Session, Cache])
def test_async_rule_is_refused_when_it_is_given(make: Any, rule: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequestError, match=r"identity_by=\S+ is async; .*def"):
        make(":memory:", identity_by=rule)


async def test_proxies_that_nobody_rotates_are_one_exit_each(origin: Origin) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(AddressTracker()))
    with Exits() as exits:
        async with Session(":memory:") as session:
            for _ in range(2):
                for number in range(5):
                    await session.get(url, proxy=exits.proxy(number))
    assert (ledger.count(200), ledger.count(304)) == (5, 5)
    assert links(ledger.visits, k=2) == []
