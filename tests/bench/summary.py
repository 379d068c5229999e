"""The one table that the README quotes: each aim, and what this run says to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import crawls_table, stores_table
from bench.requests_table import BARE
from bench.table import table

if TYPE_CHECKING:
    from bench.crawls_table import Crawls
    from bench.memory_table import Memory
    from bench.pages import Case
    from bench.requests_table import Compared
    from bench.stores_table import Stores

GET, GET_MANY = "Session.get, asyncio", "Session.get_many, asyncio"
Row = list[str]

AIMS = {
    (GET, "read"): "≤ 1.8",
    (GET_MANY, "read"): "≤ 1.35",
    (GET, "unread"): "≤ 1.6",
    (GET_MANY, "unread"): "≤ 1.15",
}
LARGE_AIMS = {"read": "≤ 1.7", "unread": "≤ 1.05"}


def of_requests(compared: dict[Case, Compared]) -> list[Row]:
    """Beside bare reqwest, with plain bodies of 20 KB; and large beside small."""
    plain = {case.kilobytes: one for case, one in compared.items() if case.coding == "plain"}
    rows = []
    if 20 in plain:
        rows += [_ratio(plain[20], name, mode) for mode in ("read", "unread") for name in (GET, GET_MANY)]
        rows.append(_throughput(plain[20]))
    if {2, 142} <= plain.keys():
        rows += [
            _large(plain[142], plain[2], name, mode) for mode in ("read", "unread") for name in (GET, GET_MANY, BARE)
        ]
    return [row for row in rows if row]


def _ratio(compared: Compared, name: str, mode: str) -> Row:
    ratio = compared.ratio(name, mode)
    return [f"{name}, 304, body {mode}: CPU beside bare reqwest", _number(ratio), AIMS[name, mode]] if ratio else []


def _throughput(compared: Compared) -> Row:
    ours, bare = compared.cost(GET_MANY, "read"), compared.cost(BARE, "read")
    name = f"{GET_MANY}, body read: requests per second beside bare reqwest"
    return [name, _number(bare.wall / ours.wall), "≥ 0.75"] if ours and bare else []


def _large(large: Compared, small: Compared, name: str, mode: str) -> Row:
    costs = large.cost(name, mode), small.cost(name, mode)
    if costs[0] is None or costs[1] is None:
        return []
    return [
        f"{name}, body {mode}: 142 KB beside 2 KB",
        _number(costs[0].cpu / costs[1].cpu),
        "" if name == BARE else LARGE_AIMS[mode],
    ]


def of_stores(stores: Stores) -> list[Row]:
    """Beside py-lmdb."""
    smallest, largest = stores.sizes[0], stores.sizes[-1]
    growth = stores.growth(stores_table.LMDB)
    return [
        *(
            [f"lookup with body in {size:,}: CPU beside py-lmdb", _number(stores.beside_lmdb(size)), "≤ 1"]
            for size in stores.sizes
        ),
        [
            f"lookup: growth from {smallest:,} to {largest:,}",
            _number(stores.growth(stores_table.OURS)),
            f"≤ {growth * 1.1:.2f} (py-lmdb {growth:.2f} + 10 %)",
        ],
        ["20 KB page replaced, durable: CPU µs", f"{stores.changed(stores_table.OURS).cpu * 1e6:.1f}", "≤ 60"],
    ]


def of_crawls(crawls: Crawls) -> list[Row]:
    """Beside the dictionary, and beside nothing."""
    aims = {crawls_table.BY_HAND: "≤ 1.06", crawls_table.NONE: "< 1"}
    loop = crawls.loop[crawls_table.IN_MEMORY].wall
    return [
        *(
            [f"warm Scrapy crawl: CPU beside {other}", f"{crawls.ratio(crawls_table.OURS, other):.3f}", aim]
            for other, aim in aims.items()
        ),
        ["warm Scrapy crawl: body bytes of one page", f"{crawls.sent_to(crawls_table.OURS):,.0f}", "0"],
        ["warm Scrapy crawl: µs of the event loop for one page", f"{loop * 1e6:.1f}", "< 20"],
    ]


def of_memory(memories: list[Memory]) -> list[Row]:
    """Flat and small."""
    last = memories[-1]
    name = f"get_many over {last.urls:,} URLs: most anonymous memory, and its last fifth beside its second"
    return [[name, f"{last.most / 1e6:.0f} MB, {last.growth:.2f}", "< 200 MB, flat"]]


def summary(rows: list[Row]) -> str:
    """The table."""
    return table(["", "measured", "aim"], rows)


def _number(ratio: float) -> str:
    return f"{ratio:.2f}"
