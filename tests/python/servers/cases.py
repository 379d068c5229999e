"""The servers and settings that every client is tried against; one row of `CASES` each.

A case says how the servers are started and how a page of theirs is called. What a client ought to make of it is the
same for all, but for a page that was touched: a tag that is made of the content does not see that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from nginx import Nginx
from servers.apache import Apache
from servers.caddy import Caddy
from servers.h2o import H2o
from servers.haproxy import Haproxy
from servers.lighttpd import Lighttpd
from servers.node_site import Node
from servers.python import Aiohttp, Gunicorn, Uvicorn
from servers.squid import Squid
from servers.varnish import Varnish

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Self

# Long before any test, so that a date of it is a strong validator (RFC 9110 section 8.8.2.2).
LONG_AGO = 1_700_000_000


class Served(Protocol):
    """A server over files."""

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""

    def write(self, name: str, content: str | bytes, modified: float | None = None) -> str:
        """Put a page into the site."""

    def output(self) -> str:
        """What it has said so far."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client asks, and the machines whose files it is answered from."""

    front: Served
    machines: tuple[Served, ...]
    target: str = "/{}"

    def write(self, name: str, content: str, modified: float = LONG_AGO) -> str:
        """Put a page onto all machines; returns its URL at the front."""
        for machine in self.machines:
            machine.write(name, content, modified)
        return self.front.url + self.target.format(name)

    def output(self) -> str:
        """What the servers have said so far."""
        return "\n".join(server.output() for server in {self.front, *self.machines})


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of origin."""

    name: str
    start: Callable[[contextlib.ExitStack, Path], Place]
    # What the client says of a file with a newer date and the same bytes.
    touched: str = "same-content"
    # The first poll that can be a 304, after the content has come under a new validator.
    holds_from: int = field(default=3, kw_only=True)
    # Seconds after which a cache in front shows what is new behind it.
    shows_after: float = field(default=0.0, kw_only=True)


def _alone(make: Callable[[], Served], target: str = "/{}") -> Callable[[contextlib.ExitStack, Path], Place]:
    def start(running: contextlib.ExitStack, _directory: Path) -> Place:
        server = running.enter_context(make())
        return Place(server, (server,), target)

    return start


def _behind(
    make: Callable[..., Served], *machines: Callable[[], Served]
) -> Callable[[contextlib.ExitStack, Path], Place]:
    def start(running: contextlib.ExitStack, _directory: Path) -> Place:
        started = tuple(running.enter_context(machine()) for machine in machines)
        ports = [int(server.url.rpartition(":")[2]) for server in started]
        return Place(running.enter_context(make(*ports)), started)

    return start


def _nginx(**options: Any) -> Callable[[contextlib.ExitStack, Path], Place]:  # noqa: ANN401 - nginx.Options
    def start(running: contextlib.ExitStack, directory: Path) -> Place:
        server = running.enter_context(Nginx(directory / "site", directory / "nginx", **options))
        return Place(server, (server,))

    return start


CASES = (
    Case("nginx", _nginx()),
    Case("nginx-gzip", _nginx(gzip=True)),
    Case("nginx-without-tags", _nginx(extra="etag off;")),
    Case("apache", _alone(Apache)),
    Case("apache-gzip", _alone(lambda: Apache(coding="gzip"))),
    Case("apache-brotli", _alone(lambda: Apache(coding="br"))),
    Case("lighttpd", _alone(Lighttpd)),
    Case("lighttpd-gzip", _alone(lambda: Lighttpd(coding="gzip"))),
    Case("caddy", _alone(Caddy)),
    Case("h2o", _alone(H2o)),
    Case("haproxy-gzip", _behind(lambda port: Haproxy(port, gzip=True), Lighttpd)),
    Case("haproxy-two-machines", _behind(Haproxy, Lighttpd, Lighttpd)),
    # The one origin here that knows no coded tag in a list.
    Case("haproxy-two-machines-gzip", _behind(Haproxy, *[lambda: Lighttpd(coding="gzip")] * 2), holds_from=4),
    Case("varnish", _behind(lambda port: Varnish(port, ttl=0.1), Lighttpd), shows_after=0.2),
    Case("squid", _behind(Squid, Lighttpd)),
    Case("flask-files", _alone(lambda: Gunicorn("flask_site"), "/files/{}")),
    Case("flask-pages", _alone(lambda: Gunicorn("flask_site"), "/pages/{}"), "not-modified"),
    Case("django-pages", _alone(lambda: Gunicorn("django_site"), "/pages/{}/"), "not-modified"),
    Case("starlette-files", _alone(lambda: Uvicorn("starlette_site"), "/files/{}")),
    Case("starlette-files-gzip", _alone(lambda: Uvicorn("starlette_site"), "/coded/{}")),
    Case("aiohttp-files", _alone(Aiohttp, "/files/{}")),
    Case("express-files", _alone(Node, "/files/{}")),
    Case("express-files-gzip", _alone(Node, "/coded/{}")),
    Case("express-pages", _alone(Node, "/pages/{}"), "not-modified"),
    Case("express-epoch", _alone(Node, "/epoch/{}")),
    Case("sirv", _alone(Node, "/sirv/{}")),
)
