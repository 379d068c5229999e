"""What became of a request, and why: each a word that compares as a string, and explains itself by ``str()``."""

from __future__ import annotations

from enum import Enum

from notmodified._core import explain


class Word(str, Enum):
    """A word of this vocabulary: equal to its string, and explained by ``str()``."""

    def __str__(self) -> str:
        """What it means, as a sentence."""
        return f"{self.value}: {explain(self.value)}"

    def __repr__(self) -> str:
        """The word, quoted, as it stands in a list or a log."""
        return repr(self.value)

    def __format__(self, spec: str) -> str:
        """The word alone, in every version of Python."""
        return format(self.value, spec)


class Outcome(Word):
    """Where a response came from, and what that says about its content."""

    FRESH = "fresh"
    NOT_MODIFIED = "not-modified"
    SAME_CONTENT = "same-content"
    CHANGED = "changed"
    NEW = "new"
    STOPPED_EARLY = "stopped-early"
    STALE_IF_ERROR = "stale-if-error"
    PASSED = "passed"


class Reason(Word):
    """Why a response was not stored, a request sent again or not at all, or the content sent whole though unchanged."""

    METHOD = "method"
    REQUEST_CONTENT = "request-content"
    CALLERS_CONDITION = "callers-condition"
    NO_STORE = "no-store"
    STATUS = "status"
    INCOMPLETE = "incomplete"
    COMPLETENESS_UNKNOWN = "completeness-unknown"
    NO_VALIDATOR = "no-validator"
    TOO_LARGE = "too-large"
    UNDECODABLE = "undecodable"
    UNEXPECTED_304 = "unexpected-304"
    MISMATCHED_304 = "mismatched-304"
    BODY_MISSING = "body-missing"
    NOT_STORABLE = "not-storable"
    ONLY_IF_CACHED = "only-if-cached"
    STALE_WHILE_REVALIDATE = "stale-while-revalidate"
    MIN_INTERVAL = "min-interval"
    RETRY_AFTER = "retry-after"
    MAX_AGE = "max-age"
    CONDITION_IGNORED = "condition-ignored"
    ALTERNATING_TAG = "alternating-tag"
    CHANGING_VALIDATOR = "changing-validator"
    MISSED_CHANGE = "missed-change"
