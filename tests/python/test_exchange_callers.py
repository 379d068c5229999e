"""The caller's own conditions and ranges, answered from the store or passed on (RFC 9110 §13.2.2, RFC 9111 §4.3.2)."""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from notmodified import Cache, Session
from origin import Page, Reply, sequence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from notmodified import Response
    from origin import Origin

CONTENT = b"0123456789"
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
FRESH = ("Cache-Control", "max-age=3600")


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session that serves what is fresh."""
    async with Session(":memory:", freshness="rfc9111") as opened:
        yield opened


async def stored(session: Session, origin: Origin, *fields: tuple[str, str], body: bytes = CONTENT) -> str:
    """Let the session store a page, fresh for an hour, that is gone from the origin then."""
    url = origin.on("/page.html", sequence(Reply(200, [FRESH, *fields], body), Reply(500)))
    response = await session.get(url)
    assert response.outcome == "new"
    return url


async def asked(session: Session, url: str, *fields: tuple[str, str], method: str = "GET") -> Response:
    """Ask once more, with fields of the caller's own."""
    return await session.request(method, url, headers=fields)


def shown(response: Response) -> tuple[int, bytes, str]:
    """What a test compares."""
    return response.status, response.content, response.outcome


NOT_MODIFIED = (304, b"", "fresh")
WHOLE = (200, CONTENT, "fresh")


@pytest.mark.parametrize(
    ("etag", "given", "expected"),
    [
        ('"a"', '"a"', NOT_MODIFIED),
        ('"a"', 'W/"a"', NOT_MODIFIED),
        ('W/"a"', '"a"', NOT_MODIFIED),
        ('"a"', '"x", "y,z" ,"a"', NOT_MODIFIED),
        ('"a"', "*", NOT_MODIFIED),
        ('"é, b"', '"x", "é, b"', NOT_MODIFIED),
        ("unquoted", "unquoted", NOT_MODIFIED),
        ('"a"', '"b"', WHOLE),
        ('"a"', "a", WHOLE),
    ],
)
async def test_tag_of_the_callers_is_compared_with_the_stored_one(
    session: Session, origin: Origin, etag: str, given: str, expected: tuple[int, bytes, str]
) -> None:
    url = await stored(session, origin, ("ETag", etag), ("Last-Modified", MODIFIED))
    for beside in ((), (("If-Modified-Since", EARLIER),), (("If-Modified-Since", LATER),)):
        assert shown(await asked(session, url, ("If-None-Match", given), *beside)) == expected
    assert len(origin.log) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (MODIFIED, NOT_MODIFIED),
        (LATER, NOT_MODIFIED),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NOT_MODIFIED),
        ("Sun Nov  6 08:49:37 1994", NOT_MODIFIED),
        (EARLIER, WHOLE),
        ("784111777", WHOLE),
    ],
)
async def test_date_of_the_callers_is_compared_with_the_stored_one(
    session: Session, origin: Origin, given: str, expected: tuple[int, bytes, str]
) -> None:
    url = await stored(session, origin, ("Last-Modified", MODIFIED))
    assert shown(await asked(session, url, ("If-Modified-Since", given))) == expected
    assert len(origin.log) == 1


async def test_without_a_modification_date_the_date_of_the_response_counts(session: Session, origin: Origin) -> None:
    url = await stored(session, origin)
    after, before = (formatdate(time.time() + seconds, usegmt=True) for seconds in (60, -60))
    assert shown(await asked(session, url, ("If-Modified-Since", after))) == NOT_MODIFIED
    assert shown(await asked(session, url, ("If-Modified-Since", before))) == WHOLE


async def test_304_from_the_store_has_the_fields_of_a_304(session: Session, origin: Origin) -> None:
    now = formatdate(usegmt=True)
    required = [("ETag", '"a"'), ("Vary", "X"), ("Content-Location", "/x"), ("Expires", LATER), ("Date", now)]
    other = [("Last-Modified", MODIFIED), ("Content-Type", "text/plain"), ("X-Own", "1"), ("Content-Language", "en")]
    url = await stored(session, origin, *required, *other)
    response = await asked(session, url, ("If-None-Match", '"a"'))
    assert sorted(response.headers) == sorted(["cache-control", "age", *(name.lower() for name, _ in required)])
    assert [response.headers[name] for name, _ in required] == [value for _, value in required]
    assert (response.changed, response.not_modified, response.reason) == (False, False, "callers-condition")
    assert response.cache_status == "notmodified; hit; detail=callers-condition"


