"""The extension module: what `notmodified` re-exports, and the engine that its Session drives."""

import os
from collections.abc import Callable, Collection, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Literal, final

from typing_extensions import Self

from notmodified.evaluation import Evaluation
from notmodified.exceptions import InvalidRequestError, RequestError
from notmodified.headers import Headers, HeadersLike
from notmodified.outcomes import Outcome, Reason

__all__ = [
    "Cache",
    "ETag",
    "Engine",
    "Entries",
    "Entry",
    "Plan",
    "Request",
    "Resend",
    "Response",
    "StoredResponse",
    "__version__",
    "evaluate",
    "explain",
]

__version__: Final[str]

def explain(word: str) -> str | None:
    """What the word of an outcome or a reason means, for a person; None where there is no such word."""

@final
class ETag:
    """An entity tag (RFC 9110 §8.8.3), made for an origin to send.

    value: what stands between the quotes, as str (latin-1) or bytes: any character but space, quote and controls.
    weak: the representation that it names may be replaced by an equivalent one; then it is marked with ``W/``.

    ``str()`` and ``bytes()`` of it are the value of an ETag field. Two of them are equal when these are the same; what
    HTTP calls equal is ``strongly_equals`` and ``weakly_equals``. Both take a field value as str or bytes as well.

    Raises InvalidRequestError (a ValueError) when no tag can be made of the value.
    """

    def __new__(cls, value: str | bytes, *, weak: bool = False) -> Self: ...
    @staticmethod
    def parse(field_value: str | bytes) -> ETag:
        """Read a tag from the value of an ETag field, byte for byte.

        What origins send without quotes, or with spaces in them, is kept as it is.

        Raises InvalidRequestError when it is empty, ``*``, or holds a control character.
        """

    @property
    def weak(self) -> bool:
        """Is it marked as weak? The mark is ``W/``, in upper case (RFC 9110 §8.8.3)."""

    @property
    def value(self) -> str:
        """What stands between the quotes, without the mark."""

    def strongly_equals(self, other: ETag | str | bytes) -> bool:
        """Are both strong, and the same character by character (RFC 9110 §8.8.3.2)?

        The comparison of If-Match and If-Range.
        """

    def weakly_equals(self, other: ETag | str | bytes) -> bool:
        """Are they the same character by character, whether weak or strong (RFC 9110 §8.8.3.2)?

        The comparison of If-None-Match.
        """

    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def evaluate(
    method: str,
    request_headers: HeadersLike | None,
    *,
    etag: ETag | str | bytes | None = None,
    last_modified: str | bytes | datetime | float | None = None,
    exists: bool = True,
    date: str | bytes | datetime | float | None = None,
) -> Evaluation:
    """Evaluate a request's preconditions in the order of RFC 9110 §13.2.2.

    For an origin's handler, in any web framework: call it with what the request would be answered with, before the
    method is performed, and only where the answer without conditions would be a 2xx (§13.2.1).

    request_headers: a mapping, or pairs; lines of one name add up. If-Match, If-Unmodified-Since, If-None-Match,
        If-Modified-Since, and If-Range beside Range are read. Conditions that the RFC says to ignore are ignored.
    etag: the entity tag of the current representation: an ``ETag``, or the field's value with its quotes.
    last_modified: when it was last modified: an HTTP-date, a datetime with a time zone, or seconds since the epoch.
        Fractions of a second are cut off, as the field's value cannot hold them.
    exists: False when there is no current representation, and the method would make one.
    date: when that representation was received, for whoever keeps copies: a modification date less than a minute
        before is no strong validator (§8.8.2.2), and continues no range.

    Returns ``PROCEED``, ``NOT_MODIFIED`` (answer 304), ``PRECONDITION_FAILED`` (answer 412), or ``IGNORE_RANGE``
    (answer with the whole representation). All are constants of ``notmodified`` and members of ``Evaluation``.

    Raises InvalidRequestError (a ValueError) for an etag or a date that is none.
    """

