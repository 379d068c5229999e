"""The Scrapy end: reads crawls as lines of JSON, runs them, and writes what became of them likewise."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler, CrawlerProcess
from scrapy.settings import Settings
from scrapy.utils.defer import deferred_from_coro, maybe_deferred_to_future
from scrapy.utils.misc import load_object
from scrapy.utils.reactor import install_reactor
from twisted.internet.task import react

sys.path.insert(0, str(Path(__file__).parent.parent))

ASYNCIO_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"


def spider_class(name: str) -> Any:  # noqa: ANN401
    """Find a spider by its name in `spiders`, or by its module and name."""
    return load_object(f"crawls.{name}" if "." in name else f"crawls.spiders.{name}")


class Report(logging.Handler):
    """Collects what a crawl logs and yields."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.told: dict[str, Any] = {"items": [], "stats": {}, "log": [], "error": None}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the level and the text."""
        text = self.format(record)
        self.told["log"].append((record.levelname, text))

    def watch(self, crawler: Crawler) -> None:
        """Collect from this crawl."""
        crawler.signals.connect(self._keep_item, signal=signals.item_scraped)

    def _keep_item(self, item: dict[str, Any]) -> None:
        self.told["items"].append(item)

    def finished(self, crawler: Crawler, error: BaseException | None = None) -> dict[str, Any]:
        """Give all of it."""
        stats = getattr(crawler, "_stats", None) or getattr(crawler, "stats", None)
        self.told["stats"] = stats.get_stats() if stats is not None else {}
        if error is not None:
            self.told["error"] = f"{type(error).__name__}: {error}"
        return self.told


async def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run one crawl beside others."""
    crawler = Crawler(spider_class(job["spider"]), Settings(job["settings"]))
    report, error = Report(), None
    report.watch(crawler)
    logging.getLogger().addHandler(report)
    try:
        # Without a CrawlerRunner, whose copies of all settings cost a third of a crawl.
        await maybe_deferred_to_future(crawler.crawl(requests=job["requests"]))
    except Exception as raised:  # noqa: BLE001, the test looks at it
        error = raised
    logging.getLogger().removeHandler(report)
    return report.finished(crawler, error)


async def serve() -> None:
    """Run the crawls of each line together, until the input ends."""
    logging.getLogger().setLevel(logging.INFO)
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        told = await asyncio.gather(*(run(job) for job in json.loads(line)))
        print(json.dumps(told, default=str), flush=True)  # noqa: T201


def serve_with_reactor() -> None:
    """Run `serve` under the reactor that is Scrapy's default."""
    install_reactor(ASYNCIO_REACTOR)
    react(lambda _: deferred_from_coro(serve()))


def process_of(settings: Settings) -> Any:  # noqa: ANN401, two classes without a common face
    """Make the process that the settings ask for: with a reactor, or on asyncio alone, as Scrapy can since 2.15."""
    if settings.getbool("TWISTED_REACTOR_ENABLED", default=True):
        return CrawlerProcess(settings)
    from scrapy.crawler import AsyncCrawlerProcess  # noqa: PLC0415

    return AsyncCrawlerProcess(settings)


def apart() -> None:
    """Run one crawl as `scrapy crawl` does, with the reactor that its settings name."""
    (job,) = json.loads(sys.stdin.read())
    settings, report = Settings(job["settings"]), Report()
    process = process_of(settings)
    crawler = process.create_crawler(spider_class(job["spider"]))
    report.watch(crawler)
    logging.getLogger().addHandler(report)
    process.crawl(crawler, requests=job["requests"])
    process.start()
    error = RuntimeError("did not start") if process.bootstrap_failed else None
    print(json.dumps([report.finished(crawler, error)], default=str), flush=True)  # noqa: T201


if __name__ == "__main__":
    {"apart": apart, "serve": serve_with_reactor}[sys.argv[1]]()
