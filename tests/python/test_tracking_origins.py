"""The origins of the tracking tests: they know their clients again, and honour what they gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from origin import Reply, Request
from tracking import (
    AddressTracker,
    Balanced,
    BearerTracker,
    CountryPage,
    CrowdTracker,
    EchoingTracker,
    Marks,
    SwappingTracker,
    Teacher,
    address,
)
from tracking.trackers import CONTENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracking.trackers import ShownAs

SHOWN: list[ShownAs] = ["tag", "date", "both"]


def ask(handler: Callable[[Request], Reply], client: str, conditions: dict[str, str] | None = None) -> Reply:
    """One request from that address."""
    fields = tuple((name.encode(), value.encode()) for name, value in (conditions or {}).items())
    return handler(Request("GET", "/page", "HTTP/1.1", fields, b"", 1, client=client))


def conditions(reply: Reply) -> dict[str, str]:
    """What a client that was answered so asks with next: the tag alone, or else the date."""
    fields = {str(name): str(value) for name, value in reply.headers}
    if "ETag" in fields:
        return {"If-None-Match": fields["ETag"]}
    return {"If-Modified-Since": fields["Last-Modified"]}


@pytest.mark.parametrize("shown_as", SHOWN)
def test_tracker_by_address_gives_each_a_mark_and_honours_only_that(shown_as: ShownAs) -> None:
    tracker = AddressTracker(Marks(shown_as))
    a, b = (ask(tracker, client) for client in "ab")
    assert a.headers != b.headers
    assert (a.body, b.body) == (CONTENT, CONTENT)
    assert len(list(a.headers)) == (2 if shown_as == "both" else 1)
    assert ask(tracker, "a").headers == a.headers
    assert ask(tracker, "a", conditions(a)).status == 304
    told = ask(tracker, "b", conditions(a))
    assert (told.status, told.headers) == (200, b.headers)


@pytest.mark.parametrize("shown_as", SHOWN)
def test_tracker_by_bearer_knows_a_mark_from_wherever_it_comes(shown_as: ShownAs) -> None:
    tracker = BearerTracker(Marks(shown_as))
    a = ask(tracker, "a")
    assert ask(tracker, "a").headers != a.headers
    told = ask(tracker, "b", conditions(a))
    assert (told.status, told.headers) == (304, a.headers)


def test_echoing_tracker_gives_back_what_it_is_shown() -> None:
    tracker = EchoingTracker()
    a = ask(tracker, "a")
    told = ask(tracker, "b", conditions(a))
    assert (told.status, told.headers, told.body) == (200, a.headers, CONTENT)
    assert ask(tracker, "b").headers != a.headers


@pytest.mark.parametrize(("in_304s", "status"), [(False, 200), (True, 304)])
def test_swapping_tracker_gives_one_what_another_has(*, in_304s: bool, status: int) -> None:
    tracker = SwappingTracker(in_304s=in_304s)
    a, b = (ask(tracker, client) for client in "ab")
    told = ask(tracker, "a", conditions(a))
    assert (told.status, told.headers) == (status, b.headers)
    assert ask(tracker, "b", conditions(b)).headers == a.headers


def test_crowd_tracker_gives_one_mark_to_so_many() -> None:
    tracker = CrowdTracker(2)
    shown = [tuple(ask(tracker, client).headers) for client in "abcda"]
    assert len(set(shown)) == 2
    assert shown[0] == shown[1] == shown[4]
    assert ask(tracker, "b", conditions(ask(tracker, "a"))).status == 304
    assert ask(tracker, "c", conditions(ask(tracker, "a"))).status == 200


@pytest.mark.parametrize(
    ("lesson", "honoured"),
    [(None, {"tag", "date", "both"}), ("date", {"date"}), ("both", {"both"}), ("nothing", set())],
)
def test_teacher_honours_what_it_teaches(lesson: str | None, honoured: set[str]) -> None:
    teacher = Teacher()
    headers = {str(name): str(value) for name, value in ask(teacher, "a").headers}
    tag, date = {"If-None-Match": headers["ETag"]}, {"If-Modified-Since": headers["Last-Modified"]}
    if lesson is not None:
        teacher.lessons["a"] = lesson  # type: ignore[assignment]
    asked = {"tag": tag, "date": date, "both": {**tag, **date}}
    assert {kind for kind, given in asked.items() if ask(teacher, "a", given).status == 304} == honoured
    assert ask(teacher, "b", tag).status == 304


@pytest.mark.parametrize("one_tag", [True, False])
def test_page_by_country_differs_by_address(*, one_tag: bool) -> None:
    page = CountryPage(one_tag=one_tag)
    here, there = (ask(page, address(1, country)) for country in (1, 2))
    assert here.body != there.body
    assert (here.headers == there.headers) is one_tag
    assert here.body == page.content(address(9, 1))
    assert ask(page, address(1, 1), conditions(here)).status == 304
    assert ask(page, address(1, 2), conditions(here)).status == (304 if one_tag else 200)
    page.version = 2
    assert ask(page, address(1, 1), conditions(here)).status == 200


def test_balanced_machines_know_their_own_tags_only() -> None:
    page = Balanced(machines=3)
    shown = {conditions(ask(page, "a"))["If-None-Match"] for _ in range(50)}
    assert len(shown) == 3
    statuses = [ask(page, "a", {"If-None-Match": min(shown)}).status for _ in range(50)]
    assert set(statuses) == {200, 304}
    assert {ask(page, "a", {"If-None-Match": ", ".join(shown)}).status for _ in range(50)} == {304}
