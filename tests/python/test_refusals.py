"""What cannot be meant is refused where it is written, with its value and what to write instead."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, Headers, InvalidRequestError, Request, Response, Session

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1/"

# What is given, and what the refusal has to name: the value, and a remedy.
REQUESTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no-scheme": ({"url": "example.org/page"}, ["example.org/page", "http://"]),
    "other-scheme": ({"url": "ftp://example.org/"}, ["ftp://example.org", "http"]),
    "no-host": ({"url": "http://"}, ["http://host"]),
    "bad-port": ({"url": "http://example.org:99999/"}, ["99999"]),
    "empty-url": ({"url": ""}, ["http://host"]),
    "relative-url": ({"url": "/page.html"}, ["/page.html", "http://host"]),
    "url-none": ({"url": None}, ["NoneType", "str"]),
    "url-bytes": ({"url": b"http://127.0.0.1/"}, ["bytes", "str"]),
    "url-number": ({"url": 7}, ["int", "str"]),
    "long-url": ({"url": URL + "x" * 70_000}, ["65536"]),
    "method-with-space": ({"method": "GET /"}, ["GET /", "GET"]),
    "empty-method": ({"method": ""}, ["GET"]),
    "connect": ({"method": "CONNECT"}, ["CONNECT", "proxy="]),
    "line-break-in-value": ({"headers": {"X-A": "1\r\nX-B: 2"}}, ["x-a", "line break"]),
    "nul-in-value": ({"headers": {"X-A": b"1\x00"}}, ["x-a", "NUL"]),
    "line-break-in-name": ({"headers": {"X\nA": "1"}}, ["name"]),
    "colon-in-name": ({"headers": {"X-A:": "1"}}, ["x-a:", "name"]),
    "empty-name": ({"headers": {"": "1"}}, ["name"]),
    "other-alphabet": ({"headers": {"X-A": "\u20ac"}}, ["latin-1", "bytes"]),
    "number-as-value": ({"headers": {"X-A": 1}}, ["int", "str"]),
    "none-as-value": ({"headers": {"X-A": None}}, ["NoneType", "str"]),
    "string-as-headers": ({"headers": "X-A: 1"}, ["mapping", "pairs"]),
    "number-as-headers": ({"headers": 7}, ["mapping", "pairs"]),
    "triples-as-headers": ({"headers": [("a", "b", "c")]}, ["pairs"]),
    "content-length": ({"headers": {"Content-Length": "3"}}, ["content-length", "leave it out"]),
    "transfer-encoding": ({"headers": {"Transfer-Encoding": "chunked"}}, ["transfer-encoding", "leave it out"]),
    "proxy-authorization": ({"headers": {"Proxy-Authorization": "x"}}, ["proxy-authorization", "proxy="]),
    "number-as-content": ({"method": "POST", "content": 7}, ["int", "bytes"]),
    "list-as-content": ({"method": "POST", "content": [1, 2]}, ["list", "bytes"]),
    "mapping-as-content": ({"method": "POST", "content": {"a": 1}}, ["dict", "bytes"]),
    "empty-identity": ({"identity": ""}, ["identity", "None"]),
    "long-identity": ({"identity": "x" * 5000}, ["5000", "4096"]),
    "megabyte-identity": ({"identity": "x" * (1 << 20)}, ["1048576", "4096"]),
    "number-as-identity": ({"identity": 7}, ["identity", "int", "str"]),
    "bytes-as-identity": ({"identity": b"shop-7"}, ["identity", "bytes", "str"]),
    "surrogate-identity": ({"identity": "shop\udc80"}, ["identity", "surrogate"]),
    "timeout-0": ({"timeout": 0}, ["timeout=0", "greater than 0"]),
    "timeout-negative": ({"timeout": -1.5}, ["timeout=-1.5", "greater than 0"]),
    "timeout-nan": ({"timeout": float("nan")}, ["timeout=", "greater than 0"]),
    "timeout-infinite": ({"timeout": float("inf")}, ["timeout=", "seconds"]),
    "proxy-without-scheme": ({"proxy": "127.0.0.1:8080"}, ["127.0.0.1:8080", "http://"]),
    "proxy-of-another-scheme": ({"proxy": "ftp://127.0.0.1:8080"}, ["proxy", "scheme", "socks5"]),
    "proxy-with-path": ({"proxy": "http://127.0.0.1:8080/path"}, ["127.0.0.1:8080", "path"]),
    "empty-proxy": ({"proxy": ""}, ["proxy", "http://"]),
    "proxy-without-port": ({"proxy": "http://user:hunter2@gate.example"}, ["http://gate.example", "port"]),
    "socks-without-port": ({"proxy": "socks5://gate.example"}, ["socks5://gate.example", "port"]),
    "proxy-with-odd-escape": ({"proxy": "http://user:hunter2%@gate.example:1"}, ["gate.example:1", "%25"]),
    "proxy-with-slash": ({"proxy": "http://user:1/hunter2@gate.example:1"}, ["http://", "%2F"]),
    "proxy-with-backslash": ({"proxy": "http://user:hunter2\\x@gate.example:1"}, ["http://"]),
    "proxy-backwards": ({"proxy": "gate.example:1:user:hunter2"}, ["http://user:password@host:port"]),
    "number-as-proxy": ({"proxy": 8080}, ["proxy", "int", "str"]),
}
OPTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "freshness": ({"freshness": "always"}, ["always", "revalidate", "rfc9111"]),
    "consumer": ({"consumer": ""}, ["consumer", "None"]),
    "empty-store": ({"store": ""}, ["store", ":memory:"]),
    "store-url": ({"store": "redis://127.0.0.1/0"}, ["redis://127.0.0.1", "director"]),
    "max-body-0": ({"max_body": 0}, ["max_body=0", "at least 1"]),
    "max-body-negative": ({"max_body": -1}, ["max_body=-1", "at least 1"]),
    "min-interval-0": ({"min_interval": 0}, ["min_interval=0", "greater than 0"]),
    "min-interval-nan": ({"min_interval": float("nan")}, ["min_interval=", "greater than 0"]),
    "floors-unknown": ({"floors": ["retry-after", "etag"]}, ["floors", "'etag'", "retry-after", "max-age"]),
    "floors-text": ({"floors": "max-age"}, ["floors", "'max-age'", "tuple"]),
    "floors-number": ({"floors": 60}, ["floors", "60", "tuple"]),
    "full-every-0": ({"full_every": 0}, ["full_every=0", "polls above 0", "timedelta"]),
    "full-every-true": ({"full_every": True}, ["full_every=True", "polls above 0"]),
    "full-every-negative": ({"full_every": timedelta(days=-1)}, ["full_every=", "timedelta above 0"]),
    "full-every-text": ({"full_every": "daily"}, ["full_every='daily'", "timedelta"]),
    "sharing": ({"sharing": "isolate"}, ["sharing=", "isolate", "did you mean", "isolated"]),
    "sharing-number": ({"sharing": 7}, ["sharing=7", "isolated", "corroborated", "central"]),
    "k-0": ({"k": 0}, ["k=0", "1 to 16"]),
    "k-17": ({"k": 17}, ["k=17", "1 to 16"]),
    "k-huge": ({"k": 10**30}, ["k=1000", "1 to 16"]),
    "k-text": ({"k": "2"}, ["k='2'", "1 to 16"]),
    "k-half": ({"k": 2.5}, ["k=2.5", "1 to 16"]),
    "k-true": ({"k": True}, ["k=True", "1 to 16"]),
    "k-0-isolated": ({"k": 0, "sharing": "isolated"}, ["k=0", "1 to 16"]),
    "identity-by": ({"identity_by": "proxy-subnets"}, ["proxy-subnets", "did you mean", '"proxy-subnet"']),
    "identity-by-far": ({"identity_by": "x"}, ["proxy-subnet", "session", "request"]),
    "identity-by-empty": ({"identity_by": ""}, ["identity_by", "proxy-subnet"]),
    "identity-by-number": ({"identity_by": 7}, ["identity_by", "int", "callable"]),
    "rotating-text": ({"rotating": "gate.example:1"}, ["rotating", "list"]),
    "rotating-number": ({"rotating": 7}, ["rotating", "int", "list"]),
    "rotating-bytes": ({"rotating": [b"gate.example:1"]}, ["rotating", "bytes", "host:port"]),
    "rotating-empty": ({"rotating": ["gate.example:1", ""]}, ["rotating", "0 bytes", "host:port"]),
    "rotating-userinfo": ({"rotating": ["user:hunter2@gate.example:1"]}, ["rotating", "password", "host:port"]),
    "rotating-url": ({"rotating": ["http://gate.example:1"]}, ["rotating", "host:port"]),
    "rotating-backwards": ({"rotating": ["gate.example:1:user:hunter2"]}, ["rotating", "host:port"]),
}
SESSION_OPTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "timeout": ({"timeout": 0.0}, ["timeout=0", "greater than 0"]),
    "connect-timeout": ({"connect_timeout": -1.0}, ["connect_timeout=-1", "greater than 0"]),
    "read-timeout": ({"read_timeout": float("nan")}, ["read_timeout=", "greater than 0"]),
    "concurrency": ({"concurrency": 0}, ["concurrency=0", "at least 1"]),
    "concurrency-negative": ({"concurrency": -3}, ["concurrency=-3", "at least 1"]),
    "concurrency-per-host": ({"concurrency_per_host": 0}, ["concurrency_per_host=0", "at least 1"]),
    "delay": ({"delay": -0.1}, ["delay=-0.1", "0 or"]),
    "delay-nan": ({"delay": float("nan")}, ["delay=", "0 or"]),
    "max-redirects": ({"max_redirects": -1}, ["max_redirects=-1", "at least 0"]),
    "headers": ({"headers": {"X-A": "1\n"}}, ["x-a", "line break"]),
    "identity": ({"identity": ""}, ["identity", "None"]),
    "identity-number": ({"identity": 7}, ["identity", "int", "str"]),
    "proxy-without-port": ({"proxy": "http://user:hunter2@gate.example"}, ["http://gate.example", "port"]),
    "proxy": ({"proxy": "127.0.0.1:8080"}, ["127.0.0.1:8080", "http://"]),
}


def refused(call: Any, words: list[str]) -> None:  # noqa: ANN401
    """Refuse the call, with these words in the text."""
    with pytest.raises(InvalidRequestError) as caught:
        call()
    text = str(caught.value)
    assert not [word for word in words if word.lower() not in text.lower()], text
    assert len(text) < 500
    assert "hunter2" not in text


@pytest.mark.parametrize("name", REQUESTS)
def test_request_that_cannot_be_meant_is_refused(name: str) -> None:
    arguments, words = REQUESTS[name]
    refused(lambda: Request(**{"url": URL, **arguments}), words)


@pytest.mark.parametrize("name", REQUESTS)
async def test_session_refuses_it_before_anything_is_sent(name: str) -> None:
    arguments, words = REQUESTS[name]
    async with Session(":memory:") as session:
        with pytest.raises(InvalidRequestError) as caught:
            await session.request(**{"url": URL, "method": "GET", **arguments})
        assert session.stats()["requests"] == 0
    assert all(word.lower() in str(caught.value).lower() for word in words)


# What only the wire cannot send, a plan may hold; what could split a header section, not.
PLANNED = set(REQUESTS) - {
    "connect",
    "content-length",
    "transfer-encoding",
    "proxy-authorization",
    "proxy-with-path",
    *(name for name, (arguments, _) in REQUESTS.items() if {"content", "timeout"} & set(arguments)),
    *(name for name, (arguments, _) in REQUESTS.items() if not isinstance(arguments.get("url", URL), str)),
}


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_plan_that_cannot_be_meant_is_refused(name: str) -> None:
    arguments, words = REQUESTS[name]
    with Cache(":memory:") as cache:
        refused(lambda: cache.plan(**{"url": URL, "method": "GET", **arguments}), words)


@pytest.mark.parametrize("name", OPTIONS | SESSION_OPTIONS)
def test_session_option_that_cannot_be_meant_is_refused(name: str) -> None:
    options, words = (OPTIONS | SESSION_OPTIONS)[name]
    refused(lambda: Session(**{"store": ":memory:", **options}), words)


@pytest.mark.parametrize("name", OPTIONS)
def test_cache_option_that_cannot_be_meant_is_refused(name: str) -> None:
    options, words = OPTIONS[name]
    refused(lambda: Cache(**{"store": ":memory:", **options}), words)


def test_misspelt_option_is_a_type_error() -> None:
    misspelt: dict[str, Any] = {"concurency": 5}
    with pytest.raises(TypeError, match="concurency"):
        Session(":memory:", **misspelt)
    with pytest.raises(TypeError, match="concurency"):
        Cache(":memory:", **misspelt)
    with pytest.raises(TypeError, match="concurency"):
        Request(URL, **misspelt)


@pytest.mark.parametrize("content", [None, b"no certificate", b"-----BEGIN CERTIFICATE-----\nAA==\n"])
async def test_ca_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    ca_file = tmp_path / "authority.pem"
    if content is not None:
        ca_file.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=r"ca_file.*authority\.pem"):
        await Session(":memory:", ca_file=ca_file).open()


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        (URL, {}, ["many", "[str]"]),
        (b"x", {}, ["many"]),
        (7, {}, ["iterable", "int"]),
        (None, {}, ["iterable"]),
        ([], {"concurrency": 0}, ["concurrency=0", "at least 1"]),
        ([], {"errors": "ignore"}, ["ignore", "yield", "raise"]),
    ],
    ids=str,
)
def test_get_many_that_cannot_be_meant_is_refused(source: Any, options: dict[str, Any], words: list[str]) -> None:  # noqa: ANN401
    session = Session(":memory:")
    refused(lambda: session.get_many(source, **options), words)


def test_single_request_for_get_many_is_refused() -> None:
    source: Any = Request(URL)
    refused(lambda: Session(":memory:").get_many(source), ["many", "[request]"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"status": -1}, ["status", "-1"]),
        ({"status": 70_000}, ["status", "70000"]),
        ({"body": "text"}, ["str", "bytes"]),
        ({"headers": {"ETag": 7}}, ["int", "str"]),
        ({"elapsed": -1.0}, ["elapsed"]),
        ({"elapsed": float("nan")}, ["elapsed"]),
        ({"wire_bytes": -1}, ["wire_bytes", "-1"]),
    ],
    ids=str,
)
def test_answer_that_cannot_be_meant_is_refused_and_the_plan_can_still_be_settled(
    arguments: dict[str, Any], words: list[str]
) -> None:
    with Cache(":memory:") as cache:
        plan = cache.plan("GET", URL)
        refused(lambda: plan.settle(**{"status": 200, **arguments}), words)
        assert isinstance(plan.settle(200, {}, b"one"), Response)


def test_headers_of_another_alphabet_are_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        Headers({"X-A": "\u20ac"})


def test_usual_requests_are_not_refused() -> None:
    for method in ("GET", "PURGE", "M-SEARCH", "get"):
        Request(URL, method=method)
    Request(URL, headers={"Host": "a.example", "TE": "trailers", "X-A": "caf\xe9\t", "X-Empty": ""})
    Request("HTTP://EXAMPLE.org:80/a b?q=\u20ac#f", content="text", identity="i", proxy="socks5h://127.0.0.1:1080")
    Request("http://[::1]:8080/", timeout=1, proxy="http://u:p%40@[::1]:3128", context=object())
    Request("http://b\xfccher.example/", headers=Headers([("a", "b"), (b"a", b"c")]))
