"""Tags that are not what they seem: marked by a coding, shared by codings, taking turns, compared as strings."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from nginx import Nginx
from notmodified import Session
from plain_client import fetch, talk
from servers.apache import Apache
from servers.caddy import Caddy
from servers.cases import LONG_AGO
from servers.h2o import H2o
from servers.haproxy import Haproxy
from servers.lighttpd import Lighttpd
from servers.node_site import Node
from servers.python import Gunicorn, Uvicorn
from servers.sent import Conditions, conditions, field

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Serve
    from proxy import Proxy
    from servers.process import Server

ONE = "<p>one</p>\n" * 200
TWO = "<p>two, and longer</p>\n" * 200
GZIP = {"Accept-Encoding": "gzip"}
# What some module might do: a mark that does not name the coding, and that is not known again.
OTHER_MARK = 'Header edit ETag "^\\"(.*)-gzip\\"$" "\\"$1;z\\""'


# `mod_deflate` leaves its 304s as they are; `mod_brotli` marks them too.
@pytest.mark.parametrize(
    ("coding", "mark_of_304", "vary_of_304"), [("gzip", "", None), ("br", "-br", "Accept-Encoding")]
)
async def test_apache_forgets_the_mark_of_its_coding_and_is_asked_without_it(
    serve: Serve, proxy: Proxy, coding: str, mark_of_304: str, vary_of_304: str | None
) -> None:
    url = serve(Apache(coding=coding)).write("page.html", ONE, LONG_AGO)
    _, headers, _ = fetch(url, {"Accept-Encoding": coding})
    tag = headers["ETag"]
    assert tag.endswith(f'-{coding}"')
    assert headers["Vary"] == "Accept-Encoding"
    known = {"Accept-Encoding": coding, "If-Modified-Since": headers["Last-Modified"]}
    assert fetch(url, known | {"If-None-Match": tag})[0] == 200
    cut = tag.replace(f"-{coding}", "")
    status, on_304, _ = fetch(url, {"Accept-Encoding": coding, "If-None-Match": cut})
    assert (status, on_304["ETag"], on_304["Vary"]) == (304, f'{cut[:-1]}{mark_of_304}"', vary_of_304)

    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url, headers={"Accept-Encoding": coding}) for _ in range(4)]
    assert conditions(proxy)[1:] == [Conditions(tag), Conditions(cut), Conditions(cut)]
    assert [response.outcome for response in responses[1:]] == ["same-content", "not-modified", "not-modified"]
    assert responses[1].reason == "condition-ignored"
    # What the 304 left out or cut is that of the 200.
    last = responses[-1]
    assert (last.headers["etag"], last.headers["vary"], last.text) == (tag, "Accept-Encoding", ONE)


async def test_apache_with_another_mark_is_known_by_comparing_tags_across_codings(serve: Serve, proxy: Proxy) -> None:
    apache = serve(Apache(coding="gzip", lines=OTHER_MARK))
    pages = [apache.write(f"{number}.html", ONE + str(number), LONG_AGO) for number in range(2)]
    tag = fetch(pages[0], GZIP)[1]["ETag"]
    assert tag.endswith(';z"')
    assert fetch(pages[0], GZIP | {"If-None-Match": tag})[0] == 200
    async with Session(":memory:", proxy=proxy.url) as session:
        # The page of which both codings were seen.
        for coding in ("identity", "gzip"):
            await session.get(pages[0], headers={"Accept-Encoding": coding})
        outcomes = [(await session.get(pages[1], headers=GZIP)).outcome for _ in range(3)]
    assert outcomes == ["new", "same-content", "not-modified"]
    assert (conditions(proxy)[-1].tag or "").count(";z") == 0


async def test_apache_with_another_mark_teaches_it_by_the_304_to_a_date(serve: Serve, proxy: Proxy) -> None:
    url = serve(Apache(coding="gzip", lines=OTHER_MARK)).write("page.html", ONE, LONG_AGO)
    async with Session(":memory:", proxy=proxy.url) as session:
        outcomes = [(await session.get(url)).outcome for _ in range(5)]
    assert outcomes == ["new", "same-content", "same-content", "not-modified", "not-modified"]
    # The third poll's 304 named a tag that nobody had given yet, and was not believed.
    assert len(proxy.log) == 6
    assert ";z" not in (conditions(proxy)[-1].tag or ";z")


async def test_lighttpd_has_a_tag_for_each_coding_and_is_asked_with_the_coding_of_the_stored(
    serve: Serve, proxy: Proxy
) -> None:
    url = serve(Lighttpd(coding="gzip")).write("page.html", ONE, LONG_AGO)
    coded, plain = fetch(url, GZIP)[1]["ETag"], fetch(url)[1]["ETag"]
    assert coded != plain
    # Another coding than that of the tag costs the page.
    assert [fetch(url, fields | {"If-None-Match": coded})[0] for fields in (GZIP, {})] == [304, 200]
    async with Session(":memory:", proxy=proxy.url) as session:
        outcomes = [(await session.get(url)).outcome for _ in range(3)]
    assert outcomes == ["new", "not-modified", "not-modified"]
    assert len({field(proxy, at, b"accept-encoding") for at in range(3)}) == 1


async def test_nginx_with_gzip_static_has_files_for_codings_and_is_asked_for_the_stored_one(
    serve: Serve, tmp_path: Path
) -> None:
    nginx = serve(Nginx(tmp_path / "site", tmp_path / "nginx", extra="gzip_static on; gzip_vary on;"))
    url = nginx.write("page.html", ONE, LONG_AGO)
    nginx.write("page.html.gz", gzip.compress(ONE.encode()), LONG_AGO + 5)
    coded, plain = fetch(url, GZIP)[1], fetch(url)[1]
    assert coded["ETag"] != plain["ETag"]
    assert coded["Last-Modified"] != plain["Last-Modified"]
    async with Session(":memory:") as session:
        assert [(await session.get(url)).outcome for _ in range(3)] == ["new", "not-modified", "not-modified"]
        identity = {"Accept-Encoding": "identity"}
        responses = [await session.get(url, headers=identity) for _ in range(3)]
    assert responses[-1].not_modified
    assert "content-encoding" not in responses[-1].headers
    assert {response.text for response in responses} == {ONE}


def _nginx_gzip(directory: Path) -> Nginx:
    return Nginx(directory / "site", directory / "nginx", gzip=True)


async def test_nginx_with_gzip_weakens_on_the_200_only_and_the_stored_tag_stays(
    serve: Serve, proxy: Proxy, tmp_path: Path
) -> None:
    url = serve(_nginx_gzip(tmp_path)).write("page.html", ONE, LONG_AGO)
    _, headers, _ = fetch(url, GZIP)
    tag = headers["ETag"]
    status, on_304, _ = fetch(url, GZIP | {"If-None-Match": tag})
    assert (status, on_304["ETag"]) == (304, tag.removeprefix("W/"))
    # The coding varies, and no Vary says so.
    assert headers["Vary"] is None
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url) for _ in range(4)]
    assert [response.outcome for response in responses[1:]] == ["not-modified"] * 3
    assert {response.headers["etag"] for response in responses} == {tag}
    assert conditions(proxy)[-1] == Conditions(tag)


async def test_django_pads_what_it_codes_and_the_content_is_the_same(serve: Serve, proxy: Proxy) -> None:
    django = serve(Gunicorn("django_site"))
    django.write("page.html", ONE)
    url = f"{django.url}/pages/page.html/"
    first, second = fetch(url, GZIP), fetch(url, GZIP)
    assert first[2] != second[2]
    assert first[1]["ETag"] == second[1]["ETag"]
    tag = first[1]["ETag"]
    assert fetch(url, GZIP | {"If-None-Match": tag})[1]["ETag"] == tag.removeprefix("W/")
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url) for _ in range(3)]
        assert [response.outcome for response in responses] == ["new", "not-modified", "not-modified"]
        # Django leaves its own fields out of a 304.
        assert responses[-1].headers["x-kept"] == "of the 200"
        forced = await session.get(url, headers={"Cache-Control": "no-cache"})
        assert (forced.changed, forced.text) == (False, ONE)


@pytest.mark.parametrize(
    ("make", "target"),
    [
        (Caddy, "/page.html"),
        (H2o, "/page.html"),
        (lambda: Uvicorn("starlette_site"), "/coded/page.html"),
        (Node, "/coded/page.html"),
    ],
    ids=["caddy", "h2o", "starlette", "express"],
)
async def test_one_tag_for_all_codings_never_mixes_them(serve: Serve, make: Callable[[], Server], target: str) -> None:
    server = serve(make())
    server.write("page.html", ONE, LONG_AGO)
    url = server.url + target
    coded, plain = fetch(url, GZIP), fetch(url, {"Accept-Encoding": "identity"})
    assert coded[1]["ETag"] == plain[1]["ETag"]
    assert coded[2] != plain[2]
    # Without Vary, the plain page may answer whoever asks (RFC 9111 section 4.1).
    is_told_apart = plain[1]["Vary"] is not None
    lengths = {"gzip": len(coded[2]), "identity": len(ONE)}
    async with Session(":memory:") as session:
        for _ in range(3):
            for coding in ("gzip", "identity"):
                response = await session.get(url, headers={"Accept-Encoding": coding})
                assert response.text == ONE
                came_in = response.headers.get("content-encoding", "identity")
                assert len(response.wire_content) == lengths[came_in]
                assert came_in == coding or not is_told_apart


async def test_haproxy_before_two_machines_is_asked_with_both_tags(serve: Serve, proxy: Proxy) -> None:
    machines = [serve(Lighttpd()) for _ in range(2)]
    balancer = serve(Haproxy(*[machine.port for machine in machines]))
    for machine in machines:
        machine.write("page.html", ONE, LONG_AGO)
    url = f"{balancer.url}/page.html"
    answers = [fetch(url)[1] for _ in range(4)]
    tags = [headers["ETag"] for headers in answers]
    assert tags[:2] == tags[2:]
    assert len(set(tags)) == 2
    assert len({headers["Last-Modified"] for headers in answers}) == 1
    # With one tag, every second answer is the page again.
    assert [fetch(url, {"If-None-Match": tags[0]})[0] for _ in range(4)] == [304, 200, 304, 200]
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url) for _ in range(8)]
        assert [response.outcome for response in responses[1:]] == ["same-content"] + ["not-modified"] * 6
        assert all(tag in (conditions(proxy)[-1].tag or "") for tag in tags)
        # One machine after the other has the new page.
        machines[0].write("page.html", TWO, LONG_AGO + 60)
        assert {(await session.get(url)).text for _ in range(2)} == {ONE, TWO}
        machines[1].write("page.html", TWO, LONG_AGO + 60)
        assert [(await session.get(url)).text for _ in range(6)] == [TWO] * 6
        assert (await session.get(url)).not_modified


async def test_haproxy_that_compresses_marks_nothing_on_its_304(serve: Serve, proxy: Proxy) -> None:
    origin = serve(Lighttpd())
    balancer = serve(Haproxy(origin.port, gzip=True))
    origin.write("page.html", ONE, LONG_AGO)
    url = f"{balancer.url}/page.html"
    tag = fetch(url, GZIP)[1]["ETag"]
    assert tag.startswith("W/")
    assert fetch(url, GZIP | {"If-None-Match": tag})[1]["ETag"] == tag.removeprefix("W/")
    async with Session(":memory:", proxy=proxy.url) as session:
        responses = [await session.get(url) for _ in range(3)]
    assert responses[-1].not_modified
    assert responses[-1].headers["etag"] == tag
    assert conditions(proxy)[-1] == Conditions(tag)


@pytest.mark.parametrize(("make", "target"), [(H2o, "/"), (Node, "/sirv/")], ids=["h2o", "sirv"])
async def test_servers_that_compare_strings_get_the_one_string_that_they_gave(
    serve: Serve, proxy: Proxy, make: Callable[[], Server], target: str
) -> None:
    server = serve(make())
    server.write("page.html", ONE, LONG_AGO)
    url = f"{server.url}{target}page.html"
    tag = fetch(url)[1]["ETag"]
    other = tag.removeprefix("W/") if tag.startswith("W/") else f"W/{tag}"
    assert fetch(url, {"If-None-Match": f'"x", {tag}'})[0] == 200
    assert fetch(url, {"If-None-Match": other})[0] == 200
    async with Session(":memory:", proxy=proxy.url) as session:
        # Two variants are stored; a list would cost both.
        for coding in ("gzip", "identity", "gzip", "identity"):
            response = await session.get(url, headers={"Accept-Encoding": coding})
    assert response.not_modified
    assert conditions(proxy)[-1] == Conditions(tag)


def test_nginx_refuses_two_lines_of_tags_and_says_304_to_a_star(serve: Serve, tmp_path: Path) -> None:
    """Why a condition is set and never added to, and why `*` is never sent."""
    nginx = serve(Nginx(tmp_path / "site", tmp_path / "nginx"))
    url = nginx.write("page.html", ONE, LONG_AGO)
    lines = (
        b'GET /page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\nIf-None-Match: "a"\r\nIf-None-Match: "b"\r\n\r\n'
    )
    assert talk(nginx.port, lines).startswith(b"HTTP/1.1 400")
    assert fetch(url, {"If-None-Match": "*"})[0] == 304
