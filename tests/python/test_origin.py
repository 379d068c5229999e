"""The scripted origin does what it claims: seen through plain clients, never through the package under test."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from origin import (
    AUTO,
    Gate,
    Origin,
    Page,
    Reply,
    bomb,
    close_delimited,
    cut,
    drip,
    echo,
    endless,
    full_backlog,
    hang_before_reply,
    hang_in_body,
    hang_in_headers,
    held,
    injected,
    redirect,
    refusing,
    sequence,
    silent,
    status,
)
from plain_client import fetch, talk

if TYPE_CHECKING:
    from origin import Authority, Handler


def test_request_is_logged_byte_for_byte(origin: Origin) -> None:
    origin.on("/a", status(200))
    talk(origin.port, b"GET /a?b HTTP/1.1\r\nhOST: x\r\nX-Tag: \xe9\r\nX-Tag: 2\r\nConnection: close\r\n\r\n")
    assert origin.last.target == "/a?b"
    assert origin.last.path == "/a"
    assert origin.last.query == "b"
    assert origin.last.fields[:3] == ((b"hOST", b"x"), (b"X-Tag", b"\xe9"), (b"X-Tag", b"2"))
    assert origin.last.get_all("x-tag") == ["\xe9", "2"]


def test_keep_alive_requests_share_a_connection(origin: Origin) -> None:
    origin.on("/", status(200, b"x"))
    connection = http.client.HTTPConnection("127.0.0.1", origin.port, timeout=5.0)
    with contextlib.closing(connection):
        for _ in range(2):
            connection.request("POST", "/", body=b"sent")
            connection.getresponse().read()
    fetch(origin.url + "/")
    assert [request.connection for request in origin.log] == [1, 1, 2]
    assert origin.log[0].body == b"sent"
    assert origin.log[0].finished
    assert origin.connections == 2
    origin.wait_until(lambda: origin.open_connections == 0)


def test_unknown_path_is_404(origin: Origin) -> None:
    assert fetch(origin.url + "/nowhere")[0] == 404


def test_failing_handler_fails_the_test() -> None:
    def broken(_: object) -> Reply:
        raise LookupError("broken")

    def use() -> None:
        with Origin() as origin:
            url = origin.on("/", broken)
            with pytest.raises(http.client.RemoteDisconnected):
                fetch(url)

    with pytest.raises(LookupError, match="broken"):
        use()


@pytest.mark.parametrize("weak", [False, True])
def test_page_asked_with_its_tag_is_304(origin: Origin, *, weak: bool) -> None:
    page = Page(b"one", weak=weak, vary="Accept", set_cookie="a=b")
    url = origin.on("/", page)
    code, headers, body = fetch(url)
    assert (code, body) == (200, b"one")
    assert headers["ETag"].startswith("W/") is weak
    code, again, body = fetch(url, {"If-None-Match": f'"other", {headers["ETag"]}'})
    assert (code, body) == (304, b"")
    assert again["ETag"] == headers["ETag"]
    assert (again["Vary"], again["Set-Cookie"]) == ("Accept", "a=b")
    assert (again["Content-Length"], again["Content-Type"]) == (None, None)
    assert (page.full, page.not_modified) == (1, 1)


def test_changed_page_has_other_validators(origin: Origin) -> None:
    page = Page(b"one", last_modified=AUTO)
    url = origin.on("/", page)
    _, before, _ = fetch(url)
    page.content = b"two"
    conditions = {"If-None-Match": before["ETag"], "If-Modified-Since": before["Last-Modified"]}
    code, after, body = fetch(url, conditions)
    assert (code, body) == (200, b"two")
    assert after["ETag"] != before["ETag"]
    assert after["Last-Modified"] > before["Last-Modified"]


def test_page_without_tag_is_validated_by_whatever_stands_as_date(origin: Origin) -> None:
    url = origin.on("/", Page(b"one", etag=None, last_modified="1700000000123"))
    assert fetch(url)[1]["Last-Modified"] == "1700000000123"
    assert fetch(url, {"If-Modified-Since": "1700000000123"})[0] == 304
    assert fetch(url, {"If-Modified-Since": "1700000000124"})[0] == 200


def test_tag_decides_before_the_date(origin: Origin) -> None:
    url = origin.on("/", Page(b"one", last_modified="x"))
    assert fetch(url, {"If-None-Match": '"other"', "If-Modified-Since": "x"})[0] == 200


def test_obs_text_tag_is_kept(origin: Origin) -> None:
    origin.on("/", Page(b"one", etag=b'"\xe9\x80"'))
    answer = talk(origin.port, b'GET / HTTP/1.1\r\nIf-None-Match: "\xe9\x80"\r\nConnection: close\r\n\r\n')
    assert answer.startswith(b"HTTP/1.1 304 ")
    assert b'\r\nETag: "\xe9\x80"\r\n' in answer


def test_gzip_page_has_a_tag_of_its_own_and_honours_both(origin: Origin) -> None:
    url = origin.on("/", Page(b"one", etag='"x"', gzip=True, gzip_suffix="-gzip"))
    _, headers, body = fetch(url, {"Accept-Encoding": "gzip"})
    assert (headers["ETag"], headers["Content-Encoding"]) == ('"x-gzip"', "gzip")
    assert gzip.decompress(body) == b"one"
    assert fetch(url)[1]["ETag"] == '"x"'
    assert fetch(url, {"If-None-Match": '"x-gzip"'})[0] == 304
    assert fetch(url, {"If-None-Match": '"x"'})[0] == 304


def test_page_knobs_do_what_they_say(origin: Origin) -> None:
    page = Page(b"one", etag='"x"', extra_on_304=[("X-New", "1")], etag_on_304=None)
    url = origin.on("/", page)
    bare = fetch(url, {"If-None-Match": '"x"'})[1]
    assert (bare["ETag"], bare["X-New"]) == (None, "1")
    page.etag_on_304 = '"y"'
    assert fetch(url, {"If-None-Match": '"x"'})[1]["ETag"] == '"y"'
    page.ignores_conditions = True
    assert fetch(url, {"If-None-Match": '"x"'})[0] == 200
    page.orphan_304s = 1
    assert [fetch(url)[0] for _ in range(2)] == [304, 200]
    page.interludes.append(Reply(503))
    assert [fetch(url)[0] for _ in range(2)] == [503, 200]


def test_redirect_sequence_and_echo(origin: Origin) -> None:
    url = origin.on("/", sequence(redirect("/there", 301), Reply(500), echo))
    code, headers, _ = fetch(url)
    assert (code, headers["Location"]) == (301, "/there")
    assert fetch(url)[0] == 500
    assert ["X-A", "1"] in json.loads(fetch(url, {"X-A": "1"})[2])["fields"]
    assert fetch(url, method="HEAD")[2] == b""


def test_bodies_arrive_in_every_framing(origin: Origin) -> None:
    body = bytes(range(256)) * 1000
    origin.on("/length", Reply(200, body=body))
    origin.on("/chunked", Reply(200, body=body, chunked=True))
    origin.on("/close", close_delimited(body))
    origin.on("/drip", drip(b"slow", 0.001))
    assert [fetch(origin.url + path)[2] for path in ("/length", "/chunked", "/close")] == [body] * 3
    assert fetch(origin.url + "/drip")[2] == b"slow"
    assert origin.requests("/length")[0].sent > len(body)


@pytest.mark.parametrize("chunked", [False, True])
def test_cut_body_arrives_in_part(origin: Origin, *, chunked: bool) -> None:
    url = origin.on("/", cut(b"0123456789", 4, chunked=chunked))
    with pytest.raises(http.client.IncompleteRead) as caught:
        fetch(url)
    assert caught.value.partial in {b"", b"0123"}


def test_reset_body_ends_in_rst(origin: Origin) -> None:
    url = origin.on("/", cut(b"0123456789", 4, reset=True))
    with pytest.raises(ConnectionResetError):
        fetch(url)


@pytest.mark.parametrize("handler", [hang_before_reply, hang_in_headers, hang_in_body(), hang_in_body(chunked=True)])
def test_hanging_origin_lets_the_client_wait(origin: Origin, handler: Handler) -> None:
    url = origin.on("/", handler)
    with pytest.raises(TimeoutError):
        fetch(url, timeout=0.2)
    # ... and takes notice when the client gives up.
    origin.wait_until(lambda: origin.open_connections == 0)
    assert not origin.last.finished


def test_delay_and_gate_hold_the_answer_back(origin: Origin) -> None:
    gate = Gate()
    url = origin.on("/", held(gate, Page(b"one")))
    release = threading.Timer(0.1, gate.set)
    begun = time.monotonic()
    release.start()
    assert fetch(url)[2] == b"one"
    assert time.monotonic() - begun >= 0.1
    release.join()
    begun = time.monotonic()
    fetch(origin.on("/delay", Reply(delay=0.1)))
    assert time.monotonic() - begun >= 0.1


@pytest.mark.parametrize("chunked", [False, True])
def test_endless_body_goes_on_and_stops_with_the_client(origin: Origin, *, chunked: bool) -> None:
    origin.on("/", endless(chunked=chunked))
    with socket.create_connection(("127.0.0.1", origin.port), timeout=5.0) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\n\r\n")
        received = 0
        while received < 10_000_000:
            received += len(wire.recv(1 << 20))
    origin.wait_until(lambda: origin.open_connections == 0)


def test_bomb_is_small_and_decodes_large(origin: Origin) -> None:
    body = fetch(origin.on("/", bomb(5_000_000)))[2]
    assert len(body) < 10_000
    assert gzip.decompress(body) == bytes(5_000_000)


def test_injected_lines_and_raw_bytes_are_sent_as_they_are(origin: Origin) -> None:
    origin.on("/lines", injected(b"X-A: 1\r\n folded\r\nX-B: \x01\rx"))
    assert b"\r\nX-A: 1\r\n folded\r\nX-B: \x01\rx\r\n\r\nok" in talk(origin.port, b"GET /lines HTTP/1.1\r\n\r\n")
    origin.on("/raw", Reply(raw=b"ICY 200 OK\r\n\r\n"))
    assert talk(origin.port, b"GET /raw HTTP/1.1\r\n\r\n") == b"ICY 200 OK\r\n\r\n"


def test_stalled_addresses_begin_no_conversation() -> None:
    with refusing() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5.0)
    with (
        silent() as port,
        pytest.raises(TimeoutError),
        socket.create_connection(("127.0.0.1", port), 0.2) as wire,
    ):
        wire.recv(1)
    with full_backlog() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), timeout=0.2)


def test_tls_origin_is_trusted_by_its_authority_alone(tls_origin: Origin, authority: Authority) -> None:
    tls_origin.on("/", status(200, b"secret"))
    address = ("127.0.0.1", tls_origin.port)
    connection = http.client.HTTPSConnection(*address, timeout=5.0, context=authority.client_context())
    with contextlib.closing(connection):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"secret"
    assert not tls_origin.last.tls_resumed
    stranger = http.client.HTTPSConnection(*address, timeout=5.0, context=ssl.create_default_context())
    with contextlib.closing(stranger), pytest.raises(ssl.SSLCertVerificationError):
        stranger.request("GET", "/")


@pytest.mark.every_loop
async def test_async_tests_wait_without_blocking_their_loop(origin: Origin) -> None:
    threading.Timer(0.05, lambda: fetch(origin.url + "/late")).start()
    await origin.eventually(lambda: len(origin.log) == 1)
    assert origin.last.path == "/late"


def test_resumed_tls_session_is_told(tls_origin: Origin, authority: Authority) -> None:
    tls_origin.on("/", status(200))
    context = authority.client_context()
    # Before TLS 1.3 the session is complete with the handshake; later it comes with the answer.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = None
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", tls_origin.port), timeout=5.0) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as wire,
        ):
            wire.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            wire.recv(100)
            session = wire.session
    assert [request.tls_resumed for request in tls_origin.log] == [False, True]
