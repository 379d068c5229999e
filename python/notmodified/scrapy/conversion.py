"""Between Scrapy's requests and responses and what `notmodified.Cache` takes and gives, byte for byte."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urldefrag

from scrapy.downloadermiddlewares.stats import get_status_size
from scrapy.http import Headers, Response
from scrapy.http.request import NO_CALLBACK
from scrapy.responsetypes import responsetypes

from notmodified.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy import Request

    import notmodified

Fields: TypeAlias = "list[tuple[bytes, bytes]]"

# How a page tells that no download of now made it: in `response.flags`.
FLAG = "notmodified"
# Beside it, when the page stands in for an origin that failed.
STALE_FLAG = "stale"
# Scrapy's word for the same. Its media pipelines ask without a callback, and then give a file the status
# "cached", not "downloaded".
CACHED_FLAG = "cached"
# A signal handler, ours or another, stopped the download.
STOPPED_FLAG = "download_stopped"
# Scrapy's words for a body that was cut, whose end nobody announced, or that was stopped.
INCOMPLETE_FLAGS = frozenset({"dataloss", "partial", STOPPED_FLAG})
# Said to the proxy, or about the message alone: the download handler frames it.
_NOT_FOR_THE_ORIGIN = frozenset({b"Proxy-Authorization", b"Content-Length", b"Transfer-Encoding"})


_status_size = lru_cache(maxsize=64)(get_status_size)


def request_fields(request: Request) -> Fields:
    """List the request's header fields for the origin."""
    return [pair for pair in _pairs(request.headers) if pair[0] not in _NOT_FOR_THE_ORIGIN]


def response_fields(response: Response) -> Fields:
    """List the response's header fields."""
    return _pairs(response.headers)


def header_fields(headers: Headers) -> Fields:
    """List the fields of a header section."""
    return _pairs(headers)


def wire_bytes(response: Response, fields: Fields) -> int:
    """Count what came over the wire, by the estimate of Scrapy's DownloaderStats, so that the two agree."""
    # `get_header_size` of the same module, for fields that are listed already: a colon and a space in each
    # line, a line break between two names.
    header_size = sum(map(len, chain.from_iterable(fields))) + 2 * len(fields) + 2 * (len(response.headers) - 1)
    return len(response.body) + header_size + _status_size(response.status) + 4


def stored_page(stored: notmodified.Response, body: bytes, request: Request, received: Response | None) -> Response:
    """Make the stored response the one of this request; from the received one come the connection's facts."""
    # As the download handlers name it: a fragment is not asked for.
    url = urldefrag(request.url).url if received is None else received.url
    headers = _as_headers(stored.headers.raw)
    # The class is chosen as the download handlers choose it. A coded body is decoded by
    # HttpCompressionMiddleware, which comes later and chooses again.
    response_class = responsetypes.from_args(headers=headers, url=url, body=body)
    ours = [FLAG]
    if stored.outcome is Outcome.STALE_IF_ERROR:
        ours.append(STALE_FLAG)
    if request.callback is NO_CALLBACK:
        ours.append(CACHED_FLAG)
    # What Scrapy said of the received body does not hold for this one.
    flags = [] if received is None else [flag for flag in received.flags if flag not in {*ours, *INCOMPLETE_FLAGS}]
    page = response_class(
        url=url,
        status=stored.status,
        body=body,
        flags=[*flags, *ours],
        certificate=None if received is None else received.certificate,
        ip_address=None if received is None else received.ip_address,
        protocol=None if received is None else received.protocol,
    )
    # The constructor would bring them into their form once more.
    page.headers = headers
    return page


# Scrapy's `Headers` is a dictionary of names in title case, each with the list of its values, which brings
# whatever it is given into that form, and each name that it is asked for. Below, what has the form already
# goes past that, by the dictionary's own methods: it was a third of what a page cost here.


def _pairs(headers: Headers) -> Fields:
    return [(name, value) for name, values in dict.items(headers) for value in values]


def _as_headers(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    lines: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        lines.setdefault(name.title(), []).append(value)
    headers = Headers()
    dict.update(headers, lines)
    return headers