async def test_304_without_a_tag_has_the_date(session: Session, origin: Origin) -> None:
    url = await stored(session, origin, ("Last-Modified", MODIFIED))
    response = await asked(session, url, ("If-Modified-Since", MODIFIED))
    assert response.headers["last-modified"] == MODIFIED


@pytest.mark.parametrize(
    ("given", "part", "content_range"),
    [
        ("bytes=0-1", b"01", "bytes 0-1/10"),
        ("bytes=3-3", b"3", "bytes 3-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", CONTENT, "bytes 0-9/10"),
        ("BYTES=0-0", b"0", "bytes 0-0/10"),
    ],
)
@pytest.mark.parametrize("kind", ["memory", "disk"])
async def test_range_is_cut_out_of_the_stored_response(  # noqa: PLR0917
    origin: Origin, store: Path, kind: str, given: str, part: bytes, content_range: str
) -> None:
    async with Session(":memory:" if kind == "memory" else store, freshness="rfc9111") as session:
        url = await stored(session, origin, ("ETag", '"a"'), ("Content-Type", "text/plain"))
        response = await asked(session, url, ("Range", given))
        assert shown(response) == (206, part, "fresh")
        assert response.headers.get_all("content-range") == [content_range]
        assert response.headers.get_all("content-length") == [str(len(part))]
        assert (response.headers["etag"], response.headers["content-type"]) == ('"a"', "text/plain")
        assert int(response.headers["age"]) < 60
        assert response.text == part.decode()
        assert shown(await session.get(url)) == WHOLE
    assert len(origin.log) == 1


@pytest.mark.parametrize("given", ["bytes=10-", "bytes=99-100", "bytes=-0"])
async def test_range_outside_of_the_stored_response_is_416(session: Session, origin: Origin, given: str) -> None:
    url = await stored(session, origin)
    response = await asked(session, url, ("Range", given))
    assert shown(response) == (416, b"", "fresh")
    assert response.headers["content-range"] == "bytes */10"
    assert len(origin.log) == 1


async def test_of_an_empty_page_there_is_no_part(session: Session, origin: Origin) -> None:
    url = await stored(session, origin, body=b"")
    assert shown(await asked(session, url, ("Range", "bytes=0-"))) == (200, b"", "fresh")


@pytest.mark.parametrize("given", ["bytes=0-1,3-4", "items=0-1", "bytes=2-1", "nonsense"])
async def test_range_that_is_not_understood_goes_to_the_origin(session: Session, origin: Origin, given: str) -> None:
    url = await stored(session, origin)
    response = await asked(session, url, ("Range", given))
    assert (response.status, response.outcome) == (500, "passed")
    assert origin.last.get_all("range") == [given]


PARTIAL = (206, b"01", "fresh")


@pytest.mark.parametrize(
    ("etag", "given", "expected"),
    [
        ('"a"', '"a"', PARTIAL),
        ('"a"', MODIFIED, PARTIAL),
        ('"a"', '"b"', WHOLE),
        ('W/"a"', 'W/"a"', WHOLE),
        ('"a"', LATER, WHOLE),
        ('"a"', "nonsense", WHOLE),
    ],
)
async def test_range_goes_on_with_the_representation_that_it_began_with(
    session: Session, origin: Origin, etag: str, given: str, expected: tuple[int, bytes, str]
) -> None:
    url = await stored(session, origin, ("ETag", etag), ("Last-Modified", MODIFIED))
    assert shown(await asked(session, url, ("Range", "bytes=0-1"), ("If-Range", given))) == expected
    assert len(origin.log) == 1


async def test_range_is_not_continued_by_a_date_that_was_young(session: Session, origin: Origin) -> None:
    young = formatdate(time.time() - 30, usegmt=True)
    url = await stored(session, origin, ("Last-Modified", young))
    assert shown(await asked(session, url, ("Range", "bytes=0-1"), ("If-Range", young))) == WHOLE


async def test_304_comes_before_a_part(session: Session, origin: Origin) -> None:
    url = await stored(session, origin, ("ETag", '"a"'))
    assert shown(await asked(session, url, ("Range", "bytes=0-1"), ("If-None-Match", '"a"'))) == NOT_MODIFIED
    assert shown(await asked(session, url, ("Range", "bytes=0-1"), ("If-None-Match", '"b"'))) == PARTIAL


