"""What was answered to credentials is nobody else's: not served, not asked about, no witness, in no mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Session
from origin import Reply
from tracking import Exits, Ledger, links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Origin, Request

MODES: list[dict[str, Any]] = [{"sharing": "isolated"}, {"sharing": "corroborated"}, {"sharing": "central"}]
FIELDS = {
    "cookie": "Cookie: member=1",
    "authorization": "Authorization: Bearer member",
}


@dataclass
class MembersPage:
    """Another content for whoever has that field; under one tag for all members, or under that of everybody."""

    name: str
    one_tag: bool

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        is_member = request.get(self.name) is not None
        tag = '"page"' if self.one_tag or not is_member else '"members"'
        if tag in (request.get("if-none-match") or ""):
            return Reply(304, [("ETag", tag)])
        return Reply(200, [("ETag", tag)], b"<p>members</p>" if is_member else b"<p>everybody</p>")


@pytest.fixture
def exits() -> Iterator[Exits]:
    """Proxies on all loopback addresses."""
    with Exits() as running:
        yield running


@pytest.mark.parametrize("one_tag", [False, True])
@pytest.mark.parametrize("members_first", [True, False])
@pytest.mark.parametrize("line", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_page_for_members_is_theirs(
    origin: Origin, exits: Exits, mode: dict[str, Any], line: str, *, members_first: bool, one_tag: bool
) -> None:
    name, _, value = line.partition(": ")
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(MembersPage(name, one_tag)))
    order = [(number, is_member) for is_member in (members_first, not members_first) for number in range(5)]
    async with Session(":memory:", **mode) as session:
        for number, is_member in order * 2:
            # A member through each exit, and somebody else through the same ones.
            answer = await session.get(
                url, proxy=exits.proxy(number), headers={name: f"{value}-{number}"} if is_member else None
            )
            assert answer.content == (b"<p>members</p>" if is_member else b"<p>everybody</p>")
    shown_by_strangers = {
        validator.value for visit in ledger.visits if visit.is_anonymous for validator in visit.presented
    }
    assert '"members"' not in shown_by_strangers
    if not one_tag:
        by_members = [visit for visit in ledger.visits if not visit.is_anonymous]
        assert {validator.value for visit in by_members for validator in visit.presented} <= {'"members"'}
    assert mode["sharing"] == "central" or links(ledger.visits, k=2) == []


@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_one_login_through_many_exits_shows_what_it_was_given_itself(
    origin: Origin, exits: Exits, mode: dict[str, Any]
) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(MembersPage("authorization", one_tag=False)))
    async with Session(":memory:", **mode) as session:
        answers = [
            await session.get(url, proxy=exits.proxy(number), headers={"Authorization": "Bearer one"})
            for number in range(6)
        ]
    assert [answer.not_modified for answer in answers] == [mode["sharing"] == "central" and n > 0 for n in range(6)]


@pytest.mark.parametrize("one_tag", [False, True])
async def test_field_that_may_be_a_key_bears_no_witness(origin: Origin, exits: Exits, *, one_tag: bool) -> None:
    ledger = Ledger()
    url = origin.on("/page", ledger.watch(MembersPage("x-api-key", one_tag)))
    async with Session(":memory:") as session:
        for number in range(5):
            await session.get(url, proxy=exits.proxy(number), headers={"X-Api-Key": f"member-{number}"})
        answers = [await session.get(url, proxy=exits.proxy(number)) for number in range(5, 9)]
    assert {answer.content for answer in answers} == {b"<p>everybody</p>"}
    assert [answer.not_modified for answer in answers] == [False, False, True, True]
    assert links(ledger.visits, k=2) == []
