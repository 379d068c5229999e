"""The tests' end: starts Scrapy processes, hands them crawls as lines of JSON, and reads what became of them.

They belong to the environment that the test's fixture chose; there is one lasting process for each interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawls.environments import Environment

RUN = Path(__file__).with_name("run.py")
# What every test crawl has: nothing that listens, nothing that waits, nothing that retries unasked.
QUIET: dict[str, Any] = {
    "CONCURRENT_REQUESTS": 1,
    "LOG_LEVEL": "INFO",
    "REMOTE_CONTROL_ENABLED": False,
    "RETRY_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
}


_chosen: list[Environment] = []


@contextlib.contextmanager
def crawling_in(environment: Environment) -> Iterator[Environment]:
    """Let the crawls of a test run in this environment."""
    _chosen.append(environment)
    yield environment
    _chosen.remove(environment)


def _environment() -> Environment:
    assert _chosen, "a test that crawls does so in each environment: @pytest.mark.usefixtures('environment')"
    return _chosen[-1]


@dataclass(frozen=True, slots=True)
class Crawled:
    """What became of a crawl."""

    items: list[dict[str, Any]]
    stats: dict[str, Any]
    # Level and text of what was logged from INFO on.
    log: list[tuple[str, str]]
    # Why it did not start.
    error: str | None

    @property
    def pages(self) -> dict[str, dict[str, Any]]:
        """The items by their URL."""
        return {item["url"]: item for item in self.items}

    @property
    def page(self) -> dict[str, Any]:
        """The one item."""
        (item,) = self.items
        return item

    @property
    def skipped(self) -> int:
        """How many callbacks were skipped; none of the others raised."""
        assert "spider_exceptions/count" not in self.stats
        return int(self.stats.get("notmodified/skipped", 0))

    def said(self, level: str, part: str) -> list[str]:
        """The texts logged at this level that contain this part."""
        return [text for logged, text in self.log if logged == level and part in text]


def request(url: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
    """Describe a `scrapy.Request`."""
    return {"url": url, **arguments}


def crawl(
    requests: Sequence[str | dict[str, Any]],
    *,
    store: Path,
    spider: str = "PageSpider",
    **settings: Any,  # noqa: ANN401
) -> Crawled:
    """Crawl these URLs or requests, and whatever the spider makes of them."""
    (crawled,) = crawl_together([requests], store=store, spider=spider, **settings)
    return crawled


def crawl_together(
    crawls: Sequence[Sequence[str | dict[str, Any]]],
    *,
    store: Path,
    spider: str = "PageSpider",
    **settings: Any,  # noqa: ANN401
) -> list[Crawled]:
    """Run several crawls at once in one process, with one store."""
    server = _Server.running(_environment().python)
    try:
        return server.answer([_job(requests, store, spider, settings) for requests in crawls])
    except BaseException:
        # Whatever it still does, it does not do it for the next test.
        server.kill()
        raise


def crawl_apart(
    requests: Sequence[str | dict[str, Any]],
    *,
    store: Path,
    spider: str = "PageSpider",
    killed: bool = False,
    **settings: Any,  # noqa: ANN401
) -> Crawled | None:
    """Do the same in a process of its own; None when it was to be killed and was."""
    job = json.dumps([_job(requests, store, spider, settings)])
    finished = subprocess.run(  # noqa: S603
        [_environment().python, str(RUN), "apart"], input=job, capture_output=True, text=True, check=False
    )
    if killed and finished.returncode < 0:
        return None
    (crawled,) = _crawled(finished.stdout, finished.stderr)
    return crawled


def _job(
    requests: Sequence[str | dict[str, Any]], store: Path, spider: str, settings: dict[str, Any]
) -> dict[str, Any]:
    described = [{"url": given} if isinstance(given, str) else given for given in requests]
    given = {**QUIET, "NOTMODIFIED_STORE": str(store), **settings}
    return {"requests": described, "spider": spider, "settings": _environment().settings(given)}


def _crawled(line: str, errors: str) -> list[Crawled]:
    try:
        told = json.loads(line)
    except json.JSONDecodeError:
        raise AssertionError(f"the crawl told nothing: {line!r}\n{errors}") from None
    return [Crawled(one["items"], one["stats"], [tuple(entry) for entry in one["log"]], one["error"]) for one in told]


class _Server:
    """The process that lives as long as the tests; it ends when its input does."""

    _running: ClassVar[dict[Path, _Server]] = {}

    def __init__(self, python: Path) -> None:
        self._python = python
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed by kill()
        self._process = subprocess.Popen(  # noqa: S603
            [python, str(RUN), "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    @classmethod
    def running(cls, python: Path) -> _Server:
        if python not in cls._running:
            cls._running[python] = cls(python)
            atexit.register(cls._running[python].kill)
        return cls._running[python]

    def answer(self, jobs: list[dict[str, Any]]) -> list[Crawled]:
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        pipe_in.write(json.dumps(jobs) + "\n")
        pipe_in.flush()
        line = pipe_out.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise AssertionError(f"the Scrapy process ended:\n{self._errors.read()}")
        return _crawled(line, "")

    def kill(self) -> None:
        if self._errors.closed:
            return
        self._process.kill()
        # Reads what is left and closes the pipes.
        self._process.communicate()
        self._errors.close()
        _Server._running.pop(self._python)
