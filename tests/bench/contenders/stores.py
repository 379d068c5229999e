"""What the stores share: pages of 1 KB put in and looked up, pages of 20 KB replaced, durably, as in `programs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

from bench.contenders.rounds import Stopwatch, orders, tell_ready

SMALL, LARGE = 1_000, 20_000
# What our store writes as one group at most, too.
GROUP = 500
# So far from each other that looking them up in this order is looking them up at random.
STRIDE = 7_368_787


class Store(Protocol):
    """Keeps a tag and a body for each URL."""

    def put(self, pages: list[tuple[str, bytes, bytes]]) -> None:
        """Store URL, tag and body of so many pages, durably."""

    def get(self, url: str) -> tuple[bytes, bytes]:
        """Tag and body, as copies."""


def run(small: Store, large: Store, settings: str, *packages: str) -> None:
    """Carry out orders."""
    tell_ready(settings, *packages)
    pages = asked = turn = 0
    for order, number in orders():
        stopwatch, wrong = Stopwatch(), 0
        if order == "insert":
            _put(small, range(pages, pages + number), 0, SMALL)
            pages += number
        elif order == "lookup":
            for page in range(asked, asked + number):
                tag, body = small.get(_url(page * STRIDE % pages))
                wrong += len(body) != SMALL or not tag
            asked += number
        else:
            turn += 1
            _put(large, range(number), turn, LARGE)
        stopwatch.tell(wrong=wrong)


def directory() -> Path:
    """What the command line says."""
    return Path(sys.argv[1])


def _put(store: Store, pages: range, turn: int, length: int) -> None:
    for start in range(pages.start, pages.stop, GROUP):
        group = range(start, min(start + GROUP, pages.stop))
        store.put([(_url(page), b'"%x-%x"' % (page, length), _content(page, turn, length)) for page in group])


def _url(page: int) -> str:
    return f"http://127.0.0.1:8080/page/{page}.html"


def _content(page: int, turn: int, length: int) -> bytes:
    return (b"<h1>%d %d</h1>" % (page, turn)).ljust(length, b".")