@final
class Request:
    """A request, checked when it is made.

    url: http or https; userinfo becomes Authorization (RFC 7617), a fragment is dropped.
    method: any token but CONNECT (RFC 9110 §9.1).
    headers: names and values as str (latin-1) or bytes; no line breaks, no Content-Length, Transfer-Encoding or
        Proxy-Authorization. Conditions of the caller's own and a Range are answered as RFC 9110 §13.2.2 says: from the
        store where the stored response may be served without asking (If-None-Match, If-Modified-Since, If-Range, one
        range of bytes), else by the origin, which gets them as they are. The 304 or 206 is then the caller's.
    content: the body to send, as bytes, or str in UTF-8.
    identity: a name of 1 to 4096 bytes for whoever asks; what one identity was told is never used for another.
    proxy: the URL of the proxy to leave by, with its port; None takes the session's. What URLs give a meaning to in a
        user or password is escaped there: ``%25`` for ``%``, ``%2F`` for ``/``, ``%40`` for ``@``.
    timeout: seconds; None takes the session's.
    full: the content whole and now, whatever is stored; what comes is compared and stored.
    context: any object of the caller's, given back as ``result.request.context``.

    Raises InvalidRequestError (a ValueError) naming the value and the remedy.
    """

    def __new__(
        cls,
        url: str,
        *,
        method: str = "GET",
        headers: HeadersLike | None = None,
        content: bytes | str | None = None,
        identity: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
        full: bool = False,
        context: object = None,
    ) -> Self: ...
    @property
    def url(self) -> str:
        """The URL as it was given."""

    @property
    def method(self) -> str:
        """The method."""

    @property
    def headers(self) -> Headers:
        """The caller's fields, with the Authorization that userinfo became."""

    @property
    def content(self) -> bytes | None:
        """The body to send."""

    @property
    def identity(self) -> str | None:
        """The name of whoever asks."""

    @property
    def proxy(self) -> str | None:
        """The proxy as it was given, credentials included. It is not part of the repr."""

    @property
    def timeout(self) -> float | None:
        """Seconds."""

    @property
    def full(self) -> bool:
        """Is the content asked for whole?"""

    @property
    def context(self) -> Any:  # noqa: ANN401 - the caller's own
        """What the caller gave."""

@final
class Response:
    """A response: of the origin, or of the store after the origin said 304."""

    @property
    def status(self) -> int:
        """The status code (RFC 9110 §15): that of the stored response after a 304."""

    @property
    def status_code(self) -> int:
        """The same as ``status``."""

    @property
    def ok(self) -> bool:
        """Is the status below 400?"""

    @property
    def url(self) -> str:
        """The URL that answered, after redirects, normalised, without userinfo."""

    @property
    def request(self) -> Request | None:
        """The request as it was given; None for a response of ``Plan.settle``."""

    @property
    def headers(self) -> Headers:
        """The field section; after a 304 the stored one, freshened (RFC 9111 §3.2).

        Set-Cookie is that of this exchange.
        """

    @property
    def content(self) -> bytes:
        """The content, decoded as Content-Encoding says when it is first read.

        A coding that is not gzip, deflate, br or zstd is left as it came.

        Raises DecodingError when it is not what Content-Encoding says, or unfolds beyond the limit.
        """

    @property
    def wire_content(self) -> bytes:
        """The body as it came over the wire, coded as Content-Encoding says. Made anew at each reading."""

    @property
    def at_hand(self) -> bool:
        """Can the body be read without waiting for a disk, and is it not large?

        Where not, whoever runs on an event loop does better to read it on another thread.
        """

    @property
    def encoding(self) -> str:
        """The encoding of ``text``: a byte order mark, else the charset of Content-Type, else UTF-8."""

    @property
    def text(self) -> str:
        """The content as text; bytes that are none in its encoding are replaced."""

    def json(self) -> Any:  # noqa: ANN401 - whatever the origin sent
        """The content as JSON. Raises ValueError when it is none."""

    @property
    def not_modified(self) -> bool:
        """Did the origin say 304?"""

    @property
    def changed(self) -> bool:
        """Is the content another than before?

        Compared with what was stored before this request; with a consumer, with what that consumer acknowledged last.
        With ``fingerprint=``, content that comes to the same is the same. True where nothing is known to compare with;
        False for a page that ``storable=`` turned away: it says nothing about the one that was asked for.
        """

    @property
    def outcome(self) -> Outcome:
        """Where the response came from: a word, explained by ``str()``.

        ``fresh``: from the store, without asking. ``not-modified``: the origin said 304. ``same-content``,
        ``changed``: the origin sent it whole, and the content is or is not the stored one, or what the stored one comes
        to (``fingerprint=``). ``new``: nothing was stored to compare with. ``stopped-early``, ``stale-if-error``: see
        those options of ``Session``. ``passed``: not stored, see ``reason``.
        """

    @property
    def stored(self) -> bool:
        """Is it in the store: put there by this request, confirmed there, or served from there?"""

    @property
    def reason(self) -> Reason | None:
        """Why it was not stored, or came whole though it is the stored one: a word, explained by ``str()``.

        ``method``, ``status``, ``no-store``, ``incomplete``, ``condition-ignored``, …: see ``Reason``.
        """

    @property
    def cache_status(self) -> str:
        """The same in the words of RFC 9211, as the value of a Cache-Status field."""

    @property
    def elapsed(self) -> float:
        """Seconds from sending the request to the end of the body; 0 when nothing was sent."""

    @property
    def wire_bytes(self) -> int:
        """Bytes of header section and body received for it."""

    @property
    def bytes_saved(self) -> int:
        """Bytes that a 304 spared: those of the stored 200 less those of the 304."""

    def acknowledge(self) -> None:
        """Note that the consumer has seen this content through to its end; without a consumer, do nothing.

        Raises SessionClosedError after the session was closed, StoreError for a strict caller.
        """

    def raise_for_status(self) -> Self:
        """Return the response itself, or raise StatusError when the status is 400 or more."""

