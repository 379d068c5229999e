"""What an origin taught one client of how it wants to be asked does not show in how another asks for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Session
from tracking import Exits, Ledger, Teacher, address, first_visits, links, shown_kinds
from tracking.polls import in_lanes, poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Origin
    from tracking.teacher import Lesson

PUPIL, OTHER_PUPIL = 99, 98
PAGES = 8
MODES: list[dict[str, Any]] = [
    {"sharing": "isolated"},
    {"sharing": "corroborated"},
    {"sharing": "corroborated", "k": 3},
]
LESSONS: list[Lesson] = ["date", "both", "nothing"]


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


class School:
    """Pages of one origin, all with the same teacher."""

    def __init__(self, origin: Origin, exits: Exits) -> None:
        self.teacher = Teacher()
        self.ledger = Ledger()
        self._exits = exits
        self._urls = [origin.on(f"/{number}", self.ledger.watch(self.teacher)) for number in range(PAGES)]

    async def visited_by(self, session: Session, *numbers: int, times: int = 1) -> None:
        """Let these exits ask for all pages."""
        for _ in range(times):
            await poll(session, in_lanes(self._urls, [self._exits.proxy(number) for number in numbers], lanes=1))

    def first_asked_with(self, *numbers: int) -> set[tuple[str, ...]]:
        """What these showed at their first visits."""
        clients = {address(number) for number in numbers}
        return shown_kinds(visit for visit in first_visits(self.ledger.visits) if visit.client in clients)


@pytest.mark.parametrize("is_early", [True, False], ids=["early", "late"])
@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_lesson_of_fewer_than_k_clients_does_not_show_in_others(
    origin: Origin, exits: Exits, mode: dict[str, Any], lesson: Lesson, *, is_early: bool
) -> None:
    """Taught before anybody else came, or when the pages were shared already."""
    school = School(origin, exits)
    pupils = [PUPIL, OTHER_PUPIL][: mode.get("k", 2) - 1]
    school.teacher.lessons = {address(pupil): lesson for pupil in pupils}
    async with Session(":memory:", **mode) as session:
        if is_early:
            await school.visited_by(session, *pupils, times=8)
        await school.visited_by(session, 0, 1, 2)
        if not is_early:
            await school.visited_by(session, *pupils, times=8)
        await school.visited_by(session, 3, 4, 5)
    expected = {()} if mode["sharing"] == "isolated" else {("tag",)}
    assert school.first_asked_with(3, 4, 5) == expected
    assert links(school.ledger.visits, mode.get("k", 2)) == []
    for pupil in pupils:
        *_, last = (visit for visit in school.ledger.visits if visit.client == address(pupil))
        assert shown_kinds([last]) != {("tag",)}


async def test_central_registry_shows_everybody_what_one_was_taught(origin: Origin, exits: Exits) -> None:
    school = School(origin, exits)
    school.teacher.lessons[address(PUPIL)] = "date"
    async with Session(":memory:", sharing="central") as session:
        await school.visited_by(session, PUPIL, times=8)
        await school.visited_by(session, 0, 1, 2)
    assert school.first_asked_with(0) == {("date",)}


async def test_lesson_of_k_clients_serves_the_next(origin: Origin, exits: Exits) -> None:
    school = School(origin, exits)
    school.teacher.lessons.update({address(number): "date" for number in range(20)})
    async with Session(":memory:") as session:
        await school.visited_by(session, 0, 1, 2, 3, times=8)
        await school.visited_by(session, 10)
    # Where a date is asked with, a poll now and then asks with nothing.
    assert ("date",) in school.first_asked_with(10) <= {("date",), ()}
