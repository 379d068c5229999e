"""Dates as validators: echoed to the byte, second to a tag, and blind to some changes."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from nginx import Nginx
from notmodified import Session
from plain_client import fetch
from servers.apache import Apache
from servers.cases import LONG_AGO
from servers.node_site import Node
from servers.s3 import S3
from servers.sent import Conditions, conditions

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from proxy import Proxy

ONE = "<p>one</p>\n" * 200
TWO = "<p>two</p>\n" * 200
WITHOUT_TAGS = "etag off;"


async def test_nginx_wants_its_date_to_the_second_and_gets_it(serve: Serve, proxy: Proxy, tmp_path: Path) -> None:
    url = serve(Nginx(tmp_path / "site", tmp_path / "nginx", extra=WITHOUT_TAGS)).write("page.html", ONE, LONG_AGO)
    date = fetch(url)[1]["Last-Modified"]
    assert fetch(url, {"If-Modified-Since": formatdate(LONG_AGO + 1, usegmt=True)})[0] == 200
    assert fetch(url, {"If-Modified-Since": date.replace("GMT", "+0000")})[0] in {200, 304}
    async with Session(":memory:", proxy=proxy.url) as session:
        assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "not-modified", "not-modified"]
    assert conditions(proxy) == [Conditions(), Conditions(date=date), Conditions(date=date)]


async def test_date_that_is_a_number_is_given_back_as_it_came(serve: Serve, proxy: Proxy) -> None:
    node = serve(Node())
    node.write("page.html", ONE, LONG_AGO)
    url = f"{node.url}/epoch/page.html"
    date = f"{LONG_AGO}000"
    assert fetch(url)[1]["Last-Modified"] == date
    assert fetch(url, {"If-Modified-Since": formatdate(LONG_AGO, usegmt=True)})[0] == 200
    async with Session(":memory:", proxy=proxy.url) as session:
        assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "not-modified", "not-modified"]
    assert conditions(proxy)[1:] == [Conditions(date=date)] * 2


@pytest.mark.parametrize("kind", ["nginx", "apache"])
async def test_older_date_beside_a_tag_costs_the_304_and_is_never_sent(
    serve: Serve, proxy: Proxy, tmp_path: Path, kind: str
) -> None:
    server = serve(Apache() if kind == "apache" else Nginx(tmp_path / "site", tmp_path / "nginx"))
    url = server.write("page.html", ONE, LONG_AGO)
    tag = fetch(url)[1]["ETag"]
    for date in (formatdate(LONG_AGO - 60, usegmt=True), "yesterday"):
        status = fetch(url, {"If-None-Match": tag, "If-Modified-Since": date})[0]
        # Apache goes by the tag where the date is none.
        assert status == 200 or (kind, date) == ("apache", "yesterday")
    async with Session(":memory:", proxy=proxy.url) as session:
        assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "not-modified", "not-modified"]
    assert conditions(proxy)[1:] == [Conditions(tag)] * 2


async def test_object_overwritten_within_the_second_is_seen_by_its_tag(serve: Serve, proxy: Proxy) -> None:
    store = serve(S3())
    # Both within one second, so that only the tag tells them apart.
    await asyncio.sleep(1.0 - time.time() % 1.0)
    url = store.put("page.html", ONE.encode())
    async with Session(":memory:", proxy=proxy.url) as session:
        first = await session.get(url)
        store.put("page.html", TWO.encode())
        date = fetch(url)[1]["Last-Modified"]
        assert date == first.headers["last-modified"]
        # Both validators of the first: the store says 304, and is wrong.
        both = {"If-None-Match": first.headers["etag"], "If-Modified-Since": date}
        assert fetch(url, both)[0] == 304
        second = await session.get(url)
        assert (second.outcome, second.text) == ("changed", TWO)
        assert (await session.get(url)).not_modified
    assert conditions(proxy)[1] == Conditions(first.headers["etag"])


async def test_edit_within_the_second_has_the_date_of_the_page_before_it(serve: Serve, tmp_path: Path) -> None:
    """No client can see it by the date; every so many polls it can ask without one."""
    nginx = serve(Nginx(tmp_path / "site", tmp_path / "nginx", extra=WITHOUT_TAGS))
    url = nginx.write("page.html", ONE, LONG_AGO)
    async with Session(":memory:", full_every=3) as session:
        await session.get(url)
        nginx.write("page.html", TWO, LONG_AGO)
        date = fetch(url)[1]["Last-Modified"]
        assert fetch(url, {"If-Modified-Since": date})[0] == 304
        responses = [await session.get(url) for _ in range(4)]
    found = next(response for response in responses if response.outcome == "changed")
    assert (found.text, found.reason) == (TWO, "missed-change")


async def test_page_of_this_very_second_is_not_asked_about_by_its_date(
    serve: Serve, proxy: Proxy, tmp_path: Path
) -> None:
    nginx = serve(Nginx(tmp_path / "site", tmp_path / "nginx", extra=WITHOUT_TAGS))
    await asyncio.sleep(1.0 - time.time() % 1.0)
    url = nginx.write("page.html", ONE)
    async with Session(":memory:", proxy=proxy.url) as session:
        first = await session.get(url)
        assert first.headers["last-modified"] == first.headers["date"]
        nginx.write("page.html", TWO)
        second = await session.get(url)
        assert (second.outcome, second.text) == ("changed", TWO)
        assert conditions(proxy) == [Conditions(), Conditions()]
        await asyncio.sleep(1.1)
        assert [(await session.get(url)).outcome for _ in range(2)] == ["same-content", "not-modified"]


async def test_rollback_is_seen_by_the_tag_and_hidden_from_the_date(serve: Serve, proxy: Proxy) -> None:
    apache = serve(Apache())
    url = apache.write("page.html", ONE, LONG_AGO)
    async with Session(":memory:", proxy=proxy.url) as session:
        first = await session.get(url)
        apache.write("page.html", TWO, LONG_AGO - 3600)
        assert fetch(url, {"If-Modified-Since": first.headers["last-modified"]})[0] == 304
        second = await session.get(url)
        assert (second.outcome, second.text) == ("changed", TWO)
    assert conditions(proxy)[-1] == Conditions(first.headers["etag"])


async def test_rollback_that_only_a_date_could_show_is_found_by_the_next_full_poll(serve: Serve) -> None:
    apache = serve(Apache(lines="FileETag None"))
    url = apache.write("page.html", ONE, LONG_AGO)
    async with Session(":memory:", full_every=4) as session:
        assert "etag" not in (await session.get(url)).headers
        assert (await session.get(url)).not_modified
        apache.write("page.html", TWO, LONG_AGO - 3600)
        responses = [await session.get(url) for _ in range(4)]
    found = next(response for response in responses if response.outcome == "changed")
    assert found.text == TWO