@final
class Cache:
    """The heart without a wire, for whoever has a downloader already.

    ``plan`` says what to send, ``Plan.settle`` what the answer means. Safe to use from several threads; not after
    fork (ForkError).

    store: a directory (made if it is not there, private to its user), or ``":memory:"``.
    consumer: whose acknowledgements ``response.changed`` compares with; None compares with what is stored.
    freshness: ``"revalidate"`` asks every time; ``"rfc9111"`` serves what is fresh by RFC 9111 §4.2.
    max_body: most bytes of a body that is stored; content may unfold to four times that.
    durability: ``"group"`` syncs each group of writes to the disk; ``"relaxed"`` only what ``flush()`` and ``close()``
        wait for.
    max_size: most bytes of the store's file, at least 1 MiB; what was used longest ago is forgotten. None: no bound.
    max_age: seconds after which what was not used is forgotten. None: never.
    full_every: every so many polls of a URL, or when it last came whole that long ago, plan without a condition.
    min_interval: seconds between two requests for one URL; sooner, the plan is its stored response.
    floors: ``"retry-after"``, ``"max-age"``: what else has to be over before a URL is asked again.
    stop_early: let ``Plan.may_stop`` say when the rest of an answer need not be read.
    fingerprint: what of the content counts, see ``Session``.
    storable: whether a response is a page to keep, see ``Session``. Both are called by ``Plan.settle``, on its thread;
        with ``Plan.asettle`` that is a worker's.
    sharing, k, identity_key, identity_ttl: who may use what an identity received, and for how long, and the key of the
        hashes of identities, see ``Session``.
    identity_by, rotating: what is one exit, where no ``identity=`` is given, see ``Session``. ``"session"`` is by
        ``cookie_jar=``; a callable gets a ``Request``, and is called by ``plan`` on its thread, which with ``aplan`` is
        a worker's.
    strict: raise StoreError when the store fails, instead of counting it and going on without.
    create: False for whoever only looks: StoreError where there is no store yet, and nothing is made.

    Raises StoreError when the store cannot be opened, InvalidRequestError for an option that cannot be meant.
    """

    def __new__(
        cls,
        store: str | os.PathLike[str],
        *,
        consumer: str | None = None,
        freshness: Literal["revalidate", "rfc9111"] = "revalidate",
        max_body: int = 67_108_864,
        durability: Literal["group", "relaxed"] = "group",
        max_size: int | None = None,
        max_age: float | None = None,
        full_every: int | timedelta | None = None,
        min_interval: float | None = None,
        floors: Collection[Literal["retry-after", "max-age"]] = ...,
        stale_if_error: float | None = None,
        stop_early: bool = False,
        fingerprint: Literal["html"] | Callable[[bytes], bytes | str] | None = None,
        storable: Callable[[int, Headers, bytes], bool] | None = None,
        sharing: Literal["isolated", "corroborated", "central"] = ...,
        k: int = ...,
        identity_by: Literal["proxy", "proxy-subnet", "session", "request"]
        | Callable[[Request], str | None]
        | None = None,
        rotating: Iterable[str] = ...,
        identity_key: bytes | None = None,
        identity_ttl: float | None = None,
        strict: bool = False,
        create: bool = True,
    ) -> Self: ...
    def plan(
        self,
        method: str,
        url: str,
        headers: HeadersLike | None = None,
        *,
        identity: str | None = None,
        proxy: str | None = None,
        cookie_jar: str | None = None,
        has_content: bool = False,
        freshness: Literal["revalidate", "rfc9111"] | None = None,
        full: bool = False,
    ) -> Plan:
        """Say what to send.

        identity: a name for whoever asks.
        proxy: the URL of the proxy that the request leaves by, with its userinfo.
        cookie_jar: the name of the jar that the Cookie field comes from; then the jar is part of the identity, and not
            the cookies' values.
        has_content: the request carries a body; then it is not made conditional, and its answer not stored.
        freshness: in place of the cache's own, for this request.
        full: the content whole and now, whatever is stored: no condition of ours, no interval, no early stop. What
            comes is compared and stored; where a 304 would have been wrong, the reason is ``missed-change``.

        Of the first three only keyed hashes are kept.

        Raises InvalidRequestError naming the value and the remedy.
        """

    def aplan(
        self,
        method: str,
        url: str,
        headers: HeadersLike | None = None,
        *,
        identity: str | None = None,
        proxy: str | None = None,
        cookie_jar: str | None = None,
        has_content: bool = False,
        freshness: Literal["revalidate", "rfc9111"] | None = None,
        full: bool = False,
    ) -> Coroutine[Any, Any, Plan]:
        """The same as ``plan``, awaitable: for whoever must not wait for a disk."""

    @property
    def at_hand(self) -> bool:
        """Can ``plan`` look up its record without waiting for a disk?

        Told from the lookups before: after one that had to wait it is False until a few dozen in a row did not have
        to. Opening a store begins with some. Where it is False, ``aplan`` keeps an event loop free.
        """

    def stats(self) -> dict[str, Any]:
        """What was counted, as ``Session.stats`` tells it."""

    def flush(self) -> None:
        """Return when everything stored or acknowledged before is durable.

        Raises StoreError when some of it could not be written.
        """

    def aflush(self) -> Coroutine[Any, Any, None]:
        """The same as ``flush``, awaitable."""

    def entries(self, *, url: str | Iterable[str] | None = None, host: str | None = None) -> Entries:
        """Walk through what is stored, without a request.

        url: only what is stored for this URL, or for each of these; normalised as that of a request is.
        host: only a host (``"example.com"``), a host and port (``"example.com:8080"``), or an origin
            (``"https://example.com"``).

        In no particular order. A store of any size is read a few hundred records at a time; others go on meanwhile, in
        this process and in others. What they store or forget during the walk may be met or not; the rest is met once.

        Raises InvalidRequestError for a URL or host that is none. The walk raises StoreError when the store cannot be
        read, SessionClosedError after ``close()``.
        """

    def forget(
        self,
        *,
        url: str | Iterable[str] | None = None,
        host: str | None = None,
        identity: str | Iterable[str] | None = None,
        proxy: str | Iterable[str] | None = None,
        everything: bool = False,
    ) -> int:
        """Forget what is stored for a URL or several, a host, an identity, or everything; how many entries that were.

        url, host: as for ``entries``; for every method and identity, with what consumers acknowledged, and with a host
            what its origins taught as well.
        identity: a name that requests were given, or several: what they received, under whatever login and whichever
            proxy, and what they taught.
        proxy: the URL of a proxy, with its userinfo, or several: the same for requests by that proxy and user.

        Of these five, give one. What an identity received does not count for others any more either: no validator is
        sent that fewer than `k` others received. What it helped to share is shared anew by the next who ask. To forget
        a login that has no name (an ``Authorization``, a cookie jar), forget its URLs or host. Under
        ``sharing="central"`` all identities are one, and nothing is found for any of them.

        It is durable when this returns. A request that was planned before, in this process or another with the same
        store, does not bring any of it back, nor does its acknowledgement, for an hour. Until ``compact()``, the file
        may still hold the bytes in what is free of it: validators, URLs, and bodies that nothing refers to, which are
        kept for minutes.

        Reads the whole store, however little is forgotten: give several at once.

        Raises InvalidRequestError for what cannot be meant, StoreError when not all of it could be forgotten.
        """

    def aforget(
        self,
        *,
        url: str | Iterable[str] | None = None,
        host: str | None = None,
        identity: str | Iterable[str] | None = None,
        proxy: str | Iterable[str] | None = None,
        everything: bool = False,
    ) -> Coroutine[Any, Any, int]:
        """The same as ``forget``, awaitable."""

    def compact(self) -> int:
        """Give the file's free space back to the disk; the bytes that it was.

        Takes as long as copying the store; what is settled meanwhile is written afterwards. What was forgotten before
        is not in the new file.

        Raises StoreError when another process has the store open, or there is no room for the copy.
        """

    def acompact(self) -> Coroutine[Any, Any, int]:
        """The same as ``compact``, awaitable."""

    def close(self) -> None:
        """Flush, and let go of the store; a plan that is left keeps it open. A second call does nothing."""

    def aclose(self) -> Coroutine[Any, Any, None]:
        """The same as ``close``, awaitable."""

    @property
    def closed(self) -> bool:
        """Was it closed?"""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_error: object) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_error: object) -> None: ...

