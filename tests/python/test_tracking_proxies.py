"""The proxies of the tracking tests: each exit is an address of its own, and those that lie do lie."""

from __future__ import annotations

import contextlib
import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from origin import Page, Reply, refusing, status
from plain_client import fetch
from tracking import Exits, Gateway, address, country_of
from tracking.poison import FALSE, LIARS, Confirming, Replacing, Replaying, Retagging, Unconditional, WholeAnswers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Authority, Origin
    from tracking.forwarding import Tamper

TRUE = b"<p>true</p>"
CONDITION = {"If-None-Match": '"1"'}


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """One that rotates by itself."""
    with Gateway() as running:
        yield running


def clients(origin: Origin) -> list[str]:
    """Who asked, as the origin sees it."""
    return [request.client for request in origin.log]


def test_each_exit_is_a_client_of_its_own(origin: Origin, exits: Exits) -> None:
    url = origin.on("/page", Page(TRUE))
    for number in (0, 7, 299, 7):
        assert fetch(url, proxy=exits.proxy(number))[2] == TRUE
    fetch(url, proxy=exits.proxy(0, country=9))
    assert clients(origin) == ["127.1.0.0", "127.1.0.7", "127.1.1.43", "127.1.0.7", "127.9.0.0"]
    assert [country_of(client) for client in clients(origin)] == [1, 1, 1, 1, 9]


def test_what_is_asked_and_answered_passes_unchanged(origin: Origin, exits: Exits) -> None:
    url = origin.on("/page", Page(TRUE, etag='"1"', chunked=True, extra=[("X-One", "1"), ("X-One", "2")])) + "?q"
    code, headers, body = fetch(url, proxy=exits.proxy(1))
    assert (code, body, headers["ETag"], headers.get_all("X-One")) == (200, TRUE, '"1"', ["1", "2"])
    assert fetch(url, CONDITION | {"Proxy-Authorization": "Basic eA=="}, proxy=exits.proxy(1))[0] == 304
    assert (origin.last.target, origin.last.get("if-none-match")) == ("/page?q", '"1"')
    assert origin.last.get("proxy-authorization") is None


@pytest.mark.parametrize(("keeps", "connections"), [(True, 1), (False, 2)])
def test_connections_are_kept_on_both_sides_if_wanted(origin: Origin, *, keeps: bool, connections: int) -> None:
    url = origin.on("/page", Page(TRUE))
    with Exits(keeps=keeps) as exits:
        connection = http.client.HTTPConnection(urlsplit(exits.proxy(1)).netloc, timeout=5.0)
        with contextlib.closing(connection):
            for _ in range(2):
                connection.request("GET", url)
                assert connection.getresponse().read() == TRUE
        assert exits.connections == connections
    assert origin.connections == connections


@pytest.mark.parametrize("says_so", [True, False])
def test_origin_that_closes_is_connected_to_again(origin: Origin, exits: Exits, *, says_so: bool) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(TRUE) + TRUE
    url = origin.on("/page", Reply(200, body=TRUE, close=True) if says_so else Reply(raw=raw))
    connection = http.client.HTTPConnection(urlsplit(exits.proxy(1)).netloc, timeout=5.0)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("GET", url)
            assert connection.getresponse().read() == TRUE
    assert (exits.connections, origin.connections) == (1, 3)


def test_tunnel_leaves_by_the_exit_too(tls_origin: Origin, exits: Exits, authority: Authority) -> None:
    tls_origin.on("/", status(200, b"secret"))
    proxy = urlsplit(exits.proxy(5)).netloc
    connection = http.client.HTTPSConnection(proxy, timeout=5.0, context=authority.client_context())
    connection.set_tunnel("127.0.0.1", tls_origin.port)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"secret"
    assert clients(tls_origin) == [address(5)]


def test_exit_to_nowhere_is_502(exits: Exits) -> None:
    with refusing() as port:
        assert fetch(f"http://127.0.0.1:{port}/", proxy=exits.proxy(1))[0] == 502


def test_gateway_gives_each_request_a_new_address(origin: Origin, gateway: Gateway) -> None:
    url = origin.on("/page", Page(TRUE))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5.0)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("GET", url)
            connection.getresponse().read()
    assert gateway.connections == 1
    assert len(set(clients(origin))) == 3


def test_gateway_keeps_the_address_of_a_user(origin: Origin, gateway: Gateway) -> None:
    url = origin.on("/page", Page(TRUE))
    for user in ("YWxpY2U6", "Ym9iOg==", "YWxpY2U6"):
        fetch(url, {"Proxy-Authorization": f"Basic {user}"}, proxy=gateway.port)
    alice, bob, once_more = clients(origin)
    assert alice == once_more != bob
    assert gateway.sticky == {"alice": alice, "bob": bob}


def lied_to(
    origin: Origin, exits: Exits, tamper: Tamper, fields: dict[str, str] | None = None
) -> tuple[int, str, bytes]:
    """What comes through that proxy: status, tag and body."""
    exits.tampered[address(1)] = tamper
    code, headers, body = fetch(origin.url + "/page", fields, proxy=exits.proxy(1))
    return code, headers["ETag"], body


@pytest.mark.parametrize("liar", LIARS)
def test_liar_lies_to_nobody_else(origin: Origin, exits: Exits, liar: type[Tamper]) -> None:
    origin.on("/page", Page(TRUE, etag='"1"'))
    exits.tampered[address(1)] = liar()
    for _ in range(2):
        code, headers, body = fetch(origin.url + "/page", proxy=exits.proxy(2))
        assert (code, headers["ETag"], body) == (200, '"1"', TRUE)
        assert fetch(origin.url + "/page", CONDITION, proxy=exits.proxy(2))[0] == 304


def test_replacing_puts_a_false_body_under_the_true_tag(origin: Origin, exits: Exits) -> None:
    origin.on("/page", Page(TRUE, etag='"1"'))
    assert lied_to(origin, exits, Replacing()) == (200, '"1"', FALSE)
    assert lied_to(origin, exits, Replacing(), CONDITION) == (304, '"1"', b"")


def test_unconditional_answers_every_condition_with_a_false_body(origin: Origin, exits: Exits) -> None:
    origin.on("/page", Page(TRUE, etag='"1"'))
    assert lied_to(origin, exits, Unconditional(), CONDITION) == (200, '"1"', FALSE)
    assert lied_to(origin, exits, WholeAnswers(), CONDITION) == (200, '"1"', TRUE)
    assert origin.last.get("if-none-match") is None


def test_retagging_gives_a_new_tag_each_time(origin: Origin, exits: Exits) -> None:
    origin.on("/page", Page(TRUE, etag='"1"'))
    tamper = Retagging()
    assert lied_to(origin, exits, tamper) == (200, '"proxy-0"', TRUE)
    assert lied_to(origin, exits, tamper) == (200, '"proxy-1"', TRUE)


def test_replaying_shows_the_tag_that_was_seen_before(origin: Origin, exits: Exits) -> None:
    origin.on("/page", Page(TRUE, etag='"1"'))
    tamper = Replaying()
    assert lied_to(origin, exits, tamper, {"If-None-Match": '"another"'}) == (200, '"1"', TRUE)
    assert lied_to(origin, exits, tamper) == (200, '"another"', TRUE)


def test_confirming_says_304_and_asks_nobody(origin: Origin, exits: Exits) -> None:
    origin.on("/page", Page(TRUE, etag='"1"'))
    assert lied_to(origin, exits, Confirming(), {"If-None-Match": '"old"'}) == (304, '"old"', b"")
    assert origin.log == []
    assert lied_to(origin, exits, Confirming()) == (200, '"1"', TRUE)
