"""Pages that differ in noise alone are the same content: by the built-in fingerprint of HTML, or the caller's own."""

from __future__ import annotations

import gzip
import itertools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, InvalidRequestError, Request, Resend, Response, Session
from origin import Page, Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from origin import Origin
    from origin import Request as Asked

PAGE = """<!DOCTYPE html><html><head><title>Shoes</title>
<meta name="csrf-token" content="{token}"><script nonce="{token}">let token = "{token}";</script></head>
<body><!-- {token} --><form><input type="hidden" name="authenticity_token" value="{token}"></form>
<p class="price">{price} €</p></body></html>
"""


class Shop:
    """Gives a page with a new token in it at each request, under a tag made of its bytes."""

    def __init__(
        self,
        *,
        coding: str | None = None,
        kind: str = "text/html; charset=utf-8",
        padding: int = 0,
        last_modified: str | None = None,
    ) -> None:
        self.price = "10,00"
        self.last_modified = last_modified
        self.coding = coding
        self.kind = kind
        self.padding = padding
        self._tokens = (f"{number:024x}" for number in itertools.count(1))

    def __call__(self, request: Asked) -> Reply:
        """Answer one request."""
        content = PAGE.format(token=next(self._tokens), price=self.price).encode() + b"<p>text</p>\n" * self.padding
        page = Page(
            content,
            content_type=self.kind,
            gzip=self.coding == "gzip",
            last_modified=self.last_modified,
            etag_on_304=None,
        )
        reply = page(request)
        assert isinstance(reply, Reply)
        return reply


@pytest.mark.every_loop
@pytest.mark.parametrize("coding", [None, "gzip"])
async def test_page_with_another_token_is_the_same_content(store: Path, origin: Origin, coding: str | None) -> None:
    shop = Shop(coding=coding)
    url = origin.on("/", shop)
    async with Session(store, fingerprint="html") as session:
        first = await session.get(url)
        second = await session.get(url)
        shop.price = "9,00"
        third = await session.get(url)
    assert (first.outcome, first.changed) == ("new", True)
    assert (second.outcome, second.changed, second.stored) == ("same-content", False, True)
    assert second.content != first.content
    assert (third.outcome, third.changed) == ("changed", True)


async def test_new_content_is_stored_with_its_validator(store: Path, origin: Origin) -> None:
    url = origin.on("/", Shop())
    async with Session(store, fingerprint="html") as session:
        await session.get(url)
        second = await session.get(url)
        origin.on("/", Page(second.content))
        third = await session.get(url)
    assert origin.last.get("if-none-match") == second.headers["etag"]
    assert (third.outcome, third.content) == ("not-modified", second.content)


async def test_tags_that_follow_the_noise_are_given_up_for_the_date(store: Path, origin: Origin) -> None:
    shop = Shop(last_modified="Thu, 29 Feb 2024 12:00:00 GMT")
    url = origin.on("/", shop)
    async with Session(store, fingerprint="html") as session:
        outcomes = [(await session.get(url)).outcome for _ in range(8)]
    assert outcomes[-2:] == ["not-modified"] * 2, outcomes
    assert origin.last.get("if-none-match") is None


async def test_without_the_option_every_byte_counts(store: Path, origin: Origin) -> None:
    url = origin.on("/", Shop())
    async with Session(store) as session:
        await session.get(url)
        assert (await session.get(url)).outcome == "changed"


async def test_what_is_no_html_is_compared_as_it_is(store: Path, origin: Origin) -> None:
    url = origin.on("/", Shop(kind="text/plain"))
    async with Session(store, fingerprint="html") as session:
        await session.get(url)
        assert (await session.get(url)).outcome == "changed"


async def test_large_page_is_read_as_well(store: Path, origin: Origin) -> None:
    shop = Shop(padding=100_000)
    url = origin.on("/", shop)
    async with Session(store, fingerprint="html") as session:
        await session.get(url)
        assert (await session.get(url)).outcome == "same-content"
        shop.price = "9,00"
        assert (await session.get(url)).outcome == "changed"


async def test_consumer_is_told_once_of_what_a_page_says(store: Path, origin: Origin) -> None:
    shop = Shop()
    url = origin.on("/", shop)
    async with Session(store, fingerprint="html", consumer="prices") as session:
        first = await session.get(url)
        assert (await session.get(url)).changed, "it was not acknowledged"
        first.acknowledge()
        assert not (await session.get(url)).changed
        shop.price = "9,00"
        changed = await session.get(url)
        assert changed.changed
        changed.acknowledge()
    async with Session(store, fingerprint="html", consumer="prices") as session:
        assert not (await session.get(url)).changed


