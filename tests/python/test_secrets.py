"""Credentials are planted, then looked for: on the disk, in texts of errors, in representations, in what was logged."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from notmodified import Cache, Headers, InvalidRequestError, NotModifiedError, Request, RequestError, Response, Session
from origin import Page, Reply, hang_before_reply, redirect, refusing
from proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

SECRET = "hunter2/s:cret"  # noqa: S105
ESCAPED = quote(SECRET, safe="")
# As it is, as it stands in a URL, and as Basic credentials of these users.
FORMS = [SECRET, ESCAPED, "hunter2", *(base64.b64encode(f"{user}:{SECRET}".encode()).decode() for user in ("u", "p"))]


def assert_clean(text: str | bytes) -> None:
    """Find no form of the secret."""
    where = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    found = [form for form in FORMS if form.encode() in where]
    assert not found, f"{found} in {where[:500]!r}"


def assert_clean_store(store: Path) -> None:
    """Find no form of the secret in any file, nor in a file's name."""
    files = [path for path in store.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert_clean(path.read_bytes())
        assert_clean(path.name)


def asking_with_secrets(url: str, proxy: Proxy) -> list[Request]:
    """Plant the secret in all places where credentials belong."""
    return [
        Request(url, headers={"Authorization": f"Bearer {SECRET}"}),
        Request(url, headers={"Cookie": f"sid={SECRET}"}),
        Request(url, identity=SECRET),
        Request(url.replace("://", f"://u:{ESCAPED}@")),
        Request(url, proxy=f"http://p:{ESCAPED}@127.0.0.1:{proxy.port}"),
        Request(url, proxy=f"http://{ESCAPED}:p@127.0.0.1:{proxy.port}"),
    ]


def test_credentials_never_reach_the_disk(store: Path, origin: Origin, proxy: Proxy) -> None:
    page = Page(b"one", vary="Cookie, Authorization", set_cookie=f"sid={SECRET}")
    url = origin.on("/page.html", page)

    async def poll() -> None:
        async with Session(store, consumer=SECRET, identity="x", cookies=True) as session:
            for request in asking_with_secrets(url, proxy) * 2:
                (await session.send(request)).acknowledge()
        async with Session(store, consumer=SECRET) as session:
            for request in asking_with_secrets(url, proxy):
                (await session.send(request)).acknowledge()

    asyncio.run(poll())
    assert page.full >= 6
    assert_clean_store(store)


def test_credentials_of_a_plan_never_reach_the_disk(store: Path) -> None:
    url = "http://127.0.0.1/page.html"
    with Cache(store) as cache:
        identities: list[dict[str, Any]] = [
            {"identity": SECRET},
            {"cookie_jar": SECRET},
            {"proxy": f"http://p:{ESCAPED}@127.0.0.1:1"},
        ]
        for identity in identities:
            fields = {"ETag": '"1"', "Set-Cookie": f"sid={SECRET}", "Vary": "Cookie"}
            cache.plan("GET", url, {"Cookie": SECRET}, **identity).settle(200, fields, b"one")
        cache.plan("GET", url.replace("://", f"://u:{ESCAPED}@")).settle(200, {"ETag": '"1"'}, b"one")
    assert_clean_store(store)


async def test_representations_show_no_credentials(origin: Origin, proxy: Proxy) -> None:
    url = origin.on("/page.html", Page(b"one", set_cookie=f"sid={SECRET}"))
    async with Session(":memory:", proxy=proxy.url, headers={"Authorization": SECRET}) as session:
        for request in asking_with_secrets(url, proxy):
            response = await session.send(request)
            shown = [session, request, request.headers, response, response.headers, response.request]
            assert_clean(" ".join(f"{one!r} {one!s}" for one in shown))
        assert_clean(repr(session.stats()))


def test_representations_of_a_cache_show_no_credentials() -> None:
    with Cache(":memory:") as cache:
        url = f"http://u:{ESCAPED}@127.0.0.1/"
        plan = cache.plan("GET", url, {"Cookie": SECRET}, identity=SECRET, proxy=f"http://p:{ESCAPED}@127.0.0.1:1")
        shown = [cache, plan, plan.headers, plan.conditions, plan.settle(304, {"Set-Cookie": SECRET})]
        assert_clean(" ".join(f"{one!r} {one!s}" for one in shown))


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "COOKIE"])
def test_representation_of_headers_hides_what_is_secret(name: str) -> None:
    headers = Headers([(name, SECRET), ("X-A", "shown")])
    assert_clean(repr(headers))
    assert "shown" in repr(headers)
    assert name.lower() in repr(headers)


BAD_PROXIES = [
    f"ftp://p:{ESCAPED}@127.0.0.1:1",
    f"http://p:{ESCAPED}@",
    f"http://p:{ESCAPED}@127.0.0.1:99999",
    f"http://p:{ESCAPED}@127.0.0.1:1/path",
    f"p:{ESCAPED}@127.0.0.1:1",
    "http://p:hunter2@[::1",
    # Lists of proxies have these forms.
    "127.0.0.1:1:p:hunter2",
    "http://127.0.0.1:1:p:hunter2",
    "p:hunter2:127.0.0.1:1",
]


