"""The pages that are asked for: text of three sizes, plain and gzip-coded, behind one nginx.

nginx makes the tags (from a file's time and length) and the 304s; its access log says how many there were.
"""

from __future__ import annotations

import gzip
import json
import random
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from xxhash import xxh3_64_intdigest

from bench import machine
from nginx import Nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Connections outlast the rounds of all contenders; whoever takes gzip gets the `.gz` beside a file; and a cache by
# RFC 9111 asks every time, instead of calling a page fresh that was written a minute ago.
EXTRA = """
    keepalive_timeout 3600s; gzip_static on; gzip_vary on; add_header Cache-Control "max-age=0";
    location /no-cache/ { add_header Cache-Control "no-cache"; }
    location /private/ { add_header Cache-Control "private, max-age=0"; }
    location /endless/ { rewrite ^ /endless.html break; access_log off; }
"""
SOURCE_BYTES = 1_000_000
# nginx logs after it has sent.
LOG_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Case:
    """Pages of one kind."""

    kilobytes: int
    coding: str
    # What Cache-Control says beside `max-age=0`, or in its place.
    directive: str = ""

    @property
    def name(self) -> str:
        """As it is called in tables."""
        return ", ".join(filter(None, (f"{self.kilobytes} KB", self.coding, self.directive)))

    @property
    def path(self) -> str:
        """As it is called in paths."""
        return "/".join(filter(None, (self.directive, f"{self.coding}-{self.kilobytes}")))


class Website:
    """The pages, and what nginx says was asked of them."""

    def __init__(self, nginx: Nginx, lists: Path) -> None:
        self._nginx = nginx
        self._lists = lists
        self._source = _words(SOURCE_BYTES)
        nginx.write("endless.html", self._page(0, 2000))
        self._log = (nginx.prefix / "access.log").open(encoding="utf-8")

    def publish(self, case: Case, count: int) -> Path:
        """Write so many pages; the file with a line of URL and hash for each of them."""
        lines = []
        for number in range(count):
            name = f"{case.path}/{number}.html"
            content = self._page(number, case.kilobytes * 1000)
            lines.append(f"{self._nginx.write(name, content)} {xxh3_64_intdigest(content)}\n")
            if case.coding == "gzip":
                self._nginx.write(f"{name}.gz", gzip.compress(content, 6))
        listed = self._lists / f"{case.path.replace('/', '-')}.txt"
        listed.write_text("".join(lines), encoding="utf-8")
        return listed

    @property
    def server(self) -> str:
        """What it calls itself."""
        with urlopen(f"{self._nginx.url}/endless.html") as answer:  # noqa: S310 - our own
            return str(answer.headers["Server"])

    @property
    def endless_url(self) -> str:
        """Whatever is below it is one page of 2 KB, and not in the log."""
        return f"{self._nginx.url}/endless"

    def _page(self, number: int, length: int) -> bytes:
        start = number * 977 % (SOURCE_BYTES - length)
        return (b"<h1>%d</h1>" % number + self._source[start:])[:length]

    def forget_log(self) -> None:
        """What was served until now is none of the next count's business."""
        # What comes after the answers that were read is written within a moment.
        time.sleep(0.05)
        self._log.read()

    def count(self, requests: int) -> Counter[int]:
        """How often each status was served since the last count; waits until so many are in the log."""
        return Counter(int(served["status"]) for served in self._served(requests))

    def count_bytes(self, requests: int) -> int:
        """The same for bytes of bodies."""
        return sum(int(served["body_bytes_sent"]) for served in self._served(requests))

    def _served(self, requests: int) -> list[dict[str, Any]]:
        served: list[dict[str, Any]] = []
        deadline = time.monotonic() + LOG_TIMEOUT
        rest = ""
        while True:
            *lines, rest = (rest + self._log.read()).split("\n")
            served += map(json.loads, lines)
            if len(served) >= requests or time.monotonic() > deadline:
                return served
            time.sleep(0.005)


@contextmanager
def website(directory: Path) -> Iterator[Website]:
    """Serve them, on a core of nginx's own where there are two."""
    site, lists = directory / "site", directory / "lists"
    for made in (site, lists):
        made.mkdir()
    nginx = Nginx(site, directory / "nginx", extra=EXTRA)
    with machine.server_core():
        nginx.start()
    try:
        yield Website(nginx, lists)
    finally:
        nginx.stop()


def _words(length: int) -> bytes:
    # Words as frequent as words are, so that gzip finds what it finds in pages.
    chance = random.Random(304)
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    weights = [1 / (rank + 1) for rank in range(len(letters))]
    words = ["".join(chance.choices(letters, weights, k=chance.randint(2, 11))) for _ in range(5000)]
    spoken = chance.choices(words, [1 / (rank + 1) for rank in range(len(words))], k=length // 3)
    text = "</p>\n<p>".join(" ".join(spoken[start : start + 40]) for start in range(0, len(spoken), 40))
    return text.encode()[:length]
