"""Whatever a callable does, no page is lost, nobody waits for ever, and the session can be closed."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, Resend, Session, SessionClosedError
from origin import Gate, Page, held, redirect
from programs import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from origin import Origin


def failing(*_: object) -> Any:  # noqa: ANN401
    """Raise as a callable of somebody's would."""
    raise ValueError("not a page of mine")


def listening() -> tuple[list[bytes], Callable[[bytes], bytes]]:
    """A callable, and what it was given."""
    asked: list[bytes] = []

    def made(content: bytes) -> bytes:
        asked.append(content)
        return content

    return asked, made


def only(caplog: pytest.LogCaptureFixture) -> tuple[str, str]:
    """The one line that was logged, and its traceback."""
    (record,) = [record for record in caplog.records if record.name == "notmodified"]
    assert record.levelno == logging.ERROR
    return record.getMessage(), record.exc_text or logging.Formatter().format(record)


async def test_storable_that_raises_is_logged_and_nothing_is_stored(
    store: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    url = origin.on("/page", Page(b"text"))
    async with Session(store, storable=failing) as session:
        response = await session.get(url)
    assert (response.content, response.reason, response.changed) == (b"text", "not-storable", False)
    message, traceback = only(caplog)
    assert message == f"storable= failed on {url}; the page is not stored"
    assert "in failing" in traceback
    assert "ValueError: not a page of mine" in traceback


async def test_fingerprint_that_raises_is_logged_and_the_bytes_decide(
    store: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    page = Page(b"text", ignores_conditions=True)
    url = origin.on("/page", page)
    async with Session(store, fingerprint=failing) as session:
        assert (await session.get(url)).outcome == "new"
        message, _ = only(caplog)
        assert message == f"fingerprint= failed on {url}; the content is compared as it is"
        assert (await session.get(url)).outcome == "same-content"
        page.content = b"other"
        assert (await session.get(url)).outcome == "changed"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"storable": lambda *_: None}, "TypeError: storable returned NoneType; it must return True or False"),
        ({"storable": lambda *_: 1}, "TypeError: storable returned int; it must return True or False"),
        ({"fingerprint": lambda _: 1}, "TypeError: fingerprint returned int; it must return bytes or str"),
        ({"fingerprint": lambda _: "\ud800"}, "UnicodeEncodeError"),
        ({"storable": lambda: True}, "takes 0 positional arguments but 3 were given"),
    ],
    ids=str,
)
def test_result_of_another_type_is_told(
    store: Path, caplog: pytest.LogCaptureFixture, options: dict[str, Any], told: str
) -> None:
    with Cache(store, **options) as cache:
        settled = cache.plan("GET", "http://a/").settle(200, {"ETag": '"1"'}, b"text")
    assert not isinstance(settled, Resend)
    assert (settled.content, settled.stored) == (b"text", "fingerprint" in options)
    assert told in only(caplog)[1]


async def test_coalesced_requests_are_one_question(store: Path, origin: Origin) -> None:
    asked: list[bytes] = []

    def keep(_status: int, _headers: object, content: bytes) -> bool:
        asked.append(content)
        return True

    gate = Gate()
    url = origin.on("/page", held(gate, Page(b"text")))
    async with Session(store, storable=keep) as session:
        tasks = [asyncio.create_task(session.get(url)) for _ in range(8)]
        await origin.eventually(lambda: len(origin.log) == 1)
        gate.set()
        responses = await asyncio.gather(*tasks)
    assert [response.outcome for response in responses] == ["new"] * 8
    assert asked == [b"text"]


@pytest.mark.every_loop
async def test_redirects_ask_about_the_page_they_lead_to(store: Path, origin: Origin) -> None:
    target = origin.on("/target", Page(b"text"))
    url = origin.on("/page", redirect(target))
    asked, made = listening()
    async with Session(store, fingerprint=made) as session:
        assert (await session.get(url)).content == b"text"
    assert asked == [b"text"]


async def test_request_that_was_cancelled_is_not_asked_about(store: Path, origin: Origin) -> None:
    asked: list[bytes] = []
    tasks: list[asyncio.Task[object]] = []

    def made(content: bytes) -> bytes:
        asked.append(content)
        # While the first one is being judged, the others wait to be.
        for task in tasks:
            task.cancel()
        return content

    gate = Gate()
    urls = [origin.on(f"/{number}", held(gate, Page(b"text"))) for number in range(4)]
    async with Session(store, fingerprint=made) as session:
        tasks.extend(asyncio.create_task(session.get(url)) for url in urls)
        await origin.eventually(lambda: len(origin.log) == 4)
        gate.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in ended)
        # It goes on as if nothing had been.
        assert (await session.get(origin.on("/after", Page(b"after")))).outcome == "new"
    assert len(asked) <= 4 + 1


