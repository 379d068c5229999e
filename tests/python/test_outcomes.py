"""Outcomes and reasons: one vocabulary in Rust and Python, of words that explain themselves."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import pytest

from notmodified import Cache, Outcome, Reason, Session
from notmodified._core import explain
from origin import Page

if TYPE_CHECKING:
    from notmodified.outcomes import Word
    from origin import Origin

WORDS: list[Word] = [*Outcome, *Reason]


def test_every_word_that_is_counted_is_a_member_and_no_other() -> None:
    with Cache(":memory:") as cache:
        assert list(cache.stats()["outcomes"]) == [outcome.value for outcome in Outcome]


@pytest.mark.parametrize("word", WORDS)
def test_word_is_its_string_and_explains_itself(word: Word) -> None:
    explanation = explain(word.value)
    assert explanation is not None
    assert str(word) == f"{word.value}: {explanation}"
    assert repr(word) == repr(word.value)
    assert f"{word}" == word.value == word == json.loads(json.dumps(word))
    assert {word.value: 1}[word] == 1
    assert pickle.loads(pickle.dumps(word)) is word  # noqa: S301, of our own making


def test_unknown_word_is_not_explained() -> None:
    assert explain("perhaps") is None


async def test_response_has_members(origin: Origin) -> None:
    url = origin.on("/page.html", Page(b"one", ignores_conditions=True))
    async with Session(":memory:") as session:
        responses = [await session.get(url) for _ in range(2)]
    assert [response.outcome for response in responses] == [Outcome.NEW, Outcome.SAME_CONTENT]
    assert [response.reason for response in responses] == [None, Reason.CONDITION_IGNORED]