@final
class Entries:
    """An iterator of ``Cache.entries``."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Entry: ...
    @property
    def unreadable(self) -> int:
        """How many records it met so far that are damaged, or of another format.

        Of which URL they are is not known. They are asked for anew when their URL is; ``forget(everything=True)``
        removes them.
        """

@final
class Entry:
    """What is stored for a URL, a method and an identity."""

    @property
    def url(self) -> str:
        """The URL, normalised, without userinfo and fragment."""

    @property
    def method(self) -> str:
        """``"GET"``, or ``"HEAD"``."""

    @property
    def partition(self) -> str | None:
        """Whose it is: a word that says no more than that it is not another's; None where a request gave nothing away.

        Part of a keyed hash of proxy, credentials, cookies and ``identity=``.
        """

    @property
    def responses(self) -> tuple[StoredResponse, ...]:
        """The stored responses, one for each variant; none where only an acknowledgement is left."""

    @property
    def acknowledgements(self) -> int:
        """By how many consumers, and of how many variants, something was acknowledged."""

    @property
    def last_used(self) -> datetime | None:
        """When it was last of use, in UTC; to the hour where it was only served."""

@final
class StoredResponse:
    """A response as it is stored."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Headers:
        """The field section, freshened by every 304; without Set-Cookie."""

    @property
    def etag(self) -> str | None:
        """The ETag field, as received."""

    @property
    def last_modified(self) -> str | None:
        """The Last-Modified field, as received."""

    @property
    def size(self) -> int:
        """Bytes of the body, as it came over the wire. One that several entries share lies in the file once."""

    @property
    def received_at(self) -> datetime:
        """When its content last came whole, in UTC."""

    @property
    def validated_at(self) -> datetime:
        """When an answer last brought or confirmed it, in UTC."""

