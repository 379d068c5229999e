"""Redirects: followed hop by hop, each with the validators of its own URL, none with another origin's credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from notmodified import Session, TooManyRedirectsError
from origin import Origin, Page, Reply, echo, redirect, sequence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    """Another origin: another port is enough."""
    with Origin() as running:
        yield running


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirect_leads_to_its_page(session: Session, origin: Origin, code: int) -> None:
    new = origin.on("/new", Page(b"one"))
    old = origin.on("/old", redirect("/new", code))
    response = await session.get(old)
    assert (response.status, response.content, response.url) == (200, b"one", new)
    assert response.request is not None
    assert response.request.url == old


async def test_validator_stays_with_the_url_it_belongs_to(session: Session, origin: Origin) -> None:
    origin.on("/new", Page(b"one", etag='"new"'))
    old = origin.on("/old", redirect("/new", headers=[("ETag", '"old"'), ("Last-Modified", "x")]))
    await session.get(old)
    response = await session.get(old)
    assert [request.path for request in origin.log] == ["/old", "/new", "/old", "/new"]
    assert [request.get("if-none-match") for request in origin.log] == [None, None, None, '"new"']
    assert not origin.requests("/old")[1].has_condition()
    assert (response.not_modified, response.changed, response.content) == (True, False, b"one")


async def test_page_that_became_a_redirect_does_not_hand_its_validator_on(session: Session, origin: Origin) -> None:
    origin.on("/new", Page(b"two", etag='"new"'))
    old = origin.on("/old", sequence(Page(b"one", etag='"old"'), redirect("/new")))
    await session.get(old)
    response = await session.get(old)
    assert [request.get("if-none-match") for request in origin.log] == [None, '"old"', None]
    assert response.content == b"two"


async def test_page_reached_in_two_ways_is_one_page(session: Session, origin: Origin) -> None:
    new = origin.on("/new", Page(b"one"))
    await session.get(origin.on("/old", redirect("/new")))
    assert (await session.get(new)).not_modified


@pytest.mark.parametrize(
    ("code", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
        (301, "PUT", "PUT"),
        (303, "HEAD", "HEAD"),
        (302, "HEAD", "HEAD"),
    ],
)
async def test_method_changes_as_the_rfc_says(
    session: Session, origin: Origin, code: int, method: str, becomes: str
) -> None:
    origin.on("/new", echo)
    headers = {"Content-Type": "text/x"} if method != "HEAD" else None
    content = b"sent" if method != "HEAD" else None
    await session.request(method, origin.on("/old", redirect("/new", code)), content=content, headers=headers)
    is_same = becomes == method and method != "HEAD"
    assert (origin.last.method, origin.last.body) == (becomes, b"sent" if is_same else b"")
    assert (origin.last.get("content-type") is not None) is is_same


async def test_redirect_within_an_origin_keeps_credentials(session: Session, origin: Origin) -> None:
    origin.on("/new", echo)
    own = {"Authorization": "Bearer x", "Cookie": "sid=x", "X-A": "1"}
    await session.get(origin.on("/old", redirect("/new")), headers=own)
    assert {name: origin.last.get(name) for name in own} == own


async def test_redirect_to_another_origin_drops_credentials(
    session: Session, origin: Origin, elsewhere: Origin
) -> None:
    there = elsewhere.on("/there", echo)
    own = {"Authorization": "Bearer x", "Cookie": "sid=x", "X-A": "1"}
    await session.get(origin.on("/old", redirect(there)), headers=own)
    assert (elsewhere.last.get("authorization"), elsewhere.last.get("cookie")) == (None, None)
    assert elsewhere.last.get("x-a") == "1"


async def test_redirect_to_another_origin_drops_userinfo(session: Session, origin: Origin, elsewhere: Origin) -> None:
    there = elsewhere.on("/there", echo)
    await session.get(origin.on("/old", redirect(there)).replace("://", "://alice:x@"))
    assert origin.last.get("authorization") is not None
    assert elsewhere.last.get("authorization") is None


async def test_redirect_to_another_origin_drops_the_sessions_credentials(origin: Origin, elsewhere: Origin) -> None:
    there = elsewhere.on("/there", echo)
    async with Session(":memory:", headers={"Authorization": "Bearer x"}) as session:
        await session.get(origin.on("/old", redirect(there)))
    assert elsewhere.last.get("authorization") is None


async def test_redirect_to_another_origin_names_that_host(session: Session, origin: Origin, elsewhere: Origin) -> None:
    there = elsewhere.on("/there", echo)
    await session.get(origin.on("/old", redirect(there)), headers={"Host": "first.example"})
    assert origin.last.get("host") == "first.example"
    assert elsewhere.last.get("host") == f"127.0.0.1:{elsewhere.port}"


async def test_credentials_in_a_location_are_not_sent(session: Session, origin: Origin) -> None:
    there = origin.on("/there", echo)
    response = await session.get(origin.on("/old", redirect(there.replace("://", "://alice:x@"))))
    assert origin.last.get("authorization") is None
    assert response.url == there


async def test_identity_and_its_partition_go_along(session: Session, origin: Origin) -> None:
    origin.on("/new", Page(b"one"))
    old = origin.on("/old", redirect("/new"))
    await session.get(old, identity="a")
    assert (await session.get(old, identity="b")).outcome == "new"
    assert (await session.get(old, identity="a")).not_modified


async def test_relative_location_is_resolved(session: Session, origin: Origin) -> None:
    new = origin.on("/a/c", Page(b"one"))
    response = await session.get(origin.on("/a/b", redirect("./x/../c?q=1#part")))
    assert response.url == new + "?q=1"


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "mailto:a@b", "http://", "http://[", "file:///etc/passwd"])
async def test_location_that_cannot_be_asked_hands_the_redirect_out(
    session: Session, origin: Origin, location: str
) -> None:
    response = await session.get(origin.on("/old", redirect(location)))
    assert (response.status, response.headers["location"], response.outcome) == (302, location, "passed")


async def test_redirect_without_location_is_handed_out(session: Session, origin: Origin) -> None:
    response = await session.get(origin.on("/old", Reply(302, body=b"moved")))
    assert (response.status, response.content) == (302, b"moved")


async def test_loop_of_redirects_ends(session: Session, origin: Origin) -> None:
    url = origin.on("/loop", redirect("/loop"))
    with pytest.raises(TooManyRedirectsError, match=r"10 redirects.*max_redirects"):
        await session.get(url)
    assert len(origin.log) == 11


async def test_as_many_redirects_as_allowed_are_followed(origin: Origin) -> None:
    for number in range(3):
        origin.on(f"/{number}", redirect(f"/{number + 1}"))
    origin.on("/3", Page(b"one"))
    async with Session(":memory:", max_redirects=3) as session:
        assert (await session.get(origin.url + "/0")).content == b"one"
    async with Session(":memory:", max_redirects=2) as session:
        with pytest.raises(TooManyRedirectsError):
            await session.get(origin.url + "/0")


async def test_no_redirects_allowed_hands_the_redirect_out(origin: Origin) -> None:
    async with Session(":memory:", max_redirects=0) as session:
        response = await session.get(origin.on("/old", redirect("/new")))
    assert (response.status, response.headers["location"]) == (302, "/new")
    assert len(origin.log) == 1
