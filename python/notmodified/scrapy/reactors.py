"""What the crawl runs on: asyncio, with Twisted's reactor or without, or another reactor of Twisted's.

A store in a directory is read and written in place, wherever that is. A store at the other end of a connection has to
be awaited, which only asyncio can.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from notmodified.scrapy.values import PREFIX, SettingsError

if TYPE_CHECKING:
    from notmodified.scrapy.settings import Config

try:
    from scrapy.utils.asyncio import is_asyncio_available
except ImportError:
    # Before Scrapy 2.14, which was before there were crawls without a reactor.
    from scrapy.utils.reactor import is_asyncio_reactor_installed as is_asyncio_available

__all__ = ["is_asyncio_available", "refuse_where_nothing_can_be_awaited"]


def refuse_where_nothing_can_be_awaited(config: Config) -> None:
    """Refuse a store that is a URL on a reactor other than asyncio's."""
    if not config.is_url or is_asyncio_available():
        return
    message = (
        f"{PREFIX}STORE is {without_secrets(config.store)!r}, which can be asked only on asyncio, "
        "and this crawl runs on another reactor. Name a directory, or set "
        "TWISTED_REACTOR = 'twisted.internet.asyncioreactor.AsyncioSelectorReactor'."
    )
    raise SettingsError(message)


def without_secrets(url: str) -> str:
    """Give the scheme, the host and the path of a URL; user, password and query may be secrets."""
    scheme, _, rest = url.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    beyond = rest.removeprefix(authority)
    # An unescaped password may hold what ends an authority; then nobody can tell where the place begins.
    if "@" in beyond:
        return f"{scheme}://..."
    path = beyond.partition("?")[0].partition("#")[0]
    return f"{scheme}://{authority.rpartition('@')[2]}{path}"
