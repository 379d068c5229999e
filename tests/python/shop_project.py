"""The Scrapy project of `examples/`, run as its user would: `scrapy crawl` in a copy of it, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawls.environments import ENVIRONMENTS

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence

    from crawls import Environment
    from proxy import Proxy

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "scrapy_project"
# A crawl that takes longer hangs.
LIMIT = 100.0
# The project's one line, and what takes its place where it is told by hand.
ENABLED = 'ADDONS = {"notmodified.scrapy.Addon": 500}\n'
BY_HAND = """
DOWNLOADER_MIDDLEWARES["notmodified.scrapy.NotModifiedMiddleware"] = 800
EXTENSIONS = {"scrapy.extensions.throttle.AutoThrottle": None, "notmodified.scrapy.AutoThrottle": 0}
"""
# What the tests need beside the project's own settings: nothing that listens, and no more waiting than a busy machine
# makes of it by itself.
QUIET = {
    "AUTOTHROTTLE_START_DELAY": "0.01",
    "AUTOTHROTTLE_TARGET_CONCURRENCY": "16",
    "LOG_LEVEL": "WARNING",
    "REMOTE_CONTROL_ENABLED": "False",
    "TELNETCONSOLE_ENABLED": "False",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """What a crawl came to."""

    items: list[dict[str, Any]]
    # Warnings and errors.
    log: str
    returncode: int

    @property
    def changed(self) -> set[str]:
        """The URLs of the products that were told as changed."""
        return {item["url"] for item in self.items if item["changed"]}

    def facts(self) -> list[dict[str, Any]]:
        """What the items say of the shop, whatever was fetched for it: to compare two crawls by."""
        described = [{**item, "changed": None} for item in sorted(self.items, key=lambda item: str(item["url"]))]
        for item in described:
            for kind in ("images", "files"):
                item[kind] = [{**medium, "status": None} for medium in item[kind]]
        return described


class Project:
    """A copy of the example, in the environment of the tests or in another."""

    def __init__(
        self, directory: Path, start_url: str, proxies: Sequence[Proxy], environment: Environment = ENVIRONMENTS[0]
    ) -> None:
        self.directory = directory
        self.proxies = list(proxies)
        self._start_url = start_url
        self._python = environment.python
        self._feeds = 0
        # What crawls left behind, when the example was tried by hand.
        left = shutil.ignore_patterns("__pycache__", ".scrapy", "media", "job", "history.sqlite")
        shutil.copytree(EXAMPLE, directory, ignore=left)
        if environment.way == "hand":
            self._enable_by_hand()

    def crawl(self, **settings: str) -> Finished:
        """Crawl to the end."""
        return self.end(self.start(**settings))

    def start(self, **settings: str) -> subprocess.Popen[str]:
        """Begin a crawl."""
        self._feeds += 1
        chosen = {**QUIET, "PROXIES": ",".join(proxy.url for proxy in self.proxies), **settings}
        options = [word for name, value in chosen.items() for word in ("-s", f"{name}={value}")]
        command = [str(self._python), "-m", "scrapy", "crawl", "products", "-a", f"start_url={self._start_url}"]
        return subprocess.Popen(  # noqa: S603
            [*command, "-O", str(self._feed), *options],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> Finished:
        """Wait for the end of a crawl."""
        try:
            log, _ = process.communicate(timeout=LIMIT)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        lines = self._feed.read_text(encoding="utf-8").splitlines() if self._feed.exists() else []
        # The last line of a crawl that was killed may be half of one.
        items = [json.loads(line) for line in lines if line.endswith("}")]
        return Finished(items, log, process.returncode)

    def interrupt(self, number: signal.Signals, when: Callable[[], bool], **settings: str) -> Finished:
        """Crawl, and send this signal as soon as the condition holds."""
        process = self.start(**settings)
        while not when():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        process.send_signal(number)
        return self.end(process)

    def history(self) -> list[str]:
        """The URLs of the changes that were written down, in their order."""
        with contextlib.closing(sqlite3.connect(self.directory / "history.sqlite")) as database:
            return [url for (url,) in database.execute("SELECT url FROM history ORDER BY rowid")]

    def medium(self, told: dict[str, Any]) -> bytes:
        """The content of a file that an item tells of."""
        path: str = told["path"]
        return (self.directory / "media" / path).read_bytes()

    def add_pipeline(self, name: str, source: str, *, order: int) -> None:
        """Add a module whose `Pipeline` each item passes."""
        package = self.directory / "shop"
        (package / f"{name}.py").write_text(source, encoding="utf-8")
        with (package / "settings.py").open("a", encoding="utf-8") as settings:
            settings.write(f'ITEM_PIPELINES["shop.{name}.Pipeline"] = {order}\n')

    def _enable_by_hand(self) -> None:
        settings = self.directory / "shop" / "settings.py"
        text = settings.read_text(encoding="utf-8")
        assert ENABLED in text
        settings.write_text(text.replace(ENABLED, "") + BY_HAND, encoding="utf-8")

    @property
    def _feed(self) -> Path:
        return self.directory / f"items{self._feeds}.jsonl"
