"""What `notmodified.evaluate` says."""

from __future__ import annotations

import enum

__all__ = ["Evaluation"]


class Evaluation(enum.Enum):
    """What the conditions of a request come to (RFC 9110 section 13.2.2); each is a constant of `notmodified` too."""

    PROCEED = "proceed"
    """Nothing stands in the way: perform the method; a Range may be answered with a part."""

    NOT_MODIFIED = "not-modified"
    """Answer 304 (Not Modified), with the fields that section 15.4.5 names and without content."""

    PRECONDITION_FAILED = "precondition-failed"
    """Answer 412 (Precondition Failed), and change nothing."""

    IGNORE_RANGE = "ignore-range"
    """Perform the method as if the request had no Range: answer with the whole representation."""

    def __repr__(self) -> str:
        return f"<{self.name}>"
