"""One process that polls: several sessions over one store, at a moderate pace, and every body that it reads is checked.

It speaks JSON, a line every few seconds, and remembers no more than counts. SIGTERM ends it in good order.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from notmodified import IncompleteBodyError, NotModifiedError, Request, RequestError, Response, Session
from soak.pages import page, what_is_wrong

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

IDENTITIES = (None, None, None, None, "first", "second")
CONCURRENCY = 16
# Texts of what went wrong that are kept, of each kind.
EXAMPLES = 5
COUNTED = ("requests", "not_modified", "wire_bytes", "bytes_saved", "coalesced", "store_errors", "corrupt_records")


@dataclass(slots=True)
class Tally:
    """What happened so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    # What may happen with such an origin, and what may not.
    expected: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    wrong: int = 0
    checked: int = 0
    acknowledged: int = 0
    sessions: int = 0
    open: list[Session] = field(default_factory=list)

    def note(self, kind: str, what: str) -> None:
        """Count something that may not happen."""
        self.unexpected[kind] += 1
        if self.unexpected[kind] <= EXAMPLES:
            self.examples.append(f"{kind}: {what}")

    def opened(self, session: Session) -> None:
        """Count with this one from now on."""
        self.sessions += 1
        self.open.append(session)

    def closed(self, session: Session) -> None:
        """Take over what a session counted."""
        if session not in self.open:
            return
        self.open.remove(session)
        stats = session.stats()
        self.counters.update({name: stats[name] for name in COUNTED})
        if stats["last_store_error"] is not None and len(self.examples) < 4 * EXAMPLES:
            self.examples.append(f"store: {stats['last_store_error']}")

    def line(self) -> str:
        """All of it, as JSON."""
        counters = Counter(self.counters)
        for session in self.open:
            stats = session.stats()
            counters.update({name: stats[name] for name in COUNTED})
        told = {
            "wrong": self.wrong,
            "checked": self.checked,
            "acknowledged": self.acknowledged,
            "sessions": self.sessions,
            "counters": counters,
            "outcomes": self.outcomes,
            "expected": self.expected,
            "unexpected": self.unexpected,
            "examples": self.examples,
        }
        return json.dumps(told)


@dataclass(slots=True)
class Poller:
    """What its parts have in common."""

    url: str
    store: str
    pages: int
    requests_per_second: float
    # Seconds that a session lives, about.
    lifetime: float
    options: dict[str, Any]
    tally: Tally = field(default_factory=Tally)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    draw: Random = field(default_factory=Random)

    def request(self) -> Request:
        """Some page, the popular ones more often; it carries its number and the time."""
        number = int(self.pages * self.draw.random() ** 2)
        identity = self.draw.choice(IDENTITIES)
        return Request(f"{self.url}/{number}", identity=identity, context=(number, time.time()))

    async def paced(self, rate: float, until: float) -> AsyncIterator[Request]:
        """Give requests at this rate, until that time."""
        next_at = time.monotonic()
        while not self.stopping.is_set() and time.monotonic() < until:
            yield self.request()
            # Behind after a pause of the machine: it is not made good by a burst.
            next_at = max(next_at + self.draw.expovariate(rate), time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))

    async def again_and_again(
        self, part: Callable[[Session, float], Awaitable[None]], consumer: str | None = None
    ) -> None:
        """Open a session, do that part of the work with it for a while, close it, and so on."""
        while not self.stopping.is_set():
            session = Session(self.store, consumer=consumer, **self.options)
            try:
                async with session:
                    self.tally.opened(session)
                    await part(session, time.monotonic() + self.lifetime * self.draw.uniform(0.5, 1.5))
            except NotModifiedError as error:
                self.tally.note(type(error).__name__, str(error))
                await asyncio.sleep(1.0)
            finally:
                self.tally.closed(session)

    async def sweep(self, session: Session, until: float) -> None:
        """Poll many at a time."""
        async for result in session.get_many(self.paced(self.rate(0.6), until), concurrency=CONCURRENCY):
            self.take(result, is_read=True)

    async def look(self, session: Session, until: float) -> None:
        """Poll one at a time, and read every other body only."""
        async for request in self.paced(self.rate(0.2), until):
            try:
                result: Response | RequestError = await session.send(request)
            except RequestError as error:
                result = error
            self.take(result, is_read=self.draw.random() < 0.5)

    async def consume(self, session: Session, until: float) -> None:
        """Poll for somebody who says what he has seen, and flushes now and then."""
        async for result in session.get_many(self.paced(self.rate(0.2), until), concurrency=CONCURRENCY):
            self.take(result, is_read=True)
            if isinstance(result, Response) and result.changed and self.draw.random() < 0.9:
                result.acknowledge()
                self.tally.acknowledged += 1
            if self.draw.random() < 0.01:
                await session.flush()

    def rate(self, share: float) -> float:
        """Requests per second of a part."""
        return self.requests_per_second * share

    def take(self, result: Response | RequestError, *, is_read: bool) -> None:
        """Judge one result."""
        request = result.request
        if request is None:
            self.tally.note(type(result).__name__, str(result))
            return
        number, asked = request.context
        shown = page(number)
        if isinstance(result, RequestError):
            self.failed(shown.trouble == "cut", result)
            return
        self.tally.outcomes[result.outcome] += 1
        if result.status != 200:
            is_expected = (shown.trouble, result.status) in {("missing", 404), ("failing", 500)}
            (self.tally.expected if is_expected else self.tally.unexpected)[f"status {result.status}"] += 1
            return
        if not is_read:
            return
        self.tally.checked += 1
        try:
            content = result.content
        except NotModifiedError as error:
            self.tally.note(type(error).__name__, f"page {number}: {error}")
            return
        headers = {name.lower(): value for name, value in result.headers.items()}
        wrong = what_is_wrong(shown, content, headers, asked, time.time())
        if wrong is not None:
            self.tally.wrong += 1
            self.tally.note("wrong body", f"page {number}, {request.identity}, {result.outcome}: {wrong}")

    def failed(self, is_cut: bool, error: RequestError) -> None:  # noqa: FBT001
        """Count a request that came to nothing."""
        if is_cut and isinstance(error, IncompleteBodyError):
            self.tally.expected[type(error).__name__] += 1
        else:
            self.tally.note(type(error).__name__, f"{error.url}: {error}")

    async def report(self, every: float) -> None:
        """Say how it stands, again and again."""
        while not self.stopping.is_set():
            print(self.tally.line(), flush=True)
            try:
                await asyncio.wait_for(self.stopping.wait(), every)
            except asyncio.TimeoutError:
                continue

    async def run(self, every: float) -> None:
        """Poll until told to stop."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stopping.set)
        await asyncio.gather(
            self.again_and_again(self.sweep),
            self.again_and_again(self.look),
            self.again_and_again(self.consume, consumer="soak"),
            self.report(every),
        )
        print(self.tally.line(), flush=True)


def known(options: dict[str, Any]) -> dict[str, Any]:
    """Those options that a session has."""
    names = inspect.signature(Session).parameters
    return {name: value for name, value in options.items() if name in names}


def main() -> None:
    """Read the arguments and poll."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("store")
    parser.add_argument("--pages", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--lifetime", type=float, required=True)
    parser.add_argument("--every", type=float, required=True)
    parser.add_argument("--max-size", type=int, required=True)
    given = parser.parse_args()
    options = known({"max_size": given.max_size})
    poller = Poller(given.url, given.store, given.pages, given.rate, given.lifetime, options)
    asyncio.run(poller.run(given.every))


if __name__ == "__main__":
    main()