async def test_acknowledged_before_the_option_came_is_acknowledged_after(store: Path, origin: Origin) -> None:
    page = Page(PAGE.format(token="1" * 24, price="10,00").encode(), ignores_conditions=True)
    url = origin.on("/", page)
    async with Session(store, consumer="prices") as session:
        (await session.get(url)).acknowledge()
    async with Session(store, consumer="prices", fingerprint="html") as session:
        assert not (await session.get(url)).changed
        page.content = PAGE.format(token="2" * 24, price="10,00").encode()
        again = await session.get(url)
        assert (again.outcome, again.changed) == ("same-content", True), "that token was acknowledged, not the text"
        again.acknowledge()
        page.content = PAGE.format(token="3" * 24, price="10,00").encode()
        assert not (await session.get(url)).changed


@pytest.mark.every_loop
@pytest.mark.parametrize(
    "made",
    [lambda content: content.split(b"|")[0], lambda content: content.decode().split("|")[0]],
    ids=["bytes", "str"],
)
async def test_callable_says_what_content_comes_to(
    store: Path, origin: Origin, made: Callable[[bytes], bytes | str]
) -> None:
    page = Page(b"text|1", gzip=True)
    url = origin.on("/", page)
    async with Session(store, fingerprint=made) as session:
        outcomes = [(await session.get(url)).outcome]
        for content in [b"text|2", b"text|2", b"other|2"]:
            page.content = content
            outcomes.append((await session.get(url)).outcome)
    assert outcomes == ["new", "same-content", "not-modified", "changed"]


async def test_callable_sees_the_decoded_content_on_the_loops_thread_once_a_page(store: Path, origin: Origin) -> None:
    seen: list[tuple[bytes, int]] = []

    def made(content: bytes) -> bytes:
        seen.append((content, threading.get_ident()))
        return content

    url = origin.on("/", Page(b"text", gzip=True))
    async with Session(store, fingerprint=made) as session:
        await session.get(url)
        assert (await session.get(url)).not_modified
    assert seen == [(b"text", threading.get_ident())]


async def test_get_many_is_asked_about_each_page(store: Path, origin: Origin) -> None:
    def made(content: bytes) -> bytes:
        return content.split(b"|")[0]

    pages = [Page(b"%d|1" % number) for number in range(50)]
    urls = [origin.on(f"/{number}", page) for number, page in enumerate(pages)]
    async with Session(store, fingerprint=made) as session:
        for expected in ["new", "same-content"]:
            outcomes = [
                result.outcome if isinstance(result, Response) else result
                async for result in session.get_many([Request(url) for url in urls], concurrency=8)
            ]
            assert outcomes == [expected] * 50
            for number, page in enumerate(pages):
                page.content = b"%d|2" % number


def settled(cache: Cache, url: str, tag: str, body: bytes, **options: bool) -> Response:
    """What the answer with this tag and body comes to."""
    response = cache.plan("GET", url).settle(200, {"ETag": tag, "Content-Type": "text/html"}, body, **options)
    assert not isinstance(response, Resend)
    return response


def test_cache_reads_html_and_asks_in_the_callers_thread(store: Path) -> None:
    with Cache(store, fingerprint="html") as cache:
        assert settled(cache, "http://a/", '"1"', b"<p>text<!-- 1 -->").outcome == "new"
        assert settled(cache, "http://a/", '"2"', b"<p>text<!-- 2 -->").outcome == "same-content"
    threads: list[int] = []

    def made(content: bytes) -> str:
        threads.append(threading.get_ident())
        return content.decode()[:4]

    with Cache(store, fingerprint=made) as cache:
        assert settled(cache, "http://b/", '"1"', b"text 1").outcome == "new"
        assert settled(cache, "http://b/", '"2"', b"text 2").outcome == "same-content"
    assert threads == [threading.get_ident()] * 2


async def test_cache_is_asked_off_the_loop_as_well(store: Path) -> None:
    with Cache(store, fingerprint=lambda content: content[:4]) as cache:
        for tag, expected in [('"1"', "new"), ('"2"', "same-content")]:
            plan = await cache.aplan("GET", "http://a/")
            headers = {"ETag": tag, "Content-Encoding": "gzip"}
            response = await plan.asettle(200, headers, gzip.compress(b"text" + tag.encode()))
            assert isinstance(response, Response)
            assert response.outcome == expected


@pytest.mark.parametrize("value", ["htm", 7, b"html"])
def test_fingerprint_that_is_none_is_refused(store: Path, value: Any) -> None:  # noqa: ANN401
    for make in (Session, Cache):
        with pytest.raises(InvalidRequestError, match='fingerprint must be "html", a callable, or None'):
            make(store, fingerprint=value)


async def test_head_has_no_content_to_ask_about(store: Path, origin: Origin) -> None:
    def made(_: bytes) -> bytes:
        raise AssertionError("asked")

    url = origin.on("/", Page(b"text"))
    async with Session(store, fingerprint=made) as session:
        assert (await session.head(url)).outcome == "new"
