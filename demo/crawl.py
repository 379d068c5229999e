"""Runs the spider in a process of its own, and reads what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tqdm import tqdm

from demo.visits import Found, Page

SPIDER = Path(__file__).with_name("spider.py")
ERRORS = ("notmodified/errors", "notmodified/store_errors")


def crawl(start_url: str, pages: int, project: Path) -> Found:
    """Crawl from this page on; about so many pages are to come. The store lies where Scrapy keeps a project's data."""
    project.mkdir(exist_ok=True)
    found = Found()
    command = [sys.executable, str(SPIDER), start_url]
    with (
        subprocess.Popen(command, cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process,
        tqdm(total=pages, desc="crawling", unit=" pages", leave=False, disable=None) as progress,
    ):
        try:
            for line in process.stdout or ():
                progress.update(_take(json.loads(line), found))
        except BaseException:
            # Ctrl-C, too: nobody reads the rest.
            process.kill()
            raise
    if process.returncode:
        found.failures.append(f"the crawl ended with {process.returncode}")
    if not found.pages:
        found.failures.append(f"the crawl came to no page from {start_url}")
    return found


def _take(told: dict[str, object], found: Found) -> int:
    """Take a line of the spider's; how many pages it tells of."""
    match told:
        case {"page": str(url), "is_changed": bool(is_changed), "digest": str(digest)}:
            found.pages[url] = Page(is_changed=is_changed, digest=digest)
            return 1
        case {"stats": dict(stats)}:
            found.requests = stats.get("notmodified/requests", 0)
            found.not_modified = stats.get("notmodified/not_modified", 0)
            found.bytes_moved = stats.get("notmodified/wire_bytes", 0)
            found.bytes_saved = stats.get("notmodified/bytes_saved", 0)
            found.failures += [f"{name}: {stats[name]}" for name in ERRORS if name in stats]
    return 0
