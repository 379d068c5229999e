"""Every exception of the package.

::

    NotModifiedError
    ├── RequestError                    a request came to no response
    │   ├── InvalidRequestError         (ValueError) refused before anything was sent
    │   ├── ConnectError                (ConnectionError) no connection
    │   │   ├── ProxyError              the proxy could not be reached, or refused
    │   │   └── TlsError                certificate or handshake
    │   ├── RequestTimeout              (TimeoutError)
    │   │   ├── ConnectTimeout          no connection in time
    │   │   ├── ReadTimeout             the origin fell silent
    │   │   └── TotalTimeout            not finished in time
    │   ├── ProtocolError               what came back is not HTTP
    │   │   └── DisconnectedError       (ConnectionError) the connection ended before an answer came
    │   ├── IncompleteBodyError         the body ended before it was whole
    │   ├── BodyTooLargeError           more than max_body
    │   ├── TooManyRedirectsError       more than max_redirects
    │   └── UnexpectedNotModifiedError  304 to a request without a condition, twice
    ├── StatusError                     raise_for_status() of a 4xx or 5xx
    ├── DecodingError                   (ValueError) content is not what Content-Encoding says
    ├── StoreError                      (OSError) the store cannot be opened, or used by a strict caller
    ├── SessionClosedError              (RuntimeError) used after close()
    ├── WrongEventLoopError             (RuntimeError) a Session belongs to one event loop
    ├── ForkError                       (RuntimeError) opened by another process
    └── PlanSettledError                (RuntimeError) a plan is settled once

No text of any of them holds a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notmodified._core import Request, Response

__all__ = [
    "BodyTooLargeError",
    "ConnectError",
    "ConnectTimeout",
    "DecodingError",
    "DisconnectedError",
    "ForkError",
    "IncompleteBodyError",
    "InvalidRequestError",
    "NotModifiedError",
    "PlanSettledError",
    "ProtocolError",
    "ProxyError",
    "ReadTimeout",
    "RequestError",
    "RequestTimeout",
    "SessionClosedError",
    "StatusError",
    "StoreError",
    "TlsError",
    "TooManyRedirectsError",
    "TotalTimeout",
    "UnexpectedNotModifiedError",
    "WrongEventLoopError",
]


def _without_userinfo(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}"


class NotModifiedError(Exception):
    """The root of all exceptions of this package."""


class RequestError(NotModifiedError):
    """A request came to no response. What ``get_many`` yields in its place."""

    request: Request | None = None
    """The request as it was given; None where it could not even be read."""

    given_url: str | None = None
    """What was given for a URL, where no request could be made of it."""

    @property
    def url(self) -> str | None:
        """The URL that was asked for, as it was given but for its userinfo."""
        url = self.given_url if self.request is None else self.request.url
        return None if url is None else _without_userinfo(url)


class InvalidRequestError(RequestError, ValueError):
    """A request, or an option, was refused before anything was sent. The text names the value and the remedy."""


class ConnectError(RequestError, ConnectionError):
    """No connection: refused, unreachable, name not resolved."""


class ProxyError(ConnectError):
    """The proxy could not be reached, or refused to carry the request."""


class TlsError(ConnectError):
    """TLS failed: certificate, handshake, trust store."""


class RequestTimeout(RequestError, TimeoutError):  # noqa: N818 - reads as TimeoutError does in `except`
    """Something took longer than it may."""


class ConnectTimeout(RequestTimeout):
    """No connection within ``connect_timeout`` seconds."""


class ReadTimeout(RequestTimeout):
    """The origin fell silent for more than ``read_timeout`` seconds."""


class TotalTimeout(RequestTimeout):
    """Not finished within ``timeout`` seconds of getting its place on the wire."""


class ProtocolError(RequestError):
    """What came back is not HTTP, or more header section than anybody needs."""


class DisconnectedError(ProtocolError, ConnectionError):
    """The connection ended before an answer came; to a GET, twice."""


class IncompleteBodyError(RequestError):
    """The body ended before it was whole (RFC 9112 §8). Nothing of it was stored."""


class BodyTooLargeError(RequestError):
    """The body has more than ``max_body`` bytes."""


class TooManyRedirectsError(RequestError):
    """More redirects than ``max_redirects``."""


class UnexpectedNotModifiedError(RequestError):
    """304 in answer to a request without a condition, twice: there is no page to hand out."""


class StatusError(NotModifiedError):
    """``raise_for_status()`` of a response with status 400 or more."""

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message)
        self.response = response


class DecodingError(NotModifiedError, ValueError):
    """Content is not what its Content-Encoding says, or unfolds beyond the limit."""


class StoreError(NotModifiedError, OSError):
    """The store cannot be opened; or, for a strict caller, cannot be read or written."""


class SessionClosedError(NotModifiedError, RuntimeError):
    """A session or cache was used after it was closed."""


class WrongEventLoopError(NotModifiedError, RuntimeError):
    """A Session was used on another event loop than the one it was opened on."""


class ForkError(NotModifiedError, RuntimeError):
    """A session or cache was used in another process than the one that opened it."""


class PlanSettledError(NotModifiedError, RuntimeError):
    """A plan was settled, failed or abandoned before."""
