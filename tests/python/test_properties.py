"""The public surface under arbitrary input: what is said of it holds, and only documented errors are raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from notmodified import Cache, ETag, Evaluation, Headers, InvalidRequestError, Resend, Response, evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from notmodified.headers import Text

# The same examples in each run, and no more than a suite has time for.
few = settings(derandomize=True, max_examples=150, deadline=None, database=None)

CONDITIONS = ["If-None-Match", "If-Modified-Since"]
NAMES = [
    *CONDITIONS,
    *["If-Match", "If-Unmodified-Since", "If-Range", "Range", "Cache-Control", "Vary", "ETag", "Last-Modified", "Date"],
    *[
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Set-Cookie",
        "Age",
        "Expires",
        "Retry-After",
        "Connection",
    ],
    *["Accept-Encoding", "Accept-Language", "X-A"],
]
VALUES = [
    *['"1"', 'W/"1"', '"a, b"', "1", "*", "", '"', '"1-br"', "Sun, 06 Nov 1994 08:49:37 GMT", "0", "-1", "99999999999"],
    *["no-store", "no-cache", "max-age=60", "only-if-cached", "must-revalidate", "Accept-Language", "br", "gzip", "x"],
    *["bytes=0-1", "bytes=-1", "close, X-A"],
]

latin = st.text(st.characters(max_codepoint=255), max_size=12)
texts = latin | st.binary(max_size=12)
names = st.sampled_from(NAMES) | st.sampled_from([name.lower().encode() for name in NAMES]) | texts
values = st.sampled_from(VALUES) | st.sampled_from([value.encode() for value in VALUES]) | texts
pairs = st.lists(st.tuples(names, values), max_size=8)
tags = st.text(st.characters(min_codepoint=0x21, max_codepoint=255, exclude_characters='"\x7f'), max_size=8)


def is_sendable(value: Text) -> bool:
    """Could a request carry it? No line breaks, no NUL."""
    data = value if isinstance(value, bytes) else value.encode("latin-1")
    return not any(byte in data for byte in b"\r\n\0")


@few
@given(pairs)
@example([("\xc0", "1")])
def test_any_fields_are_a_section_that_keeps_every_line(fields: list[tuple[Text, Text]]) -> None:
    headers = Headers(fields)
    assert len(headers.raw) == len(fields)
    assert repr(headers)
    assert Headers(headers) == headers == Headers(headers.raw)
    for name in headers:
        assert headers[name] == ", ".join(headers.get_all(name))
        assert not name.isascii() or headers.get_all(name.upper()) == headers.get_all(name)
    assert sum(len(headers.get_all(name)) for name in headers) == len(fields)


@few
@given(tags, st.booleans(), tags, st.booleans())
def test_a_tag_of_any_characters_is_read_as_it_was_made(one: str, one_weak: bool, other: str, other_weak: bool) -> None:  # noqa: FBT001
    first, second = ETag(one, weak=one_weak), ETag(other.encode("latin-1"), weak=other_weak)
    assert ETag.parse(str(first)) == ETag.parse(bytes(first)) == first
    assert (first.value, first.weak) == (one, one_weak)
    assert first.weakly_equals(second) == second.weakly_equals(first) == (one == other)
    assert first.strongly_equals(second) == (one == other and not one_weak and not other_weak)
    assert (first == second) == (str(first) == str(second))
    listed = {"If-None-Match": f'"-", {second}, {first}'}
    assert evaluate("GET", listed, etag=first) is Evaluation.NOT_MODIFIED
    assert (evaluate("PUT", {"If-Match": str(second)}, etag=first) is Evaluation.PROCEED) == first.strongly_equals(
        second
    )


@few
@given(texts)
def test_a_tag_that_cannot_be_read_is_refused_and_any_other_is_echoed(value: Text) -> None:
    try:
        tag = ETag.parse(value)
    except InvalidRequestError:
        return
    data = value if isinstance(value, bytes) else value.encode("latin-1")
    assert bytes(tag) == data.strip(b" \t\r\n\x0c")
    assert evaluate("GET", {b"If-None-Match": bytes(tag)}, etag=tag) is Evaluation.NOT_MODIFIED


@few
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) | latin,
    pairs,
    st.none() | texts,
    st.none() | texts,
    st.booleans(),
)
def test_any_request_is_evaluated_or_refused(
    method: str,
    fields: list[tuple[Text, Text]],
    etag: Text | None,
    modified: Text | None,
    exists: bool,  # noqa: FBT001
) -> None:
    try:
        evaluation = evaluate(method, fields, etag=etag, last_modified=modified, exists=exists)
    except InvalidRequestError:
        return
    assert evaluation in Evaluation
    assert evaluation is not Evaluation.NOT_MODIFIED or method in {"GET", "HEAD"}
    assert evaluation is Evaluation.PROCEED or any(name.lower().startswith("if-") for name in Headers(fields))


answers = st.tuples(
    st.sampled_from([200, 200, 200, 304, 304, 206, 404, 301, 503]) | st.integers(100, 999),
    pairs,
    st.none() | st.binary(max_size=20),
    st.booleans(),
    st.booleans(),
)
Answer = tuple[int, "list[tuple[Text, Text]]", "bytes | None", bool, bool]


@few
@given(
    st.lists(st.tuples(pairs, answers, answers), min_size=1, max_size=5),
    st.fixed_dictionaries(
        {},
        optional={
            "consumer": st.just("reader"),
            "freshness": st.sampled_from(["revalidate", "rfc9111"]),
            "full_every": st.integers(1, 3),
            "min_interval": st.just(60.0),
            "floors": st.sets(st.sampled_from(["retry-after", "max-age"])),
            "stale_if_error": st.sampled_from([1.0, 60.0]),
            "fingerprint": st.just("html"),
        },
    ),
)
@example([([], (200, [("ETag", '"1"'), ("ETag", '"2"')], b"x", True, False), (200, [], None, True, False))] * 3, {})
def test_any_answer_is_settled_and_the_next_request_has_one_line_of_each_condition(
    exchanges: list[tuple[list[tuple[Text, Text]], Answer, Answer]], options: Mapping[str, object]
) -> None:
    with Cache(":memory:", **options) as cache:  # type: ignore[arg-type]  # any of them
        for fields, *replies in exchanges:
            try:
                plan = cache.plan("GET", "http://127.0.0.1/page", fields)
            except InvalidRequestError:
                assert cache.plan("GET", "http://127.0.0.1/page").headers is not None
                continue
            ours, theirs = plan.conditions, Headers(fields)
            for name in CONDITIONS:
                assert len(ours.get_all(name)) <= 1
                assert not (ours.get_all(name) and theirs.get_all(name))
                expected = theirs.get_all(name) + ours.get_all(name) if plan.response is None else []
                assert plan.headers.get_all(name) == expected
            assert all(is_sendable(value) for _, value in ours.raw)
            for status, headers, body, complete, decoded in replies:
                if plan.response is not None:
                    break
                settled = plan.settle(status, headers, body, complete=complete, decoded=decoded)
                if isinstance(settled, Response):
                    settled.acknowledge()
                    assert str(settled.outcome)
                    assert settled.cache_status.startswith("notmodified")
                    break
                assert isinstance(settled, Resend)
                assert status == 304
                assert not any(settled.headers.get_all(name) for name in CONDITIONS)


@few
@given(pairs, texts)
def test_what_was_stored_is_asked_about_with_its_own_bytes(fields: list[tuple[Text, Text]], tag: Text) -> None:
    headers = Headers([(name, value) for name, value in Headers(fields).raw if name.lower() not in {b"etag", b"vary"}])
    assume("no-store" not in headers.get("cache-control", "").lower())
    assume(not {"content-length", "content-encoding"} & set(headers))
    with Cache(":memory:") as cache:
        settled = cache.plan("GET", "http://127.0.0.1/").settle(200, [*headers.raw, ("ETag", tag)], b"page")
        assert isinstance(settled, Response)
        assert (settled.outcome, settled.content) == ("new", b"page")
        again = cache.plan("GET", "http://127.0.0.1/")
        asked = Headers(again.conditions).get("if-none-match")
        try:
            assert asked == bytes(ETag.parse(tag)).decode("latin-1")
        except InvalidRequestError:
            assert asked is None
        if asked is not None:
            same = again.settle(304, [("ETag", tag)])
            assert isinstance(same, Response)
            assert (same.outcome, same.status, same.content) == ("not-modified", 200, b"page")


def test_characters_beyond_latin_1_are_refused_by_name() -> None:
    with pytest.raises(UnicodeEncodeError):
        Headers([("X", "\u0100")])