@final
class Plan:
    """What to do about one request."""

    @property
    def response(self) -> Response | None:
        """The response, where nothing is to be sent."""

    @property
    def headers(self) -> Headers:
        """The whole header section to send: the caller's fields, and ours set over them."""

    @property
    def conditions(self) -> Headers:
        """Those of them that are ours: If-None-Match or If-Modified-Since."""

    def may_stop(self, headers: HeadersLike, *, status: int = 200, length: int | None = None) -> bool:
        """Does this header section of the answer say that the rest of it is the stored body, and need not be read?

        Only with ``stop_early`` of ``Cache``, and by the rules of ``stop_early`` of ``Session``. Whoever then reads no
        further settles with ``stopped=True``.

        status: 200 where it is not known yet; ``settle`` looks at it again.
        length: bytes of the body by its framing; what Content-Length says, where None.
        """

    @property
    def at_hand(self) -> bool:
        """Can ``settle`` do without waiting for a disk, and without copying a large body?

        Where not, ``asettle`` keeps an event loop free. Told by where the stored body lies that was asked about; one
        that is known to be there is not read by it.
        """

    def settle(
        self,
        status: int,
        headers: HeadersLike | None = None,
        body: bytes | None = None,
        *,
        complete: bool = True,
        stopped: bool = False,
        decoded: bool = False,
        wire_bytes: int | None = None,
        elapsed: float | None = None,
    ) -> Response | Resend:
        """Say what the answer means.

        headers, body: of the answer; the body as it came over the wire.
        complete: False when it did not arrive whole: then it is not stored.
        stopped: True when the rest was not read, because ``may_stop`` said so. The response is the stored one, where
            the answer is what ``may_stop`` was shown; else a Resend.
        decoded: True when the downloader has undone Content-Encoding already.
        wire_bytes: bytes of header section and body as transferred; estimated where None.
        elapsed: seconds that it took; measured from ``plan`` where None.

        Raises PlanSettledError when it was settled before, StoreError for a strict caller.
        """

    def asettle(
        self,
        status: int,
        headers: HeadersLike | None = None,
        body: bytes | None = None,
        *,
        complete: bool = True,
        stopped: bool = False,
        decoded: bool = False,
        wire_bytes: int | None = None,
        elapsed: float | None = None,
    ) -> Coroutine[Any, Any, Response | Resend]:
        """The same as ``settle``, awaitable: for whoever must not wait for a disk."""

    def fail(self, error: BaseException | None = None) -> Response | None:
        """Say that the request came to no answer; the stored response that stands in for it, where one may.

        See ``stale_if_error`` of ``Session``.
        """

    def abandon(self) -> None:
        """Say that the request was dropped, and nothing is known."""

