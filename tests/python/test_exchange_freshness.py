"""`freshness="rfc9111"`: what is fresh is served without asking (RFC 9111 section 4.2)."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import Page, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Origin

HOUR = 3600.0


def stamp(seconds_from_now: float) -> str:
    """Write a date."""
    return formatdate(time.time() + seconds_from_now, usegmt=True)


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session that serves what is fresh."""
    async with Session(":memory:", freshness="rfc9111") as opened:
        yield opened


async def test_fresh_page_is_served_without_asking(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    await session.get(url)
    response = await session.get(url)
    assert len(origin.log) == 1
    assert (response.status, response.content, response.outcome) == (200, b"one", "fresh")
    assert (response.changed, response.not_modified) == (False, False)
    assert (response.wire_bytes, response.elapsed) == (0, 0.0)
    assert response.cache_status == "notmodified; hit"
    assert 0 <= int(response.headers["age"]) < 60
    assert session.stats()["outcomes"]["fresh"] == 1
    assert session.stats()["requests"] == 1


FRESH = {
    "max-age": {"Cache-Control": "max-age=3600"},
    "expires": {"Expires": stamp(HOUR)},
    "max-age-outweighs-expires": {"Cache-Control": "max-age=3600", "Expires": stamp(-HOUR)},
    "private": {"Cache-Control": "private, max-age=3600"},
    "old-modification": {"Last-Modified": stamp(-100 * HOUR)},
    "shared-lifetime-is-not-ours": {"Cache-Control": "max-age=3600, s-maxage=0"},
}
STALE = {
    "max-age-0": {"Cache-Control": "max-age=0"},
    "no-cache": {"Cache-Control": "max-age=3600, no-cache"},
    "expired": {"Expires": stamp(-HOUR)},
    "expires-0": {"Expires": "0"},
    "max-age-outweighs-expires": {"Cache-Control": "max-age=0", "Expires": stamp(HOUR)},
    "aged": {"Cache-Control": "max-age=3600", "Age": "3600"},
    "dated": {"Cache-Control": "max-age=3600", "Date": stamp(-2 * HOUR)},
    "silent": {},
    "vary-star": {"Cache-Control": "max-age=3600", "Vary": "*"},
}


@pytest.mark.parametrize("name", FRESH)
async def test_fresh_fields_make_no_second_request(session: Session, origin: Origin, name: str) -> None:
    url = origin.on("/page.html", Page(b"one", extra=list(FRESH[name].items())))
    await session.get(url)
    assert (await session.get(url)).outcome == "fresh"
    assert len(origin.log) == 1


@pytest.mark.parametrize("name", STALE)
async def test_stale_fields_make_a_conditional_request(session: Session, origin: Origin, name: str) -> None:
    url = origin.on("/page.html", Page(b"one", extra=list(STALE[name].items())))
    await session.get(url)
    assert (await session.get(url)).outcome == "not-modified"
    assert origin.last.has_condition()


@pytest.mark.parametrize("wish", ["no-cache", "max-age=0", "min-fresh=7200"])
async def test_callers_wish_for_a_fresher_page_is_heard(session: Session, origin: Origin, wish: str) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600", extra=[("Age", "10")]))
    await session.get(url)
    response = await session.get(url, headers={"Cache-Control": wish})
    assert len(origin.log) == 2
    assert response.outcome != "fresh"


async def test_304_makes_the_page_fresh_again(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.cache_control = "max-age=3600"
    assert (await session.get(url)).outcome == "not-modified"
    assert (await session.get(url)).outcome == "fresh"
    assert len(origin.log) == 2


async def test_fresh_page_of_another_variant_is_not_served(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600", vary="Accept-Language"))
    await session.get(url, headers={"Accept-Language": "en"})
    assert (await session.get(url, headers={"Accept-Language": "fr"})).outcome == "new"


async def test_unsafe_method_makes_a_fresh_page_stale(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    await session.get(url)
    await session.post(url, content=b"change")
    response = await session.get(url)
    assert (response.outcome, origin.last.has_condition()) == ("not-modified", True)
    assert (await session.get(url)).outcome == "fresh"


async def test_unsafe_method_makes_what_location_names_stale(session: Session, origin: Origin) -> None:
    url = origin.on("/item.html", Page(b"one", cache_control="max-age=3600"))
    await session.get(url)
    form = Page(b"done", extra=[("Location", "/item.html")])
    await session.post(origin.on("/form", form), content=b"change")
    assert (await session.get(url)).outcome == "not-modified"


async def test_unsafe_method_that_failed_makes_nothing_stale(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=3600")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.interludes.append(Reply(403))
    await session.post(url, content=b"change")
    assert (await session.get(url)).outcome == "fresh"


async def test_safe_method_makes_nothing_stale(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    await session.get(url)
    await session.request("OPTIONS", url)
    assert (await session.get(url)).outcome == "fresh"


async def test_set_cookie_is_not_replayed_with_a_fresh_page(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600", set_cookie="visit=1"))
    assert "set-cookie" in (await session.get(url)).headers
    assert "set-cookie" not in (await session.get(url)).headers
