"""The keys of `request.meta`: what a request may ask for by them, and what it is told by them.

All are plain data, so that they live through pickle, marshal and JSON queues, retries and redirects.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, cast, get_args

from scrapy.utils.httpobj import urlparse_cached

from notmodified.scrapy.settings import Freshness

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy import Request

# Asked by the spider.

# True: leave this request alone. Scrapy's own word.
DONT_CACHE = "dont_cache"
# A name: an identity of its own.
IDENTITY = "notmodified_identity"
# "revalidate" or "rfc9111": in place of NOTMODIFIED_FRESHNESS.
FRESHNESS = "notmodified_freshness"
# True: fetch it whole, whatever is stored.
FULL = "notmodified_full"
# True: no callback for a page that is unchanged.
SKIP_UNCHANGED = "notmodified_skip_unchanged"

# Told to the spider.

# What became of the request: {"outcome": str, "changed": bool, "not_modified": bool}.
OUTCOME = "notmodified"

# Our own, on the way.

# The fields that we put on the request, see `conditions`.
ADDED = "notmodified_added"
# The request asks once more, without conditions; so that it does also when a disk queue made another object
# of it.
AGAIN = "notmodified_again"


def freshness(request: Request, refuse: Callable[[str, str], None]) -> Freshness | None:
    """Read what the request goes by in place of the setting; of a value that is none, `refuse` is told."""
    given = request.meta.get(FRESHNESS)
    for word in get_args(Freshness):
        if given == word:
            return cast("Freshness", word)
    if given is not None:
        refuse(*_bad_value(FRESHNESS, given, " or ".join(map(repr, get_args(Freshness)))))
    return None


def is_full(request: Request, refuse: Callable[[str, str], None]) -> bool:
    """Read whether the page is wanted whole, whatever is stored."""
    given = request.meta.get(FULL)
    if given is not None and not isinstance(given, bool):
        refuse(*_bad_value(FULL, given, "True or False"))
    return given is True


def _bad_value(key: str, given: object, wanted: str) -> tuple[str, str]:
    return key, f"meta[{key!r}] is {reprlib.repr(given)}; it must be {wanted}. Such requests go on without it."


def forget_outcome(request: Request) -> None:
    """Drop what another request was told, and came along with its copied meta."""
    request.meta.pop(OUTCOME, None)


def is_ours(request: Request) -> bool:
    """Tell whether a request is one to deal with."""
    return not request.meta.get(DONT_CACHE) and urlparse_cached(request).scheme in {"http", "https"}
