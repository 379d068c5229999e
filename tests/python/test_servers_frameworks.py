"""What web frameworks do to conditions: pages that differ each time, validators that are decoration, tagged errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nginx import Nginx
from notmodified import Session
from plain_client import fetch, talk
from servers.cases import LONG_AGO
from servers.node_site import Node
from servers.python import Gunicorn, Uvicorn
from servers.sent import Conditions, conditions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Serve
    from proxy import Proxy
    from servers.process import Server

ONE = "<p>one</p>\n" * 200
TWO = "<p>two, and longer</p>\n" * 200
TOKENS: list[Callable[[], Server]] = [lambda: Gunicorn("flask_site"), Node]


@pytest.mark.parametrize("make", TOKENS, ids=["flask", "express"])
async def test_page_with_a_token_changes_each_time_and_says_why(serve: Serve, make: Callable[[], Server]) -> None:
    server = serve(make())
    server.write("page.html", ONE)
    url = f"{server.url}/token/page.html"
    tags = [fetch(url)[1]["ETag"] for _ in range(2)]
    assert tags[0] != tags[1]
    assert fetch(url, {"If-None-Match": tags[1]})[0] == 200
    async with Session(":memory:") as session:
        responses = [await session.get(url) for _ in range(6)]
    assert [response.outcome for response in responses[1:]] == ["changed"] * 5
    assert responses[-1].reason == "changing-validator"


@pytest.mark.parametrize("make", TOKENS, ids=["flask", "express"])
async def test_fingerprint_sees_past_the_token(serve: Serve, make: Callable[[], Server]) -> None:
    server = serve(make())
    server.write("page.html", ONE)
    url = f"{server.url}/token/page.html"
    async with Session(":memory:", fingerprint="html") as session:
        assert [(await session.get(url)).outcome for _ in range(4)] == ["new"] + ["same-content"] * 3
        server.write("page.html", TWO)
        response = await session.get(url)
        assert (response.outcome, response.changed, TWO in response.text) == ("changed", True, True)


async def test_filter_in_the_server_leaves_nothing_to_ask_with(serve: Serve, proxy: Proxy, tmp_path: Path) -> None:
    nginx = serve(Nginx(tmp_path / "site", tmp_path / "nginx", extra='sub_filter "two" "2";'))
    url = nginx.write("page.html", ONE, LONG_AGO)
    _, headers, _ = fetch(url)
    assert (headers["ETag"], headers["Last-Modified"]) == (None, None)
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url) for _ in range(3)]
    assert conditions(proxy) == [Conditions()] * 3
    assert [response.outcome for response in responses] == ["new", "same-content", "same-content"]
    assert not any(response.changed for response in responses[1:])


async def test_validators_that_are_decoration_are_given_up_with_the_reason(serve: Serve, proxy: Proxy) -> None:
    server = serve(Uvicorn("starlette_site"))
    server.write("page.html", ONE, LONG_AGO)
    url = f"{server.url}/responses/page.html"
    _, headers, _ = fetch(url)
    tag, date = headers["ETag"], headers["Last-Modified"]
    for known in ({"If-None-Match": tag}, {"If-Modified-Since": date}):
        assert fetch(url, known)[0] == 200
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url) for _ in range(7)]
        assert [response.outcome for response in responses[1:]] == ["same-content"] * 6
        assert [response.reason for response in responses[1:]] == ["condition-ignored"] * 6
        # Down the ladder, and then nothing any more.
        down = [Conditions(tag), Conditions(date=date), Conditions(tag, date)]
        assert conditions(proxy) == [Conditions(), *down, *[Conditions()] * 3]
        server.write("page.html", TWO, LONG_AGO + 60)
        changed = await session.get(url)
        assert (changed.outcome, changed.text) == ("changed", TWO)


async def test_no_cache_on_a_request_costs_the_304_and_is_never_sent(serve: Serve, proxy: Proxy) -> None:
    node = serve(Node())
    node.write("page.html", ONE, LONG_AGO)
    url = f"{node.url}/files/page.html"
    tag = fetch(url)[1]["ETag"]
    assert fetch(url, {"If-None-Match": tag})[0] == 304
    assert fetch(url, {"If-None-Match": tag, "Cache-Control": "no-cache"})[0] == 200
    async with Session(":memory:", proxy=proxy.url) as session:
        assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "not-modified", "not-modified"]
    assert all(name.lower() not in {b"cache-control", b"pragma"} for one in proxy.log for name, _ in one.fields)


async def test_server_that_closes_after_each_304_is_connected_to_anew(serve: Serve) -> None:
    flask = serve(Gunicorn("flask_site"))
    flask.write("page.html", ONE, LONG_AGO)
    url = f"{flask.url}/files/page.html"
    tag = fetch(url)[1]["ETag"]
    said = talk(flask.port, f"GET /files/page.html HTTP/1.1\r\nHost: a\r\nIf-None-Match: {tag}\r\n\r\n".encode())
    # It returned: the server has closed, unasked, and put nothing after the 304.
    assert said.startswith(b"HTTP/1.1 304")
    assert said.endswith(b"\r\n\r\n")
    async with Session(":memory:") as session:
        await session.get(url)
        urls = [url] * 20
        responses = [response async for response in session.get_many(urls, concurrency=4)]
    assert [getattr(response, "outcome", response) for response in responses] == ["not-modified"] * 20


async def test_server_that_looked_at_its_files_once_is_at_least_never_stored_cut_short(serve: Serve) -> None:
    node = Node()
    node.write("page.html", ONE, LONG_AGO)
    serve(node)
    url = f"{node.url}/started/page.html"
    tag = fetch(url)[1]["ETag"]
    async with Session(":memory:") as session:
        assert (await session.get(url)).text == ONE
        node.write("page.html", TWO, LONG_AGO + 60)
        # New bytes under the old tag, as many as there were: nobody can tell that from the outside.
        _, headers, body = fetch(url)
        assert (headers["ETag"], body) == (tag, TWO.encode()[: len(ONE)])
        # The stored page is whole, and stays.
        responses = [await session.get(url) for _ in range(3)]
    assert {(response.outcome, response.text) for response in responses} == {("not-modified", ONE)}


async def test_tag_of_a_404_is_neither_kept_nor_sent(serve: Serve, proxy: Proxy) -> None:
    node = serve(Node())
    url = f"{node.url}/gone/page.html"
    assert fetch(url)[1]["ETag"]
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url) for _ in range(3)]
    assert [(response.status, response.outcome, response.reason) for response in responses] == [
        (404, "passed", "status")
    ] * 3
    assert conditions(proxy) == [Conditions()] * 3


async def test_page_that_is_gone_for_a_while_is_validated_when_it_is_back(serve: Serve) -> None:
    node = serve(Node())
    node.write("page.html", ONE, LONG_AGO)
    url = f"{node.url}/files/page.html"
    async with Session(":memory:") as session:
        await session.get(url)
        (node.site / "page.html").unlink()
        assert (await session.get(url)).status == 404
        node.write("page.html", ONE, LONG_AGO)
        assert (await session.get(url)).outcome == "not-modified"


async def test_validators_belong_to_the_url_that_answered(serve: Serve, proxy: Proxy) -> None:
    django = serve(Gunicorn("django_site"))
    django.write("page.html", ONE)
    asked, answering = f"{django.url}/pages/page.html", f"{django.url}/pages/page.html/"
    assert fetch(asked)[0] == 301
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(asked) for _ in range(2)]
        assert (responses[-1].url, responses[-1].outcome) == (answering, "not-modified")
        assert (await session.get(answering)).outcome == "not-modified"
    # Each of the first two went to the redirect first, which has nothing to be asked about.
    sent = [one.tag is not None for one in conditions(proxy)]
    assert sent == [False, False, False, True, True]
