"""Whether a body is known to have arrived whole: by Scrapy's flags, or where no flag would tell, by its framing.

> A response that has neither chunked transfer coding nor Content-Length is terminated by closure of the connection
> (RFC 9112 §8),

and a connection that breaks looks the same. Scrapy's own handler for HTTP/1.1 marks such a body as `partial`, and
hides the fields of the framing. The handlers that need no reactor show the fields, and mark nothing.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import load_object

from notmodified.scrapy.conversion import INCOMPLETE_FLAGS

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

SCHEMES = ("http", "https")
# Told by its name: to import it takes a reactor.
_MARKING_HANDLERS = "scrapy.core.downloader.handlers.http11"
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Framing:
    """Tells whole bodies from others, for the download handlers of one crawl."""

    def __init__(self, settings: BaseSettings) -> None:
        handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
        self._marking = {scheme for scheme in SCHEMES if _marks(handlers.get(scheme))}

    def is_complete(self, request: Request, response: Response) -> bool:
        """Tell whether the body is known to have arrived whole."""
        if not INCOMPLETE_FLAGS.isdisjoint(response.flags):
            return False
        if len(self._marking) == len(SCHEMES) or urlparse_cached(request).scheme in self._marking:
            return True
        if b"Content-Length" in response.headers or b"Transfer-Encoding" in response.headers:
            return True
        # HTTP/2 ends its streams, and what names no protocol does not speak of connections.
        is_framed = not (response.protocol or "").startswith("HTTP/1")
        return is_framed or request.method == "HEAD" or response.status in _BODILESS


def _marks(handler: Any) -> bool:  # noqa: ANN401, a class or its import path, as Scrapy takes it
    try:
        found: type = load_object(handler)
    except (ImportError, NameError, TypeError, ValueError):
        # Scrapy tells of it, and downloads nothing by it.
        return True
    return any(base.__module__ == _MARKING_HANDLERS for base in found.__mro__)
