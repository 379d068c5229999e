"""Lets a job that was killed start over, where Scrapy would take it for done.

With `JOBDIR`, Scrapy remembers the requests that it has seen as it goes, but those that it has still to make only when
it is stopped in good order. A job that was killed (`kill -9`, out of memory, power) therefore resumes with nothing to
do. Starting over would cost a second download of everything; with notmodified it costs 304s, and what the killed run
had not processed comes as changed.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)


class StartOver:
    """Marks the job directory as long as the job runs, and clears one whose mark was left behind."""

    def __init__(self, job: Path) -> None:
        self.mark = job / "running"
        if self.mark.exists():
            logger.warning("The last run of the job in %s was killed: it starts over", job)
            shutil.rmtree(job)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StartOver:
        """Clear the directory now; the scheduler looks into it when the spider opens."""
        job = crawler.settings["JOBDIR"]
        if not job:
            raise NotConfigured
        extension = cls(Path(job))
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        """From here on there is something to lose."""
        self.mark.parent.mkdir(parents=True, exist_ok=True)
        self.mark.touch()

    def spider_closed(self) -> None:
        """The scheduler has written down by now what is left to do."""
        self.mark.unlink(missing_ok=True)
