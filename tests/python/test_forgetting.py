"""Forgetting an identity: nothing of it is sent again, counts for others, or comes back by a request that was late."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, InvalidRequestError, Response, Session
from origin import Gate, Page, Reply, held
from proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from origin import Origin, Request

# Asks for a page as somebody, and again when it is told to; says what came of it.
LATE = """
import asyncio, sys
from notmodified import Session

async def main():
    async with Session(sys.argv[1]) as session:
        response = await session.get(sys.argv[2], identity="late")
        await session.flush()
        print(response.outcome.value, flush=True)
        sys.stdin.readline()
        response = await session.get(sys.argv[2], identity="late")
        await session.flush()
        print(response.outcome.value, flush=True)

asyncio.run(main())
"""


def asked_with(origin: Origin) -> list[str | None]:
    """The validators that arrived, request by request."""
    return [request.get("if-none-match") for request in origin.log]


async def arrived(origin: Origin, requests: int) -> None:
    """Wait until so many requests are there."""
    while len(origin.log) < requests:  # noqa: ASYNC110, the origin is on another thread
        await asyncio.sleep(0.005)


def tag_for_each(content: bytes) -> Callable[[Request], Reply]:
    """Give each request that has no validator a tag of its own."""
    numbers = iter(range(1000))

    def answer(request: Request) -> Reply:
        tag = request.get("if-none-match")
        if tag is not None:
            return Reply(304, [("ETag", tag)])
        return Reply(200, [("ETag", f'"unique-{next(numbers)}"')], content)

    return answer


async def test_forgotten_identity_is_as_good_as_new_and_others_are_not(origin: Origin, store: Path) -> None:
    url = origin.on("/page", tag_for_each(b"page"))
    async with Session(store) as session:
        for identity in ("shop-7", "shop-8"):
            assert (await session.get(url, identity=identity)).outcome == "new"
            await session.get(url, identity=identity, headers={"Authorization": "Bearer one"})

        assert await session.forget(identity="shop-7") == 2
        assert await session.forget(identity="shop-7") == 0

        for identity, outcome in (("shop-7", "new"), ("shop-8", "not-modified")):
            assert (await session.get(url, identity=identity)).outcome == outcome
            with_login = await session.get(url, identity=identity, headers={"Authorization": "Bearer one"})
            assert with_login.outcome == outcome
        assert (await session.get(url, identity="shop-7")).outcome == "not-modified"
    assert asked_with(origin)[4:] == [None, None, '"unique-2"', '"unique-3"', '"unique-4"']


async def test_proxy_is_forgotten_with_its_user_and_no_other(origin: Origin, store: Path) -> None:
    url = origin.on("/page", tag_for_each(b"page"))
    with Proxy() as proxy:
        users = [f"http://{user}:password@127.0.0.1:{proxy.port}" for user in ("one", "two", "three")]
        async with Session(store) as session:
            for _ in range(2):
                for user in users:
                    await session.get(url, proxy=user)
            assert await session.forget(proxy=users[:2]) == 2
            outcomes = [(await session.get(url, proxy=user)).outcome for user in users]
    assert outcomes == ["new", "new", "not-modified"]


async def test_nothing_is_sent_that_fewer_than_k_others_received(origin: Origin, store: Path) -> None:
    url = origin.on("/page", Page(b"page", etag='"shared"'))
    async with Session(store, k=2) as session:
        for identity in ("one", "two", "three"):
            await session.get(url, identity=identity)
        assert asked_with(origin) == [None, None, '"shared"']

        await session.forget(identity="one")
        await session.get(url, identity="four")
        assert asked_with(origin)[3:] == [None], "only one other received it"
        await session.get(url, identity="five")
        await session.get(url, identity="one")
        assert asked_with(origin)[4:] == ['"shared"', '"shared"']


async def test_what_enough_others_received_is_shared_anew(origin: Origin, store: Path) -> None:
    url = origin.on("/page", Page(b"page", etag='"shared"'))
    async with Session(store, k=2) as session:
        for identity in ("one", "two"):
            await session.get(url, identity=identity)
        assert (await session.get(url, identity="three", full=True)).outcome == "same-content"

        await session.forget(identity="three")
        for identity in ("four", "five"):
            await session.get(url, identity=identity)
    assert asked_with(origin) == [None, None, None, None, '"shared"']


async def test_what_was_shared_is_forgotten_with_its_url(origin: Origin, store: Path) -> None:
    for what in ("url", "host"):
        url = origin.on(f"/{what}", Page(b"page", etag='"shared"'))
        async with Session(store, k=2) as session:
            for identity in ("one", "two", "three"):
                await session.get(url, identity=identity)
            assert origin.last.get("if-none-match") == '"shared"'
            await (session.forget(url=url) if what == "url" else session.forget(host="127.0.0.1"))
            for identity in ("one", "three"):
                await session.get(url, identity=identity)
                assert not origin.last.has_condition()
        with Cache(store) as cache:
            cache.forget(everything=True)
            assert list(cache.entries()) == []


@pytest.mark.parametrize(
    "selected", [{"identity": "late"}, {"url": "/page"}, {"host": "127.0.0.1"}, {"everything": True}]
)
async def test_answer_to_a_request_under_way_brings_nothing_back(
    origin: Origin, store: Path, selected: dict[str, Any]
) -> None:
    gate, page = Gate(), Page(b"page", etag='"tag"')
    url = origin.on("/page", held(gate, page))
    selected = {name: url if name == "url" else value for name, value in selected.items()}
    for place in (store, ":memory:"):
        origin.log.clear()
        gate.clear()
        async with Session(place, consumer="prices") as session:
            task = asyncio.create_task(session.get(url, identity="late"))
            await arrived(origin, 1)
            assert await session.forget(**selected) == 0
            gate.set()
            response = await task
            assert (response.outcome, response.content) == ("new", b"page")
            response.acknowledge()
            await session.flush()

            again = await session.get(url, identity="late")
            assert (again.outcome, again.changed) == ("new", True)
            assert not origin.last.has_condition()
            again.acknowledge()
            third = await session.get(url, identity="late")
            assert (third.outcome, third.changed) == ("not-modified", False)


async def test_late_witness_does_not_count(origin: Origin, store: Path) -> None:
    gate, page = Gate(), Page(b"page", etag='"shared"')
    url = origin.on("/page", page)
    async with Session(store, k=2) as session:
        await session.get(url, identity="one")
        origin.on("/page", held(gate, page))
        task = asyncio.create_task(session.get(url, identity="late"))
        await arrived(origin, 2)
        await session.forget(identity="late")
        gate.set()
        await task
        origin.on("/page", page)
        for identity in ("two", "three"):
            await session.get(url, identity=identity)
    assert asked_with(origin) == [None, None, None, '"shared"']


async def test_lesson_goes_with_the_exits_that_said_so(origin: Origin, store: Path) -> None:
    pages = [Page(b"page %d" % number, etag=f'"{number}"', ignores_conditions=True) for number in range(3)]
    urls = [origin.on(f"/{number}", page) for number, page in enumerate(pages)]

    async def teach(session: Session, identity: str) -> None:
        for _ in range(2):
            for url in urls:
                await session.get(url, identity=identity)

    async with Session(store, k=2) as session:
        for identity in ("one", "two"):
            await teach(session, identity)
        with Cache(store) as cache:
            assert len(list(cache.entries())) > 0
            for identity in ("one", "two"):
                await session.forget(identity=identity)
            assert list(cache.entries()) == []
        await session.compact()
    held = (store / "data.mdb").read_bytes()
    assert b"127.0.0.1" not in held, "neither URLs nor what their origin taught"


async def test_cookies_and_connections_go_with_the_identity(origin: Origin, store: Path) -> None:
    gate = Gate()
    url = origin.on("/page", Reply(200, [("Set-Cookie", "client=1")], b"page"))
    late = origin.on("/late", Reply(200, [("Set-Cookie", "client=2")], b"page", delay=gate))
    async with Session(store, cookies=True) as session:
        for identity in ("goes", "stays"):
            await session.get(url, identity=identity)
        task = asyncio.create_task(session.get(late, identity="goes"))
        await arrived(origin, 3)
        assert origin.last.get("cookie") == "client=1"
        await session.forget(identity="goes")
        gate.set()
        await task
        for identity in ("goes", "stays"):
            await session.get(url, identity=identity)
    goes, stays, late_one, goes_again, stays_again = origin.log
    assert (goes_again.get("cookie"), stays_again.get("cookie")) == (None, "client=1")
    assert goes_again.connection not in {goes.connection, late_one.connection}
    assert stays_again.connection == stays.connection


async def test_another_process_that_is_late_brings_nothing_back(origin: Origin, store: Path) -> None:
    gate, page = Gate(), Page(b"page", etag='"tag"')
    url = origin.on("/page", held(gate, page))
    command = [sys.executable, "-c", LATE, str(store), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:  # noqa: S603, ASYNC220
        assert other.stdin is not None
        assert other.stdout is not None
        await arrived(origin, 1)
        async with Session(store) as session:
            await session.forget(identity="late")
            gate.set()
            assert await asyncio.to_thread(other.stdout.readline) == "new\n"
            with Cache(store) as cache:
                assert list(cache.entries()) == []
            other.stdin.write("\n")
            other.stdin.flush()
            assert await asyncio.to_thread(other.stdout.readline) == "new\n"
            assert not origin.last.has_condition()
            assert (await session.get(url, identity="late")).outcome == "not-modified"


def settled(cache: Cache, url: str, fields: dict[str, str], content: bytes, **options: Any) -> Response:  # noqa: ANN401
    """Have a page answered."""
    response = cache.plan("GET", url, **options).settle(200, fields, content)
    assert isinstance(response, Response)
    return response


def test_what_was_forgotten_is_not_on_the_disk_after_compact(store: Path) -> None:
    """LMDB reuses pages and buffers: what was written before may lie in pages that were written long after."""
    dates = "Sun, 06 Nov 1994 08:49:{:02} GMT"

    def fill(cache: Cache, name: str, word: str, pages: int) -> None:
        for number in range(pages):
            content = f"{word}-body-{number} ".encode() * (1 + number % 500)
            fields = {
                "ETag": f'"{word}-tag-{number}"',
                "Last-Modified": dates.format(number % 60),
                "X-Filler": "x" * (number * 7 % 900),
            }
            settled(cache, f"http://host/{word}-path/{number}", fields, content, identity=name)

    with Cache(store) as cache:
        fill(cache, "stays", "plain", 400)
        fill(cache, "goes", "hunter2", 400)
        cache.flush()
        assert b"hunter2-tag" in (store / "data.mdb").read_bytes()
        assert cache.forget(identity="goes") >= 400
        fill(cache, "stays", "again", 400)
        cache.compact()
        held = b"".join(path.read_bytes() for path in store.iterdir() if path.is_file())
        assert b"plain-tag" in held
        assert b"again-body" in held
        assert b"hunter2" not in held
        assert len(list(cache.entries(host="host"))) >= 800


def test_witness_of_a_url_that_nobody_else_saw_takes_it_along(store: Path) -> None:
    with Cache(store, consumer="prices") as cache:
        settled(cache, "http://host/only-here", {}, b"page", identity="goes").acknowledge()
        settled(cache, "http://host/both", {}, b"page", identity="goes")
        settled(cache, "http://host/both", {}, b"page", identity="stays")
        cache.forget(identity="goes")
        assert {entry.url for entry in cache.entries()} == {"http://host/both"}


@pytest.mark.parametrize(
    ("selected", "told"),
    [
        ({"identity": ""}, "identity"),
        ({"identity": 7}, "identity must be a name as str"),
        ({"identity": ["a", b"b"]}, "identity must be a name as str"),
        ({"identity": "a", "proxy": "http://proxy:1"}, "no two of them"),
        ({"identity": "a", "everything": True}, "no two of them"),
        ({"proxy": "ftp://user:hunter2@proxy:1"}, "scheme out of"),
        ({"proxy": 7}, "proxy must be the URL of a proxy as str"),
    ],
)
def test_bad_identity_is_refused_and_nothing_forgotten(store: Path, selected: dict[str, Any], told: str) -> None:
    with Cache(store) as cache:
        settled(cache, "http://host/", {}, b"page", identity="a")
        with pytest.raises(InvalidRequestError) as refused:
            cache.forget(**selected)
        assert told in str(refused.value)
        assert "hunter2" not in str(refused.value)
        assert len(list(cache.entries())) > 0


async def test_identity_that_outlived_its_ttl_is_as_good_as_new(origin: Origin, store: Path) -> None:
    url = origin.on("/page", tag_for_each(b"page"))
    for sharing in ("isolated", "corroborated"):
        origin.log.clear()
        async with Session(store, identity_ttl=2, sharing=sharing) as session:
            first = await session.get(url, identity=sharing)
            second = await session.get(url, identity=sharing)
            await asyncio.sleep(2.2)
            third = await session.get(url, identity=sharing)
            fourth = await session.get(url, identity=sharing)
        assert [response.changed for response in (first, second, third, fourth)] == [True, False, False, False]
        tags = asked_with(origin)
        assert (tags[0], tags[2]) == (None, None)
        assert tags[1] not in (None, tags[3])


async def test_witness_that_outlived_its_ttl_does_not_count(origin: Origin, store: Path) -> None:
    url = origin.on("/page", Page(b"page", etag='"shared"'))
    async with Session(store, identity_ttl=2, k=2) as session:
        await session.get(url, identity="one")
        await asyncio.sleep(2.2)
        for identity in ("two", "three", "four"):
            await session.get(url, identity=identity)
    assert asked_with(origin) == [None, None, None, '"shared"']


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e300])
def test_bad_ttl_is_refused(store: Path, seconds: float) -> None:
    with pytest.raises(InvalidRequestError, match=r"identity_ttl=.*greater than 0"):
        Cache(store, identity_ttl=seconds)
