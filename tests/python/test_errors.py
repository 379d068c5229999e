"""Each way in which a request can fail is one exception, which knows its request."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from misbehaviours import MISBEHAVIOURS
from notmodified import (
    BodyTooLargeError,
    Cache,
    ConnectError,
    ConnectTimeout,
    IncompleteBodyError,
    InvalidRequestError,
    NotModifiedError,
    ProtocolError,
    ProxyError,
    Request,
    RequestError,
    RequestTimeout,
    Session,
    StoreError,
    TlsError,
    TooManyRedirectsError,
    TotalTimeout,
    UnexpectedNotModifiedError,
)
from origin import (
    Authority,
    Origin,
    Page,
    drip,
    full_backlog,
    hang_before_reply,
    injected,
    refusing,
    silent,
)
from proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from nginx import Nginx

QUICK: dict[str, Any] = {"connect_timeout": 0.3, "read_timeout": 0.3, "max_body": 10_000}


async def failure(request: Request, **options: Any) -> RequestError:  # noqa: ANN401
    """Fail a request; the error is checked for what every error has to tell."""
    async with Session(":memory:", **(QUICK | options)) as session:
        with pytest.raises(RequestError) as caught:
            await session.send(request)
        assert session.stats()["errors"] >= 1 or isinstance(
            caught.value, (TooManyRedirectsError, UnexpectedNotModifiedError)
        )
        assert session.stats()["outcomes"]["new"] == 0
    error = caught.value
    assert (error.request, error.url) == (request, request.url)
    assert "127.0.0.1" in str(error) or "nowhere.invalid" in str(error)
    return error


@pytest.mark.parametrize("name", MISBEHAVIOURS)
async def test_origin_that_misbehaves_is_one_exception(origin: Origin, name: str) -> None:
    handler, expected = MISBEHAVIOURS[name]
    error = await failure(Request(origin.on("/page.html", handler)))
    assert type(error) is expected
    assert not any(request.has_condition() for request in origin.log)


async def test_folded_field_is_no_misbehaviour(origin: Origin) -> None:
    async with Session(":memory:") as session:
        response = await session.get(origin.on("/page.html", injected(b"X-A: 1\r\n  2")))
    assert response.headers["x-a"].split() == ["1", "2"]


async def test_refused_connection_is_a_connect_error() -> None:
    with refusing() as port:
        error = await failure(Request(f"http://127.0.0.1:{port}/"))
    assert type(error) is ConnectError
    assert isinstance(error, ConnectionError)


async def test_name_that_nobody_has_is_a_connect_error() -> None:
    error = await failure(Request("http://nowhere.invalid/"), connect_timeout=5.0)
    assert type(error) is ConnectError


async def test_connection_that_hangs_is_a_connect_timeout() -> None:
    with full_backlog() as port:
        error = await failure(Request(f"http://127.0.0.1:{port}/"), read_timeout=5.0)
    assert type(error) is ConnectTimeout
    assert "connect_timeout" in str(error)


async def test_handshake_that_hangs_is_a_connect_timeout() -> None:
    with silent() as port:
        error = await failure(Request(f"https://127.0.0.1:{port}/"), read_timeout=5.0, verify=False)
    assert type(error) is ConnectTimeout


async def test_slow_body_that_never_falls_silent_is_a_total_timeout(origin: Origin) -> None:
    url = origin.on("/page.html", drip(b"x" * 1000, 0.01))
    error = await failure(Request(url, timeout=0.3))
    assert type(error) is TotalTimeout
    assert "timeout" in str(error)
    assert (await failure(Request(url), timeout=0.2)).__class__ is TotalTimeout


async def test_slow_body_within_its_time_is_whole(origin: Origin) -> None:
    async with Session(":memory:", read_timeout=0.3, timeout=10.0) as session:
        response = await session.get(origin.on("/page.html", drip(b"x" * 10, 0.05)))
    assert response.content == b"x" * 10


async def test_timeouts_are_timeout_errors(origin: Origin) -> None:
    error = await failure(Request(origin.on("/hang", hang_before_reply)))
    assert isinstance(error, (RequestTimeout, TimeoutError))
    assert isinstance(error, TimeoutError)
    assert "read_timeout" in str(error)


async def test_certificate_of_a_stranger_is_a_tls_error(tls_origin: Origin) -> None:
    error = await failure(Request(tls_origin.on("/page.html", Page(b"one"))), connect_timeout=5.0)
    assert type(error) is TlsError
    assert isinstance(error, ConnectionError)
    assert not tls_origin.log


async def test_certificate_for_another_name_is_a_tls_error(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "other.example")
    with Origin(tls=authority.server_context()) as other:
        error = await failure(
            Request(other.on("/page.html", Page(b"one"))), ca_file=authority.ca_file, connect_timeout=5.0
        )
    assert type(error) is TlsError


async def test_https_to_a_plain_server_is_a_tls_error(nginx_site: Nginx, authority: Authority) -> None:
    url = nginx_site.url.replace("http://", "https://")
    error = await failure(Request(url), ca_file=authority.ca_file, connect_timeout=5.0)
    assert type(error) is TlsError


async def test_proxy_that_refuses_connections_is_a_proxy_error(origin: Origin) -> None:
    with refusing() as port:
        error = await failure(Request(origin.url, proxy=f"http://127.0.0.1:{port}"))
    assert type(error) is ProxyError
    assert f"127.0.0.1:{port}" in str(error)
    assert not origin.log


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_proxy_that_wants_credentials_is_a_proxy_error(guarded_proxy: Proxy, scheme: str) -> None:
    error = await failure(Request(f"{scheme}://127.0.0.1:1/", proxy=guarded_proxy.url), verify=False)
    assert type(error) is ProxyError


async def test_proxy_that_refuses_the_tunnel_is_a_proxy_error() -> None:
    with Proxy(refuse=403) as closed:
        error = await failure(Request("https://127.0.0.1:1/", proxy=closed.url), verify=False)
    assert type(error) is ProxyError


@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])
async def test_socks_proxy_that_is_none_is_a_proxy_error(origin: Origin, scheme: str) -> None:
    with refusing() as port:
        error = await failure(Request(origin.url, proxy=f"{scheme}://127.0.0.1:{port}"))
    assert type(error) is ProxyError
    assert not origin.log


async def test_error_leaves_the_session_in_order(origin: Origin) -> None:
    async with Session(":memory:", **QUICK) as session:
        for name, (handler, _) in MISBEHAVIOURS.items():
            with contextlib.suppress(RequestError):
                await session.get(origin.on(f"/{name}", handler), timeout=0.1)
        assert (await session.get(origin.on("/page.html", Page(b"one")))).content == b"one"


async def test_errors_of_many_at_once_are_each_ones_own(origin: Origin) -> None:
    expected = [kind for _, kind in MISBEHAVIOURS.values()]
    urls = [origin.on(f"/{name}", handler) for name, (handler, _) in MISBEHAVIOURS.items()]
    # The origin has one thread for all of them, floods included: it may seem silent for a while.
    async with Session(":memory:", **(QUICK | {"connect_timeout": 3.0, "read_timeout": 3.0})) as session:
        results = await asyncio.gather(*(session.get(url) for url in urls), return_exceptions=True)
    assert [type(result) for result in results] == expected


def store_in_a_file(tmp_path: Path) -> Path:
    """Put a file where the store should be."""
    place = tmp_path / "file"
    place.write_bytes(b"not a directory")
    return place


def store_of_another_sort(tmp_path: Path) -> Path:
    """Make a directory whose database is none."""
    place = tmp_path / "foreign"
    place.mkdir()
    (place / "data.mdb").write_bytes(b"something else " * 1000)
    return place


@pytest.mark.parametrize("make", [store_in_a_file, store_of_another_sort])
def test_store_that_cannot_be_opened_is_a_store_error(tmp_path: Path, make: Any) -> None:  # noqa: ANN401
    place = make(tmp_path)
    with pytest.raises(StoreError) as caught:
        Cache(place)
    assert isinstance(caught.value, OSError)
    assert str(place) in str(caught.value)

    async def opened() -> None:
        async with Session(place):
            pass

    with pytest.raises(StoreError, match=place.name):
        asyncio.run(opened())


def test_errors_of_requests_are_found_by_one_name() -> None:
    for error in (ConnectError, RequestTimeout, ProtocolError, IncompleteBodyError, BodyTooLargeError):
        assert issubclass(error, RequestError)
    assert issubclass(RequestError, NotModifiedError)
    assert issubclass(InvalidRequestError, ValueError)
