"""Caches in front of an origin: Varnish and Squid, with copies that are good and copies that have expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notmodified import Session
from plain_client import fetch
from servers.cases import LONG_AGO
from servers.lighttpd import Lighttpd
from servers.sent import Conditions, conditions
from servers.squid import Squid
from servers.varnish import Varnish

if TYPE_CHECKING:
    from conftest import Serve
    from proxy import Proxy

ONE = "<p>one</p>\n" * 200
TWO = "<p>two, and longer</p>\n" * 200
GZIP = {"Accept-Encoding": "gzip"}


async def test_varnish_says_gzip_on_a_304_and_the_stored_page_stays_readable(serve: Serve, proxy: Proxy) -> None:
    origin = serve(Lighttpd())
    origin.write("page.html", ONE, LONG_AGO)
    url = f"{serve(Varnish(origin.port)).url}/page.html"
    coded, plain = fetch(url, GZIP)[1]["ETag"], fetch(url)[1]["ETag"]
    assert coded.removeprefix("W/") == plain.removeprefix("W/")
    status, on_304, _ = fetch(url, GZIP | {"If-None-Match": coded})
    assert (status, on_304["Content-Encoding"]) == (304, "gzip")
    assert fetch(url, GZIP | {"If-None-Match": f'"x", {coded}'})[0] == 200
    async with Session(":memory:", proxy=proxy.url) as session:
        for coding in ("gzip", "identity"):
            responses = [await session.get(url, headers={"Accept-Encoding": coding}) for _ in range(3)]
            assert {response.text for response in responses} == {ONE}
            assert {response.headers.get("content-encoding", "identity") for response in responses} == {coding}
            assert responses[-1].not_modified
    assert "," not in (conditions(proxy)[-1].tag or "")


async def test_squid_with_an_expired_copy_is_asked_by_the_date(serve: Serve, proxy: Proxy) -> None:
    origin = serve(Lighttpd())
    origin.write("page.html", ONE, LONG_AGO)
    url = f"{serve(Squid(origin.port)).url}/page.html"
    _, headers, _ = fetch(url)
    tag, date = headers["ETag"], headers["Last-Modified"]
    assert fetch(url, {"If-None-Match": tag})[0] == 200
    assert fetch(url, {"If-Modified-Since": date})[0] == 304
    async with Session(":memory:", proxy=proxy.url) as session:
        outcomes = [(await session.get(url)).outcome for _ in range(4)]
        assert outcomes == ["new", "same-content", "not-modified", "not-modified"]
        assert conditions(proxy)[1:] == [Conditions(tag), Conditions(date=date), Conditions(date=date)]
        # An older date, which hides a change from a comparison of dates, comes with a tag that tells.
        origin.write("page.html", TWO, LONG_AGO - 3600)
        response = await session.get(url)
        assert (response.outcome, response.text) == ("changed", TWO)