async def test_range_of_a_coded_page_is_for_whoever_chose_the_coding(session: Session, origin: Origin) -> None:
    coded = gzip.compress(CONTENT * 50, mtime=0)
    url = await stored(session, origin, ("Content-Encoding", "gzip"), ("ETag", '"a"'), body=coded)
    for other in ((), (("Accept-Encoding", "identity"),), (("Accept-Encoding", "br, gzip;q=0"),)):
        passed = await asked(session, url, ("Range", "bytes=0-1"), *other)
        assert (passed.status, passed.outcome) == (500, "passed")
    response = await asked(session, url, ("Range", "bytes=0-1"), ("Accept-Encoding", "gzip"))
    assert (response.status, response.wire_content, response.outcome) == (206, coded[:2], "fresh")
    assert response.headers["content-range"] == f"bytes 0-1/{len(coded)}"


@pytest.mark.parametrize("own", [("If-Match", '"a"'), ("If-Unmodified-Since", LATER)])
async def test_condition_for_an_origin_goes_to_the_origin(
    session: Session, origin: Origin, own: tuple[str, str]
) -> None:
    url = await stored(session, origin, ("ETag", '"a"'), ("Last-Modified", MODIFIED))
    response = await asked(session, url, own, ("If-None-Match", '"a"'))
    assert (response.status, response.outcome) == (500, "passed")
    assert origin.last.get_all(own[0]) == [own[1]]
    assert origin.last.get_all("if-none-match") == ['"a"']


