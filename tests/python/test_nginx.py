"""The tests' nginx serves, codes, encrypts, logs, and is gone when it should be."""

from __future__ import annotations

import gzip
import socket
from typing import TYPE_CHECKING

import pytest

from plain_client import fetch

if TYPE_CHECKING:
    from conftest import ServeNginx
    from nginx import Nginx
    from origin import Authority


def test_nginx_validates_and_logs(nginx_site: Nginx) -> None:
    url = nginx_site.write("a/page.html", "<p>one</p>", modified=1_700_000_000)
    _, headers, body = fetch(url)
    assert body == b"<p>one</p>"
    assert headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert fetch(url, {"If-None-Match": headers["ETag"]})[0] == 304
    nginx_site.write("a/page.html", "<p>two!</p>")
    assert fetch(url, {"If-None-Match": headers["ETag"]})[2] == b"<p>two!</p>"
    lines = nginx_site.log(3)
    assert [line.status for line in lines] == [200, 304, 200]
    assert [line.if_none_match for line in lines] == ["", headers["ETag"], headers["ETag"]]
    assert lines[0].body_bytes_sent == 10
    assert lines[1].bytes_sent < lines[0].bytes_sent


def test_nginx_with_gzip_codes_and_weakens(serve_nginx: ServeNginx) -> None:
    nginx = serve_nginx(gzip=True)
    url = nginx.write("page.html", "<p>one</p>" * 100)
    _, headers, body = fetch(url, {"Accept-Encoding": "gzip"})
    assert gzip.decompress(body) == b"<p>one</p>" * 100
    assert headers["ETag"].startswith("W/")
    assert "Content-Encoding" not in fetch(url)[1]


def test_nginx_speaks_http2_over_tls(serve_nginx: ServeNginx, authority: Authority) -> None:
    nginx = serve_nginx(tls=authority, http2=True)
    context = authority.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", nginx.port), timeout=5.0) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wire,
    ):
        assert wire.selected_alpn_protocol() == "h2"


def test_nginx_is_gone_after_stop(serve_nginx: ServeNginx) -> None:
    nginx = serve_nginx()
    nginx.stop()
    with pytest.raises(ConnectionRefusedError):
        fetch(nginx.url)


def test_nginx_with_a_wrong_configuration_says_so(serve_nginx: ServeNginx) -> None:
    with pytest.raises(RuntimeError, match="no_such_directive"):
        serve_nginx(extra="no_such_directive on;")
