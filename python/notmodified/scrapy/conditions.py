"""The fields that we add to a Scrapy request, and their way off it again.

Retry, redirect and disk queues copy a request with its headers and its meta. So what was added is written
down in `request.meta` as plain data: whoever holds a copy can take exactly that off again, and nothing of
what the spider set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notmodified.scrapy import meta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy import Request


def put_on(request: Request, conditions: Iterable[tuple[bytes, bytes]]) -> None:
    """Set these fields on the request, and write down what they replaced."""
    wanted: dict[bytes, list[bytes]] = {}
    for name, value in conditions:
        wanted.setdefault(name.title(), []).append(value)
    if not wanted:
        return
    headers = request.headers
    request.meta[meta.ADDED] = {
        name.decode("latin-1"): {"added": _text(values), "before": _text(headers.getlist(name))}
        for name, values in wanted.items()
    }
    # In Scrapy's own form already: names in title case, each with the list of its values.
    dict.update(headers, wanted)


def take_off(request: Request) -> None:
    """Undo `put_on`, on the request or on any copy of it. A field that was changed since then stays."""
    written = request.meta.pop(meta.ADDED, None)
    if not isinstance(written, dict):
        return
    headers = request.headers
    for name, change in written.items():
        match name, change:
            case str(), {"added": list(added), "before": list(before)}:
                if _text(headers.getlist(name)) != added:
                    continue
                if before:
                    headers.setlist(name, _bytes(before))
                else:
                    del headers[name]
            case _:
                # Not by our hand. What is written there cannot be undone, and must not cost the page.
                continue


def _text(values: Iterable[bytes]) -> list[str]:
    return [value.decode("latin-1") for value in values]


def _bytes(values: Iterable[Any]) -> list[bytes]:
    return [str(value).encode("latin-1") for value in values]
