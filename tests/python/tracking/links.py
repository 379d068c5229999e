"""The judge: which visits told the origin that two addresses belong together.

A *link* is a validator presented by an address that it was not given to, while fewer than k addresses had been given
it with one and the same content, each in a 200 that nothing had prompted. Those it had been given to are then known to
be the same client as whoever presented it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracking.ledger import Validator, Visit


@dataclass(frozen=True, slots=True)
class Link:
    """A validator that gave its bearer away."""

    client: str
    validator: Validator
    # Who had been given it before.
    given_to: frozenset[str]


def links(visits: Iterable[Visit], k: int) -> list[Link]:
    """Find them all; `visits` are in the order in which they were answered."""
    found: list[Link] = []
    given_to: defaultdict[Validator, set[str]] = defaultdict(set)
    witnesses: defaultdict[Validator, defaultdict[bytes, set[str]]] = defaultdict(lambda: defaultdict(set))
    for visit in visits:
        for validator in visit.presented:
            known = given_to[validator]
            is_common = any(len(seen_by) >= k for seen_by in witnesses[validator].values())
            if visit.client not in known and not is_common:
                found.append(Link(visit.client, validator, frozenset(known)))
        for validator in visit.given:
            given_to[validator].add(visit.client)
            if visit.status == 200 and visit.is_unprompted:
                witnesses[validator][visit.digest].add(visit.client)
    return found


def crowds(found: Iterable[Link]) -> list[set[str]]:
    """The sets of addresses that the origin takes for one client each."""
    above: dict[str, str] = {}

    def root(client: str) -> str:
        while (next_above := above.setdefault(client, client)) != client:
            above[client] = above[next_above]
            client = above[client]
        return client

    for link in found:
        for other in link.given_to:
            above[root(other)] = root(link.client)
    members: defaultdict[str, set[str]] = defaultdict(set)
    for client in tuple(above):
        members[root(client)].add(client)
    return [crowd for crowd in members.values() if len(crowd) > 1]


def linked_clients(found: Iterable[Link]) -> int:
    """How many addresses are known to be one client with some other."""
    return sum(len(crowd) for crowd in crowds(found))


def first_visits(visits: Iterable[Visit]) -> list[Visit]:
    """The first visit of each address to each path: what a client shows before it was told anything."""
    seen: set[tuple[str, str]] = set()
    first = []
    for visit in visits:
        if (visit.client, visit.path) not in seen:
            seen.add((visit.client, visit.path))
            first.append(visit)
    return first


def shown_kinds(visits: Iterable[Visit]) -> set[tuple[str, ...]]:
    """Which kinds of validators were presented together: `{(), ("tag",)}`."""
    return {tuple(sorted({validator.kind for validator in visit.presented})) for visit in visits}
