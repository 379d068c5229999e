"""What Cache-Control of a request or a response makes of freshness (RFC 9111 sections 4.2, 5.1, 5.2, 5.4)."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from notmodified import Cache, Session
from origin import Page, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from origin import Origin

HOUR = 3600.0


def stamp(seconds_from_now: float) -> str:
    """Write a date."""
    return formatdate(time.time() + seconds_from_now, usegmt=True)


def asctime(seconds_from_now: float) -> str:
    """Write a date as C does."""
    return time.asctime(time.gmtime(time.time() + seconds_from_now))


def rfc850(seconds_from_now: float) -> str:
    """Write a date with a year of two digits."""
    return time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(time.time() + seconds_from_now))


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session that serves what is fresh."""
    async with Session(":memory:", freshness="rfc9111") as opened:
        yield opened


FRESH = {
    "quoted": [("Cache-Control", 'max-age="3600"')],
    "leading-zeros": [("Cache-Control", "max-age=003600")],
    "upper-case": [("Cache-Control", "MAX-AGE=3600")],
    "huge": [("Cache-Control", "max-age=99999999999999999999")],
    "first-of-two": [("Cache-Control", "max-age=3600, max-age=0")],
    "beside-an-unknown-one": [("Cache-Control", 'community="a, max-age=0", max-age=3600')],
    "immutable": [("Cache-Control", "max-age=3600, immutable")],
    "must-revalidate": [("Cache-Control", "max-age=3600, must-revalidate")],
    "proxy-revalidate": [("Cache-Control", "max-age=3600, proxy-revalidate")],
    "named-no-cache": [("Cache-Control", 'no-cache="x-a", max-age=3600')],
    "named-private": [("Cache-Control", 'private="x-a", max-age=3600')],
    "pragma": [("Cache-Control", "max-age=3600"), ("Pragma", "no-cache")],
    "age-no-number": [("Cache-Control", "max-age=3600"), ("Age", "old")],
    "age-negative": [("Cache-Control", "max-age=3600"), ("Age", "-7200")],
    "age-fraction": [("Cache-Control", "max-age=3600"), ("Age", "7200.0")],
    "age-first-of-list": [("Cache-Control", "max-age=3600"), ("Age", "0, 7200")],
    "age-first-of-lines": [("Cache-Control", "max-age=3600"), ("Age", "0"), ("Age", "7200")],
    "expires-shouted": [("Expires", stamp(HOUR).upper())],
    "expires-asctime": [("Expires", asctime(HOUR))],
    "expires-rfc850": [("Expires", rfc850(HOUR))],
    "expires-without-a-date": [("Expires", stamp(HOUR)), ("Date", "yesterday")],
}
STALE = {
    "malformed": [("Cache-Control", "max-age=3600s")],
    "single-quoted": [("Cache-Control", "max-age='3600'")],
    "white-space": [("Cache-Control", "max-age = 3600")],
    "negative": [("Cache-Control", "max-age=-3600")],
    "within-quotes": [("Cache-Control", 'community="max-age=3600"')],
    "first-of-two": [("Cache-Control", "max-age=0, max-age=3600")],
    "shared-lifetime": [("Cache-Control", "s-maxage=3600")],
    "age-first-of-list": [("Cache-Control", "max-age=3600"), ("Age", "7200, 0")],
    "age-first-of-lines": [("Cache-Control", "max-age=3600"), ("Age", "7200"), ("Age", "0")],
    "age-huge": [("Cache-Control", "max-age=3600"), ("Age", "99999999999999999999")],
    "expires-other-zone": [("Expires", stamp(HOUR).replace("GMT", "UTC"))],
    "expires-no-comma": [("Expires", stamp(HOUR).replace(",", ""))],
    "expires-before-a-fast-date": [("Expires", stamp(300)), ("Date", stamp(400))],
    "expires-outlived-by-age": [("Expires", stamp(10)), ("Date", stamp(-10)), ("Age", "25")],
}


@pytest.mark.parametrize("name", FRESH)
async def test_response_that_says_fresh_is_served(session: Session, origin: Origin, name: str) -> None:
    url = origin.on("/page.html", Page(b"one", extra=list(FRESH[name])))
    await session.get(url)
    assert (await session.get(url)).outcome == "fresh"
    assert len(origin.log) == 1


@pytest.mark.parametrize("name", STALE)
async def test_response_that_says_stale_is_validated(session: Session, origin: Origin, name: str) -> None:
    url = origin.on("/page.html", Page(b"one", extra=list(STALE[name])))
    await session.get(url)
    assert (await session.get(url)).outcome == "not-modified"


async def test_guessed_lifetime_ends_after_a_week(session: Session, origin: Origin) -> None:
    # A tenth of ten years would be one.
    fields = [("Last-Modified", stamp(-10 * 365 * 24 * HOUR)), ("Age", str(7 * 24 * 3600))]
    url = origin.on("/page.html", Page(b"one", extra=list(fields)))
    await session.get(url)
    assert (await session.get(url)).outcome == "not-modified"


