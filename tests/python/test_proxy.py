"""The test proxy passes on, tunnels, refuses and logs."""

from __future__ import annotations

import contextlib
import http.client
from typing import TYPE_CHECKING

from origin import Origin, Page, refusing, status
from plain_client import fetch

if TYPE_CHECKING:
    from origin import Authority
    from proxy import Proxy


def test_proxy_passes_absolute_form_on(origin: Origin, proxy: Proxy) -> None:
    url = origin.on("/page", Page(b"one", etag='"x"')) + "?q"
    assert fetch(url, proxy=proxy.port)[2] == b"one"
    assert fetch(url, {"If-None-Match": '"x"', "Proxy-Authorization": "Basic eA=="}, proxy=proxy.port)[0] == 304
    assert origin.last.target == "/page?q"
    assert origin.last.get("proxy-authorization") is None
    assert [line.target for line in proxy.log] == [url, url]
    assert proxy.log[1].authorization == "Basic eA=="


def test_proxy_tunnels_tls(tls_origin: Origin, proxy: Proxy, authority: Authority) -> None:
    tls_origin.on("/", status(200, b"secret"))
    context = authority.client_context()
    connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=5.0, context=context)
    connection.set_tunnel("127.0.0.1", tls_origin.port)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"secret"
    assert (proxy.log[0].method, proxy.log[0].target) == ("CONNECT", f"127.0.0.1:{tls_origin.port}")


def test_guarded_proxy_wants_credentials(origin: Origin, guarded_proxy: Proxy) -> None:
    url = origin.on("/", Page(b"one"))
    code, headers, _ = fetch(url, proxy=guarded_proxy.port)
    assert (code, headers["Proxy-Authenticate"]) == (407, 'Basic realm="proxy"')
    assert fetch(url, {"Proxy-Authorization": "Basic dXNlcjpzZWNyZXQ="}, proxy=guarded_proxy.port)[0] == 200
    assert guarded_proxy.url_with_credentials == f"http://user:secret@127.0.0.1:{guarded_proxy.port}"
    assert [line.refused for line in guarded_proxy.log] == [407, None]
    guarded_proxy.refuse = 503
    assert fetch(url, proxy=guarded_proxy.port)[0] == 503


def test_proxy_to_nowhere_is_502(proxy: Proxy) -> None:
    with refusing() as port:
        assert fetch(f"http://127.0.0.1:{port}/", proxy=proxy.port)[0] == 502
