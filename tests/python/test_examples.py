"""The origins of `examples/` over real sockets, each in the server that it is usually run by."""

from __future__ import annotations

import http.client
import importlib
import json
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
import uvicorn
from werkzeug.serving import make_server

from notmodified import ETag, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

START_TIMEOUT = 10.0


class Answer(NamedTuple):
    """What an origin answered."""

    status: int
    headers: dict[str, str]
    content: bytes


class Site:
    """One origin, asked by a client that adds no condition of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, method: str, path: str, headers: dict[str, str] | None = None, body: str = "") -> Answer:
        """Ask."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body or None, headers or {})
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def url(self, path: str) -> str:
        """Where a path is."""
        return f"http://127.0.0.1:{self.port}{path}"


def flask() -> Iterator[Site]:
    """Serve in Flask's own development server."""
    module = importlib.reload(importlib.import_module("flask_origin"))
    server = make_server("127.0.0.1", 0, module.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Site(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


def starlette() -> Iterator[Site]:
    """Serve by uvicorn."""
    module = importlib.reload(importlib.import_module("starlette_origin"))
    config = uvicorn.Config(module.app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield Site(listening.getsockname()[1])
    server.should_exit = True
    thread.join()


@pytest.fixture(params=[flask, starlette], ids=lambda serve: serve.__name__)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """An origin of each framework, as it is after its start."""
    yield from request.param()


PATHS = ["/user", "/article", "/article.txt", "/feed"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_tag_that_was_given_brings_a_304(site: Site, path: str, method: str) -> None:
    first = site("GET", path)
    assert first.status == 200
    other = '"x", ' + first.headers["etag"]
    second = site(method, path, {"If-None-Match": other, "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"})
    assert (second.status, second.content) == (304, b"")
    # Werkzeug takes Last-Modified off its 304s; beside a tag it may.
    for name in ("etag", "cache-control"):
        assert second.headers.get(name) == first.headers.get(name)
    third = site(method, path, {"If-None-Match": '"x"', "If-Modified-Since": "Fri, 31 Dec 9999 23:59:59 GMT"})
    assert third.status == 200


@pytest.mark.parametrize("path", ["/user", "/feed"])
def test_date_that_was_given_brings_a_304(site: Site, path: str) -> None:
    modified = site("GET", path).headers["last-modified"]
    assert site("GET", path, {"If-Modified-Since": modified}).status == 304
    assert site("GET", path, {"If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}).status == 200


def test_page_with_a_weak_tag_is_equivalent_and_not_the_same(site: Site) -> None:
    one, other = site("GET", "/article"), site("GET", "/article")
    assert one.content != other.content
    assert one.headers["etag"] == other.headers["etag"]
    tag = ETag.parse(one.headers["etag"])
    assert tag.weak
    assert not tag.strongly_equals(other.headers["etag"])
    assert site("GET", "/article", {"If-Match": str(tag)}).status == 412


def test_text_with_a_strong_tag_is_the_same(site: Site) -> None:
    one, other = site("GET", "/article.txt"), site("GET", "/article.txt")
    assert one.content == other.content
    assert ETag.parse(one.headers["etag"]).strongly_equals(other.headers["etag"])
    assert site("GET", "/article.txt", {"If-Match": one.headers["etag"]}).status == 200


def test_writer_with_an_old_copy_is_refused(site: Site) -> None:
    tag = site("GET", "/user").headers["etag"]
    written = site("PUT", "/user", {"If-Match": tag}, "Berta")
    assert written.status == 204
    late = site("PUT", "/user", {"If-Match": tag}, "Clara")
    assert late.status == 412
    now = site("GET", "/user")
    assert json.loads(now.content)["name"] == "Berta"
    assert now.headers["etag"] == written.headers["etag"]
    assert site("PUT", "/user", {"If-None-Match": "*"}, "Dora").status == 412
    assert site("PUT", "/user", {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, "Dora").status == 412


async def test_poller_hears_of_what_was_published(site: Site) -> None:
    async with Session(":memory:") as session:
        url = site.url("/feed")
        outcomes = [(await session.get(url)).outcome for _ in range(2)]
        assert site("POST", "/feed", body="second").status == 201
        response = await session.get(url)
        assert (*outcomes, response.outcome) == ("new", "not-modified", "changed")
        assert list(response.json()) == ["first", "second"]
        page = [await session.get(site.url("/article")) for _ in range(3)]
        assert [response.outcome for response in page] == ["new", "not-modified", "not-modified"]
        assert page[0].content == page[2].content
