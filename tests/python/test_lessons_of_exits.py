"""What an origin taught some exits helps the others, and tells the origin nothing about any one of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

import pytest

from notmodified import Request, Session
from origin import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from notmodified import Response
    from origin import Origin
    from origin import Request as Received

LONG_AGO = "Sun, 06 Nov 1994 08:49:37 GMT"
TAG = '"a"'
PATHS = [f"/{number}.html" for number in range(5)]


def whole(path: str) -> Reply:
    """The page, with a tag and an old date."""
    return Reply(headers=[("ETag", TAG), ("Last-Modified", LONG_AGO)], body=b"<p>one</p>" * 40 + path.encode())


def by_date_alone(request: Received) -> Reply:
    """Know no tag, and honour dates."""
    is_current = request.get("if-modified-since") == LONG_AGO and request.get("if-none-match") is None
    return Reply(304) if is_current else whole(request.path)


def by_tag(request: Received) -> Reply:
    """Honour tags."""
    return Reply(304, headers=[("ETag", TAG)]) if request.get("if-none-match") == TAG else whole(request.path)


def shown(request: Received) -> tuple[str | None, str | None]:
    """Give the two validators of a request."""
    return request.get("if-none-match"), request.get("if-modified-since")


async def round_by(session: Session, origin: Origin, exits: Iterator[str | None]) -> list[Response]:
    """Ask for each page once, each by the next exit."""
    return [await session.send(Request(origin.url + path, identity=next(exits))) for path in PATHS]


def new_exits() -> Iterator[str]:
    """Name exits that nobody came by before."""
    return (f"exit-{number}" for number in itertools.count())


@pytest.mark.parametrize("identity_by", [None, "request"])
async def test_origin_that_knows_dates_alone_gives_304s_to_new_exits_once_some_were_taught(
    origin: Origin, identity_by: Literal["request"] | None
) -> None:
    for path in PATHS:
        origin.on(path, by_date_alone)
    exits = itertools.repeat(None) if identity_by else new_exits()
    async with Session(":memory:", identity_by=identity_by) as session:
        rounds = [await round_by(session, origin, exits) for _ in range(12)]
    unchanged = [[response.not_modified for response in one] for one in rounds]
    assert not any(itertools.chain(*unchanged[:2]))
    # In the third round three pages were asked for by the tag in vain; the others, and all later, by the date.
    assert unchanged[2][:3] == [False] * 3
    later = list(itertools.chain(unchanged[2][3:], *unchanged[3:]))
    # One in twenty on average is fetched whole, to see whether the date tells the truth.
    assert sum(later) > len(later) * 0.7
    assert all(response.content == rounds[0][place].content for one in rounds for place, response in enumerate(one))


async def test_three_exits_have_to_be_taught_where_three_have_to_agree(origin: Origin) -> None:
    for path in PATHS:
        origin.on(path, by_date_alone)
    exits = new_exits()
    async with Session(":memory:", k=3) as session:
        for _ in range(3):
            await round_by(session, origin, exits)
        for _ in range(2):
            for path in PATHS[:3]:
                await session.send(Request(origin.url + path, identity="pupil-1"))
            assert await shown_anew(session, origin, exits) == (TAG, None)
        await session.send(Request(origin.url + PATHS[0], identity="pupil-2"))
        # The date, but for one time in twenty.
        assert await shown_anew(session, origin, exits) in {(None, LONG_AGO), (None, None)}


async def shown_anew(session: Session, origin: Origin, exits: Iterator[str]) -> tuple[str | None, str | None]:
    """Ask for a page by an exit that nobody came by, and give what the origin saw."""
    await session.send(Request(origin.url + PATHS[4], identity=next(exits)))
    return shown(origin.last)


@pytest.mark.parametrize("client", range(4))
async def test_lesson_that_one_client_was_taught_cannot_be_read_from_another(origin: Origin, client: int) -> None:
    """The origin ignores the tags of one client on pages of its choice, time and again, and honours all others'."""
    chosen = {path for place, path in enumerate(PATHS) if place % 4 != client}
    pupil: list[bool] = [False]

    def teach(request: Received) -> Reply:
        is_taught = pupil[0] and request.path in chosen
        return by_date_alone(request) if is_taught else by_tag(request)

    for path in PATHS:
        origin.on(path, teach)
    exits = new_exits()
    async with Session(":memory:", stop_early=True) as session:
        for _ in range(2):
            await round_by(session, origin, exits)
        pupil[0] = True
        for _ in range(4):
            await round_by(session, origin, itertools.repeat("pupil"))
        taught = {shown(request) for request in origin.log[-len(PATHS) :]}
        pupil[0] = False
        await round_by(session, origin, exits)
    # It went by the lesson itself, or the test shows nothing.
    assert (None, LONG_AGO) in taught
    assert [shown(request) for request in origin.log[-len(PATHS) :]] == [(TAG, None)] * len(PATHS)


async def test_lesson_for_one_page_in_polls_is_not_counted_across_clients(origin: Origin) -> None:
    """By how many 304s it gives one client, an origin could choose the page that the next one fetches whole."""
    for path in PATHS:
        origin.on(path, by_tag)
    exits = new_exits()
    async with Session(":memory:", full_every=4) as session:
        for _ in range(2):
            await round_by(session, origin, exits)
        for _ in range(60):
            await session.send(Request(origin.url + PATHS[0], identity=next(exits)))
        whole_of_one = sum(request.get("if-none-match") is None for request in origin.log[-60:])
        for _ in range(60):
            await session.send(Request(origin.url + PATHS[1], identity=next(exits)))
        whole_of_other = sum(request.get("if-none-match") is None for request in origin.log[-60:])
    # One in four on average, and not every fourth.
    assert 0 < whole_of_one < 45
    assert 0 < whole_of_other < 45
