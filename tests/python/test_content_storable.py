"""Pages that the caller would not keep: a captcha replaces nothing, and says nothing of the page that was asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, Headers, InvalidRequestError, Resend, Session
from origin import Page, Reply, status

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

BAN = b"<html>Are you a robot?</html>"


def is_page(_status: int, _headers: Headers, content: bytes) -> bool:
    """Tell pages from captchas."""
    return b"robot" not in content


def banned(tag: str = '"ban"') -> Reply:
    """A ban that looks like a page: with 200, and with a validator."""
    return Reply(200, [("ETag", tag), ("Content-Type", "text/html")], BAN)


@pytest.mark.every_loop
async def test_ban_never_replaces_a_page(store: Path, origin: Origin) -> None:
    page = Page(b"good")
    url = origin.on("/", page)
    async with Session(store, storable=is_page) as session:
        first = await session.get(url)
        page.interludes.append(banned())
        ban = await session.get(url)
        again = await session.get(url)
        reasons = session.stats()["reasons"]
    assert (ban.status, ban.content) == (200, BAN)
    assert (ban.outcome, ban.reason, ban.changed, ban.stored) == ("passed", "not-storable", False, False)
    assert "detail=not-storable" in ban.cache_status
    assert origin.last.get("if-none-match") == first.headers["etag"]
    assert (again.outcome, again.content, again.changed) == ("not-modified", b"good", False)
    assert reasons == {"not-storable": 1}


async def test_ban_before_the_first_page_is_not_stored(store: Path, origin: Origin) -> None:
    page = Page(b"good")
    page.interludes.append(banned())
    url = origin.on("/", page)
    async with Session(store, storable=is_page) as session:
        assert not (await session.get(url)).changed
        first = await session.get(url)
    assert not origin.last.has_condition()
    assert (first.outcome, first.changed) == ("new", True)


async def test_change_behind_a_ban_is_told_after_it(store: Path, origin: Origin) -> None:
    page = Page(b"good")
    url = origin.on("/", page)
    async with Session(store, storable=is_page) as session:
        await session.get(url)
        page.interludes.append(banned())
        await session.get(url)
        page.content = b"better"
        after = await session.get(url)
    assert (after.outcome, after.changed) == ("changed", True)


async def test_consumer_neither_hears_of_a_ban_nor_acknowledges_it(store: Path, origin: Origin) -> None:
    page = Page(b"good")
    url = origin.on("/", page)
    async with Session(store, storable=is_page, consumer="prices") as session:
        (await session.get(url)).acknowledge()
        page.interludes.append(banned())
        ban = await session.get(url)
        assert not ban.changed
        ban.acknowledge()
        assert not (await session.get(url)).changed, "it never went"
        page.content = b"better"
        better = await session.get(url)
        assert better.changed
        page.interludes.append(banned())
        (await session.get(url)).acknowledge()
        assert (await session.get(url)).changed, "the change was not acknowledged"


async def test_callable_is_given_status_headers_and_decoded_content(store: Path, origin: Origin) -> None:
    given: list[tuple[int, Headers, bytes, int]] = []

    def keep(status: int, headers: Headers, content: bytes) -> bool:
        given.append((status, headers, content, threading.get_ident()))
        return True

    url = origin.on("/", Page(b"good", gzip=True, set_cookie="a=1"))
    async with Session(store, storable=keep) as session:
        assert (await session.get(url)).stored
        assert (await session.get(url)).not_modified
    ((code, headers, content, thread),) = given
    assert (code, content, thread) == (200, b"good", threading.get_ident())
    assert isinstance(headers, Headers)
    assert (headers["content-encoding"], headers["set-cookie"]) == ("gzip", "a=1")


async def test_nobody_is_asked_about_what_would_not_be_stored(store: Path, origin: Origin) -> None:
    def keep(*_: object) -> bool:
        raise AssertionError("asked")

    async with Session(store, storable=keep) as session:
        gone = await session.get(origin.on("/gone", status(404, b"gone")))
        assert (gone.reason, gone.changed) == ("status", True)
        private = await session.get(origin.on("/private", Page(b"text", cache_control="no-store")))
        assert private.reason == "no-store"
        assert (await session.post(origin.on("/form", Page(b"text")), content=b"x")).reason == "method"


@pytest.mark.parametrize("fingerprint", ["html", lambda content: content[:3]], ids=["html", "callable"])
async def test_what_is_storable_may_have_a_fingerprint(store: Path, origin: Origin, fingerprint: Any) -> None:  # noqa: ANN401
    page = Page(b"<p>text<!-- 1 -->")
    url = origin.on("/", page)
    async with Session(store, storable=is_page, fingerprint=fingerprint) as session:
        await session.get(url)
        page.content = b"<p>text<!-- 2 -->"
        assert (await session.get(url)).outcome == "same-content"
        page.content = BAN
        assert (await session.get(url)).reason == "not-storable"


def test_cache_asks_as_well(store: Path) -> None:
    with Cache(store, storable=is_page) as cache:
        outcomes = []
        for tag, content in [('"1"', b"good"), ('"2"', BAN), ('"3"', b"good")]:
            settled = cache.plan("GET", "http://a/").settle(200, {"ETag": tag}, content)
            assert not isinstance(settled, Resend)
            outcomes.append((settled.outcome, settled.reason, settled.changed))
    assert outcomes == [("new", None, True), ("passed", "not-storable", False), ("same-content", None, False)]


@pytest.mark.parametrize("value", [True, "is_page"])
def test_storable_that_cannot_be_called_is_refused(store: Path, value: Any) -> None:  # noqa: ANN401
    for make in (Session, Cache):
        with pytest.raises(InvalidRequestError, match="storable must be a callable, or None"):
            make(store, storable=value)