async def test_head_has_conditions_and_no_range(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", sequence(Reply(200, [FRESH, ("ETag", '"a"')], CONTENT), Reply(500)))
    await session.head(url)
    assert (await asked(session, url, ("If-None-Match", '"a"'), method="HEAD")).status == 304
    assert (await asked(session, url, ("Range", "bytes=0-1"), method="HEAD")).status == 200
    assert len(origin.log) == 1


@pytest.mark.parametrize("own", [{"If-None-Match": '"a"'}, {"Range": "bytes=0-1"}, {"If-None-Match": '"b"'}])
async def test_stale_response_answers_no_condition(session: Session, origin: Origin, own: Mapping[str, str]) -> None:
    stale = Reply(200, [("Cache-Control", "max-age=0"), ("ETag", '"a"')], CONTENT)
    url = origin.on("/page.html", sequence(stale, Reply(200, [("ETag", '"c"')], b"new")))
    await session.get(url)
    response = await session.get(url, headers=own)
    assert shown(response) == (200, b"new", "changed")
    assert [origin.last.get_all(name) for name in own] == [[value] for value in own.values()]


async def test_wish_for_validation_goes_to_the_origin(session: Session, origin: Origin) -> None:
    url = await stored(session, origin, ("ETag", '"a"'))
    response = await asked(session, url, ("If-None-Match", '"a"'), ("Cache-Control", "no-cache"))
    assert response.status == 500


async def test_poller_who_validates_everything_passes_its_own_conditions_on(origin: Origin) -> None:
    url = origin.on("/page.html", Page(CONTENT, etag='"a"', cache_control="max-age=3600"))
    async with Session(":memory:") as session:
        await session.get(url)
        response = await session.get(url, headers={"If-None-Match": '"a"'})
        assert shown(response) == (304, b"", "passed")
        assert origin.last.get_all("if-none-match") == ['"a"']
        assert shown(await session.get(url, headers={"If-None-Match": '"b"'})) == (200, CONTENT, "same-content")


async def test_url_that_is_not_asked_yet_answers_conditions(origin: Origin) -> None:
    url = origin.on("/page.html", Page(CONTENT, etag='"a"'))
    async with Session(":memory:", min_interval=3600.0) as session:
        await session.get(url)
        for own, expected in (
            (("If-None-Match", '"a"'), NOT_MODIFIED),
            (("If-None-Match", '"b"'), WHOLE),
            (("Range", "bytes=0-1"), (206, b"01", "fresh")),
        ):
            response = await asked(session, url, own)
            assert (shown(response), response.reason) == (expected, "min-interval")
        assert len(origin.log) == 1
        assert (await asked(session, url, ("If-Match", '"a"'))).outcome == "same-content"
    assert len(origin.log) == 2


@pytest.mark.parametrize(
    ("own", "answered"),
    [
        ({"If-None-Match": '"a"'}, [("ETag", '"a"')]),
        ({"If-None-Match": 'W/"a"'}, [("ETag", '"a"')]),
        ({"If-None-Match": '"x", "a"'}, [("ETag", '"a"')]),
        ({"If-None-Match": '"a"'}, []),
        ({"If-Modified-Since": MODIFIED}, []),
        ({"If-Modified-Since": MODIFIED}, [("Last-Modified", MODIFIED)]),
    ],
)
async def test_304_to_the_caller_freshens_what_is_stored(
    session: Session, origin: Origin, own: Mapping[str, str], answered: list[tuple[str, str]]
) -> None:
    fields = [("ETag", '"a"'), ("Last-Modified", MODIFIED), ("X-Kept", "1")]
    stale = Reply(200, [("Cache-Control", "max-age=0"), *fields], CONTENT)
    url = origin.on("/page.html", sequence(stale, Reply(304, [FRESH, ("X-New", "2"), *answered]), Reply(500)))
    await session.get(url)
    assert shown(await session.get(url, headers=own)) == (304, b"", "passed")
    response = await session.get(url)
    assert shown(response) == WHOLE
    assert (response.headers["x-kept"], response.headers["x-new"]) == ("1", "2")
    assert len(origin.log) == 2


@pytest.mark.parametrize(
    ("own", "answered"),
    [
        ({"If-None-Match": '"b"'}, []),
        ({"If-None-Match": '"b"'}, [("ETag", '"b"')]),
        ({"If-None-Match": '"a", "b"'}, []),
        ({"If-None-Match": '"a", "b"'}, [("ETag", '"b"')]),
        ({"If-None-Match": "*"}, []),
        ({"If-Modified-Since": LATER}, []),
        ({"If-Modified-Since": MODIFIED}, [("Last-Modified", EARLIER)]),
    ],
)
async def test_304_that_speaks_of_something_else_freshens_nothing(
    session: Session, origin: Origin, own: Mapping[str, str], answered: list[tuple[str, str]]
) -> None:
    fields = [("Cache-Control", "max-age=0"), ("ETag", '"a"'), ("Last-Modified", MODIFIED)]
    page = Reply(200, fields, CONTENT)
    url = origin.on("/page.html", sequence(page, Reply(304, [FRESH, *answered]), page))
    await session.get(url)
    assert (await session.get(url, headers=own)).status == 304
    response = await session.get(url)
    assert response.outcome == "same-content"
    assert len(origin.log) == 3


async def test_part_and_304_acknowledge_nothing(origin: Origin) -> None:
    async with Session(":memory:", freshness="rfc9111", consumer="pipeline") as session:
        url = await stored(session, origin, ("ETag", '"a"'))
        for own in (("If-None-Match", '"a"'), ("Range", "bytes=0-1")):
            (await asked(session, url, own)).acknowledge()
        response = await session.get(url)
        assert response.changed
        response.acknowledge()
        assert not (await session.get(url)).changed


def test_cache_without_a_wire_answers_as_well(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Reply(500))
    with Cache(store, freshness="rfc9111") as cache:
        cache.plan("GET", url).settle(200, [FRESH, ("ETag", '"a"')], CONTENT)
        response = cache.plan("GET", url, {"If-None-Match": '"a"'}).response
        assert response is not None
        assert shown(response) == NOT_MODIFIED
        part = cache.plan("GET", url, {"Range": "bytes=-1"}).response
        assert part is not None
        assert shown(part) == (206, b"9", "fresh")
        passed = cache.plan("GET", url, {"If-Match": '"a"'})
        assert passed.response is None
        assert dict(passed.headers) == {"if-match": '"a"'}


@pytest.mark.parametrize("consumer", [None, "prices"])
async def test_304_to_the_caller_is_no_change(origin: Origin, consumer: str | None) -> None:
    url = origin.on("/page.html", Page(CONTENT, etag='"a"'))
    async with Session(":memory:", consumer=consumer) as session:
        before_anything_is_stored = await session.get(url, headers={"If-None-Match": '"a"'})
        await session.get(url)
        after = await session.get(url, headers={"If-None-Match": '"a"'})
        assert [(one.status, one.changed) for one in (before_anything_is_stored, after)] == [(304, False)] * 2
