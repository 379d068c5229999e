"""The command: reads its arguments, publishes the site, lets both users visit it twice, and judges what they found."""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from demo import documentation, invented
from demo.crawl import crawl
from demo.poll import poll
from demo.report import report
from demo.servers import serve
from demo.visits import Edits, visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demo.servers import Server
    from demo.visits import Found, Visit
    from demo.website import Site

FEWEST_PAGES = 10
# A run is as good as another, but one that failed should fail again.
SEED = 2

INTERRUPTED = 130


def main() -> int:
    """Run the demo; 0 when every changed page was found, and no other."""
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)
    try:
        with _scratch(keep=arguments.keep) as scratch:
            site = _publish(scratch / "site", arguments.pages)
            with serve(site.directory, scratch / "server", without_nginx=arguments.without_nginx) as server:
                print(f"Serving {len(site.pages):,} pages of {site.name} with {server.name}.\n", flush=True)
                return 0 if report(list(_visits(site, server, scratch))) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _visits(site: Site, server: Server, scratch: Path) -> Iterator[Visit]:
    """Poll twice, crawl twice; before each second time some pages change."""
    chance = random.Random(SEED)  # noqa: S311 - which pages change is no secret
    urls = [f"{server.url}/{page}" for page in site.pages]
    ways: list[tuple[str, list[str] | None, Callable[[], Found]]] = [
        ("poll", urls, partial(poll, urls, scratch / "store")),
        ("crawl", None, partial(crawl, f"{server.url}/{site.start}", len(urls), scratch / "project")),
    ]
    for name, asked, way in ways:
        first = visit(f"{name} 1", way, site, server, asked=asked)
        yield first
        if not first.found.pages:
            continue
        # What no link leads to, a crawl cannot find changed.
        edits = Edits.make(site, sorted(first.expected), chance)
        yield visit(f"{name} 2", way, site, server, asked=first.expected, edits=edits)


def _publish(directory: Path, pages: int | None) -> Site:
    """A site that may be changed: a copy of a package's documentation; else one that is written for the occasion."""
    if pages is None:
        try:
            return documentation.copy_to(directory)
        except (documentation.NotToBeHadError, PermissionError) as error:
            print(f"{error}; a site is written instead.", file=sys.stderr)
    return invented.write_to(directory, pages or invented.PAGES)


@contextlib.contextmanager
def _scratch(*, keep: bool) -> Iterator[Path]:
    if keep:
        directory = Path(tempfile.mkdtemp(prefix="notmodified-demo-"))
        print(f"Everything is kept in {directory}.")
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="notmodified-demo-") as temporary:
        yield Path(temporary)


def _leave(number: int, _frame: object) -> NoReturn:
    # An exception, so that everything that was started is ended.
    sys.exit(128 + number)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="Poll and crawl a site twice, and see what it cost.")
    parser.add_argument(
        "--pages", type=_pages, metavar="N", help="write a site of N pages, instead of taking a real one"
    )
    parser.add_argument("--without-nginx", action="store_true", help="use the server of Python's standard library")
    parser.add_argument("--keep", action="store_true", help="keep the site, the stores and the server's log")
    return parser.parse_args()


def _pages(text: str) -> int:
    if not text.isdecimal() or int(text) < FEWEST_PAGES:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pages from {FEWEST_PAGES} on")
    return int(text)
