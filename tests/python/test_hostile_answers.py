"""What a stranger sends must not end the process, grow without bound, or keep what nobody holds any more."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from notmodified import DecodingError, Request, RequestError, Response, Session
from origin import Page, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin
    from origin import Request as Asked


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_pile_of_codings_is_refused(store: Path, origin: Origin, coding: str) -> None:
    url = origin.on("/pile", Reply(200, [("Content-Encoding", ",".join([coding] * 3000)), ("ETag", '"1"')], b"x"))
    async with Session(store) as session:
        response = await session.get(url)
        assert response.reason == "undecodable"
        with pytest.raises(DecodingError, match="codings"):
            _ = response.content


async def test_304s_that_each_bring_another_field_do_not_grow_the_record(store: Path, origin: Origin) -> None:
    page = Page(b"one")

    def growing(request: Asked) -> Reply:
        page.extra_on_304 = [(f"x-{len(origin.log)}", "1")]
        reply = page(request)
        assert isinstance(reply, Reply)
        return reply

    url = origin.on("/page.html", growing)
    async with Session(store) as session:
        for _ in range(300):
            response = await session.get(url)
    assert response.not_modified
    assert len(response.headers) < 150


async def test_job_that_keeps_its_response_is_freed(store: Path, origin: Origin) -> None:
    class Job:
        response: Response | None = None

    url = origin.on("/page.html", Page(b"one"))
    async with Session(store) as session:
        job = Job()
        job.response = await session.send(Request(url, context=job))
        gone = weakref.ref(job)
        del job
        # The loop holds the future of the answer until its next turn.
        await asyncio.sleep(0)
        gc.collect()
        assert gone() is None


async def test_url_with_a_lone_surrogate_is_one_failure_among_many(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store) as session:
        results = [result async for result in session.get_many([url, "http://127.0.0.1/\udce9", url + "?2"])]
    assert sum(isinstance(result, RequestError) for result in results) == 1


async def test_cookies_of_the_callers_own_are_apart_from_the_jar(store: Path, origin: Origin) -> None:
    def personal(request: Asked) -> Reply:
        reply = Page(
            (request.get("cookie") or "nobody").encode(), etag=None, last_modified="Sun, 06 Nov 1994 08:49:37 GMT"
        )
        answer = reply(request)
        assert isinstance(answer, Reply)
        return answer

    url = origin.on("/private", personal)
    async with Session(store, cookies=True) as session:
        for name in ("alice", "bob"):
            response = await session.get(url, headers={"Cookie": name})
            assert response.text == name


async def test_what_a_jar_sends_selects_a_variant(store: Path, origin: Origin) -> None:
    def home(request: Asked) -> Reply:
        content = (request.get("cookie") or "nobody").encode()
        return Reply(200, [("Vary", "Cookie"), ("Cache-Control", "max-age=600")], content)

    url = origin.on("/", home)
    login = origin.on("/login", Reply(204, [("Set-Cookie", "sid=7; Path=/")]))
    async with Session(store, cookies=True, freshness="rfc9111") as session:
        assert (await session.get(url)).text == "nobody"
        assert (await session.get(url)).outcome == "fresh"
        await session.get(login)
        assert (await session.get(url)).text == "sid=7"


async def test_origin_that_closes_without_saying_so_loses_no_request(store: Path) -> None:
    answering: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with Session(store) as session:
            results = [result async for result in session.get_many((f"{url}{n}" for n in range(1000)), concurrency=20)]
        await asyncio.gather(*(task for task in answering if task is not None))
    assert [result for result in results if isinstance(result, RequestError)] == []
