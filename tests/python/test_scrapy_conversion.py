"""What goes past Scrapy's own bringing into form comes to the same."""

from __future__ import annotations

from scrapy.downloadermiddlewares.stats import get_header_size, get_status_size
from scrapy.http import Headers, Request, Response

import notmodified
from notmodified.scrapy import conditions, conversion

RAW = (
    (b"content-type", b"text/html"),
    (b"X-ODD_name.here", b"\xe9"),
    (b"etag", b'W/"1"'),
    (b"Set-Cookie", b"a=1"),
    (b"set-cookie", b"b=2"),
    (b"www-authenticate", b""),
)


def test_stored_fields_become_the_headers_that_scrapy_makes_of_them() -> None:
    url = "http://origin.example/"
    with notmodified.Cache(":memory:") as cache:
        cache.plan("GET", url).settle(200, RAW, b"<html>")
        stored = cache.plan("GET", url).settle(304, RAW[2:5])
    assert isinstance(stored, notmodified.Response)

    page = conversion.stored_page(stored, stored.wire_content, Request(url), None)

    assert dict(page.headers) == dict(Headers(stored.headers.raw))
    assert page.headers.getlist("set-cookie") == [b"a=1", b"b=2"]
    assert type(page.headers) is Headers


def test_bytes_on_the_wire_are_those_that_scrapy_counts() -> None:
    for raw in (RAW, RAW[:1], ()):
        response = Response("http://origin.example/", status=200, headers=Headers(raw), body=b"12345")
        counted = conversion.wire_bytes(response, conversion.response_fields(response))
        assert counted == 5 + get_header_size(response.headers) + get_status_size(200) + 4


def test_conditions_lie_on_a_request_as_scrapy_would_have_put_them() -> None:
    request = Request("http://origin.example/", headers={"Accept": "*/*"})
    conditions.put_on(request, [(b"if-none-match", b'"1"'), (b"If-Modified-Since", b"yesterday")])

    wanted = {"Accept": "*/*", "If-None-Match": '"1"', "If-Modified-Since": "yesterday"}
    assert dict(request.headers) == dict(Headers(wanted))

    conditions.take_off(request)
    assert dict(request.headers) == dict(Headers({"Accept": "*/*"}))
