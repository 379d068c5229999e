"""Several stored responses for one URL, told apart by Vary (RFC 9111 section 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Page, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Origin, Request


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


class Translated:
    """A page in two languages, each with a tag of its own."""

    def __init__(self) -> None:
        self.pages = {
            "en": Page(b"hello", etag='"en"', vary="Accept-Language"),
            "fr": Page(b"bonjour", etag='"fr"', vary="Accept-Language"),
        }

    def __call__(self, request: Request) -> Reply:
        """Answer in the language that is asked for."""
        return self.pages[request.get("accept-language") or "en"](request)


async def test_each_variant_is_validated_with_its_own_tag(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Translated())
    responses = [await session.get(url, headers={"Accept-Language": tongue}) for tongue in ("en", "fr") * 2]
    assert [request.get("if-none-match") for request in origin.log] == [None, None, '"en"', '"fr"']
    assert [response.content for response in responses] == [b"hello", b"bonjour"] * 2
    assert [response.changed for response in responses] == [True, True, False, False]


async def test_new_variant_is_new(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Translated())
    await session.get(url, headers={"Accept-Language": "en"})
    response = await session.get(url, headers={"Accept-Language": "fr"})
    assert (response.outcome, response.changed) == ("new", True)
    assert response.cache_status == "notmodified; fwd=vary-miss; fwd-status=200; stored"


async def test_field_left_out_is_a_variant_of_its_own(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Translated())
    await session.get(url)
    await session.get(url, headers={"Accept-Language": "en"})
    assert not origin.last.has_condition()


async def test_field_that_vary_does_not_name_selects_nothing(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Translated())
    await session.get(url, headers={"Accept-Language": "en", "X-Request-Id": "1"})
    assert (await session.get(url, headers={"Accept-Language": "en", "X-Request-Id": "2"})).not_modified


async def test_white_space_and_lines_select_nothing(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", vary="X-A"))
    await session.get(url, headers=[("X-A", "1,2")])
    assert (await session.get(url, headers=[("X-A", "1"), ("X-A", " 2")])).not_modified


async def test_change_in_one_variant_is_no_change_in_the_other(session: Session, origin: Origin) -> None:
    page = Translated()
    url = origin.on("/page.html", page)
    for tongue in ("en", "fr"):
        await session.get(url, headers={"Accept-Language": tongue})
    page.pages["en"].content, page.pages["en"].etag = b"hi", '"en2"'
    assert (await session.get(url, headers={"Accept-Language": "en"})).changed
    assert not (await session.get(url, headers={"Accept-Language": "fr"})).changed


async def test_vary_on_everything_is_still_validated_by_its_tag(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"', vary="*"))
    await session.get(url)
    response = await session.get(url)
    assert (origin.last.get("if-none-match"), response.not_modified) == ('"1"', True)


async def test_vary_on_everything_is_never_validated_by_a_date(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag=None, last_modified="x", vary="*"))
    await session.get(url)
    await session.get(url)
    assert not origin.last.has_condition()


@pytest.mark.parametrize("name", ["Accept-Encoding", "User-Agent", "Cookie", "Origin"])
async def test_vary_on_what_is_always_the_same_is_one_variant(session: Session, origin: Origin, name: str) -> None:
    page = Page(b"one" * 100, gzip=True, vary=name)
    url = origin.on("/page.html", page)
    for _ in range(3):
        await session.get(url)
    assert (page.full, page.not_modified) == (1, 2)


async def test_more_variants_than_are_kept_are_still_answered(session: Session, origin: Origin) -> None:
    def answer(request: Request) -> Reply:
        value = request.get("x-a") or ""
        return Page(value.encode(), etag=f'"{value}"', vary="X-A")(request)

    url = origin.on("/page.html", answer)
    for _ in range(2):
        for number in range(100):
            response = await session.get(url, headers={"X-A": str(number)})
            assert response.content == str(number).encode()
