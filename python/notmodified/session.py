"""``Session``: the asyncio face.

It hands requests to the engine's thread, and its answers to whoever waits. HTTP is none of its business.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import copy
import os
import weakref
from typing import TYPE_CHECKING, Any, Literal

from notmodified._core import Engine, Request, Response
from notmodified.exceptions import ForkError, NotModifiedError, SessionClosedError, WrongEventLoopError
from notmodified.results import Results, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import timedelta
    from types import TracebackType

    from typing_extensions import Self

    from notmodified.exceptions import InvalidRequestError
    from notmodified.headers import Headers, HeadersLike
    from notmodified.results import Requests, Result

_MOST_PER_WAKE = 256
"""Answers taken per wake-up of the event loop; what is left waits until others had their turn."""


class Session:
    """Asks "only if it changed", and remembers what it was told.

    Use it with ``async with``; it belongs to the event loop that it is opened on. Every GET is made conditional with
    the validators that came with the last answer (RFC 9110 §13.1); when the origin says 304 the stored response comes
    back as an ordinary one.

    store: a directory (made if it is not there, private to its user), or ``":memory:"``. Several processes may share a
        directory.
    consumer: whose acknowledgements ``response.changed`` compares with; None compares with what is stored.
    freshness: ``"revalidate"`` asks every time; ``"rfc9111"`` serves what is fresh by RFC 9111 §4.2 without asking, and
        keeps answers of any status that RFC 9111 §3 lets it keep, each beside the page and never in its place. What is
        served stale because its ``stale-while-revalidate`` allows that is validated meanwhile.
    stale_if_error: seconds for which a stored response stands in for an origin that answers 500, 502, 503 or 504 or
        not at all, counted from when it went stale; never where it says ``must-revalidate`` or ``no-cache``. None: only
        where a request says ``stale-if-error=``, or with ``freshness="rfc9111"`` the response does.
    cookies: keep a cookie jar in memory, one per identity. None are kept by default.
    headers: fields for every request that does not set them itself.
    identity, proxy: for every request that names none. A proxy is a URL: http, https, socks4, socks5 or socks5h, with
        userinfo or without (percent escapes for what URLs reserve), and with a port. socks5 resolves names here,
        socks5h and the HTTP ones leave that to the proxy; socks4 takes no userinfo. Connections and TLS sessions are
        never shared between identities or proxies, cookies never between identities. The clients that were used longest
        ago retire when all of them have opened more than 512 connections, or twice ``concurrency``. Proxy settings of
        the environment are not read.
    timeout: seconds for one request, from its place on the wire to the end of its body. Waiting for the place is not
        counted; each hop of a redirect counts anew.
    connect_timeout, read_timeout: seconds for connecting, and for any silence of the origin.
    concurrency, concurrency_per_host: most requests under way at once; others wait for a place.
    delay: seconds between the starts of two requests to one host.
    max_body: most bytes of a body on the wire; content may unfold to four times that.
    durability: ``"group"`` syncs each group of writes to the disk: what ``flush()`` or ``close()`` confirmed survives
        ``kill -9`` and power loss. ``"relaxed"`` leaves syncing to the operating system, except for those two: cheaper,
        and a power loss between two of them can cost the whole store.
    max_size: bytes that the store's file is held to, at least 1 MiB; what was used longest ago is forgotten for what is
        new. Much that is written at once can pass it by a quarter. A body larger than a quarter of it is not stored.
        None: no bound, or 256 MiB of bodies for ``":memory:"``.
    max_age: seconds after which what was not used is forgotten; noted to an eighth of it, or an hour. None: never.
    min_interval: seconds between two requests for one URL, counted from the last answer that brought or confirmed its
        stored response, whoever of those who share the store asked. Sooner, that stored response is the answer
        (``outcome`` ``"fresh"``, ``reason`` ``"min-interval"``), whatever the origin says about caches. A request with
        ``Cache-Control: no-cache`` or ``max-age=0`` asks at once; so does the first after a POST to that URL, and every
        one where nothing is stored. None: every poll asks.
    floors: what else has to be over before a URL is asked again, a day at most, where something is stored to answer
        with: ``"retry-after"`` (Retry-After of a 503, 429 or 3xx), ``"max-age"`` (of the stored response). Both words
        are the ``reason`` then.
    full_every: how often the content is fetched whole, whatever its validators say: every so many polls of a URL, or
        when it last came whole that long ago. A change that the validator missed has the ``reason``
        ``"missed-change"``.
    stop_early: where a 200's header section says that its content is the stored one (the same strong tag,
        Content-Length, Content-Encoding and Last-Modified) and more than 256 KiB are left, read no further and serve
        the stored response (``outcome`` ``"stopped-early"``). Over HTTP/2 the stream is reset, over HTTP/1.1 the
        connection closed. An origin that sends new content under all of those goes unnoticed: see ``full_every``.
    fingerprint: what of the content counts. None: every byte. ``"html"``: what a page says, without script, style,
        comments, hidden inputs, nonces and tokens; see docs/content.md for all of it. A callable gets the decoded
        content, and what it returns (bytes or str) stands for it. Two contents that come to the same are the same:
        ``outcome`` is ``"same-content"``, ``changed`` False, and the new one is stored.
    storable: a callable that gets the status, the headers and the decoded content of each response that would be
        stored, and says whether it is a page to keep. What is not (a captcha, a ban) is handed out with the reason
        ``"not-storable"`` and ``changed`` False; it replaces nothing, and acknowledging it does nothing.
        Callables run on the event loop, which waits for them. What one raises is logged (logger ``notmodified``) and
        the page comes all the same: not stored if it was `storable`, compared as it is if it was `fingerprint`.
    sharing: who may use what an identity received. ``"isolated"``: nobody else. ``"corroborated"``: whoever asks
        without credentials, once `k` exits were each given that very validator with that very content, by requests
        without Cookie, Authorization and validators; it is then served exactly that content. ``"central"``: all exits,
        which links them to any origin that gives each client a tag of its own. What was answered to credentials is
        never anybody else's.
    k: exits that have to agree, 1 to 16; of no meaning to the other two.
    identity_by: what is one exit, where no ``identity=`` is given. None is ``"proxy"``: a proxy and its user; no proxy
        is one as well. ``"proxy-subnet"``: all proxies of a /24 of IPv4 or a /48 of IPv6, whatever port and user; one
        that is given by a name is in no subnet, and an exit by its name alone. ``"session"``: this session, by whatever
        proxy, and any other over the same store that says so and has no ``identity=``. ``"request"``: each request, so
        that it is never known again; only what exits share is used and kept. A callable gets the ``Request`` as it goes
        out (url, headers, proxy with the session's own) and returns a name, as ``identity=`` would, or None for the
        proxy and its user. It runs on the event loop before the request is sent; where it raises, or returns something
        else, that is the cause of an InvalidRequestError. All who share a store should go by one rule.
    rotating: gateways that leave by another address for each request, as ``"host:port"`` or ``"host"``, with ``*`` and
        ``?``. Requests by them are each an exit of their own, as with ``"request"``, under any rule. Which address a
        gateway leaves by cannot be seen from here: what looks like `k` exits may be one address, so take a larger `k`
        with gateways. Those that keep an address for each user (a session in the user's name) are exits by themselves,
        and do not belong here. A login through a gateway needs an ``identity=`` to find its own pages again.
    identity_key: 16 bytes or more, the key of the hashes by which identities are known to the store. None: the one in
        the store's own directory, a file that only its user may read. Whoever has a copy of the store without the key
        learns what was asked for, and not by whom. Under another key, what was stored for identities is not found.
    identity_ttl: seconds after which an identity is as good as new: a validator that it received longer ago is not sent
        any more, by itself or by others for whom it counted. None: never. ``changed`` still knows the content again.
    max_redirects: how many are followed; 0 hands out the redirect itself.
    ca_file: a PEM file of certificates to trust instead of the machine's own.
    verify: False accepts any certificate. Only for tests.
    http2: offer HTTP/2 to https origins.
    strict: raise StoreError when the store fails, instead of counting it and going on without.

    Raises InvalidRequestError for an option that cannot be meant.
    """

    def __init__(
        self,
        store: str | os.PathLike[str],
        *,
        consumer: str | None = None,
        freshness: Literal["revalidate", "rfc9111"] = "revalidate",
        cookies: bool = False,
        headers: HeadersLike | None = None,
        identity: str | None = None,
        proxy: str | None = None,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        read_timeout: float = 30.0,
        concurrency: int = 256,
        concurrency_per_host: int = 64,
        delay: float = 0.0,
        max_body: int = 64 * 1024 * 1024,
        durability: Literal["group", "relaxed"] = "group",
        max_size: int | None = None,
        max_age: float | None = None,
        full_every: int | timedelta | None = None,
        min_interval: float | None = None,
        floors: Collection[Literal["retry-after", "max-age"]] = (),
        stale_if_error: float | None = None,
        stop_early: bool = False,
        fingerprint: Literal["html"] | Callable[[bytes], bytes | str] | None = None,
        storable: Callable[[int, Headers, bytes], bool] | None = None,
        sharing: Literal["isolated", "corroborated", "central"] = "corroborated",
        k: int = 2,
        identity_by: Literal["proxy", "proxy-subnet", "session", "request"]
        | Callable[[Request], str | None]
        | None = None,
        rotating: Iterable[str] = (),
        identity_key: bytes | None = None,
        identity_ttl: float | None = None,
        max_redirects: int = 10,
        ca_file: str | os.PathLike[str] | None = None,
        verify: bool = True,
        http2: bool = True,
        strict: bool = False,
    ) -> None:
        self._engine = Engine(
            store,
            consumer=consumer,
            freshness=freshness,
            cookies=cookies,
            headers=headers,
            identity=identity,
            proxy=proxy,
            timeout=timeout,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            concurrency=concurrency,
            concurrency_per_host=concurrency_per_host,
            delay=delay,
            max_body=max_body,
            durability=durability,
            max_size=max_size,
            max_age=max_age,
            full_every=full_every,
            min_interval=min_interval,
            floors=floors,
            stale_if_error=stale_if_error,
            stop_early=stop_early,
            fingerprint=fingerprint,
            storable=storable,
            sharing=sharing,
            k=k,
            identity_by=identity_by,
            rotating=rotating,
            identity_key=identity_key,
            identity_ttl=identity_ttl,
            max_redirects=max_redirects,
            ca_file=ca_file,
            verify=verify,
            http2=http2,
            strict=strict,
        )
        self._waiters: dict[int, Window | asyncio.Future[Result]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_call_due = False
        self._process: int | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_closed = False
        self._last_stats: dict[str, Any] | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: HeadersLike | None = None,
        content: bytes | str | None = None,
        identity: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
        full: bool = False,
    ) -> Response:
        """Send a request and return its response, after redirects.

        full: fetch it whole and now, whatever is stored; what comes is compared and stored.

        Raises a RequestError (see ``notmodified.exceptions``) when no response came. Cancelling the task cancels the
        request.
        """
        request = Request(
            url,
            method=method,
            headers=headers,
            content=content,
            identity=identity,
            proxy=proxy,
            timeout=timeout,
            full=full,
        )
        return await self.send(request)

    async def get(
        self,
        url: str,
        *,
        headers: HeadersLike | None = None,
        identity: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
        full: bool = False,
    ) -> Response:
        """GET, conditional where something is stored. See ``request``."""
        return await self.send(
            Request(url, headers=headers, identity=identity, proxy=proxy, timeout=timeout, full=full)
        )

    async def head(
        self,
        url: str,
        *,
        headers: HeadersLike | None = None,
        identity: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
    ) -> Response:
        """HEAD, conditional where something is stored. See ``request``."""
        return await self.request("HEAD", url, headers=headers, identity=identity, proxy=proxy, timeout=timeout)

    async def post(
        self,
        url: str,
        *,
        headers: HeadersLike | None = None,
        content: bytes | str | None = None,
        identity: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
    ) -> Response:
        """POST: passed through; what it changed is validated before use (RFC 9111 §4.4). See ``request``."""
        return await self.request(
            "POST", url, headers=headers, content=content, identity=identity, proxy=proxy, timeout=timeout
        )

    async def send(self, request: Request) -> Response:
        """Send a request that was made before. See ``request``."""
        self._check_process()
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            await self.open()
        future: asyncio.Future[Result] = loop.create_future()
        if self._is_closed:
            raise SessionClosedError("the session is closed; open another")
        token = self._engine.submit(request)
        self._let_leave()
        self._waiters[token] = future
        try:
            result = await future
        except asyncio.CancelledError:
            self.cancel(token)
            raise
        if isinstance(result, Response):
            return result
        raise result

    def get_many(
        self,
        requests: Requests,
        *,
        concurrency: int = 64,
        ordered: bool = False,
        errors: Literal["yield", "raise"] = "yield",
    ) -> Results:
        """Iterate over the results of many requests, with at most `concurrency` of them in flight.

        A result that was not handed out is stored all the same: without a consumer, whoever leaves the loop early does
        not hear of that change again.

        requests: URLs or ``Request`` objects, from any iterable or async iterable, also an endless one: only the window
            is held.
        ordered: in the order of the requests, instead of as they complete.
        errors: ``"yield"`` gives a RequestError in place of a response; ``"raise"`` raises the first one, and cancels
            the others.

        Each result has its request as ``result.request``. Leaving the loop cancels what is in flight.
        """
        return Results(self, requests, concurrency=concurrency, ordered=ordered, errors=errors)

    def stats(self) -> dict[str, Any]:
        """What was counted since the session was opened, as plain data; after ``close()``, what was counted by then.

        ``requests`` sent, ``not_modified`` (304s), ``not_modified_ratio``, ``errors``, ``wire_bytes`` received,
        ``bytes_saved`` by 304s, ``resends``, ``coalesced``, ``store_errors``, ``corrupt_records``,
        ``last_store_error``; ``outcomes`` and ``reasons`` by name.

        ``tracking``: hosts that tell clients apart by validators, each with what shows it: on how many ``urls`` (128 at
        most are counted), and on one of them how many ``validators`` one and the same content came with, given to how
        many ``exits``. That is at least four exits, three in four of them with a validator that no other was given. A
        tag for each machine behind a balancer comes to several exits sooner or later, and is not told, or not any more;
        one that changes between any two visits looks like one for each client, and is as useless to others. What such
        a page gave to one exit alone is sent by no other but under ``sharing="central"``, not even where ``k=1`` would
        do; what `k` exits agree on is, there as on other pages of the host, or a few exits could spoil it for all. Seen
        under ``"corroborated"`` alone, which compares what exits were given; 1,024 hosts at most.
        """
        return self._engine.stats() if self._last_stats is None else copy.deepcopy(self._last_stats)

    async def flush(self) -> None:
        """Return when everything stored or acknowledged before is durable.

        Raises StoreError when some of it could not be written.
        """
        await self.open()
        await asyncio.to_thread(self._engine.flush)

    async def forget(
        self,
        *,
        url: str | Iterable[str] | None = None,
        host: str | None = None,
        identity: str | Iterable[str] | None = None,
        proxy: str | Iterable[str] | None = None,
        everything: bool = False,
    ) -> int:
        """Forget what is stored for a URL or several, a host, an identity, or everything; how many entries that were.

        See ``Cache.forget``. With an identity or a proxy go this session's cookies and connections of it; those in use
        close when they are free. ``Cache(...).entries()`` looks into the store, beside this session or without one.

        Raises InvalidRequestError for what cannot be meant, StoreError when not all of it could be forgotten.
        """
        await self.open()
        return await asyncio.to_thread(
            self._engine.forget, url=url, host=host, identity=identity, proxy=proxy, everything=everything
        )

    async def compact(self) -> int:
        """Give the file's free space back to the disk; the bytes that it was.

        Takes as long as copying the store; requests go on, and what they bring is written afterwards. Free space is
        used again anyway: worth it after much was forgotten, which is not in the new file.

        Raises StoreError when another process has the store open, or there is no room for the copy.
        """
        await self.open()
        return await asyncio.to_thread(self._engine.compact)

    async def open(self) -> None:
        """Open the store. ``async with`` and the first request do it.

        Raises StoreError when it cannot be opened, WrongEventLoopError on another loop than before, ForkError in
        another process, SessionClosedError after ``close()``.
        """
        self._check_process()
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        if self._is_closed:
            raise SessionClosedError("the session is closed; open another")
        if self._loop is not None:
            raise WrongEventLoopError("a Session belongs to the event loop it was opened on; make one for each loop")
        if self._opening is None:
            self._process = os.getpid()
            self._opening = asyncio.create_task(self._open(loop))
        elif self._opening.get_loop() is not loop:
            raise WrongEventLoopError("a Session belongs to the event loop it was opened on; make one for each loop")
        await asyncio.shield(self._opening)

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await asyncio.to_thread(self._engine.open)
        except BaseException:
            self._opening = None
            raise
        loop.add_reader(self._engine.fileno(), self._drain)
        questions = self._engine.questions_fileno()
        if questions is not None:
            loop.add_reader(questions, self._engine.judge)
        self._loop = loop
        _open_engines.add(self._engine)

    def _check_process(self) -> None:
        # Before the loop is looked at: after a fork inside of it, asyncio says that there is none.
        if self._process is not None and self._process != os.getpid():
            raise ForkError("this session was opened by another process; open a session of its own after fork")

    async def close(self) -> None:
        """Cancel what is in flight and make durable what was stored. A second call does nothing."""
        self._check_process()
        if self._loop is not None and asyncio.get_running_loop() is not self._loop:
            raise WrongEventLoopError("a Session is closed on the event loop it was opened on")
        # From here on nothing is sent, also by who waits for the store to open.
        self._is_closed = True
        if self._opening is not None and self._opening.get_loop() is asyncio.get_running_loop():
            # What is being opened can only be closed when it is open; why it could not be, whoever opened it was told.
            await asyncio.wait({self._opening})
        if self._loop is None:
            return
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(self._loop))
        # Who waits for an answer is told that there will be none, also when whoever closes is cancelled.
        await asyncio.shield(self._closing)

    async def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await asyncio.to_thread(self._engine.close)
        finally:
            while self._drain():
                pass
            loop.remove_reader(self._engine.fileno())
            questions = self._engine.questions_fileno()
            if questions is not None:
                loop.remove_reader(questions)
            self._loop = None
            self._last_stats = self._engine.stats()
            # Lets go of the store, which may have to wait for its turn.
            await asyncio.to_thread(self._engine.release)
            _open_engines.discard(self._engine)

    aclose = close

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def submit_many(self, requests: list[Request], waiter: Window) -> tuple[range, InvalidRequestError | None]:
        """Send `requests` on their way; `waiter` gets their answers. For ``get_many``.

        Their tokens, and why the first that cannot be named is not sent; those behind it are not either.
        """
        if self._is_closed:
            raise SessionClosedError("the session is closed; open another")
        first, end, refused = self._engine.submit_many(requests)
        tokens = range(first, end)
        self._let_leave()
        self._waiters.update(dict.fromkeys(tokens, waiter))
        return tokens, refused

    def _let_leave(self) -> None:
        """Let what was submitted leave, with whatever else is submitted in this turn of the loop."""
        if not self._waiters:
            # The first of many, or the only one: no turn of the loop is waited for.
            self._engine.call()
        elif not self._is_call_due:
            self._is_call_due = True
            asyncio.get_running_loop().call_soon(self._call)

    def _call(self) -> None:
        """Let everything leave that was submitted in this turn of the loop."""
        self._is_call_due = False
        if not self._is_closed:
            self._engine.call()

    def cancel(self, token: int) -> None:
        """Nobody waits for `token` any more. For ``get_many``."""
        self._waiters.pop(token, None)
        with contextlib.suppress(NotModifiedError):
            self._engine.cancel(token)

    def _drain(self) -> int:
        """Hand out answers that have come; the number of them."""
        completed = self._engine.completed(_MOST_PER_WAKE)
        for token, result in completed:
            waiter = self._waiters.pop(token, None)
            if isinstance(waiter, Window):
                waiter.deliver(token, result)
            # It may come too late for a task that was cancelled in this turn.
            elif waiter is not None and not waiter.done():
                waiter.set_result(result)
        return len(completed)


_open_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


@atexit.register
def _close_engines() -> None:
    """Stop the threads of sessions that nobody closed, and make durable what they stored."""
    for engine in tuple(_open_engines):
        with contextlib.suppress(NotModifiedError):
            engine.end()
