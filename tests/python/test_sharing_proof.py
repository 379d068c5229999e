"""`make links` complains of what is not as it has to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tracking.proof import Result, complaints

EXITS = 100
ISOLATED = Result({"sharing": "isolated"}, full_per_change=5.0)
SHARED = Result({"sharing": "corroborated", "k": 2}, pair_links=3, rotation_ratio=0.96, full_per_change=3.0)
CENTRAL = Result(
    {"sharing": "central"}, links=9, linked_exits=EXITS, pair_links=9, wrong=2, rotation_ratio=1.0, full_per_change=1.0
)


def test_what_is_as_it_has_to_be_is_passed_over() -> None:
    assert complaints([ISOLATED, SHARED, CENTRAL], EXITS) == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"links": 1}, "links"),
        ({"linked_exits": 2}, "exits linked"),
        ({"pair_links": 0}, "links of pairs"),
        ({"wrong": 1}, "others' content"),
        ({"rotation_ratio": 0.94}, "304s by ever new exits"),
        ({"full_per_change": 3.1}, "fetches per change"),
    ],
)
def test_what_sharing_gives_away_or_costs_is_told(changed: dict[str, Any], complaint: str) -> None:
    assert complaints([ISOLATED, replace(SHARED, **changed), CENTRAL], EXITS) == [f"{SHARED.mode}: {complaint}"]


@pytest.mark.parametrize("changed", [{"links": 0}, {"linked_exits": EXITS - 1}, {"pair_links": 0}, {"wrong": 0}])
def test_origin_that_does_not_find_out_a_central_registry_is_told(changed: dict[str, Any]) -> None:
    assert len(complaints([ISOLATED, SHARED, replace(CENTRAL, **changed)], EXITS)) == 1


def test_pairs_that_are_found_where_k_is_three_are_told() -> None:
    found = replace(SHARED, mode={"sharing": "corroborated", "k": 3})
    assert complaints([found, CENTRAL], EXITS) == [f"{found.mode}: links of pairs"]
