"""``get_many``: a window over any number of requests.

The window holds at most `concurrency` requests that were sent and not yet handed out. Nothing beyond it is read from
the source, so the source may be endless.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from notmodified._core import Request, Response
from notmodified.exceptions import InvalidRequestError, NotModifiedError, RequestError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from notmodified.session import Session

Requests: TypeAlias = Iterable[str | Request] | AsyncIterable[str | Request]
Result: TypeAlias = Response | RequestError

_MOST_AT_ONCE = 16
"""Most places that are left free for the sake of filling several at once."""


class Window:
    """What is sent and not yet handed out. Outlives its iterator only until the iterator says so."""

    def __init__(self, session: Session, concurrency: int, *, ordered: bool) -> None:
        self.session = session
        self.concurrency = concurrency
        self.ordered = ordered
        # What is handed out next: by their requests, or by their results.
        self.order: deque[int] = deque()
        self.results: dict[int, Result] = {}
        self.under_way: set[int] = set()
        self.refused = 0
        self.is_exhausted = False
        self.failure: BaseException | None = None
        # The feeder and the iterator may both wait for a change.
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def room(self) -> int:
        """How many more requests may be sent."""
        return self.concurrency - len(self.under_way) - len(self.results)

    def send(self, requests: list[Request | InvalidRequestError]) -> None:
        """Send these too. What could not be read as a request is a result like any other."""
        readable: list[Request] = []
        for request in requests:
            if isinstance(request, Request):
                readable.append(request)
            else:
                self._submit(readable)
                readable = []
                self._refuse(request)
        self._submit(readable)

    def _submit(self, requests: list[Request]) -> None:
        while requests:
            tokens, refused = self.session.submit_many(requests, self)
            self.under_way.update(tokens)
            if self.ordered:
                self.order.extend(tokens)
            requests = requests[len(tokens) :]
            if refused is not None:
                # The caller's own rule found no name for it.
                self._refuse(refused)
                del requests[0]

    def _refuse(self, error: InvalidRequestError) -> None:
        # Tokens count up from 1; what was never sent counts down.
        self.refused -= 1
        if self.ordered:
            self.order.append(self.refused)
        self.deliver(self.refused, error)

    def deliver(self, token: int, result: Result) -> None:
        """Take the result of one request."""
        self.under_way.discard(token)
        self.results[token] = result
        if not self.ordered:
            self.order.append(token)
        if self._waiting:
            self.wake()

    def take(self) -> Result | None:
        """The next result to hand out, if it is there."""
        if not self.order or self.order[0] not in self.results:
            return None
        return self.results.pop(self.order.popleft())

    def wake(self) -> None:
        """Something changed: whoever waits looks again."""
        for waiting in self._waiting:
            # One whose task was cancelled is done.
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def change(self) -> None:
        """Wait until something changes."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def cancel(self) -> None:
        """Call back whatever is in flight."""
        self.is_exhausted = True
        self.results.clear()
        self.order.clear()
        for token in self.under_way:
            self.session.cancel(token)
        self.under_way.clear()
        self.wake()


def read(item: str | Request) -> Request | InvalidRequestError:
    """The request that an item of the source stands for, or why it stands for none."""
    if isinstance(item, Request):
        return item
    try:
        return Request(item)
    except InvalidRequestError as error:
        error.given_url = str(item)
        # Its traceback would hold this frame, and through it those that wait for results.
        error.__traceback__ = None
        return error


async def feed(window: Window, source: AsyncIterable[str | Request]) -> None:
    """Send what an asynchronous source gives, as room comes free."""
    items = aiter(source)
    try:
        while True:
            while not window.room:
                await window.change()
            window.send([read(await anext(items))])
    except StopAsyncIteration:
        pass
    except Exception as error:  # noqa: BLE001 - it is handed to whoever iterates
        window.failure = error
    finally:
        window.is_exhausted = True
        window.wake()
        if hasattr(items, "aclose"):
            await items.aclose()


class Results(AsyncIterator[Result]):
    """The results of ``get_many``, as they complete, or in the order of the requests.

    Leaving the loop cancels what is in flight: at once when the iterator is dropped, as ``break`` does, or with
    ``aclose()``, or at the end of ``async with``.
    """

    def __init__(
        self,
        session: Session,
        source: Requests,
        *,
        concurrency: int,
        ordered: bool,
        errors: Literal["yield", "raise"],
    ) -> None:
        if isinstance(source, (str, bytes, Request)):
            raise InvalidRequestError(f"get_many takes many requests; write [{type(source).__name__.lower()}] for one")
        if not isinstance(source, (Iterable, AsyncIterable)):
            raise InvalidRequestError(f"get_many takes an iterable or async iterable, not {type(source).__name__}")
        if concurrency < 1:
            raise InvalidRequestError(f"concurrency={concurrency}; it must be at least 1")
        if errors not in {"yield", "raise"}:
            raise InvalidRequestError(f'errors={errors!r} is neither "yield" nor "raise"')
        self._window = Window(session, concurrency, ordered=ordered)
        self._source = source
        self._raises = errors == "raise"
        # Never more than a quarter of the window waits to be filled.
        self._at_once = max(1, min(_MOST_AT_ONCE, concurrency // 4))
        self._items: Iterator[str | Request] | None = None
        self._feeder: asyncio.Task[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Result:
        window = self._window
        if self._items is None and self._feeder is None and not window.is_exhausted:
            await self._start()
        while True:
            self._fill()
            result = window.take()
            if result is not None:
                if self._feeder is not None:
                    # A free place is for the feeder to fill.
                    window.wake()
                return self._handed_out(result)
            if window.is_exhausted and not window.under_way:
                self._finish()
            await window.change()

    async def _start(self) -> None:
        await self._window.session.open()
        if isinstance(self._source, AsyncIterable):
            self._feeder = asyncio.create_task(feed(self._window, self._source))
        else:
            self._items = iter(self._source)

    def _fill(self) -> None:
        window = self._window
        if self._items is None or window.is_exhausted:
            return
        room = window.room
        # Whoever has results to hand out can wait until several places are free.
        if room < self._at_once and window.results:
            return
        requests: list[Request | InvalidRequestError] = []
        try:
            requests.extend(map(read, islice(self._items, room)))
        finally:
            # Also what the source gave before it failed.
            window.send(requests)
        window.is_exhausted = len(requests) < room

    def _handed_out(self, result: Response | NotModifiedError) -> Result:
        # An exception that is no RequestError speaks of the session (closed, store failed), not of one request.
        if isinstance(result, Response) or (isinstance(result, RequestError) and not self._raises):
            return result
        self._cancel()
        raise result

    def _finish(self) -> None:
        failure, self._window.failure = self._window.failure, None
        if failure is not None:
            raise failure
        raise StopAsyncIteration

    def _cancel(self) -> None:
        self._window.cancel()
        if self._feeder is not None and not self._feeder.get_loop().is_closed():
            self._feeder.cancel()

    async def aclose(self) -> None:
        """Cancel what is in flight. The iterator is at its end."""
        self._cancel()
        if self._feeder is not None:
            await asyncio.wait({self._feeder})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if hasattr(self, "_window"):
            self._cancel()