@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_refused_proxy_shows_no_credentials(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        Request("http://127.0.0.1/", proxy=proxy)
    assert_clean(str(caught.value))
    with pytest.raises(ValueError, match="proxy") as caught:
        Session(":memory:", proxy=proxy)
    assert_clean(str(caught.value))


@pytest.mark.parametrize("proxy", [proxy for proxy in BAD_PROXIES if not proxy.endswith("/path")])
def test_proxy_refused_by_a_cache_shows_no_credentials(proxy: str) -> None:
    with Cache(":memory:") as cache, pytest.raises(ValueError, match="proxy") as caught:
        cache.plan("GET", "http://127.0.0.1/", proxy=proxy)
    assert_clean(str(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://u:{ESCAPED}@127.0.0.1/",
        f"http://u:{ESCAPED}@/",
        f"http://u:{ESCAPED}@127.0.0.1:99999/",
        f"http://u:{ESCAPED}@127.0.0.1:99999/?to=a@b",
        f"u:{ESCAPED}@127.0.0.1/",
        f"http://u:{ESCAPED}@[::1/",
    ],
)
def test_refused_url_shows_no_credentials(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        Request(url)
    assert_clean(str(caught.value))


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-Api-Key"])
def test_refused_field_shows_no_value(name: str) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        Request("http://127.0.0.1/", headers={name: f"{SECRET}\r\n"})
    assert_clean(str(caught.value))


def test_refused_field_of_another_alphabet_shows_no_value() -> None:
    with pytest.raises(ValueError, match="latin-1") as caught:
        Request("http://127.0.0.1/", headers={"Cookie": f"{SECRET}\u0416"})
    assert_clean(str(caught.value))


def test_refused_store_shows_no_credentials() -> None:
    with pytest.raises(ValueError, match="store") as caught:
        Session(f"redis://u:{ESCAPED}@127.0.0.1/0")
    assert_clean(str(caught.value))


async def test_errors_on_the_way_show_no_credentials(origin: Origin) -> None:
    async def failed(request: Request) -> NotModifiedError:
        with pytest.raises(RequestError) as caught:
            await session.send(request)
        return caught.value

    async with Session(":memory:", max_redirects=2) as session:
        with Proxy(user="p", password="other") as guarded, Proxy(refuse=503) as closed, refusing() as port:  # noqa: S106
            asked = [
                Request(f"http://u:{ESCAPED}@127.0.0.1:{port}/"),
                Request(f"http://u:{ESCAPED}@127.0.0.1:{port}/", headers={"Cookie": SECRET}, identity=SECRET),
                Request(origin.url, proxy=f"http://p:{ESCAPED}@127.0.0.1:{port}"),
                Request(origin.url, proxy=f"http://p:{ESCAPED}@127.0.0.1:{guarded.port}"),
                Request("https://127.0.0.1:1/", proxy=f"http://p:{ESCAPED}@127.0.0.1:{guarded.port}"),
                Request("https://127.0.0.1:1/", proxy=f"http://p:{ESCAPED}@127.0.0.1:{closed.port}"),
                Request(origin.url, proxy=f"socks5://p:hunter2@127.0.0.1:{port}"),
                Request(origin.on("/hang", hang_before_reply).replace("://", f"://u:{ESCAPED}@"), timeout=0.05),
                Request(origin.on("/loop", redirect("/loop")).replace("://", f"://u:{ESCAPED}@")),
                Request(origin.on("/cut", Reply(200, [("Set-Cookie", SECRET)], b"cut", cut_after=1))),
                Request(origin.on("/304", Reply(304)).replace("://", f"://u:{ESCAPED}@")),
            ]
            for request in asked:
                error = await failed(request)
                assert_clean(str(error))
                assert_clean(repr(error))
                assert_clean("".join(traceback.format_exception_only(type(error), error)))


async def test_status_error_shows_no_credentials(origin: Origin) -> None:
    async with Session(":memory:") as session:
        response = await session.get(origin.on("/gone", Reply(410)).replace("://", f"://u:{ESCAPED}@"))
        with pytest.raises(NotModifiedError) as caught:
            response.raise_for_status()
    assert_clean(f"{caught.value} {caught.value!r}")


async def test_nothing_secret_is_logged(
    origin: Origin, proxy: Proxy, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    url = origin.on("/page.html", Page(b"one", set_cookie=SECRET))
    async with Session(":memory:") as session:
        results = [result async for result in session.get_many(asking_with_secrets(url, proxy))]
    assert all(isinstance(result, Response) for result in results)
    assert_clean(caplog.text)
    assert capfd.readouterr() == ("", "")


async def test_under_another_key_an_identity_is_another(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one"))
    outcomes = []
    for key in (b"k" * 16, b"k" * 16, b"l" * 16, None, b"k" * 16):
        async with Session(store, identity_key=key, sharing="isolated") as session:
            outcomes.append((await session.get(url, identity="a")).outcome)
    assert outcomes == ["new", "not-modified", "new", "new", "not-modified"]


def test_a_key_of_the_callers_is_not_written_down(store: Path, origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", vary="Cookie"))
    key = SECRET.encode() * 2

    async def poll() -> None:
        async with Session(store, identity_key=key) as session:
            await session.get(url, identity="a", headers={"Cookie": "a=1"})
            assert_clean(repr(session))

    asyncio.run(poll())
    assert_clean_store(store)


@pytest.mark.parametrize("key", [b"", SECRET.encode()[:15], b"x" * 5000])
def test_a_key_that_is_no_secret_is_refused_by_its_length(key: bytes) -> None:
    for made in (lambda: Session(":memory:", identity_key=key), lambda: Cache(":memory:", identity_key=key)):
        with pytest.raises(InvalidRequestError, match=f"identity_key of {len(key)} bytes; give 16 to 4096") as raised:
            made()
        assert_clean(str(raised.value))
