"""An origin that breaks its answer costs bounded time and memory, stores nothing, and leaves the session in order."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from misbehaviours import BREAKS, FRAMING, MISBEHAVIOURS, NO_HTTP, SILENCE, TOO_MUCH
from notmodified import RequestError, Session
from origin import (
    FOREVER,
    Origin,
    Page,
    Reply,
    brotli_bomb,
    deflate_bomb,
    full_backlog,
    gzip_bomb,
    injected,
    nothing_in_gzip,
    refusing,
    silent,
    wide_brotli_bomb,
    zstd_bomb,
)
from programs import run

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Request, Script

# Of the session that meets them all. A body may unfold to four times max_body.
OPTIONS: dict[str, Any] = {"connect_timeout": 2.0, "read_timeout": 3.0, "timeout": 6.0, "max_body": 1_000_000}
# Where nothing comes, nothing is waited for.
HASTY = OPTIONS | {"connect_timeout": 0.3, "read_timeout": 0.6}
MOST_SECONDS = 7.0
# A window of br has 16 MiB, twice while it grows; the rest are copies of what a body may unfold to.
MOST_MEMORY = 48_000_000
GIGABYTE = 1 << 30

BOMBS: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip_bomb(GIGABYTE // 4)),
    "deflate": ("deflate", deflate_bomb(GIGABYTE // 4)),
    "br": ("br", brotli_bomb(GIGABYTE)),
    "br-with-a-window-of-a-gigabyte": ("br", wide_brotli_bomb(GIGABYTE)),
    "zstd": ("zstd", zstd_bomb(GIGABYTE)),
    "gzip-in-gzip": ("gzip, gzip", gzip_bomb(GIGABYTE // 4)),
    "nothing-in-gzip": ("gzip, gzip", nothing_in_gzip(GIGABYTE // 4)),
}

# Asks for each URL twice, then for a page that is well, and tells what that came to. Memory is looked at all the time.
ASK_ALL = """
import asyncio, json, sys, threading, time
from notmodified import DecodingError, RequestError, Session

def anonymous():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024