async def test_fields_that_no_cache_names_are_left_out_until_validated(session: Session, origin: Origin) -> None:
    fields = [("Cache-Control", 'no-cache="x-a, X-B", max-age=3600'), ("X-A", "1"), ("x-b", "2"), ("X-C", "3")]
    url = origin.on("/page.html", Page(b"one", extra=list(fields)))
    assert (await session.get(url)).headers["x-a"] == "1"
    served = await session.get(url)
    assert served.outcome == "fresh"
    assert "x-a" not in served.headers
    assert "x-b" not in served.headers
    assert served.headers["x-c"] == "3"
    validated = await session.get(url, headers={"Cache-Control": "no-cache"})
    assert (validated.outcome, validated.headers["x-a"]) == ("not-modified", "1")


async def test_age_that_came_counts_on_in_what_is_served(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", extra=[("Cache-Control", "max-age=3600"), ("Age", "30")]))
    await session.get(url)
    await asyncio.sleep(1.1)
    served = await session.get(url)
    assert 31 <= int(served.headers["age"]) < 60


async def test_stale_page_is_served_to_whoever_takes_it_stale(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", extra=[("Cache-Control", "max-age=60"), ("Age", "90")]))
    await session.get(url)
    outcomes = [
        (await session.get(url, headers={"Cache-Control": wish})).outcome for wish in ("max-stale=60", "max-stale")
    ]
    assert outcomes == ["fresh", "fresh"]
    assert (await session.get(url, headers={"Cache-Control": "max-stale=10"})).outcome == "not-modified"


async def test_must_revalidate_outweighs_max_stale(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=0, must-revalidate"))
    await session.get(url)
    assert (await session.get(url, headers={"Cache-Control": "max-stale"})).outcome == "not-modified"


async def test_request_no_store_neither_uses_nor_keeps(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    for _ in range(2):
        response = await session.get(url, headers={"Cache-Control": "no-store"})
        assert (response.outcome, response.reason) == ("passed", "no-store")
    assert not origin.last.has_condition()


async def test_pragma_of_a_request_says_nothing(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600"))
    await session.get(url)
    assert (await session.get(url, headers={"Pragma": "no-cache"})).outcome == "fresh"


async def test_reload_leaves_what_is_immutable_alone_and_no_cache_does_not(session: Session, origin: Origin) -> None:
    url = origin.on("/app.js", Page(b"one", cache_control="max-age=3600, immutable"))
    await session.get(url)
    assert (await session.get(url, headers={"Cache-Control": "max-age=0"})).outcome == "fresh"
    assert (await session.get(url, headers={"Cache-Control": "no-cache"})).outcome == "not-modified"


async def test_language_tags_select_whatever_their_case(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=3600", vary="Accept-Language"))
    await session.get(url, headers={"Accept-Language": "en-GB, de"})
    assert (await session.get(url, headers={"Accept-Language": "EN-gb,  de"})).outcome == "fresh"
    # Many servers take the first of equal rank: another order is another page.
    assert (await session.get(url, headers={"Accept-Language": "de, en-GB"})).outcome == "new"


ONLY = {"Cache-Control": "only-if-cached"}


@pytest.mark.parametrize("freshness", ["revalidate", "rfc9111"])
async def test_only_if_cached_asks_nobody(origin: Origin, freshness: str) -> None:
    url = origin.on("/page.html", Page(b"one", extra=[("Cache-Control", "max-age=60"), ("Age", "70")]))
    async with Session(":memory:", freshness="rfc9111" if freshness == "rfc9111" else "revalidate") as session:
        nothing = await session.get(url, headers=ONLY)
        assert (nothing.status, nothing.content, nothing.outcome) == (504, b"", "passed")
        assert (nothing.reason, nothing.stored, nothing.changed) == ("only-if-cached", False, False)
        assert nothing.cache_status == "notmodified; detail=only-if-cached"
        await session.get(url)
        assert (await session.get(url, headers=ONLY)).status == 504
        stale = await session.get(url, headers={"Cache-Control": "only-if-cached, max-stale"})
        assert (stale.status, stale.content, stale.outcome) == (200, b"one", "fresh")
        assert session.stats()["reasons"]["only-if-cached"] == 2
    assert len(origin.log) == 1


async def test_only_if_cached_with_a_condition_or_a_range_asks_nobody(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    for field in ({"If-None-Match": '"1"'}, {"Range": "bytes=0-0"}):
        assert (await session.get(url, headers={**ONLY, **field})).status == 504
    assert origin.log == []


async def test_only_if_cached_does_not_hold_back_what_changes_something(session: Session, origin: Origin) -> None:
    url = origin.on("/form", Reply(200, [], b"done"))
    assert (await session.request("POST", url, headers=ONLY, content=b"x")).content == b"done"


def test_only_if_cached_is_answered_by_a_cache_without_a_wire(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        plan = cache.plan("GET", "http://127.0.0.1:1/page.html", headers=ONLY)
        assert plan.response is not None
        assert (plan.response.status, plan.response.reason) == (504, "only-if-cached")
