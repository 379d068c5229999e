"""Jobs that were killed start over, where Scrapy would take them for done.

With `JOBDIR`, Scrapy writes down each request that it has seen as it goes, but those that it has still to make
only when it is stopped in good order. A job that was killed (`kill -9`, out of memory, power) is resumed with its
URLs seen and nothing left to do: whatever it had not reached is never asked for. Starting over would cost another
download of everything; here it costs 304s, and what the killed run had not processed comes as changed.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

# Lies in the job's directory for as long as it runs.
MARK = "notmodified.running"
# What Scrapy's scheduler and its filter of duplicates keep there. The spider's own state stays.
KEPT_BY_SCRAPY = ("requests.queue", "requests.seen")
# Where that of the last killed run is put.
ASIDE = "killed"


class Job:
    """A job's directory, from the begin of a crawl to its end in good order."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mark = directory / MARK

    @classmethod
    def of(cls, settings: BaseSettings) -> Job | None:
        """Give the job of a crawl; None where it is none."""
        directory = settings.get("JOBDIR")
        return cls(Path(directory)) if directory else None

    def start_over_if_killed(self) -> None:
        """Set aside what a killed run left behind. To be called before the scheduler looks into it."""
        if not self._mark.exists():
            return
        try:
            aside = self._directory / ASIDE
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            for name in KEPT_BY_SCRAPY:
                if (self._directory / name).exists():
                    (self._directory / name).rename(aside / name)
        except OSError as error:
            logger.warning(
                "The last run of the job in %s was killed, and it cannot start over: %s", self._directory, error
            )
        else:
            logger.warning(
                "The last run of the job in %s was killed, with requests that Scrapy forgets then: it starts over. "
                "What was processed costs 304s. NOTMODIFIED_RESTART_KILLED_JOBS = False leaves such jobs alone.",
                self._directory,
            )

    def begin(self) -> None:
        """Take note that from here on there is something to lose."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._mark.touch()
        except OSError as error:
            logger.warning("If this job is killed it cannot start over: %s", error)

    def end(self) -> None:
        """Take note that Scrapy has written down what is left to do."""
        try:
            self._mark.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("This job will start over although it ended well: %s", error)