class Watch(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.most = 0
    def run(self):
        while True:
            self.most = max(self.most, anonymous())
            time.sleep(0.002)

async def outcome(session, url):
    try:
        response = await session.get(url)
        response.content
    except (RequestError, DecodingError) as error:
        return type(error).__name__
    return response.reason or response.outcome

async def main(store, well, urls, options):
    watch = Watch()
    watch.start()
    async with Session(store, **options) as session:
        for _ in range(3):
            await outcome(session, well)
        for name, url in urls.items():
            before = watch.most = anonymous()
            begun = time.monotonic()
            outcomes = {await outcome(session, url), await outcome(session, url)}
            seconds = (time.monotonic() - begun) / 2
            told = [sorted(outcomes), seconds, watch.most - before, await outcome(session, well)]
            print(json.dumps({name: told}), flush=True)

asyncio.run(main(sys.argv[1], *map(json.loads, sys.argv[2:])))
"""


def told(store: Path, well: str, urls: dict[str, str], options: dict[str, Any] = OPTIONS) -> dict[str, list[Any]]:
    """Let another process ask, and hear what became of each."""
    arguments = [json.dumps(argument) for argument in (well, urls, options)]
    lines = run(ASK_ALL, str(store), *arguments, limit=50.0).output.splitlines()
    return {name: told for line in lines for name, told in json.loads(line).items()}


def assert_bounded(came_to: dict[str, list[Any]], expected: dict[str, str]) -> None:
    """Each came to what it is, soon and small, and the next page was well."""
    assert {name: outcomes for name, (outcomes, *_) in came_to.items()} == {
        name: [kind] for name, kind in expected.items()
    }
    assert {name: seconds for name, (_, seconds, *_) in came_to.items() if seconds > MOST_SECONDS} == {}
    assert {name: grown for name, (_, _, grown, _) in came_to.items() if grown > MOST_MEMORY} == {}
    assert {name: after for name, (*_, after) in came_to.items() if after != "not-modified"} == {}


@pytest.mark.parametrize("kind", [SILENCE, BREAKS, TOO_MUCH, NO_HTTP, FRAMING], ids=lambda kind: next(iter(kind)))
def test_misbehaviour_takes_bounded_time_and_memory(store: Path, origin: Origin, kind: dict[str, Any]) -> None:
    well = origin.on("/well", Page(b"one"))
    urls = {name: origin.on(f"/{name}", handler) for name, (handler, _) in kind.items()}
    came_to = told(store, well, urls, HASTY if kind is SILENCE else OPTIONS)
    assert_bounded(came_to, {name: expected.__name__ for name, (_, expected) in kind.items()})
    assert not [request.path for request in origin.log if request.has_condition() and request.path != "/well"]


def test_address_where_nobody_answers_takes_bounded_time_and_memory(store: Path, origin: Origin) -> None:
    with refusing() as closed, silent() as mute, full_backlog() as full:
        urls = {
            "ConnectError": f"http://127.0.0.1:{closed}/",
            "ReadTimeout": f"http://127.0.0.1:{mute}/",
            "ConnectTimeout": f"http://127.0.0.1:{full}/",
            "ConnectTimeout-in-the-handshake": f"https://127.0.0.1:{mute}/",
        }
        came_to = told(store, origin.on("/well", Page(b"one")), urls, HASTY)
    assert_bounded(came_to, {name: name.partition("-")[0] for name in urls})


def test_bomb_takes_bounded_time_and_memory(store: Path, origin: Origin) -> None:
    urls = {
        name: origin.on(f"/{name}", Reply(200, [("Content-Encoding", coding), ("ETag", '"1"')], body))
        for name, (coding, body) in BOMBS.items()
    }
    came_to = told(store, origin.on("/well", Page(b"one")), urls)
    assert_bounded(came_to, dict.fromkeys(BOMBS, "DecodingError"))
    assert not [request.path for request in origin.log if request.has_condition() and request.path != "/well"]


async def test_page_that_was_stored_outlasts_every_misbehaviour(store: Path, origin: Origin) -> None:
    pages = {name: Page(name.encode(), etag=f'"{name}"') for name in MISBEHAVIOURS}
    urls = {name: origin.on(f"/{name}", page) for name, page in pages.items()}
    async with Session(store, **OPTIONS) as session:
        await asyncio.gather(*(session.get(url) for url in urls.values()))
        for name, (handler, _) in MISBEHAVIOURS.items():
            origin.on(f"/{name}", handler)
        results = await asyncio.gather(*(session.get(url) for url in urls.values()), return_exceptions=True)
        # A 304 is what the condition asked for.
        well = [name for name, result in zip(urls, results, strict=True) if not isinstance(result, RequestError)]
        assert well == ["304-to-anything"]
        for name, page in pages.items():
            origin.on(f"/{name}", page)
        for name, url in urls.items():
            response = await session.get(url)
            assert (response.outcome, response.changed, response.text) == ("not-modified", False, name)


async def test_line_feed_in_a_field_ends_it(origin: Origin) -> None:
    # "A recipient MAY recognize a single LF as a line terminator" (RFC 9112 section 2.2): two fields, and no more.
    async with Session(":memory:") as session:
        response = await session.get(origin.on("/page.html", injected(b"X-A: a\nX-B: b")))
    assert (response.headers["x-a"], response.headers["x-b"], response.content) == ("a", "b", b"ok")


@pytest.mark.parametrize("framing", [b"Content-Length: 3, 3\r\n", b"Content-Length: 3\r\nContent-Length: 3\r\n"])
async def test_length_that_is_given_twice_alike_is_a_length(origin: Origin, framing: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\none"
    async with Session(":memory:") as session:
        response = await session.get(origin.on("/page.html", Reply(raw=answer)))
    assert (response.outcome, response.content) == ("new", b"one")


async def test_length_that_contradicts_the_chunks_is_not_believed_and_nothing_is_stored(origin: Origin) -> None:
    # "the Transfer-Encoding overrides the Content-Length" (RFC 9112 section 6.3)
    answer = (
        b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n'
    )
    url = origin.on("/page.html", Reply(raw=answer))
    async with Session(":memory:") as session:
        for _ in range(2):
            response = await session.get(url)
            assert (response.content, response.reason) == (b"one", "incomplete")
    assert not origin.last.has_condition()


@pytest.mark.parametrize("is_at_once", [True, False])
async def test_second_answer_to_one_request_is_nobodys(origin: Origin, *, is_at_once: bool) -> None:
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: "1"\r\n\r\none'
    forged = b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nETag: "f"\r\n\r\nforged'

    def split(_: Request) -> Script:
        yield answer + forged if is_at_once else answer
        if not is_at_once:
            yield 0.05
            yield forged
        yield FOREVER

    well = origin.on("/well", Page(b"well"))
    async with Session(":memory:") as session:
        assert (await session.get(origin.on("/split", split))).content == b"one"
        # Whoever asks before the second answer has come cannot know it from his own.
        await asyncio.sleep(0.0 if is_at_once else 0.2)
        for _ in range(2):
            assert (await session.get(well)).content == b"well"
    assert origin.connections == 2


async def test_body_after_a_304_is_nobodys(origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    async with Session(":memory:", **OPTIONS) as session:
        await session.get(url)
        smuggled = b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nETag: "1"\r\n\r\nforged'
        page.interludes.append(Reply(raw=b"HTTP/1.1 304 Not Modified\r\nContent-Length: 58\r\n\r\n" + smuggled))
        for _ in range(3):
            response = await session.get(url)
            assert (response.not_modified, response.content) == (True, b"one")


async def test_flood_keeps_no_other_request_waiting(origin: Origin) -> None:
    floods = [origin.on(f"/{name}", handler) for name, (handler, _) in (TOO_MUCH | SILENCE).items()]
    with Origin() as other:
        well = other.on("/well", Page(b"one"))
        async with Session(":memory:", **HASTY | {"read_timeout": 3.0}) as session:
            flood = asyncio.gather(*(session.get(url) for url in floods), return_exceptions=True)
            for _ in range(20):
                assert (await session.get(well)).content == b"one"
            await flood