@final
class Resend:
    """The answer could not be used: a 304 that speaks of nothing that is stored, a stopped one that is another page.

    Ask once more, then settle the same plan again.
    """

    @property
    def headers(self) -> Headers:
        """The whole header section to send, without our condition."""

    @property
    def reason(self) -> str:
        """Why: ``unexpected-304``, ``mismatched-304``, ``body-missing``, ``incomplete``."""

@final
class Engine:
    """What ``notmodified.Session`` drives. Its options are documented there."""

    def __new__(
        cls,
        store: str | os.PathLike[str],
        *,
        consumer: str | None,
        freshness: str,
        cookies: bool,
        headers: HeadersLike | None,
        identity: str | None,
        proxy: str | None,
        timeout: float,
        connect_timeout: float,
        read_timeout: float,
        concurrency: int,
        concurrency_per_host: int,
        delay: float,
        max_body: int,
        durability: str,
        max_size: int | None,
        max_age: float | None,
        full_every: int | timedelta | None,
        min_interval: float | None,
        floors: Collection[Literal["retry-after", "max-age"]],
        stale_if_error: float | None,
        stop_early: bool,
        fingerprint: str | Callable[[bytes], bytes | str] | None,
        storable: Callable[[int, Headers, bytes], bool] | None,
        sharing: Literal["isolated", "corroborated", "central"],
        k: int,
        identity_by: Literal["proxy", "proxy-subnet", "session", "request"] | Callable[[Request], str | None] | None,
        rotating: Iterable[str],
        identity_key: bytes | None,
        identity_ttl: float | None,
        max_redirects: int,
        ca_file: str | os.PathLike[str] | None,
        verify: bool,
        http2: bool,
        strict: bool,
    ) -> Self: ...
    def open(self) -> None:
        """Open the store and start the thread. Waits for the disk, like ``flush`` and ``close``."""

    def fileno(self) -> int:
        """A file descriptor that is readable while ``completed`` has something."""

    def questions_fileno(self) -> int | None:
        """One that is readable while ``judge`` has something to do; None where no callable is to be asked."""

    def judge(self) -> None:
        """Put one response to ``storable`` and ``fingerprint``; its flight goes on with what they say.

        Raises what is no Exception (KeyboardInterrupt, SystemExit); anything else that they raise is logged.
        """

    def submit(self, request: Request) -> int:
        """Put a request on its way; its token. It leaves with the next ``call``, or when many wait for one."""

    def submit_many(self, requests: list[Request]) -> tuple[int, int, InvalidRequestError | None]:
        """The same for all of them; the first one's token, and the one after the last one's.

        And why the first that cannot be named is not sent; those behind it are not either.
        """

    def call(self) -> None:
        """Let everything that was submitted leave."""

    def cancel(self, token: int) -> None:
        """Nobody waits for `token` any more."""

    def completed(self, most: int) -> list[tuple[int, Response | RequestError]]:
        """At most `most` of what has come to its end."""

    def stats(self) -> dict[str, Any]:
        """See ``Session.stats``."""

    def flush(self) -> None:
        """See ``Session.flush``."""

    def compact(self) -> int:
        """See ``Session.compact``."""

    def forget(
        self,
        *,
        url: str | Iterable[str] | None,
        host: str | None,
        identity: str | Iterable[str] | None,
        proxy: str | Iterable[str] | None,
        everything: bool,
    ) -> int:
        """See ``Session.forget``."""

    def close(self) -> None:
        """Stop the thread, end what is in flight with SessionClosedError, make durable what was stored."""

    def end(self) -> None:
        """The same as ``close``, at the interpreter's exit: nobody who waits is woken."""

    def release(self) -> None:
        """Let go of the store, after ``close`` and after the last of ``completed``."""
