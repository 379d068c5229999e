"""Opens a crawl's store, or lets the crawl go on without one; closes it, and tells what it refused and saw."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.exceptions import NotConfigured

import notmodified
from notmodified.scrapy import waiting
from notmodified.scrapy.values import PREFIX, SettingsError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector

    from notmodified.scrapy.settings import Config

logger = logging.getLogger(__name__)

# Hosts that tell clients apart, as many as are told one by one.
MOST_TOLD = 20


def open_store(crawler: Crawler, config: Config) -> notmodified.Cache:
    """Open the store. If that fails: an error with NOTMODIFIED_STRICT, else one line in the log."""
    try:
        return _open(config)
    except notmodified.InvalidRequestError as error:
        raise _of_setting(error) from error
    except (OSError, NotConfigured) as error:
        problem = f"notmodified cannot open its store: {error}. Set NOTMODIFIED_STORE to another place."
        if config.strict:
            raise notmodified.StoreError(problem) from error
        logger.error("%s The crawl goes on without it.", problem)  # noqa: TRY400, one line and no traceback
        crawler.stats.inc_value("notmodified/store_errors")
        raise NotConfigured from error


async def close_store(cache: notmodified.Cache, stats: StatsCollector) -> None:
    """Write what is left, count the reads and writes that failed during the crawl, and let the store go."""
    if cache.closed:
        return
    counted = cache.stats()
    failed, last = counted["store_errors"], counted.get("last_store_error")
    try:
        await waiting.close(cache)
    except OSError as error:
        failed, last = failed + 1, error
    if failed:
        stats.inc_value("notmodified/store_errors", failed)
        logger.error("The store refused %d reads or writes; its last words: %s", failed, last)
    tracking: dict[str, dict[str, int]] = counted["tracking"]
    if tracking:
        stats.set_value("notmodified/tracking_hosts", len(tracking))
    for host, shown in list(tracking.items())[:MOST_TOLD]:
        logger.warning(
            "%s tells clients apart by validators: %d of them for one content, given to %d exits, on %d pages; "
            "what one exit alone was given is sent by no other",
            host,
            shown["validators"],
            shown["exits"],
            shown["urls"],
        )


def _of_setting(error: notmodified.InvalidRequestError) -> SettingsError:
    """Say of a setting what the core says of its option: `max_size=10; it must be …`, `rotating has …`, `key of …`."""
    text = str(error)
    for mark, verb in (("=", " is "), (" has ", " has "), (" of ", " is of ")):
        option, is_named, told = text.partition(mark)
        if is_named and option.isidentifier():
            return SettingsError(f"{PREFIX}{option.upper()}{verb}{told}")
    return SettingsError(text)


def _open(config: Config) -> notmodified.Cache:
    location = config.location()
    if config.is_directory:
        # Only the parent: the store makes its own directory, which its owner alone may read.
        Path(location).parent.mkdir(parents=True, exist_ok=True)
    return notmodified.Cache(
        location,
        consumer=config.consumer,
        freshness=config.freshness,
        max_body=config.max_body,
        durability=config.durability,
        max_size=config.max_size,
        max_age=config.max_age,
        min_interval=config.min_interval,
        floors=config.floors,
        full_every=config.full_every,
        stale_if_error=config.stale_if_error,
        stop_early=config.stop_early,
        fingerprint=config.fingerprint,
        storable=config.storable,
        sharing=config.sharing,
        k=config.k,
        identity_by=config.rule,
        rotating=config.rotating,
        identity_ttl=config.identity_ttl,
        identity_key=config.identity_key,
        strict=config.strict,
    )
