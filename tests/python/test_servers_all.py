"""What must hold at every origin, however it answers.

A 304 while nothing changes, what is new as soon as it is there, and a stored response that stays whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from notmodified import Session
from servers.cases import CASES, LONG_AGO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from notmodified import Response
    from servers.cases import Case, Place

ONE = "<p>one</p>\n" * 200
TWO = "<p>two, and longer</p>\n" * 200


@dataclass(frozen=True, slots=True)
class Running:
    """The servers of a case."""

    case: Case
    place: Place


@pytest.fixture(scope="module", params=CASES, ids=[case.name for case in CASES])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The servers, for all tests of this file: each has a page of its own."""
    case: Case = request.param
    with contextlib.ExitStack() as started:
        yield Running(case, case.start(started, tmp_path_factory.mktemp("case")))


@pytest.fixture
def place(running: Running) -> Iterator[Place]:
    """The servers, for one test. What they said is shown when it fails."""
    yield running.place
    sys.stdout.write(running.place.output())


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session over an empty store."""
    async with Session(":memory:") as opened:
        yield opened


async def poll(session: Session, url: str, times: int) -> None:
    """Poll so many times."""
    for _ in range(times):
        await session.get(url)


async def assert_holds(session: Session, url: str, running: Running) -> None:
    """What came last was the first poll of its content; 304s begin when they can."""
    await poll(session, url, running.case.holds_from - 2)
    assert [(await session.get(url)).outcome for _ in range(3)] == ["not-modified"] * 3


async def test_unchanged_page_is_a_304_from_the_third_poll_on(session: Session, place: Place, running: Running) -> None:
    url = place.write("unchanged.html", ONE)
    responses = [await session.get(url) for _ in range(6)]
    assert [response.text for response in responses] == [ONE] * 6
    assert [response.changed for response in responses[1:]] == [False] * 5
    before = running.case.holds_from - 1
    assert [response.outcome for response in responses[before:]] == ["not-modified"] * (6 - before)


async def test_change_is_seen_at_once(session: Session, place: Place, running: Running) -> None:
    url = place.write("changed.html", ONE)
    await poll(session, url, 4)
    place.write("changed.html", TWO, LONG_AGO + 60)
    await asyncio.sleep(running.case.shows_after)
    response = await session.get(url)
    assert (response.outcome, response.changed, response.text) == ("changed", True, TWO)
    await assert_holds(session, url, running)
    assert (await session.get(url)).text == TWO


async def test_rollback_is_seen_where_there_is_a_tag(session: Session, place: Place, running: Running) -> None:
    url = place.write("rolled-back.html", TWO)
    has_tag = "etag" in (await session.get(url)).headers
    await poll(session, url, 3)
    place.write("rolled-back.html", ONE, LONG_AGO - 3600)
    await asyncio.sleep(running.case.shows_after)
    response = await session.get(url)
    # By an exact comparison of dates, as nginx and an origin that thinks in numbers make it, it is seen without one.
    assert has_tag or running.case.name in {"nginx-without-tags", "express-epoch"}
    assert (response.outcome, response.text) == ("changed", ONE)


async def test_touched_page_is_told_as_the_same(session: Session, place: Place, running: Running) -> None:
    url = place.write("touched.html", ONE)
    await poll(session, url, 4)
    place.write("touched.html", ONE, LONG_AGO + 60)
    await asyncio.sleep(running.case.shows_after)
    response = await session.get(url)
    assert (response.outcome, response.changed, response.text) == (running.case.touched, False, ONE)
    await assert_holds(session, url, running)


async def test_fields_of_the_200_outlive_the_304s(session: Session, place: Place) -> None:
    url = place.write("fields.html", ONE)
    responses = [await session.get(url) for _ in range(4)]
    last = responses[-1]
    assert last.not_modified
    described = ("content-type", "content-encoding", "content-length", "content-disposition", "last-modified")
    # Those of the 200 that was stored last.
    whole = [response for response in responses if not response.not_modified][-1]
    for name in (*described, "vary", "x-kept"):
        assert last.headers.get_all(name) == whole.headers.get_all(name), name
    tags = {response.headers.get("etag") for response in responses}
    assert last.headers.get("etag") in tags


async def test_each_coding_keeps_its_own(session: Session, place: Place) -> None:
    url = place.write("codings.html", ONE)
    responses: dict[str, list[Response]] = {"gzip": [], "identity": [], "br": []}
    for _ in range(4):
        for coding, polled in responses.items():
            polled.append(await session.get(url, headers={"Accept-Encoding": coding}))
    for coding, polled in responses.items():
        assert [response.text for response in polled] == [ONE] * 4
        assert polled[-1].outcome == "not-modified", coding
        # What came without Vary may answer whoever asks (RFC 9111 section 4.1).
        if all("vary" in one.headers for polls in responses.values() for one in polls):
            assert {response.headers.get("content-encoding", coding) for response in polled} == {coding}


async def test_what_was_learned_is_known_to_the_next_session(store: Path, place: Place, running: Running) -> None:
    url = place.write("persisted.html", ONE)
    for _ in range(running.case.holds_from):
        async with Session(store) as session:
            outcome = (await session.get(url)).outcome
    assert outcome == "not-modified"
