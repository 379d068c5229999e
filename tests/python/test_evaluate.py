"""`evaluate` and `ETag` as an origin's handler uses them. The precedence is tested in tests/it/preconditions.rs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

import notmodified
from notmodified import ETag, Evaluation, InvalidRequestError, evaluate

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
MODIFIED_AT = 784_111_777


def test_the_constants_are_the_members() -> None:
    for member in Evaluation:
        assert getattr(notmodified, member.name) is member
        assert repr(member) == f"<{member.name}>"
    assert evaluate("GET", {"If-None-Match": '"a"'}, etag='"a"') is notmodified.NOT_MODIFIED
    assert evaluate("PUT", {"If-None-Match": "*"}) is notmodified.PRECONDITION_FAILED
    assert evaluate("PUT", {"If-None-Match": "*"}, exists=False) is notmodified.PROCEED
    assert evaluate("GET", {"Range": "bytes=0-1", "If-Range": '"b"'}, etag='"a"') is notmodified.IGNORE_RANGE


@pytest.mark.parametrize(
    "headers",
    [
        {"if-none-match": 'W/"a"'},
        {b"If-None-Match": b'"x", "a"'},
        {"If-None-Match": ['"x"', '"a"']},
        [("If-None-Match", '"x"'), ("If-None-Match", '"a"')],
        notmodified.Headers([("If-None-Match", '"a"')]),
    ],
)
def test_headers_come_in_any_form(headers: notmodified.headers.HeadersLike) -> None:
    assert evaluate("GET", headers, etag='"a"') is notmodified.NOT_MODIFIED


@pytest.mark.parametrize("etag", ['"é,b"', '"é,b"'.encode("latin-1"), ETag("é,b"), ETag.parse('"é,b"')])
def test_a_tag_comes_as_text_bytes_or_object(etag: str | bytes | ETag) -> None:
    assert evaluate("GET", {"If-None-Match": '"x", W/"é,b"'}, etag=etag) is notmodified.NOT_MODIFIED
    assert evaluate("GET", {"If-None-Match": '"é"'}, etag=etag) is notmodified.PROCEED


@pytest.mark.parametrize(
    "modified",
    [
        MODIFIED,
        MODIFIED.encode(),
        "Sunday, 06-Nov-94 08:49:37 GMT",
        datetime(1994, 11, 6, 8, 49, 37, tzinfo=timezone.utc),
        datetime(1994, 11, 6, 9, 49, 37, 999_999, tzinfo=timezone(timedelta(hours=1))),
        MODIFIED_AT,
        MODIFIED_AT + 0.75,
    ],
)
def test_a_date_comes_as_text_datetime_or_seconds(modified: str | bytes | datetime | float) -> None:
    assert evaluate("GET", {"If-Modified-Since": MODIFIED}, last_modified=modified) is notmodified.NOT_MODIFIED
    assert evaluate("GET", {"If-Modified-Since": BEFORE}, last_modified=modified) is notmodified.PROCEED
    assert evaluate("PUT", {"If-Unmodified-Since": MODIFIED}, last_modified=modified) is notmodified.PROCEED
    assert evaluate("PUT", {"If-Unmodified-Since": BEFORE}, last_modified=modified) is notmodified.PRECONDITION_FAILED


def test_a_file_from_before_the_epoch_is_unmodified_since() -> None:
    assert evaluate("GET", {"If-Modified-Since": MODIFIED}, last_modified=-1) is notmodified.NOT_MODIFIED


def test_a_date_that_was_young_when_it_was_received_continues_no_range() -> None:
    headers = {"Range": "bytes=0-1", "If-Range": MODIFIED}
    assert evaluate("GET", headers, last_modified=MODIFIED) is notmodified.PROCEED
    assert evaluate("GET", headers, last_modified=MODIFIED, date=MODIFIED_AT + 60) is notmodified.PROCEED
    assert evaluate("GET", headers, last_modified=MODIFIED, date=MODIFIED_AT + 59) is notmodified.IGNORE_RANGE


@pytest.mark.parametrize(
    "modified",
    ["yesterday", "", "784111777", 1e12, 10**400, float("nan"), datetime(1994, 11, 6), True, object()],  # noqa: DTZ001
)
def test_what_is_no_date_is_refused_by_name(modified: object) -> None:
    with pytest.raises(InvalidRequestError, match="last_modified"):
        evaluate("GET", {}, last_modified=modified)  # type: ignore[arg-type]


@pytest.mark.parametrize("etag", ["", " ", "*", '"a\n"', 5])
def test_what_is_no_tag_is_refused(etag: object) -> None:
    with pytest.raises(ValueError, match=r"tag|header"):
        evaluate("GET", {}, etag=etag)  # type: ignore[arg-type]


def test_no_conditions_and_no_validators_proceed() -> None:
    assert evaluate("get", None) is notmodified.PROCEED
    assert evaluate("OPTIONS", {"If-Match": '"a"'}) is notmodified.PROCEED


@pytest.mark.parametrize(
    ("one", "other", "strongly", "weakly"),
    [
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', '"1"', True, True),
    ],
)
def test_comparison_follows_the_table_of_the_rfc(one: str, other: str, strongly: bool, weakly: bool) -> None:  # noqa: FBT001
    for second in (other, other.encode(), ETag.parse(other)):
        assert ETag.parse(one).strongly_equals(second) is strongly
        assert ETag.parse(one).weakly_equals(second) is weakly


def test_a_made_tag_is_quoted_and_marked() -> None:
    strong, weak = ETag("v1"), ETag(b"v1", weak=True)
    assert (str(strong), bytes(strong), strong.value, strong.weak) == ('"v1"', b'"v1"', "v1", False)
    assert (str(weak), bytes(weak), weak.value, weak.weak) == ('W/"v1"', b'W/"v1"', "v1", True)
    assert repr(weak) == '<ETag W/"v1">'
    assert strong == ETag.parse('"v1"')
    assert strong != weak
    assert len({strong, weak, ETag("v1")}) == 2
    assert strong != '"v1"'
    assert str(ETag("")) == '""'


@pytest.mark.parametrize("value", ["a b", 'a"', '"a"', 'W/"a"', "a\t", "a\r\nX: 1", "\0", "\x7f", "€", 1, None])
def test_no_tag_is_made_of_what_cannot_be_in_one(value: object) -> None:
    with pytest.raises(InvalidRequestError):
        ETag(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ['"a b, c"', "W/abc", "unquoted", '""', '"é\t"'])
def test_a_parsed_tag_is_kept_as_it_came(field: str) -> None:
    tag = ETag.parse(f" {field} ")
    assert str(tag) == field
    assert bytes(tag) == field.encode("latin-1")
    assert tag.weak is field.startswith("W/")


@pytest.mark.parametrize("field", ["", "*", "  ", '"a\0"', b'"a\r\nb"'])
def test_what_is_no_tag_is_not_parsed(field: str | bytes) -> None:
    with pytest.raises(InvalidRequestError):
        ETag.parse(field)
