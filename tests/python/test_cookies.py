"""Cookies: none by default; with `cookies=True` one jar in memory for each identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notmodified import Session
from origin import Page, redirect

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin


async def test_no_cookie_is_kept_by_default(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", set_cookie="visit=1"))
    async with Session(":memory:") as session:
        for _ in range(2):
            await session.get(url)
    assert [request.get("cookie") for request in origin.log] == [None, None]


async def test_jar_sends_back_what_it_was_given(origin: Origin) -> None:
    page = Page(b"one", set_cookie="visit=1; Path=/")
    url = origin.on("/page.html", page)
    async with Session(":memory:", cookies=True) as session:
        await session.get(url)
        page.set_cookie = "visit=2; Path=/"
        assert (await session.get(url)).not_modified
        await session.get(origin.on("/other.html", Page(b"two")))
    # The second one came with a 304.
    assert [request.get("cookie") for request in origin.log] == [None, "visit=1", "visit=2"]


async def test_page_under_a_jar_stays_conditional_while_its_cookies_change(origin: Origin) -> None:
    page = Page(b"one")
    url = origin.on("/page.html", page)
    async with Session(":memory:", cookies=True) as session:
        for number in range(4):
            page.set_cookie = f"visit={number}"
            await session.get(url)
    assert (page.full, page.not_modified) == (1, 3)


async def test_each_identity_has_a_jar_of_its_own(origin: Origin) -> None:
    page = Page(b"one", set_cookie="visit=a")
    url = origin.on("/page.html", page)
    async with Session(":memory:", cookies=True) as session:
        await session.get(url, identity="a")
        page.set_cookie = None
        for name in ("b", None, "a"):
            await session.get(url, identity=name)
    assert [request.get("cookie") for request in origin.log] == [None, None, None, "visit=a"]


async def test_jar_takes_cookies_from_redirects(origin: Origin) -> None:
    origin.on("/new", Page(b"one"))
    old = origin.on("/old", redirect("/new", headers=[("Set-Cookie", "visit=1; Path=/")]))
    async with Session(":memory:", cookies=True) as session:
        await session.get(old)
    assert origin.last.get("cookie") == "visit=1"


async def test_jar_obeys_the_path_of_a_cookie(origin: Origin) -> None:
    origin.on("/b/page.html", Page(b"one"))
    async with Session(":memory:", cookies=True) as session:
        await session.get(origin.on("/a/page.html", Page(b"one", set_cookie="visit=1; Path=/a")))
        await session.get(origin.url + "/b/page.html")
    assert origin.last.get("cookie") is None


async def test_jar_is_gone_with_its_session(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", set_cookie="visit=1"))
    for _ in range(2):
        async with Session(store, cookies=True) as session:
            await session.get(url)
    assert [request.get("cookie") for request in origin.log] == [None, None]


async def test_callers_own_cookie_is_sent_once(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", set_cookie="visit=1"))
    async with Session(":memory:", cookies=True) as session:
        await session.get(url)
        await session.get(url, headers={"Cookie": "own=1"})
    assert "own=1" in "; ".join(origin.last.get_all("cookie"))
    assert len(origin.last.get_all("cookie")) == 1