@pytest.mark.every_loop
async def test_session_that_closes_while_it_asks_ends_what_waits(store: Path, origin: Origin) -> None:
    def made(content: bytes) -> bytes:
        closing.append(asyncio.create_task(session.close()))
        # The thread ends while the loop is held up, and with questions left.
        time.sleep(0.02)
        return content

    closing: list[asyncio.Task[None]] = []
    session = Session(store, fingerprint=made)
    gate = Gate()
    urls = [origin.on(f"/{number}", held(gate, Page(b"text"))) for number in range(20)]
    tasks = [asyncio.create_task(session.get(url)) for url in urls]
    await origin.eventually(lambda: len(origin.log) == 20)
    gate.set()
    ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10.0)
    await asyncio.gather(*closing)
    assert closing
    assert any(isinstance(end, SessionClosedError) for end in ended)
    assert all(isinstance(end, SessionClosedError) or getattr(end, "outcome", None) == "new" for end in ended)


async def test_session_is_closed_with_a_question_open(store: Path, origin: Origin) -> None:
    asked, made = listening()
    session = Session(store, fingerprint=made)
    await session.open()
    task = asyncio.create_task(session.get(origin.on("/page", Page(b"text"))))
    await asyncio.sleep(0)
    # Meanwhile the page comes, and the question lies before the loop, which has not looked yet.
    time.sleep(0.3)  # noqa: ASYNC251
    await session.close()
    (end,) = await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 5.0)
    assert isinstance(end, SessionClosedError) or (getattr(end, "outcome", None), asked) == ("new", [b"text"])


async def test_response_of_a_callable_that_uses_the_session_comes(store: Path, origin: Origin) -> None:
    more: list[asyncio.Task[Any]] = []

    def made(content: bytes) -> bytes:
        if not more:
            more.append(asyncio.create_task(session.get(origin.on("/other", Page(b"other")))))
        return content

    async with Session(store, fingerprint=made) as session:
        assert (await session.get(origin.on("/page", Page(b"text")))).outcome == "new"
        assert (await more[0]).content == b"other"


def owner_of(make: Callable[[Any], Any]) -> weakref.ref[Any]:
    """Something that has what asks it, and lets go of both."""

    class Owner:
        def keep(self, *_: object) -> bool:
            return True

    owner = Owner()
    owner.made = make(owner.keep)  # type: ignore[attr-defined]
    return weakref.ref(owner)


@pytest.mark.parametrize("kind", ["session", "cache", "plan"])
def test_callables_that_lead_back_are_collected(store: Path, kind: str) -> None:
    def make(keep: Callable[..., bool]) -> object:
        if kind == "session":
            return Session(":memory:", storable=keep)
        cache = Cache(store, storable=keep)
        return cache if kind == "cache" else cache.plan("GET", "http://a/")

    gone = owner_of(make)
    gc.collect()
    assert gone() is None


PROGRAMS = {
    "interrupt": """
import asyncio, sys
from notmodified import Session
def made(content):
    raise KeyboardInterrupt
async def main():
    async with Session(":memory:", fingerprint=made) as session:
        await session.get(sys.argv[1])
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
""",
    "exit": """
import asyncio, os, sys
from notmodified import Session
def made(content):
    sys.exit(0)
async def main():
    session = Session(":memory:", fingerprint=made)
    print("interrupted", flush=True)
    await session.get(sys.argv[1])
asyncio.run(main())
""",
    "forgotten": """
import asyncio, sys, time
from notmodified import Session
async def main():
    session = Session(sys.argv[2], fingerprint=lambda content: content)
    await session.open()
    task = asyncio.create_task(session.get(sys.argv[1]))
    await asyncio.sleep(0)
    time.sleep(0.3)
    task.cancel()
    print("interrupted", flush=True)
asyncio.run(main())
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_that_ends_over_a_question_ends(origin: Origin, store: Path, name: str) -> None:
    url = origin.on("/page", Page(b"text"))
    ended = run(PROGRAMS[name], url, str(store))
    assert ended.output == "interrupted\n"
