"""py-lmdb by hand: the URL's hash for a key; the tag's length, the tag and the body for a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lmdb
from xxhash import xxh3_128_digest

from bench.contenders.stores import directory, run

if TYPE_CHECKING:
    from pathlib import Path


class LmdbByHand:
    """One database, a read transaction for each lookup, a synced write transaction for each group."""

    def __init__(self, path: Path) -> None:
        self._environment = lmdb.open(str(path), map_size=16 << 30)

    def put(self, pages: list[tuple[str, bytes, bytes]]) -> None:
        """Store them."""
        with self._environment.begin(write=True) as transaction:
            for url, tag, body in pages:
                transaction.put(xxh3_128_digest(url.encode()), bytes([len(tag)]) + tag + body)

    def get(self, url: str) -> tuple[bytes, bytes]:
        """Look it up."""
        with self._environment.begin() as transaction:
            value = transaction.get(xxh3_128_digest(url.encode()))
        end = 1 + value[0]
        return value[1:end], value[end:]


if __name__ == "__main__":
    run(LmdbByHand(directory() / "small"), LmdbByHand(directory() / "large"), "synced at each group of 500", "lmdb")
