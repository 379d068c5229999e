"""What a session really asked: read from the log of a forward proxy between it and the origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy import Proxy


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one request; `tag` is all of If-None-Match, lists included."""

    tag: str | None = None
    date: str | None = None


def conditions(proxy: Proxy) -> list[Conditions]:
    """Those of each request that passed the proxy, in order."""
    every = range(len(proxy.log))
    return [Conditions(field(proxy, at, b"if-none-match"), field(proxy, at, b"if-modified-since")) for at in every]


def field(proxy: Proxy, at: int, name: bytes) -> str | None:
    """A field of the request with this number. Two lines of one name are an error."""
    lines = [value.decode("latin-1") for own, value in proxy.log[at].fields if own.lower() == name]
    assert len(lines) <= 1, lines
    return lines[0] if lines else None
