"""HTTP, HTTPS, SOCKS5 and SOCKS5h proxies, for origins with and without TLS: who is asked, and what an error says."""

from __future__ import annotations

import base64
import contextlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from notmodified import ConnectTimeout, InvalidRequestError, ProxyError, Request, RequestError, Session, TlsError
from origin import Authority, Origin, Page, refusing, silent
from proxy import Proxy
from socks import SocksProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A name that only a proxy of ours can resolve.
FAR = "far.invalid"
SCHEMES = ("http", "https", "socks5", "socks5h")
# As it stands in the URL, and as the proxy has to get it.
LOGINS = {
    "plain": ("alice:secret", b"alice", b"secret"),
    "escapes": ("al%69ce:p%40ss%3Aw%2Frd%20%25", b"alice", b"p@ss:w/rd %"),
    "lower case escapes": ("alice:%c3%a9%2f", b"alice", "é/".encode()),
    "not escaped": ('alice:p"a<s>s^`{|}é', b"alice", 'p"a<s>s^`{|}é'.encode()),
    "more colons": ("alice:a:b:c", b"alice", b"a:b:c"),
    "no password": ("alice", b"alice", b""),
    "as gateways have it": (
        "customer-x-session-0a1b2c-country-de:k3y",
        b"customer-x-session-0a1b2c-country-de",
        b"k3y",
    ),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs for the far name as well."""
    directory: Path = tmp_path_factory.mktemp("far")
    return Authority(directory, "127.0.0.1", "localhost", FAR)


@pytest.fixture(params=["http", "https"])
def target(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Origin]:
    """An origin with and without TLS, with one page."""
    with Origin(tls=authority.server_context() if request.param == "https" else None) as running:
        running.on("/page.html", Page(b"one"))
        yield running


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_proxy_gets_its_login_and_carries_the_request(
    target: Origin, authority: Authority, scheme: str, login: str
) -> None:
    written, user, password = LOGINS[login]
    heard: list[tuple[bytes | None, bytes | None]]
    async with Session(":memory:", ca_file=authority.ca_file) as session:
        if scheme.startswith("socks"):
            with SocksProxy(user=user, password=password) as socks:
                responses = [
                    await session.get(f"{target.url}/page.html", proxy=socks.to(scheme, f"{written}@"))
                    for _ in range(2)
                ]
                heard = [(asked.user, asked.password) for asked in socks.log]
        else:
            tls = authority.server_context() if scheme == "https" else None
            with Proxy(user=user.decode(), password=password.decode(), tls=tls) as proxy:
                url = proxy.url.replace("://", f"://{written}@")
                responses = [await session.get(f"{target.url}/page.html", proxy=url) for _ in range(2)]
                heard = [_login_of(line.authorization) for line in proxy.log]
    assert [response.not_modified for response in responses] == [False, True]
    assert set(heard) == {(user, password)}
    assert all(request.get("proxy-authorization") is None for request in target.log)


def _login_of(authorization: str | None) -> tuple[bytes | None, bytes | None]:
    if authorization is None:
        return None, None
    user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).partition(b":")
    return user, password


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_open_proxy_gets_no_login(target: Origin, authority: Authority, scheme: str) -> None:
    async with Session(":memory:", ca_file=authority.ca_file) as session:
        if scheme.startswith("socks"):
            with SocksProxy() as socks:
                await session.get(f"{target.url}/page.html", proxy=socks.to(scheme))
                assert [(asked.user, asked.password) for asked in socks.log] == [(None, None)]
        else:
            with Proxy(tls=authority.server_context() if scheme == "https" else None) as proxy:
                await session.get(f"{target.url}/page.html", proxy=proxy.url)
                assert [line.authorization for line in proxy.log] == [None]
    assert len(target.log) == 1


async def test_login_of_bytes_that_are_no_text_reaches_an_http_proxy_as_it_is(
    target: Origin, authority: Authority
) -> None:
    with Proxy() as proxy:
        url = proxy.url.replace("://", "://al%E9:%FF%00@")
        async with Session(":memory:", ca_file=authority.ca_file) as session:
            await session.get(f"{target.url}/page.html", proxy=url)
        assert _login_of(proxy.log[0].authorization) == (b"al\xe9", b"\xff\x00")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize(
    "login", ["al%E9:hunter2", "alice:hunter2%FF", f"alice:hunter2{'x' * 250}", f"{'x' * 256}:hunter2"]
)
async def test_login_that_socks_cannot_carry_is_refused(scheme: str, login: str) -> None:
    url = f"{scheme}://{login}@127.0.0.1:1"
    with pytest.raises(InvalidRequestError) as caught:
        Request("http://127.0.0.1/", proxy=url)
    assert "hunter2" not in str(caught.value)
    assert f"{scheme}://127.0.0.1:1" in str(caught.value)


async def test_socks4_has_no_place_for_a_login() -> None:
    with pytest.raises(InvalidRequestError, match=r"socks4://127\.0\.0\.1:1") as caught:
        Request("http://127.0.0.1/", proxy="socks4://alice:hunter2@127.0.0.1:1")
    assert "hunter2" not in str(caught.value)


async def test_socks5h_and_http_leave_names_to_the_proxy(target: Origin, authority: Authority) -> None:
    url = f"{target.url}/page.html".replace("127.0.0.1", FAR)
    async with Session(":memory:", ca_file=authority.ca_file) as session:
        with SocksProxy(names={FAR: "127.0.0.1"}) as socks:
            assert (await session.get(url, proxy=socks.to("socks5h"))).content == b"one"
            assert [(asked.host, asked.is_name, asked.port) for asked in socks.log] == [(FAR, True, target.port)]
        with Proxy() as proxy:
            # It looks names up where everybody does, and nobody has this one.
            with contextlib.suppress(ProxyError):
                assert (await session.get(url, proxy=proxy.url)).status == 502
            assert f"{FAR}:{target.port}" in proxy.log[0].target


async def test_socks5_resolves_names_here(target: Origin, authority: Authority) -> None:
    async with Session(":memory:", ca_file=authority.ca_file) as session:
        with SocksProxy(names={FAR: "127.0.0.1"}) as socks:
            url = f"{target.url}/page.html"
            response = await session.get(url.replace("127.0.0.1", "localhost"), proxy=socks.to("socks5"))
            assert response.content == b"one"
            with pytest.raises(ProxyError) as caught:
                await session.get(url.replace("127.0.0.1", FAR), proxy=socks.to("socks5"))
            assert FAR in str(caught.value)
            assert [(asked.host, asked.is_name) for asked in socks.log] == [("127.0.0.1", False)]


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_socks_carries_to_addresses_of_ipv6(scheme: str) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server, SocksProxy() as socks:
        port = server.getsockname()[1]
        async with Session(":memory:", read_timeout=0.5, connect_timeout=2.0) as session:
            # Nobody answers there: it is about whom the proxy was asked for.
            with pytest.raises(RequestError):
                await session.get(f"http://[::1]:{port}/", proxy=socks.to(scheme))
        assert [(asked.host, asked.is_name, asked.port) for asked in socks.log] == [("::1", False, port)]


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_wrong_login_is_a_proxy_error_without_it(scheme: str, target: Origin) -> None:
    with SocksProxy(user=b"alice", password=b"right") as socks:
        async with Session(":memory:") as session:
            for login in ("alice:hunter2@", ""):
                with pytest.raises(ProxyError) as caught:
                    await session.get(f"{target.url}/page.html", proxy=socks.to(scheme, login))
                assert f"{scheme}://127.0.0.1:{socks.port}" in str(caught.value)
                assert "hunter2" not in repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
        assert socks.refused == 2
    assert not target.log


async def test_origin_that_refuses_behind_socks_is_a_proxy_error() -> None:
    with refusing() as port, SocksProxy() as socks:
        async with Session(":memory:") as session:
            with pytest.raises(ProxyError):
                await session.get(f"http://127.0.0.1:{port}/", proxy=socks.to("socks5h"))


@pytest.mark.parametrize("scheme", ["https", "socks5", "socks5h"])
async def test_proxy_that_never_answers_is_a_connect_timeout(scheme: str, target: Origin) -> None:
    with silent() as port:
        async with Session(":memory:", connect_timeout=0.3, read_timeout=5.0) as session:
            with pytest.raises(ConnectTimeout) as caught:
                await session.get(f"{target.url}/page.html", proxy=f"{scheme}://alice:hunter2@127.0.0.1:{port}")
    assert "hunter2" not in str(caught.value)


async def test_https_proxy_that_nobody_vouches_for_is_not_spoken_to(target: Origin, authority: Authority) -> None:
    # What is behind it is trusted by nobody here either; but for a page by http the proxy alone can be meant.
    expected = ProxyError if target.url.startswith("http:") else TlsError
    with Proxy(tls=authority.server_context()) as proxy:
        async with Session(":memory:") as session:
            with pytest.raises(expected) as caught:
                await session.get(f"{target.url}/page.html", proxy=proxy.url.replace("://", "://alice:hunter2@"))
        assert not proxy.log
    assert (proxy.url in str(caught.value)) == (expected is ProxyError)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("http://nowhere.invalid:80", "http://nowhere.invalid:80"),
        ("https://nowhere.invalid:443/", "https://nowhere.invalid:443"),
        ("socks5://NOWHERE.invalid:1080", "socks5://nowhere.invalid:1080"),
        ("socks5h://nowhere.invalid.:1080", "socks5h://nowhere.invalid:1080"),
    ],
)
async def test_proxy_that_is_not_there_is_named_by_its_endpoint(given: str, endpoint: str) -> None:
    async with Session(":memory:") as session:
        with pytest.raises(ProxyError) as caught:
            await session.get("http://127.0.0.1/", proxy=given.replace("://", "://alice:hunter2@"))
    assert f"{endpoint} " in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        "http://alice:hunter2@127.0.0.1",
        "socks5h://alice:hunter2@127.0.0.1",
        "http://alice:hunter2%zz@127.0.0.1:1",
        "ftp://alice:hunter2@127.0.0.1:1",
        "socks4a://alice:hunter2@127.0.0.1:1",
        "socks://alice:hunter2@127.0.0.1:1",
        "alice:hunter2@127.0.0.1:1",
        "127.0.0.1:1",
        "127.0.0.1:1:alice:hunter2",
        "http://127.0.0.1:1:alice:hunter2",
        "http://alice:hunter2@:1",
        "http://alice:hunter2@127.0.0.1:port",
        "http://alice:hunter2@127.0.0.1:65536",
        "http://alice:hunter2@127.0.0.1:1/path",
        "http://alice:hunter2@ho st:1",
        "http://alice:hun/ter2@127.0.0.1:1",
        "http://alice:hun#hunter2@127.0.0.1:1",
        "http://alice:hun?hunter2@127.0.0.1:1",
        "",
        "http://",
    ],
)
async def test_proxy_that_is_none_is_refused_without_its_secret(given: str) -> None:
    with pytest.raises(InvalidRequestError, match="proxy") as caught:
        Request("http://127.0.0.1/", proxy=given)
    assert "hunter2" not in str(caught.value)
    assert "ter2" not in str(caught.value)
    assert caught.value.__cause__ is None or "ter2" not in repr(caught.value.__cause__)


async def test_every_printable_character_of_a_password_arrives(target: Origin, authority: Authority) -> None:
    odd = "".join(map(chr, range(0x20, 0x7F)))
    async with Session(":memory:", ca_file=authority.ca_file) as session:
        with SocksProxy(user=b"alice", password=odd.encode()) as socks:
            await session.get(f"{target.url}/page.html", proxy=socks.to("socks5", f"alice:{quote(odd, safe='')}@"))
        with Proxy(user="alice", password=odd) as proxy:
            url = proxy.url.replace("://", f"://alice:{quote(odd, safe='')}@")
            await session.get(f"{target.url}/page.html", proxy=url)
    assert len(target.log) == 2
