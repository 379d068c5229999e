"""Damages stores in many ways and reads what is left, in a process of its own: it may be the last thing that it does.

    python damaged.py STORE HOW FIRST LAST

For each seed a copy of STORE is damaged, visited twice, emptied, and filled again, and a line of JSON says what came.
Whoever started it knows by the last line where it ended.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import struct
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from notmodified import Cache, NotModifiedError, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGES = 40
PAGE = 4096
HEADER = 16
# Of LMDB's pages.
BRANCH, LEAF = 1, 2
# A node that describes a database: its data, and the flag that says so.
DESCRIPTION, SUB_DATA = 48, 2


def content(number: int) -> bytes:
    """What page `number` holds: from nothing to many pages of memory, some the same as others."""
    draw = Random(number % 7 if number % 5 == 0 else number)
    return draw.randbytes(draw.choice((0, 10, 500, 3_000, 10_000, 60_000)))


def tag(number: int) -> str:
    """The entity tag that goes with it."""
    return f'"{hashlib.sha256(content(number)).hexdigest()}"'


def fill(store: Path) -> None:
    """Store all pages."""
    with Cache(str(store)) as cache:
        for number in range(PAGES):
            download(cache, number)


def download(cache: Cache, number: int) -> None:
    """Have a page answered whole."""
    cache.plan("GET", url(number)).settle(200, {"ETag": tag(number)}, content(number))


def url(number: int) -> str:
    """The URL of a page."""
    return f"http://127.0.0.1/{number}"


def visit(cache: Cache, number: int) -> str:
    """Ask for a page as if it had not changed; what came of it."""
    plan = cache.plan("GET", url(number))
    conditions = plan.conditions
    if not conditions:
        plan.settle(200, {"ETag": tag(number)}, content(number))
        return "missed"
    if conditions["if-none-match"] != tag(number):
        return "wrong"
    settled = plan.settle(304)
    if not isinstance(settled, Response):
        plan.settle(200, {"ETag": tag(number)}, content(number))
        return "missed"
    return "served" if settled.content == content(number) else "wrong"


def flip(data: bytearray, draw: Random) -> None:
    """Change a few bytes, wherever they are."""
    for _ in range(draw.randint(1, 32)):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def flip_headers(data: bytearray, draw: Random) -> None:
    """Change bytes where pages say what they are and where their values lie."""
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(data) // PAGE) * PAGE
        data[start + draw.randrange(4 * HEADER)] ^= 1 << draw.randrange(8)


def flip_nodes(data: bytearray, draw: Random) -> None:
    """Change bytes where pages say how long their keys and values are, and of what kind."""
    every = list(nodes(data))
    for _ in range(draw.randint(1, 3)):
        data[draw.choice(every) + draw.randrange(8)] ^= 1 << draw.randrange(8)


def flip_trees(data: bytearray, draw: Random) -> None:
    """Change bytes where the file says what databases it holds, where, and of what kind."""
    metas = [meta * PAGE + HEADER for meta in range(2)]
    kinds = [meta + 24 + tree * DESCRIPTION + 4 for meta in metas for tree in range(2)]
    places = [(meta, 136) for meta in metas] + [(kind, 2) for kind in kinds]
    for at in nodes(data):
        length, _, flags, key = struct.unpack_from("<HHHH", data, at)
        if (length, flags) == (DESCRIPTION, SUB_DATA):
            places += [(at, 8), (at + 8 + key + 4, 2), (at + 8 + key, DESCRIPTION)]
    for _ in range(draw.randint(1, 2)):
        start, length = draw.choice(places)
        data[start + draw.randrange(length)] ^= 1 << draw.randrange(8)


def nodes(data: bytearray) -> Iterator[int]:
    """Find where the nodes of trees lie."""
    for start in range(2 * PAGE, len(data) - PAGE + 1, PAGE):
        number, _, flags, lower, upper = struct.unpack_from("<QHHHH", data, start)
        if number * PAGE == start and flags in {BRANCH, LEAF} and HEADER <= lower <= upper <= PAGE:
            yield from (start + at for (at,) in struct.iter_unpack("<H", data[start + HEADER : start + lower]))


def zero(data: bytearray, draw: Random) -> None:
    """Lose pages, as a disk does that never wrote them."""
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(data) // PAGE) * PAGE
        data[start : start + PAGE] = bytes(PAGE)


def misplace(data: bytearray, draw: Random) -> None:
    """Have a page lie where another belongs."""
    here, there = (draw.randrange(2, len(data) // PAGE) * PAGE for _ in range(2))
    data[here : here + PAGE] = data[there : there + PAGE]


def cut(data: bytearray, draw: Random) -> None:
    """Lose the end of the file."""
    del data[draw.randrange(len(data)) :]


HOW: dict[str, Callable[[bytearray, Random], None]] = {
    "flip": flip,
    "flip-headers": flip_headers,
    "flip-nodes": flip_nodes,
    "flip-trees": flip_trees,
    "zero": zero,
    "misplace": misplace,
    "cut": cut,
}


def try_one(store: Path, how: str, seed: int) -> dict[str, object]:
    """Damage a copy of a store, visit all pages twice, and again after all were forgotten."""
    copy = store.with_name(f"{how}-{seed}")
    shutil.copytree(store, copy)
    (copy / "lock.mdb").unlink()
    data = bytearray((copy / "data.mdb").read_bytes())
    HOW[how](data, Random(f"{how} {seed}"))
    (copy / "data.mdb").write_bytes(data)
    told: dict[str, object] = {"seed": seed}
    try:
        with Cache(str(copy)) as cache:
            for name in ("first", "second", "third", "fourth"):
                if name == "third":
                    cache.forget(everything=True)
                told[name] = Counter(visit(cache, number) for number in range(PAGES))
                cache.flush()
            told["damage"] = {name: cache.stats()[name] for name in ("corrupt_records", "store_errors")}
    except NotModifiedError as error:
        told["error"] = repr(error)
    told["aside"] = sorted(path.name for path in copy.glob("data.mdb.*"))
    shutil.rmtree(copy)
    return told


def main() -> None:
    """Try one seed after the other."""
    logging.disable()
    store, how, first, last = sys.argv[1:]
    for seed in range(int(first), int(last)):
        print(json.dumps(try_one(Path(store), how, seed)), flush=True)


if __name__ == "__main__":
    main()
