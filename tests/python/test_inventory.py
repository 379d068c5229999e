"""Looking into a store without asking anybody, and forgetting some of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Cache, InvalidRequestError, Response, Session, SessionClosedError, StoreError
from origin import Page
from programs import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from origin import Origin

A, B, OTHER = "http://127.0.0.1/a", "http://127.0.0.1:8080/b", "https://example.com/"

# Asks for a page each time it is told to, and says whether it would have asked conditionally.
ASKING = """
import sys
from notmodified import Cache
with Cache(sys.argv[1]) as cache:
    for line in sys.stdin:
        plan = cache.plan("GET", line.strip())
        print(bool(plan.conditions), flush=True)
        plan.abandon()
"""


@pytest.fixture
def cache(store: Path) -> Iterator[Cache]:
    """A cache over an empty store."""
    with Cache(store) as opened:
        yield opened


def keep(cache: Cache, url: str, content: bytes = b"page", *, method: str = "GET", **options: Any) -> Response:  # noqa: ANN401
    """Have a page answered whole, and stored."""
    fields = {"ETag": f'"{content.decode()}"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT", "Set-Cookie": "a=b"}
    settled = cache.plan(method, url, **options).settle(200, fields, b"" if method == "HEAD" else content)
    assert isinstance(settled, Response)
    return settled


def urls(cache: Cache, **selected: Any) -> list[str]:  # noqa: ANN401
    """List what is stored."""
    return sorted(entry.url for entry in cache.entries(**selected))


def test_entry_tells_what_is_stored(cache: Cache) -> None:
    begun = datetime.now(timezone.utc) - timedelta(seconds=2)
    keep(cache, f"{A}?q=1#part", b"page")

    (entry,) = cache.entries()
    (response,) = entry.responses

    assert (entry.url, entry.method, entry.partition, entry.acknowledgements) == (f"{A}?q=1", "GET", None, 0)
    assert (response.status, response.size) == (200, 4)
    assert (response.etag, response.last_modified) == ('"page"', "Sun, 06 Nov 1994 08:49:37 GMT")
    assert response.headers["etag"] == '"page"'
    assert "set-cookie" not in response.headers
    assert entry.last_used is not None
    assert all(begun <= at <= datetime.now(timezone.utc) for at in (response.received_at, response.validated_at))
    assert begun <= entry.last_used <= datetime.now(timezone.utc)
    assert repr(entry) == f"<Entry GET {A}?q=1>"


def test_variants_and_methods_and_identities_of_a_url_are_told_apart(cache: Cache) -> None:
    secret = {"Authorization": "Bearer hunter2"}
    for language in ("de", "en"):
        fields = {"ETag": f'"{language}"', "Vary": "Accept-Language"}
        cache.plan("GET", A, {"Accept-Language": language}).settle(200, fields, language.encode())
    keep(cache, A, headers=secret)
    keep(cache, A, identity="hunter2", proxy="http://user:hunter2@proxy:1")
    with Cache(":memory:", freshness="rfc9111") as heads:
        keep(heads, A, method="HEAD")
        (head,) = heads.entries()

    entries = list(cache.entries(url=A))

    assert sorted(len(entry.responses) for entry in entries) == [1, 1, 2]
    words = {entry.partition for entry in entries}
    assert len(words) == 3
    assert None in words
    assert all(word is None or (len(word) == 8 and int(word, 16)) for word in words)
    assert "hunter2" not in "".join(map(repr, entries))
    assert (head.method, head.url) == ("HEAD", A)


def test_only_what_is_selected_is_listed(cache: Cache) -> None:
    for url in (A, B, OTHER):
        keep(cache, url)

    assert urls(cache) == sorted([A, B, OTHER])
    assert urls(cache, url="HTTP://user:pw@127.0.0.1:80/x/../a#top") == [A]
    assert urls(cache, host="127.0.0.1") == [A, B]
    assert urls(cache, host="127.0.0.1:8080") == [B]
    assert urls(cache, host="https://EXAMPLE.com/") == [OTHER]
    assert urls(cache, host="http://example.com") == []


@pytest.mark.parametrize(
    ("selected", "told"),
    [
        ({}, "forget() takes one of url=, host=, identity=, proxy= and everything=True"),
        ({"url": A, "host": "a"}, "no two of them"),
        ({"host": "a", "everything": True}, "no two of them"),
        ({"url": "example.com/a"}, "write it as http://host/path"),
        ({"url": ""}, "cannot be parsed"),
        ({"url": [A, "example.com/a"]}, "write it as http://host/path"),
        ({"url": 7}, "url must be a URL as str, or an iterable of such"),
        ({"url": [A, 7]}, "url must be a URL as str, or an iterable of such"),
        ({"host": "example.com/a"}, "'example.com/a' is no host; write it as 'example.com'"),
        ({"host": "ftp://example.com"}, "is no host"),
        ({"host": "user:hunter2@example.com"}, "'…' is no host"),
    ],
)
def test_bad_selection_is_refused_with_its_remedy_and_forgets_nothing(
    cache: Cache, selected: dict[str, Any], told: str
) -> None:
    keep(cache, A)

    with pytest.raises(InvalidRequestError) as refused:
        cache.forget(**selected)

    assert told in str(refused.value).replace('"', "'")
    assert "hunter2" not in str(refused.value)
    assert urls(cache) == [A]


def test_entries_of_both_a_url_and_a_host_are_refused(cache: Cache) -> None:
    with pytest.raises(InvalidRequestError, match="not both"):
        cache.entries(url=A, host="a")


def test_forgotten_page_is_asked_for_and_told_as_new(store: Path) -> None:
    with Cache(store, consumer="prices") as cache:
        for url in (A, B):
            keep(cache, url).acknowledge()

        assert cache.forget(url=A) == 1
        assert cache.forget(url=A) == 0

        assert not cache.plan("GET", A).conditions
        assert cache.plan("GET", B).conditions
        again, other = keep(cache, A), keep(cache, B)
    assert (again.outcome, again.changed) == ("new", True)
    assert (other.outcome, other.changed) == ("same-content", False)


def test_several_urls_are_forgotten_at_once(cache: Cache) -> None:
    for url in (A, B, OTHER):
        keep(cache, url)

    assert urls(cache, url=[B, A]) == [A, B]
    assert cache.forget(url=(url for url in (A, OTHER, OTHER, f"{A}/not-there"))) == 2
    assert cache.forget(url=[]) == 0
    assert urls(cache) == [B]


def test_answer_to_a_request_under_way_is_served_and_does_not_bring_the_page_back(cache: Cache) -> None:
    keep(cache, A)
    plan = cache.plan("GET", A)

    cache.forget(everything=True)

    settled = plan.settle(304)
    assert isinstance(settled, Response)
    assert settled.content == b"page"
    assert urls(cache) == []


def test_what_was_forgotten_stays_so_after_the_store_is_opened_anew(store: Path) -> None:
    with Cache(store) as cache:
        for number in range(700):
            keep(cache, f"http://host{number % 7}/{number}", b"%d" % number)
        assert cache.forget(host="host3") == 100
    with Cache(store) as cache:
        assert len(urls(cache)) == 600
        assert cache.forget(everything=True) == 600
        assert cache.compact() > 0
    with Cache(store) as cache:
        assert urls(cache) == []
        assert (store / "data.mdb").stat().st_size < 200_000


def test_another_process_sees_at_once_what_was_forgotten_here(store: Path) -> None:
    command = [sys.executable, "-c", ASKING, str(store)]
    with (
        Cache(store) as cache,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,  # noqa: S603
    ):
        assert other.stdin is not None
        assert other.stdout is not None

        def asks_conditionally() -> bool:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(f"{A}\n")
            other.stdin.flush()
            return other.stdout.readline() == "True\n"

        assert not asks_conditionally()
        keep(cache, A)
        cache.flush()
        assert asks_conditionally()
        assert cache.forget(host="127.0.0.1") == 1
        assert not asks_conditionally()
        other.stdin.close()


def test_what_was_confirmed_as_forgotten_survives_a_kill(store: Path) -> None:
    with Cache(store) as cache:
        for url in (A, B):
            keep(cache, url)
    script = (
        "import os, sys, notmodified; notmodified.Cache(sys.argv[1]).forget(url=sys.argv[2]); os.kill(os.getpid(), 9)"
    )

    run(script, str(store), A, ends_with=-9)

    with Cache(store) as cache:
        assert urls(cache) == [B]


def test_damaged_record_is_counted_and_not_raised(store: Path) -> None:
    with Cache(store) as cache:
        keep(cache, A)
        keep(cache, "http://127.0.0.1/damaged")
    data = store / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b"/damaged", b"/dAmaged"))

    with Cache(store) as cache:
        entries = cache.entries()
        assert [entry.url for entry in entries] == [A]
        assert entries.unreadable == 1
        assert cache.forget(everything=True) == 1
        entries = cache.entries()
        assert (list(entries), entries.unreadable) == ([], 0)


def test_walk_goes_on_while_pages_are_stored_and_forgotten(cache: Cache) -> None:
    stays = {f"http://stays/{number}" for number in range(1000)}
    for url in stays:
        keep(cache, url)

    met = []
    for number, entry in enumerate(cache.entries()):
        met.append(entry.url)
        keep(cache, f"http://comes/{number % 50}")
        cache.forget(url=f"http://comes/{number % 50}") if number % 400 == 0 else None

    assert stays <= set(met)
    assert len(met) == len(set(met))


def test_walk_over_a_closed_cache_says_so(store: Path) -> None:
    cache = Cache(store)
    for number in range(600):
        keep(cache, f"http://127.0.0.1/{number}")
    entries = cache.entries()
    next(entries)
    cache.close()

    with pytest.raises(SessionClosedError):
        list(entries)
    with pytest.raises(SessionClosedError):
        cache.entries()
    with pytest.raises(SessionClosedError):
        cache.forget(everything=True)


def test_store_that_is_not_to_be_made_is_not(tmp_path: Path, store: Path) -> None:
    for nowhere in (tmp_path / "not" / "there", tmp_path):
        with pytest.raises(StoreError, match="there is no store in") as refused:
            Cache(nowhere, create=False)
        assert str(nowhere) in str(refused.value)
    assert list(tmp_path.iterdir()) == []
    with Cache(store) as cache:
        keep(cache, A)
    with Cache(store, create=False) as cache:
        assert urls(cache) == [A]


async def test_session_forgets(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(b"page"))
    async with Session(store) as session:
        await session.get(url)
        with Cache(store, create=False) as cache:
            assert urls(cache) == [url]
        assert await session.forget(url=url) == 1
        assert (await session.get(url)).outcome == "new"
        with pytest.raises(InvalidRequestError):
            await session.forget()
    assert not origin.last.has_condition()


async def test_forgetting_has_an_awaitable_twin(cache: Cache) -> None:
    keep(cache, A)

    assert await cache.aforget(host="127.0.0.1") == 1
