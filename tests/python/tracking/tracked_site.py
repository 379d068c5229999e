"""A site that tracks by every means there is, and on some of its paths not at all; watched by one ledger."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from origin import Page
from tracking.ledger import Ledger
from tracking.links import linked_clients, links
from tracking.polls import in_lanes, poll
from tracking.trackers import AddressTracker, BearerTracker, EchoingTracker, Marks, SwappingTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from notmodified import Session
    from origin import Origin, Reply, Request

# Those that know a client by what they gave it, and honour it: whoever shares their marks at all is found by them.
RECOGNISING = tuple(
    f"/{told_by}-{shown_as}" for told_by in ("address", "bearer") for shown_as in ("tag", "date", "both")
)
REPLAYING = ("/echo", "/swap", "/swap-in-304s")
HONEST = "/honest"


@dataclass(slots=True, eq=False)
class TrackedSite:
    """Serves it at an origin."""

    origin: Origin
    ledger: Ledger = field(default_factory=Ledger)
    urls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put the handlers in place."""
        handlers: dict[str, Callable[[Request], Reply]] = {
            "/echo": EchoingTracker(),
            "/swap": SwappingTracker(),
            "/swap-in-304s": SwappingTracker(in_304s=True),
            HONEST: Page(b"<p>honest</p>", etag='"honest"'),
        }
        for shown_as in ("tag", "date", "both"):
            handlers[f"/address-{shown_as}"] = AddressTracker(Marks(shown_as))
            handlers[f"/bearer-{shown_as}"] = BearerTracker(Marks(shown_as))
        self.urls = [self.origin.on(path, self.ledger.watch(handler)) for path, handler in handlers.items()]

    async def visit(self, session: Session, proxies: Sequence[str], *, rounds: int, lanes: int = 32) -> None:
        """Let each exit ask for each path once a round, in another order each time; now and then for all of it."""
        order = random.Random(6)
        for number in range(rounds):
            exits = order.sample(proxies, len(proxies))
            # Unconditional requests of one and the same exit, again and again: they bear witness once.
            wants_all = number % 5 == 2
            await poll(session, in_lanes(self.urls, exits, lanes=lanes, full=wants_all), concurrency=lanes)

    def linked(self, k: int, path: str | None = None) -> int:
        """How many addresses gave themselves away, there or anywhere."""
        return linked_clients(links(self.ledger.visits if path is None else self.ledger.at(path), k))
