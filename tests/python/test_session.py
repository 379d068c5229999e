"""What a polling script sees of a Session: pages, what is told about them, and what is counted."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest

from notmodified import Request, Session, StatusError
from origin import Page, Reply, echo, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from origin import Origin


@pytest.fixture
async def session(store: Path) -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(store) as opened:
        yield opened


async def test_page_asked_for_the_first_time_is_new(session: Session, origin: Origin) -> None:
    response = await session.get(origin.on("/page.html", Page(b"one")))
    assert (response.status, response.status_code, response.ok) == (200, 200, True)
    assert (response.content, response.text) == (b"one", "one")
    assert (response.outcome, response.changed, response.not_modified) == ("new", True, False)
    assert not origin.last.has_condition()


@pytest.mark.every_loop
async def test_unchanged_page_comes_back_as_the_stored_200(session: Session, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    before = await session.get(url)
    after = await session.get(url)
    assert (page.full, page.not_modified) == (1, 1)
    assert (after.status, after.content, after.text) == (200, b"one", "one")
    assert (after.outcome, after.changed, after.not_modified) == ("not-modified", False, True)
    assert after.headers["content-type"] == before.headers["content-type"] == "text/html; charset=utf-8"


async def test_changed_page_is_changed(session: Session, origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    await session.get(url)
    page.content = b"two"
    response = await session.get(url)
    assert (response.outcome, response.changed, response.not_modified) == ("changed", True, False)
    assert response.content == b"two"
    assert not (await session.get(url)).changed


async def test_same_content_under_a_new_tag_is_not_changed(session: Session, origin: Origin) -> None:
    page = Page(b"one", etag='"1"')
    url = origin.on("/page.html", page)
    await session.get(url)
    page.etag = '"2"'
    response = await session.get(url)
    assert (response.outcome, response.changed, response.not_modified) == ("same-content", False, False)
    await session.get(url)
    assert origin.last.get("if-none-match") == '"2"'


async def test_store_is_remembered_by_the_next_session(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store) as first:
        await first.get(url)
    async with Session(str(store)) as second:
        response = await second.get(url)
    assert (response.not_modified, response.content) == (True, b"one")


async def test_two_sessions_on_one_store_see_each_others_pages(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(store) as first, Session(store) as second:
        await first.get(url)
        await first.flush()
        assert (await second.get(url)).not_modified


async def test_memory_store_remembers_for_one_session_only(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    for _ in range(2):
        async with Session(":memory:") as session:
            assert (await session.get(url)).outcome == "new"
            assert (await session.get(url)).not_modified


def test_store_is_private_to_its_user(store: Path, origin: Origin) -> None:
    async def poll() -> None:
        async with Session(store) as session:
            await session.get(origin.on("/page.html", Page(b"one")))

    asyncio.run(poll())
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.iterdir()} == {0o600}


async def test_first_request_opens_the_session(store: Path, origin: Origin) -> None:
    session = Session(store)
    try:
        assert (await session.get(origin.on("/page.html", Page(b"one")))).status == 200
    finally:
        await session.close()


async def test_response_knows_its_url_and_request(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one")) + "?q=1#part"
    request = Request(url, context={"row": 7})
    response = await session.send(request)
    assert response.request is request
    assert response.request.context == {"row": 7}
    assert response.request.url == url
    assert response.url == url.removesuffix("#part")
    assert origin.last.target == "/page.html?q=1"


async def test_fragment_makes_no_other_page(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    await session.get(url + "#a")
    assert (await session.get(url + "#b")).not_modified


async def test_query_makes_another_page(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    await session.get(url + "?a")
    assert (await session.get(url + "?b")).outcome == "new"
    assert not origin.last.has_condition()


async def test_response_fields_are_multi_valued_and_keep_every_byte(session: Session, origin: Origin) -> None:
    fields = [(b"Link", b"<a>"), (b"X-Byte", b"caf\xe9 \xff"), (b"Link", b"<b>")]
    response = await session.get(origin.on("/page.html", Reply(200, fields, b"one")))
    assert response.headers.get_all("link") == ["<a>", "<b>"]
    assert response.headers["LINK"] == "<a>, <b>"
    assert response.headers["X-Byte"].encode("latin-1") == b"caf\xe9 \xff"
    assert (b"x-byte", b"caf\xe9 \xff") in [(name.lower(), value) for name, value in response.headers.raw]


async def test_request_fields_are_multi_valued_and_keep_every_byte(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    await session.get(url, headers=[("X-A", "1"), ("X-B", "caf\xe9"), ("X-A", b"\xff")])
    assert (origin.last.get_all("x-a"), origin.last.get("x-b")) == (["1", "\xff"], "caf\xe9")
    await session.get(url, headers={"X-A": ["1", "2"], "X-B": "\x80"})
    assert (origin.last.get_all("x-a"), origin.last.get("x-b")) == (["1", "2"], "\x80")


async def test_session_headers_go_with_each_request_that_does_not_set_them(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    async with Session(":memory:", headers={"User-Agent": "poller", "X-A": "session"}) as session:
        await session.get(url)
        assert (origin.last.get("user-agent"), origin.last.get("x-a")) == ("poller", "session")
        await session.get(url, headers={"x-a": "request"})
        assert (origin.last.get("user-agent"), origin.last.get("x-a")) == ("poller", "request")


async def test_session_without_user_agent_says_what_it_is(session: Session, origin: Origin) -> None:
    await session.get(origin.on("/page.html", Page(b"one")))
    assert (origin.last.get("user-agent") or "").startswith("notmodified/")


@pytest.mark.parametrize("content", [b"a=1&b=\xff", "caf\xe9"])
async def test_content_is_sent(session: Session, origin: Origin, content: bytes | str) -> None:
    response = await session.post(origin.on("/form", echo), content=content, headers={"Content-Type": "text/x"})
    assert response.json()["method"] == "POST"
    assert ["content-type", "text/x"] in response.json()["fields"]
    assert origin.last.body == (content if isinstance(content, bytes) else content.encode())


async def test_any_method_goes_out_as_it_was_given(session: Session, origin: Origin) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "Report"):
        await session.request(method, origin.on("/thing", status(200)))
        assert origin.last.method == method


@pytest.mark.parametrize(
    ("content_type", "content", "encoding", "text"),
    [
        ("text/html; charset=iso-8859-1", b"caf\xe9", "iso8859-1", "caf\xe9"),
        ('text/html; charset="UTF-8"', "caf\xe9".encode(), "utf-8", "caf\xe9"),
        ("text/html", "caf\xe9".encode(), "utf-8", "caf\xe9"),
        ("text/html", b"caf\xe9", "utf-8", "caf\ufffd"),
        ("text/html; charset=no-such-thing", b"one", "utf-8", "one"),
        ("text/html; charset=latin-1", b"\xef\xbb\xbfcaf\xc3\xa9", "utf-8-sig", "caf\xe9"),
        ("text/html", "caf\xe9".encode("utf-16"), "utf-16", "caf\xe9"),
        ("text/html; charset=base64", b"b25l", "utf-8", "b25l"),
        ("text/html; charset=idna", b"one", "utf-8", "one"),
        ("text/html; charset=undefined", b"one", "utf-8", "one"),
        ("text/html; charset=caf\xe9", b"one", "utf-8", "one"),
        ("", b"one", "utf-8", "one"),
    ],
)
async def test_text_is_in_the_encoding_that_is_named(  # noqa: PLR0917
    session: Session, origin: Origin, content_type: str, content: bytes, encoding: str, text: str
) -> None:
    response = await session.get(origin.on("/page.html", Page(content, content_type=content_type)))
    assert (response.encoding, response.text) == (encoding, text)
    assert (await session.get(response.url)).text == text


async def test_json_is_read(session: Session, origin: Origin) -> None:
    response = await session.get(origin.on("/data.json", Page(b'{"price": [1, null]}')))
    assert response.json() == {"price": [1, None]}


async def test_content_that_is_no_json_is_a_value_error(session: Session, origin: Origin) -> None:
    response = await session.get(origin.on("/page.html", Page(b"<p>")))
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()


@pytest.mark.parametrize("code", [204, 299, 304, 399, 400, 503])
async def test_status_below_400_is_ok(session: Session, origin: Origin, code: int) -> None:
    response = await session.post(origin.on("/thing", status(code)))
    assert (response.status, response.ok) == (code, code < 400)


async def test_bad_status_is_raised_when_asked_for(session: Session, origin: Origin) -> None:
    good = await session.get(origin.on("/page.html", Page(b"one")))
    assert good.raise_for_status() is good
    bad = await session.get(origin.on("/gone.html", status(410, b"gone")))
    with pytest.raises(StatusError, match=r"410.*/gone\.html") as caught:
        bad.raise_for_status()
    assert caught.value.response is bad
    assert bad.content == b"gone"


async def test_representations_say_what_happened(session: Session, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    await session.get(url)
    response = await session.get(url)
    assert "200" in repr(response)
    assert "not-modified" in repr(response)
    assert url in repr(response)
    assert "GET" in repr(response.request)
    assert url in repr(response.request)
