"""Ask "only if it changed": conditional HTTP requests for scrapers and pollers.

``Session`` fetches; ``Cache`` is the same heart for whoever has a downloader already; ``notmodified.scrapy`` is its
add-on for Scrapy. ``evaluate`` and ``ETag`` are for the other side: origins that answer such requests.
"""

from notmodified._core import (
    Cache,
    Entries,
    Entry,
    ETag,
    Plan,
    Request,
    Resend,
    Response,
    StoredResponse,
    __version__,
    evaluate,
)
from notmodified.evaluation import Evaluation
from notmodified.exceptions import (
    BodyTooLargeError,
    ConnectError,
    ConnectTimeout,
    DecodingError,
    DisconnectedError,
    ForkError,
    IncompleteBodyError,
    InvalidRequestError,
    NotModifiedError,
    PlanSettledError,
    ProtocolError,
    ProxyError,
    ReadTimeout,
    RequestError,
    RequestTimeout,
    SessionClosedError,
    StatusError,
    StoreError,
    TlsError,
    TooManyRedirectsError,
    TotalTimeout,
    UnexpectedNotModifiedError,
    WrongEventLoopError,
)
from notmodified.headers import Headers
from notmodified.outcomes import Outcome, Reason
from notmodified.results import Results
from notmodified.session import Session

IGNORE_RANGE = Evaluation.IGNORE_RANGE
NOT_MODIFIED = Evaluation.NOT_MODIFIED
PRECONDITION_FAILED = Evaluation.PRECONDITION_FAILED
PROCEED = Evaluation.PROCEED

__all__ = [
    "IGNORE_RANGE",
    "NOT_MODIFIED",
    "PRECONDITION_FAILED",
    "PROCEED",
    "BodyTooLargeError",
    "Cache",
    "ConnectError",
    "ConnectTimeout",
    "DecodingError",
    "DisconnectedError",
    "ETag",
    "Entries",
    "Entry",
    "Evaluation",
    "ForkError",
    "Headers",
    "IncompleteBodyError",
    "InvalidRequestError",
    "NotModifiedError",
    "Outcome",
    "Plan",
    "PlanSettledError",
    "ProtocolError",
    "ProxyError",
    "ReadTimeout",
    "Reason",
    "Request",
    "RequestError",
    "RequestTimeout",
    "Resend",
    "Response",
    "Results",
    "Session",
    "SessionClosedError",
    "StatusError",
    "StoreError",
    "StoredResponse",
    "TlsError",
    "TooManyRedirectsError",
    "TotalTimeout",
    "UnexpectedNotModifiedError",
    "WrongEventLoopError",
    "__version__",
    "evaluate",
]
