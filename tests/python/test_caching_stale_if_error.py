"""A stored response stands in for an origin that fails, where that is allowed (RFC 5861 section 4)."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, ConnectError, DisconnectedError, ReadTimeout, Response, Session
from origin import FOREVER, Page, Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from origin import Origin

FAILURES = {
    "500": lambda: Reply(500, [], b"oops"),
    "502": lambda: Reply(502, [], b"oops"),
    "503": lambda: Reply(503, [("Retry-After", "1")], b"oops"),
    "504": lambda: Reply(504, [], b"oops"),
    "closed": lambda: Reply(raw=b""),
    "cut": lambda: Reply(200, [("ETag", '"2"')], b"x" * 1000, cut_after=10),
    "no-http": lambda: Reply(raw=b"SSH-2.0-OpenSSH\r\n"),
    "silent": lambda: Reply(delay=FOREVER),
}


def bound(**options: Any) -> Session:  # noqa: ANN401 - whatever a Session takes
    """Open a session that takes stale pages for a minute."""
    return Session(":memory:", **{"stale_if_error": 60, "read_timeout": 0.5, **options})


def fail_from_now_on(page: Page, failure: Callable[[], Reply], times: int = 4) -> None:
    """Fail more often than anybody asks again."""
    page.interludes.extend(failure() for _ in range(times))


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("freshness", ["revalidate", "rfc9111"])
async def test_failing_origin_is_stood_in_for(origin: Origin, name: str, freshness: str) -> None:
    page = Page(b"one", etag='"1"', cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound(freshness=freshness) as session:
        await session.get(url)
        fail_from_now_on(page, FAILURES[name])
        response = await session.get(url)
        assert (response.status, response.content, response.outcome) == (200, b"one", "stale-if-error")
        assert (response.not_modified, response.changed, response.bytes_saved) == (False, False, 0)
        assert 0 <= int(response.headers["age"]) < 60
        assert response.cache_status.startswith("notmodified; fwd=stale")
        assert session.stats()["outcomes"]["stale-if-error"] == 1
        page.interludes.clear()
        assert (await session.get(url)).outcome == "not-modified"
        assert origin.last.get("if-none-match") == '"1"'


async def test_origin_that_is_gone_is_stood_in_for(origin: Origin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    page = Page(b"one", cache_control="max-age=0")
    origin.on("/page.html", page)
    url = f"http://127.0.0.1:{port}/page.html"
    async with bound() as session:
        # The same resource, by Host, over two ports: the second time nobody listens there.
        host = {"Host": "site.example"}
        await session.get(origin.url + "/page.html", headers=host)
        response = await session.get(url, headers=host)
        assert (response.content, response.outcome) == (b"one", "stale-if-error")
        with pytest.raises(ConnectError):
            await session.get(f"http://127.0.0.1:{port}/other.html", headers=host)


@pytest.mark.parametrize("name", FAILURES)
async def test_without_being_asked_to_nobody_stands_in(origin: Origin, name: str) -> None:
    page = Page(b"one", cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound(stale_if_error=None, freshness="rfc9111") as session:
        await session.get(url)
        fail_from_now_on(page, FAILURES[name])
        if name.isdigit():
            response = await session.get(url)
            assert (response.status, response.outcome) == (int(name), "passed")
        else:
            with pytest.raises(Exception, match=url):
                await session.get(url)


@pytest.mark.parametrize(
    "control", ["max-age=0, must-revalidate", "no-cache", "max-age=0, stale-if-error=60, no-cache"]
)
async def test_response_that_forbids_it_does_not_stand_in(origin: Origin, control: str) -> None:
    page = Page(b"one", cache_control=control)
    url = origin.on("/page.html", page)
    async with bound(freshness="rfc9111") as session:
        await session.get(url)
        fail_from_now_on(page, FAILURES["503"])
        assert (await session.get(url)).status == 503
        page.interludes.clear()
        fail_from_now_on(page, FAILURES["closed"])
        with pytest.raises(DisconnectedError):
            await session.get(url)


async def test_bound_counts_from_when_it_went_stale(origin: Origin) -> None:
    page = Page(b"one", extra=[("Cache-Control", "max-age=100"), ("Age", "150")])
    url = origin.on("/page.html", page)
    for seconds, outcome in ((60, "stale-if-error"), (40, "passed")):
        async with bound(stale_if_error=seconds) as session:
            await session.get(url)
            fail_from_now_on(page, FAILURES["503"], times=1)
            assert (await session.get(url)).outcome == outcome


async def test_304_moves_the_bound_on(origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound(stale_if_error=1) as session:
        await session.get(url)
        await asyncio.sleep(2.1)
        assert (await session.get(url)).outcome == "not-modified"
        fail_from_now_on(page, FAILURES["503"])
        assert (await session.get(url)).outcome == "stale-if-error"
        await asyncio.sleep(2.1)
        assert (await session.get(url)).outcome == "passed"


async def test_response_can_allow_it_where_freshness_is_gone_by(origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0, stale-if-error=60")
    url = origin.on("/page.html", page)
    outcomes = {}
    for freshness in ("rfc9111", "revalidate"):
        async with bound(stale_if_error=None, freshness=freshness) as session:
            await session.get(url)
            fail_from_now_on(page, FAILURES["503"], times=1)
            outcomes[freshness] = (await session.get(url)).outcome
    assert outcomes == {"rfc9111": "stale-if-error", "revalidate": "passed"}


async def test_request_can_allow_it_for_itself(origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound(stale_if_error=None) as session:
        await session.get(url)
        fail_from_now_on(page, FAILURES["503"])
        allowed = await session.get(url, headers={"Cache-Control": "stale-if-error=60"})
        assert allowed.outcome == "stale-if-error"
        assert (await session.get(url)).outcome == "passed"


async def test_other_answers_of_the_origin_are_no_failure(origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    async with bound() as session:
        await session.get(url)
        for status in (403, 404, 410, 429, 501):
            page.interludes.append(Reply(status))
            assert (await session.get(url)).status == status


async def test_what_another_identity_was_given_does_not_stand_in(origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound() as session:
        await session.get(url, identity="a")
        fail_from_now_on(page, FAILURES["503"])
        assert (await session.get(url, identity="b")).status == 503
        assert (await session.get(url)).status == 503
        assert (await session.get(url, identity="a")).outcome == "stale-if-error"


async def test_page_that_was_changed_by_a_request_does_not_stand_in(origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound() as session:
        await session.get(url)
        await session.post(url, content=b"change")
        fail_from_now_on(page, FAILURES["503"])
        assert (await session.get(url)).status == 503


async def test_request_with_a_condition_of_its_own_gets_the_origins_word(origin: Origin) -> None:
    page = Page(b"one", etag='"1"', cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound() as session:
        await session.get(url)
        fail_from_now_on(page, FAILURES["503"])
        assert (await session.get(url, headers={"If-None-Match": '"2"'})).status == 503
        assert (await session.post(url, content=b"x")).status == 503


async def test_page_that_has_gone_since_does_not_stand_in(origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=0")
    url = origin.on("/page.html", page)
    async with bound(freshness="rfc9111") as session:
        await session.get(url)
        await asyncio.sleep(1.1)
        page.interludes.append(Reply(404, [("Cache-Control", "max-age=0")]))
        assert (await session.get(url)).status == 404
        fail_from_now_on(page, FAILURES["503"])
        assert (await session.get(url)).status == 503


async def test_page_without_a_validator_stands_in_too(origin: Origin) -> None:
    page = Page(b"one", etag=None)
    url = origin.on("/page.html", page)
    async with bound() as session:
        await session.get(url)
        fail_from_now_on(page, FAILURES["closed"])
        assert (await session.get(url)).outcome == "stale-if-error"


async def test_silence_is_told_where_nothing_is_stored(origin: Origin) -> None:
    url = origin.on("/page.html", Reply(delay=FOREVER))
    async with bound() as session:
        with pytest.raises(ReadTimeout):
            await session.get(url)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Cache, str]:
    """A cache that holds a page and takes it stale, and the URL of the page."""
    cache = Cache(tmp_path, stale_if_error=60)
    url = "http://127.0.0.1:1/page.html"
    settled = cache.plan("GET", url).settle(200, [("ETag", '"1"'), ("Cache-Control", "max-age=0")], b"one")
    assert isinstance(settled, Response)
    return cache, url


def test_failed_plan_hands_out_what_stands_in(stored: tuple[Cache, str]) -> None:
    cache, url = stored
    with cache:
        response = cache.plan("GET", url).fail(TimeoutError())
        assert response is not None
        assert (response.status, response.content, response.outcome) == (200, b"one", "stale-if-error")
        assert response.cache_status == "notmodified; fwd=stale"
        assert cache.plan("GET", url + "?other").fail() is None


def test_settled_failure_hands_out_what_stands_in(stored: tuple[Cache, str]) -> None:
    cache, url = stored
    with cache:
        response = cache.plan("GET", url).settle(503, [], b"oops")
        assert isinstance(response, Response)
        assert (response.content, response.outcome) == (b"one", "stale-if-error")
        assert response.cache_status == "notmodified; fwd=stale; fwd-status=503"


def test_consumer_that_never_saw_the_page_hears_that_from_what_stands_in(
    stored: tuple[Cache, str], tmp_path: Path
) -> None:
    cache, url = stored
    cache.close()
    with Cache(tmp_path, stale_if_error=60, consumer="prices") as other:
        response = other.plan("GET", url).settle(503, [], b"oops")
        assert isinstance(response, Response)
        assert (response.outcome, response.changed) == ("stale-if-error", True)
