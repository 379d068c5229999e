"""sqlite3 by hand: a table of URL, tag and body."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bench.contenders.stores import directory, run

if TYPE_CHECKING:
    from pathlib import Path


class SqliteByHand:
    """A write-ahead log, synced at each transaction; a transaction for each group."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA mmap_size = 17179869184;"
            "CREATE TABLE page (url TEXT PRIMARY KEY, tag BLOB NOT NULL, body BLOB NOT NULL)"
        )

    def put(self, pages: list[tuple[str, bytes, bytes]]) -> None:
        """Store them."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR REPLACE INTO page VALUES (?, ?, ?)", pages)
        self._connection.execute("COMMIT")

    def get(self, url: str) -> tuple[bytes, bytes]:
        """Look it up."""
        found: tuple[bytes, bytes] = self._connection.execute(
            "SELECT tag, body FROM page WHERE url = ?", (url,)
        ).fetchone()
        return found


if __name__ == "__main__":
    run(
        SqliteByHand(directory() / "small.db"),
        SqliteByHand(directory() / "large.db"),
        f"sqlite {sqlite3.sqlite_version}, WAL, synchronous=FULL, mmap, 500 in a transaction",
    )
