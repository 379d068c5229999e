"""What a person wants to see: one table, whatever was wrong by name, and the sum of it in plain words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from demo.visits import Visit

NOT_MODIFIED = 304
LABEL_WIDTH = 24
COLUMN_WIDTH = 12
SENTENCE_WIDTH = 88
# More of them tell nothing new.
MOST_PROBLEMS = 20

ROWS: list[tuple[str, Callable[[Visit], str]]] = [
    ("pages", lambda visit: f"{len(visit.found.pages):,}"),
    ("requests", lambda visit: f"{visit.found.requests:,}"),
    ("  the server logged", lambda visit: f"{len(visit.served):,}"),
    ("304 Not Modified", lambda visit: f"{visit.found.not_modified:,}"),
    ("  the server logged", lambda visit: f"{_logged_not_modified(visit):,}"),
    ("really new or changed", lambda visit: f"{len(visit.changed):,}"),
    ("  reported as such", lambda visit: f"{len(visit.reported):,}"),
    ("  missed", lambda visit: f"{len(visit.changed - visit.reported):,}"),
    ("  reported wrongly", lambda visit: f"{len(visit.reported - visit.changed):,}"),
    ("touched, but the same", lambda visit: f"{visit.touched:,}"),
    ("bytes moved", lambda visit: size(visit.found.bytes_moved)),
    ("  the server logged", lambda visit: size(_logged_bytes(visit))),
    ("bytes saved", lambda visit: size(visit.found.bytes_saved)),
    ("time", lambda visit: f"{visit.seconds:.2f} s"),
]


def report(visits: Sequence[Visit]) -> bool:
    """Print it all; True when nothing was wrong."""
    print(_row("", [visit.name for visit in visits]))
    for label, cell in ROWS:
        print(_row(label, [cell(visit) for visit in visits]))
    print()
    problems = [f"{visit.name}: {problem}" for visit in visits for problem in _problems(visit)]
    for problem in problems[:MOST_PROBLEMS]:
        print(problem)
    if len(problems) > MOST_PROBLEMS:
        print(f"and {len(problems) - MOST_PROBLEMS:,} more")
    print(f"FAILED: {len(problems):,} things were wrong." if problems else _sum(visits))
    return not problems


def size(count: int) -> str:
    """So many bytes, for a person."""
    return f"{count / 1e6:,.2f} MB" if count else "0"


def _row(label: str, cells: Sequence[str]) -> str:
    return f"{label:<{LABEL_WIDTH}}{''.join(f'{cell:>{COLUMN_WIDTH}}' for cell in cells)}"


def _problems(visit: Visit) -> Iterator[str]:
    """Everything that is not as it should be, pages by name."""
    found, expected = visit.found.pages, visit.expected
    yield from visit.found.failures
    yield from (f"missed a change of {url}" for url in sorted(visit.changed - visit.reported))
    yield from (f"reported a change that there was not of {url}" for url in sorted(visit.reported - visit.changed))
    yield from (f"did not hand out {url}" for url in sorted(expected.keys() - found.keys()))
    yield from (f"handed out what was not asked for: {url}" for url in sorted(found.keys() - expected.keys()))
    common = sorted(found.keys() & expected.keys())
    yield from (f"handed out other content of {url}" for url in common if found[url].digest != expected[url].digest)
    counted = visit.found.requests, visit.found.not_modified
    logged = len(visit.served), _logged_not_modified(visit)
    if counted != logged:
        yield f"counted {counted[0]} requests and {counted[1]} 304s, but the server logged {logged[0]} and {logged[1]}"


def _logged_not_modified(visit: Visit) -> int:
    return sum(served.status == NOT_MODIFIED for served in visit.served)


def _logged_bytes(visit: Visit) -> int:
    # All bytes. What is counted is without the framing of chunks, and in Scrapy by Scrapy's own estimate.
    return sum(served.bytes_sent for served in visit.served)


def _sum(visits: Sequence[Visit]) -> str:
    first, second = visits[0::2], visits[1::2]
    before, after = (sum(visit.found.bytes_moved for visit in half) for half in (first, second))
    pages = sum(len(visit.found.pages) for visit in second)
    changed = sum(len(visit.changed) for visit in second)
    told = (
        f"The second time, poll and crawl asked for {pages:,} pages again and moved {size(after)}, where the "
        f"first time took {size(before)}: {1 - after / before:.0%} less. All {changed:,} pages that had changed were "
        "found, and no others were reported; every page was handed out byte for byte as it lay on the server. "
        "(On loopback, most of a crawl's time is Scrapy's own: it looks for links in every page.)"
    )
    return textwrap.fill(told, SENTENCE_WIDTH)
