"""What one request asks for otherwise than the rest: its own freshness, or the whole content whatever is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, InvalidRequestError, Plan, Request, Resend, Response, Session
from origin import Page, redirect

if TYPE_CHECKING:
    from origin import Origin

URL = "http://127.0.0.1/page.html"
FRESH = {"ETag": '"1"', "Cache-Control": "max-age=3600"}
LENGTH = 1 << 20
LARGE = {"ETag": '"1"', "Content-Length": str(LENGTH)}


def stored(cache: Cache, headers: dict[str, str], body: bytes = b"one") -> None:
    """Let the cache have this page."""
    settled = cache.plan("GET", URL).settle(200, headers, body)
    assert isinstance(settled, Response)
    assert settled.stored


def outcome(plan: Plan) -> str | None:
    """What the plan serves without asking."""
    return None if plan.response is None else plan.response.outcome


@pytest.mark.parametrize("of_cache", ["revalidate", "rfc9111"])
def test_request_goes_by_its_own_freshness(of_cache: Any) -> None:  # noqa: ANN401, one of two words
    with Cache(":memory:", freshness=of_cache) as cache:
        stored(cache, FRESH)
        assert outcome(cache.plan("GET", URL, freshness="rfc9111")) == "fresh"
        assert list(cache.plan("GET", URL, freshness="revalidate").conditions) == ["if-none-match"]
        assert outcome(cache.plan("GET", URL)) == ("fresh" if of_cache == "rfc9111" else None)


async def test_awaitable_twin_takes_the_same_wishes() -> None:
    async with Cache(":memory:") as cache:
        stored(cache, FRESH)
        assert outcome(await cache.aplan("GET", URL, freshness="rfc9111")) == "fresh"
        assert not (await cache.aplan("GET", URL, full=True)).conditions


def test_freshness_that_is_none_is_refused_by_its_value() -> None:
    word: Any = "rfc2616"
    with (
        Cache(":memory:") as cache,
        pytest.raises(InvalidRequestError, match=r'"rfc2616" is neither "revalidate" nor "rfc9111"'),
    ):
        cache.plan("GET", URL, freshness=word)


def test_whole_content_is_asked_for_whatever_the_rules_would_serve() -> None:
    with Cache(":memory:", freshness="rfc9111", min_interval=3600.0, floors={"max-age"}) as cache:
        stored(cache, FRESH)
        assert outcome(cache.plan("GET", URL)) == "fresh"
        plan = cache.plan("GET", URL, full=True)
        assert plan.response is None
        assert not plan.conditions
        response = plan.settle(200, FRESH, b"two")
        assert isinstance(response, Response)
        assert (response.outcome, response.reason, response.changed) == ("changed", "missed-change", True)
        served = cache.plan("GET", URL).response
        assert served is not None
        assert served.content == b"two"


async def test_session_fetches_the_whole_content_now(origin: Origin) -> None:
    page = Page(b"one", etag='"same"')
    url = origin.on("/page.html", page)
    moved = origin.on("/moved.html", redirect(url))
    async with Session(":memory:", min_interval=3600.0) as session:
        await session.get(url)
        page.content = b"two"
        assert (await session.get(url)).content == b"one"
        response = await session.get(url, full=True)
        assert (response.content, response.reason) == (b"two", "missed-change")
        page.content = b"three"
        assert (await session.get(moved, full=True)).content == b"three"
        asked = Request(url, full=True)
        assert asked.full
        assert (await session.send(asked)).outcome == "same-content"
        assert (await session.request("GET", url, full=True)).outcome == "same-content"
    assert not any(request.has_condition() for request in origin.log)


async def test_request_for_the_whole_content_is_no_companion_of_another(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:") as session:
        await session.get(url)
        both = [response async for response in session.get_many([url, Request(url, full=True)])]
    assert {response.outcome for response in both if isinstance(response, Response)} == {"not-modified", "same-content"}


def test_answer_of_a_familiar_page_may_be_stopped_and_is_the_stored_one() -> None:
    with Cache(":memory:", stop_early=True) as cache:
        stored(cache, LARGE, bytes(LENGTH))
        plan = cache.plan("GET", URL)
        assert plan.may_stop(LARGE)
        assert plan.may_stop(LARGE, length=LENGTH)
        response = plan.settle(200, LARGE, b"", stopped=True, wire_bytes=200)
        assert isinstance(response, Response)
        assert (response.outcome, response.changed, response.content) == ("stopped-early", False, bytes(LENGTH))
        assert (response.wire_bytes, response.bytes_saved) == (200, cache.stats()["bytes_saved"])
        assert response.bytes_saved > LENGTH - 200


@pytest.mark.parametrize(
    ("status", "headers", "length"),
    [
        (404, LARGE, None),
        (200, {**LARGE, "ETag": 'W/"1"'}, None),
        (200, {**LARGE, "Content-Encoding": "gzip"}, None),
        (200, {**LARGE, "Cache-Control": "no-store"}, None),
        (200, {"ETag": '"1"'}, None),
        (200, LARGE, LENGTH - 1),
    ],
)
def test_answer_that_may_be_another_page_may_not_be_stopped(
    status: int, headers: dict[str, str], length: int | None
) -> None:
    with Cache(":memory:", stop_early=True) as cache:
        stored(cache, LARGE, bytes(LENGTH))
        assert not cache.plan("GET", URL).may_stop(headers, status=status, length=length)


def test_nothing_may_be_stopped_without_the_option_nor_where_the_whole_is_wanted() -> None:
    with Cache(":memory:") as cache:
        stored(cache, LARGE, bytes(LENGTH))
        assert not cache.plan("GET", URL).may_stop(LARGE)
    with Cache(":memory:", stop_early=True) as cache:
        assert not cache.plan("GET", URL).may_stop(LARGE)
        stored(cache, LARGE, bytes(LENGTH))
        assert not cache.plan("GET", URL, full=True).may_stop(LARGE)
        settled = cache.plan("GET", URL)
        settled.settle(304, LARGE)
        assert not settled.may_stop(LARGE)


@pytest.mark.parametrize(("status", "tag"), [(500, '"1"'), (206, '"1"'), (200, '"2"')])
def test_stopped_answer_that_is_another_page_is_asked_for_again_and_never_taken_for_whole(
    status: int, tag: str
) -> None:
    with Cache(":memory:", stop_early=True) as cache:
        stored(cache, LARGE, bytes(LENGTH))
        plan = cache.plan("GET", URL)
        again = plan.settle(status, {**LARGE, "ETag": tag}, b"x", stopped=True)
        assert isinstance(again, Resend)
        assert again.reason == "incomplete"
        assert "if-none-match" not in again.headers
        assert not plan.may_stop(LARGE)
        cut = plan.settle(200, LARGE, b"x", stopped=True)
        assert isinstance(cut, Response)
        assert (cut.outcome, cut.reason, cut.stored) == ("passed", "incomplete", False)
        kept = cache.plan("GET", URL).settle(304, LARGE)
        assert isinstance(kept, Response)
        assert kept.content == bytes(LENGTH)
