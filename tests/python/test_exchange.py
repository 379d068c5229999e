"""What validates a stored response: its validator, byte for byte, and nothing besides (RFC 9111 section 4.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from origin import AUTO, Page, Reply, sequence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from origin import Origin, Request

TAGS = [
    b'"strong"',
    b'W/"weak"',
    b'"\xe9\x80\xff"',
    b'W/"a,b, c"',
    b'""',
    b'"a\\b"',
    b"unquoted",
    b'w/"lower"',
    b'"' + b"x" * 4000 + b'"',
]
DATES = [
    b"Thu, 29 Feb 2024 12:00:00 GMT",
    b"Thu, 29 Feb 2024 12:00:00 +0000",
    b"2024-02-29T12:00:00Z",
    b"1709208000123",
    b"yesterday \xe9",
]


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


def conditions(request: Request) -> dict[str, list[str]]:
    """Tell the conditions of a request."""
    names = ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range")
    return {name: request.get_all(name) for name in names if request.get_all(name)}


async def asked(session: Session, url: str, origin: Origin) -> dict[str, list[str]]:
    """Poll twice; the conditions of the second time."""
    await session.get(url)
    await session.get(url)
    return conditions(origin.last)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag[:10].decode("latin-1"))
async def test_entity_tag_is_sent_back_byte_for_byte(session: Session, origin: Origin, tag: bytes) -> None:
    url = origin.on("/page.html", Page(b"one", etag=tag))
    assert await asked(session, url, origin) == {"if-none-match": [tag.decode("latin-1")]}


async def test_tag_that_is_a_star_is_never_sent(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag="*"))
    assert await asked(session, url, origin) == {}


@pytest.mark.parametrize("date", DATES, ids=lambda date: date[:12].decode("latin-1"))
async def test_last_modified_is_sent_back_byte_for_byte(session: Session, origin: Origin, date: bytes) -> None:
    url = origin.on("/page.html", Page(b"one", etag=None, last_modified=date))
    assert await asked(session, url, origin) == {"if-modified-since": [date.decode("latin-1")]}
    assert session.stats()["not_modified"] == 1


async def test_tag_is_sent_alone_where_there_is_a_date_too(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"', last_modified=AUTO))
    assert await asked(session, url, origin) == {"if-none-match": ['"1"']}


async def test_empty_tag_field_leaves_the_date(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Reply(200, [("ETag", ""), ("Last-Modified", "x")], b"one"))
    assert await asked(session, url, origin) == {"if-modified-since": ["x"]}


async def test_page_without_validators_is_asked_for_without_condition(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", etag=None))
    assert await asked(session, url, origin) == {}
    response = await session.get(url)
    assert (response.outcome, response.changed) == ("same-content", False)


async def test_page_that_lost_its_tag_is_asked_by_its_date(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"', last_modified="x")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.content, page.etag = b"two", None
    assert (await session.get(url)).changed
    await session.get(url)
    assert conditions(origin.last) == {"if-modified-since": ["x"]}


async def test_revalidation_asks_for_nothing_else(session: Session, origin: Origin) -> None:
    await asked(session, origin.on("/page.html", Page(b"one")), origin)
    names = {name.lower() for name, _ in origin.last.fields}
    assert not names & {b"cache-control", b"pragma", b"range", b"cookie", b"referer"}
    first, second = (dict(request.fields) for request in origin.log)
    assert {name: value for name, value in second.items() if name != b"if-none-match"} == first


async def test_every_get_is_revalidated_however_fresh(session: Session, origin: Origin) -> None:
    page = Page(b"one", cache_control="max-age=31536000, immutable")
    url = origin.on("/page.html", page)
    await asked(session, url, origin)
    assert (page.full, page.not_modified) == (1, 1)


@pytest.mark.parametrize("directive", ["no-cache", "private, no-cache", "private, max-age=0, must-revalidate"])
async def test_private_and_no_cache_are_stored_and_revalidated(
    session: Session, origin: Origin, directive: str
) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"', cache_control=directive))
    assert await asked(session, url, origin) == {"if-none-match": ['"1"']}


@pytest.mark.parametrize(
    "own",
    [
        {"If-None-Match": '"mine"'},
        {"If-Modified-Since": "x"},
        {"if-match": '"mine"'},
        {"If-Unmodified-Since": "Thu, 29 Feb 2024 12:00:00 GMT"},
    ],
    ids=lambda own: next(iter(own)),
)
async def test_callers_own_condition_is_left_alone(session: Session, origin: Origin, own: dict[str, str]) -> None:
    url = origin.on("/page.html", Page(b"one", etag='"1"', last_modified="y"))
    await session.get(url)
    await session.get(url, headers=own)
    assert conditions(origin.last) == {name.lower(): [value] for name, value in own.items()}


async def test_304_to_the_callers_own_condition_is_the_callers(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    for before in (0, 1):
        response = await session.get(url, headers={"If-None-Match": '"1"'})
        assert (response.status, response.content) == (304, b"")
        assert response.outcome == "passed"
        assert len(origin.log) == 2 * before + 1
        await session.get(url)


async def test_range_is_the_callers_and_its_206_is_not_stored(session: Session, origin: Origin) -> None:
    part = Reply(206, [("ETag", '"1"'), ("Content-Range", "bytes 0-0/3")], b"o")
    url = origin.on("/page.html", sequence(part, Page(b"one", etag='"1"')))
    response = await session.get(url, headers={"Range": "bytes=0-0"})
    assert (response.status, response.content, response.outcome) == (206, b"o", "passed")
    await session.get(url)
    assert conditions(origin.last) == {}


async def test_accept_encoding_stays_what_the_stored_response_was_negotiated_with(
    session: Session, origin: Origin
) -> None:
    page = Page(b"one" * 100, gzip=True, gzip_suffix="-gzip", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url, headers={"Accept-Encoding": "identity"})
    await session.get(url)
    assert [request.get("accept-encoding") for request in origin.log] == ["identity", "identity"]


async def test_callers_own_accept_encoding_is_sent(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one" * 100, gzip=True, etag='"1"'))
    await session.get(url)
    await session.get(url, headers={"Accept-Encoding": "gzip;q=0.5"})
    assert origin.last.get_all("accept-encoding") == ["gzip;q=0.5"]


async def test_two_hosts_at_one_address_do_not_share_a_validator(session: Session, origin: Origin) -> None:
    def site(request: Request) -> Reply:
        return Page((request.get("host") or "").encode(), etag='"1"')(request)

    url = origin.on("/page.html", site)
    await session.get(url, headers={"Host": "a.example"})
    response = await session.get(url, headers={"Host": "b.example"})
    assert not origin.last.has_condition()
    assert response.content == b"b.example"


async def test_urls_that_are_the_same_are_one_page(session: Session, origin: Origin) -> None:
    url = origin.on("/a/page.html", Page(b"one"))
    await session.get(url)
    same = url.replace("http://127.0.0.1", "HTTP://127.0.0.1").replace("/a/", "/a/b/../")
    assert (await session.get(same)).not_modified
