"""Ours, `session.get_many` over generated URLs, with a look at this process's memory: URL DIRECTORY.

Carries out "visit N": N URLs that no list holds. The first visit gets 200s, the second 304s.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import notmodified
from bench.contenders.rounds import Stopwatch, orders, tell, tell_ready

CONCURRENCY = 50
LOOKS = 50


def anonymous_memory() -> int:
    """Bytes of this process that no file backs: the pages of a mapped store are the system's to drop."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise NotImplementedError("this system does not tell the anonymous memory of a process")


async def main() -> None:
    """Visit, and tell what was seen."""
    base, directory = sys.argv[1:]
    async with notmodified.Session(Path(directory) / "store", concurrency_per_host=CONCURRENCY) as session:
        tell_ready(f"notmodified {notmodified.__version__}")
        for _, number in orders():
            stopwatch, right, seen = Stopwatch(), 0, []
            urls = (f"{base}/{page}" for page in range(number))
            before = session.stats()["not_modified"]
            async for response in session.get_many(urls, concurrency=CONCURRENCY, errors="raise"):
                assert isinstance(response, notmodified.Response)
                right += len(response.content) > 0
                if right % (number // LOOKS) == 0:
                    seen.append(anonymous_memory())
            stopwatch.tell(wrong=number - right)
            tell({"memory": seen, "not_modified": session.stats()["not_modified"] - before})


if __name__ == "__main__":
    asyncio.run(main())
