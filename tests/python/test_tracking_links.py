"""The judge of links sees each link that there is, and none where there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from origin import Reply, Request
from tracking import Ledger, Validator, crowds, first_visits, linked_clients, links, shown_kinds

Kind = Literal["tag", "date"]
PRESENTED: dict[Kind, str] = {"tag": "If-None-Match", "date": "If-Modified-Since"}
GIVEN: dict[Kind, str] = {"tag": "ETag", "date": "Last-Modified"}


@dataclass
class Conversation:
    """Says line by line who presents and who is given what, under one path."""

    kind: Kind = "tag"
    ledger: Ledger = field(default_factory=Ledger)

    def visit(
        self,
        client: str,
        shows: str | None = None,
        gets: str | None = None,
        *,
        status: int = 200,
        content: bytes = b"one",
        fields: dict[str, str] | None = None,
        path: str = "/page",
    ) -> None:
        """One request and its answer."""
        told = {**({PRESENTED[self.kind]: shows} if shows else {}), **(fields or {})}
        lines = tuple((name.encode(), value.encode()) for name, value in told.items())
        request = Request("GET", path, "HTTP/1.1", lines, b"", 1, client=client)
        headers = [(GIVEN[self.kind], gets)] if gets else []
        self.ledger.watch(lambda _: Reply(status, headers, content if status == 200 else b""))(request)

    def linked(self, k: int = 2) -> list[tuple[str, str]]:
        """Whom the judge saw, and by what."""
        return [(link.client, link.validator.value) for link in links(self.ledger.visits, k)]


@pytest.fixture(params=PRESENTED)
def conversation(request: pytest.FixtureRequest) -> Conversation:
    """By tags, and by dates."""
    return Conversation(request.param)


def test_own_validator_is_no_link(conversation: Conversation) -> None:
    conversation.visit("a", gets='"1"')
    conversation.visit("a", shows='"1"', gets='"1"', status=304)
    assert conversation.linked() == []


def test_validator_of_another_is_a_link(conversation: Conversation) -> None:
    conversation.visit("a", gets='"1"')
    conversation.visit("b", shows='"1"', gets='"1"', status=304)
    assert conversation.linked() == [("b", '"1"')]
    assert links(conversation.ledger.visits, 2)[0].given_to == {"a"}


def test_validator_that_nobody_was_given_is_a_link(conversation: Conversation) -> None:
    conversation.visit("a", shows='"made up"')
    assert conversation.linked() == [("a", '"made up"')]


def test_validator_of_another_path_is_a_link(conversation: Conversation) -> None:
    conversation.visit("a", gets='"1"', path="/elsewhere")
    conversation.visit("a", shows='"1"')
    assert conversation.linked() == [("a", '"1"')]


def test_validator_given_to_k_addresses_links_nobody(conversation: Conversation) -> None:
    for client in ("a", "b"):
        conversation.visit(client, gets='"1"')
    conversation.visit("c", shows='"1"')
    assert conversation.linked(k=2) == []
    assert conversation.linked(k=3) == [("c", '"1"')]


def test_what_comes_later_excuses_nothing(conversation: Conversation) -> None:
    conversation.visit("a", gets='"1"')
    conversation.visit("c", shows='"1"')
    conversation.visit("b", gets='"1"')
    assert conversation.linked() == [("c", '"1"')]


def test_one_address_counts_once(conversation: Conversation) -> None:
    for _ in range(3):
        conversation.visit("a", gets='"1"')
    conversation.visit("c", shows='"1"')
    assert conversation.linked() == [("c", '"1"')]


@pytest.mark.parametrize(
    "prompting",
    [
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": "yesterday"},
        {"Range": "bytes=0-"},
        {"Cookie": "a=1"},
        {"Authorization": "Basic eA=="},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_was_given_to_a_prompted_request_does_not_count(
    conversation: Conversation, prompting: dict[str, str]
) -> None:
    conversation.visit("a", gets='"1"')
    conversation.visit("b", gets='"1"', fields=prompting)
    conversation.visit("c", shows='"1"')
    assert ("c", '"1"') in conversation.linked()


def test_what_came_in_a_304_does_not_count(conversation: Conversation) -> None:
    conversation.visit("a", gets='"1"')
    conversation.visit("b", gets='"1"', status=304)
    conversation.visit("c", shows='"1"')
    assert conversation.linked() == [("c", '"1"')]


def test_one_validator_with_two_contents_counts_for_each(conversation: Conversation) -> None:
    conversation.visit("a", gets='"1"', content=b"one")
    conversation.visit("b", gets='"1"', content=b"two")
    conversation.visit("c", shows='"1"')
    assert conversation.linked() == [("c", '"1"')]


def test_each_tag_of_a_list_is_judged_weak_or_strong() -> None:
    conversation = Conversation()
    conversation.visit("a", gets='W/"1"')
    conversation.visit("a", gets='"2"')
    conversation.visit("a", shows='"1", W/"2", "3"')
    assert conversation.linked() == [("a", '"3"')]


def test_links_add_up_to_crowds(conversation: Conversation) -> None:
    for client, shown in (("a", None), ("b", '"a"'), ("c", '"b"'), ("x", None), ("y", '"x"'), ("z", None)):
        conversation.visit(client, shows=shown, gets=f'"{client}"')
    found = links(conversation.ledger.visits, 2)
    assert sorted(map(sorted, crowds(found))) == [["a", "b", "c"], ["x", "y"]]
    assert linked_clients(found) == 5


def test_first_visits_show_what_a_client_knew_before(conversation: Conversation) -> None:
    conversation.visit("a", gets='"1"')
    conversation.visit("a", shows='"1"', gets='"1"', status=304)
    conversation.visit("a", gets='"1"', path="/other")
    first = first_visits(conversation.ledger.visits)
    assert [visit.path for visit in first] == ["/page", "/other"]
    assert shown_kinds(first) == {()}
    assert shown_kinds(conversation.ledger.visits) == {(), (conversation.kind,)}


def test_look_leaves_out_what_is_presented() -> None:
    conversation = Conversation()
    conversation.visit("a", shows='"1"', fields={"Accept-Encoding": "gzip", "Host": "one:1"})
    (visit,) = conversation.ledger.visits
    assert visit.look == ((b"Accept-Encoding", b"gzip"),)
    assert visit.presented == (Validator("/page", "tag", '"1"'),)
