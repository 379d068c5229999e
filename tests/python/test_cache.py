"""`Cache`: plan, download by other means, settle. The downloader here is the standard library's."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from notmodified import Cache, Headers, PlanSettledError, Resend, Response, SessionClosedError
from origin import Page, Reply, sequence, status
from plain_client import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from notmodified import Plan
    from notmodified.headers import HeadersLike
    from origin import Origin


@pytest.fixture
def cache(store: Path) -> Iterator[Cache]:
    """A cache over an empty store."""
    with Cache(store) as opened:
        yield opened


def sent(plan: Plan, url: str, headers: Headers | None = None) -> Response | Resend:
    """Send what the plan says, and settle what came back."""
    code, fields, body = fetch(url, dict(plan.headers if headers is None else headers))
    return plan.settle(code, fields.items(), body)


def got(cache: Cache, url: str, headers: dict[str, str] | None = None, *, identity: str | None = None) -> Response:
    """Do all that a downloader has to do."""
    plan = cache.plan("GET", url, headers, identity=identity)
    if plan.response is not None:
        return plan.response
    settled = sent(plan, url)
    if isinstance(settled, Resend):
        settled = sent(plan, url, settled.headers)
    assert isinstance(settled, Response)
    return settled


def test_first_plan_sends_the_callers_fields_and_no_others(cache: Cache) -> None:
    plan = cache.plan("GET", "http://127.0.0.1/", {"X-A": "1", "User-Agent": "me"})
    assert plan.response is None
    assert plan.headers == Headers({"X-A": "1", "User-Agent": "me"})
    assert plan.conditions == Headers()


def test_unchanged_page_is_settled_with_the_stored_200(cache: Cache, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    first, second = got(cache, url), got(cache, url)
    assert (first.outcome, first.changed, first.content) == ("new", True, b"one")
    assert (second.outcome, second.changed, second.content) == ("not-modified", False, b"one")
    assert (second.status, second.url, second.request) == (200, url, None)
    assert (page.full, page.not_modified) == (1, 1)


def test_conditions_are_told_apart_from_the_callers_fields(cache: Cache, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag=b'"\xe9"'))
    plan = cache.plan("GET", url)
    plan.settle(200, [(b"ETag", b'"\xe9"'), (b"Content-Type", b"text/html")], b"one")
    plan = cache.plan("GET", url, {"X-A": "1"})
    assert plan.conditions == Headers({"If-None-Match": '"\xe9"'})
    assert plan.headers == Headers({"X-A": "1", "If-None-Match": '"\xe9"'})


def test_fields_are_given_as_any_client_has_them(cache: Cache) -> None:
    forms: list[HeadersLike] = [
        {"ETag": '"1"'},
        {b"ETag": [b'"1"']},
        [("ETag", '"1"')],
        Headers({"ETag": '"1"'}),
        iter([(b"etag", '"1"')]),
    ]
    for number, fields in enumerate(forms):
        url = f"http://127.0.0.1/{number}"
        cache.plan("GET", url).settle(200, fields, b"one")
        assert cache.plan("GET", url).conditions["if-none-match"] == '"1"'


def test_body_is_given_as_any_buffer(cache: Cache) -> None:
    for number, body in enumerate((b"one", bytearray(b"one"), memoryview(b"one"))):
        settled = cache.plan("GET", f"http://127.0.0.1/{number}").settle(200, {}, body)  # type: ignore[arg-type]
        assert isinstance(settled, Response)
        assert settled.content == b"one"


def test_other_304_is_resent_without_condition(cache: Cache, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    got(cache, url)
    page.content, page.etag = b"two", '"2"'
    page.interludes.append(Reply(304, [("ETag", '"2"')]))
    plan = cache.plan("GET", url, {"X-A": "1"})
    resend = sent(plan, url)
    assert isinstance(resend, Resend)
    assert (resend.reason, resend.headers) == ("mismatched-304", Headers({"X-A": "1"}))
    response = sent(plan, url, resend.headers)
    assert isinstance(response, Response)
    assert (response.content, response.outcome) == (b"two", "changed")


def test_304_without_anything_stored_is_resent_once(cache: Cache, origin: Origin) -> None:
    url = origin.on("/page.html", status(304))
    plan = cache.plan("GET", url)
    resend = sent(plan, url)
    assert isinstance(resend, Resend)
    assert resend.reason == "unexpected-304"
    response = sent(plan, url)
    assert isinstance(response, Response)
    assert (response.status, response.outcome, response.reason) == (304, "passed", "unexpected-304")
    assert not cache.plan("GET", url).conditions


def test_callers_own_condition_gets_its_own_304(cache: Cache, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"'))
    response = got(cache, url, {"If-None-Match": '"1"'})
    assert (response.status, response.outcome) == (304, "passed")


def test_incomplete_body_is_handed_out_and_not_stored(cache: Cache) -> None:
    plan = cache.plan("GET", "http://127.0.0.1/")
    response = plan.settle(200, {"ETag": '"1"'}, b"hal", complete=False)
    assert isinstance(response, Response)
    assert (response.content, response.outcome, response.reason) == (b"hal", "passed", "incomplete")
    assert not cache.plan("GET", "http://127.0.0.1/").conditions


def test_body_shorter_than_announced_is_not_stored(cache: Cache) -> None:
    plan = cache.plan("GET", "http://127.0.0.1/")
    response = plan.settle(200, {"ETag": '"1"', "Content-Length": "4"}, b"hal")
    assert isinstance(response, Response)
    assert response.reason == "incomplete"


def test_body_that_was_decoded_already_is_not_decoded_again(cache: Cache) -> None:
    coded = {"ETag": '"1"', "Content-Encoding": "gzip", "Content-Length": "23"}
    response = cache.plan("GET", "http://127.0.0.1/").settle(200, coded, b"one", decoded=True)
    assert isinstance(response, Response)
    assert (response.content, response.outcome) == (b"one", "new")
    again = cache.plan("GET", "http://127.0.0.1/").settle(304, {"Content-Encoding": "gzip"}, decoded=True)
    assert isinstance(again, Response)
    assert again.content == b"one"
    assert not {"content-encoding"} & set(again.headers)


def test_coded_body_is_decoded_when_read(cache: Cache) -> None:
    body = gzip.compress(b"one")
    response = cache.plan("GET", "http://127.0.0.1/").settle(200, {"Content-Encoding": "gzip"}, body)
    assert isinstance(response, Response)
    assert (response.content, response.wire_content) == (b"one", body)


def test_body_above_max_body_is_handed_out_and_not_stored() -> None:
    with Cache(":memory:", max_body=3) as cache:
        response = cache.plan("GET", "http://127.0.0.1/").settle(200, {"ETag": '"1"'}, b"four")
        assert isinstance(response, Response)
        assert (response.content, response.outcome, response.reason) == (b"four", "passed", "too-large")
        assert not cache.plan("GET", "http://127.0.0.1/").conditions


def test_fresh_page_needs_nothing_sent() -> None:
    with Cache(":memory:", freshness="rfc9111") as cache:
        cache.plan("GET", "http://127.0.0.1/").settle(200, {"Cache-Control": "max-age=60"}, b"one")
        plan = cache.plan("GET", "http://127.0.0.1/")
        assert plan.response is not None
        assert (plan.response.content, plan.response.outcome) == (b"one", "fresh")
        with pytest.raises(PlanSettledError, match="nothing to send"):
            plan.settle(200, {}, b"two")


def test_bytes_and_time_are_those_that_the_downloader_measured(cache: Cache) -> None:
    first = cache.plan("GET", "http://127.0.0.1/").settle(200, {"ETag": '"1"'}, b"one", wire_bytes=500, elapsed=1.5)
    second = cache.plan("GET", "http://127.0.0.1/").settle(304, {}, wire_bytes=120, elapsed=0.25)
    assert isinstance(first, Response)
    assert isinstance(second, Response)
    assert (first.wire_bytes, first.elapsed, first.bytes_saved) == (500, 1.5, 0)
    assert (second.wire_bytes, second.elapsed, second.bytes_saved) == (120, 0.25, 380)
    stats = cache.stats()
    assert (stats["wire_bytes"], stats["bytes_saved"], stats["not_modified_ratio"]) == (620, 380, 0.5)


def test_bytes_are_estimated_where_nobody_measured(cache: Cache, origin: Origin) -> None:
    response = got(cache, origin.on("/page.html", Page(b"one" * 1000)))
    assert abs(response.wire_bytes - origin.last.sent) < 20


@pytest.mark.parametrize("last", ["settle", "fail", "abandon"])
@pytest.mark.parametrize("first", ["settle", "fail", "abandon"])
def test_plan_that_was_settled_cannot_be_settled_again(cache: Cache, first: str, last: str) -> None:
    plan = cache.plan("GET", "http://127.0.0.1/")
    ends: dict[str, Callable[[], object]] = {
        "settle": lambda: plan.settle(200, {}, b"one"),
        "fail": plan.fail,
        "abandon": plan.abandon,
    }
    ends[first]()
    if last == "abandon":
        ends[last]()
        return
    with pytest.raises(PlanSettledError, match="plan again"):
        ends[last]()


def test_failure_is_counted_and_nothing_stands_in_for_it(cache: Cache) -> None:
    assert cache.plan("GET", "http://127.0.0.1/").fail(TimeoutError("late")) is None
    assert (cache.stats()["requests"], cache.stats()["errors"]) == (1, 1)


def test_dropped_request_is_not_counted(cache: Cache) -> None:
    cache.plan("GET", "http://127.0.0.1/").abandon()
    assert (cache.stats()["requests"], cache.stats()["errors"]) == (0, 0)


def test_failure_leaves_what_is_stored(cache: Cache, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"'))
    got(cache, url)
    cache.plan("GET", url).fail(ConnectionResetError())
    assert got(cache, url).not_modified


def test_plans_for_one_page_are_settled_in_any_order(cache: Cache) -> None:
    first, second = (cache.plan("GET", "http://127.0.0.1/") for _ in range(2))
    second.settle(200, {"ETag": '"2"'}, b"two")
    first.settle(200, {"ETag": '"1"'}, b"one")
    plan = cache.plan("GET", "http://127.0.0.1/")
    response = plan.settle(304, {"ETag": plan.conditions["if-none-match"]})
    assert isinstance(response, Response)
    assert {'"1"': b"one", '"2"': b"two"}[plan.conditions["if-none-match"]] == response.content


def test_settled_page_is_there_for_the_next_cache(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    for expected in ("new", "not-modified"):
        with Cache(str(store)) as cache:
            assert got(cache, url).outcome == expected


def test_post_invalidates_and_is_not_conditional(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", cache_control="max-age=60"))
    with Cache(":memory:", freshness="rfc9111") as cache:
        got(cache, url)
        plan = cache.plan("POST", url)
        assert not plan.conditions
        plan.settle(200, {}, b"done")
        assert cache.plan("GET", url).response is None


async def test_awaitable_twins_do_the_same(cache: Cache, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    for expected in ("new", "not-modified"):
        plan = await cache.aplan("GET", url, {"X-A": "1"})
        code, fields, body = fetch(url, dict(plan.headers))
        settled = await plan.asettle(code, fields.items(), body, elapsed=0.5)
        assert isinstance(settled, Response)
        assert (settled.outcome, settled.content, settled.elapsed) == (expected, b"one", 0.5)
        with pytest.raises(PlanSettledError):
            await plan.asettle(200)
    await cache.aflush()
    await cache.aclose()
    assert cache.closed


def test_closed_cache_says_so(cache: Cache) -> None:
    told = [cache.closed]
    cache.close()
    cache.close()
    told.append(cache.closed)
    assert told == [False, True]
    for use in (lambda: cache.plan("GET", "http://127.0.0.1/"), cache.flush):
        with pytest.raises(SessionClosedError, match="closed"):
            use()


def test_threads_share_a_cache(cache: Cache, origin: Origin) -> None:
    urls = [origin.on(f"/{number}", Page(str(number).encode())) for number in range(20)]
    with ThreadPoolExecutor(8) as threads:
        for expected in ("new", "not-modified", "not-modified"):
            responses = list(threads.map(lambda url: got(cache, url), urls))
            assert [response.outcome for response in responses] == [expected] * 20
            assert [response.content for response in responses] == [str(number).encode() for number in range(20)]
    assert (cache.stats()["requests"], cache.stats()["not_modified"]) == (60, 40)


def test_threads_that_meet_on_one_page_get_it_each(cache: Cache, origin: Origin) -> None:
    bodies = [b"one", b"two"]
    pages = [Page(body) for body in bodies]
    url = origin.on("/page.html", sequence(*(pages * 50)))
    with ThreadPoolExecutor(8) as threads:
        contents = list(threads.map(lambda _: got(cache, url).content, range(60)))
    assert len(contents) == 60
    assert set(contents) == set(bodies)


def test_identities_of_a_cache_do_not_share(cache: Cache, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    assert got(cache, url, identity="a").outcome == "new"
    assert got(cache, url, identity="b").outcome == "new"
    assert got(cache, url, identity="a").outcome == "not-modified"
