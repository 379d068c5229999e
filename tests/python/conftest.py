"""Fixtures: real servers on real sockets, a new one for each test, gone after it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest
import uvloop

from crawls.environments import ENVIRONMENTS, Environment, matrix
from crawls.processes import crawling_in
from nginx import Nginx
from origin import Authority, Origin
from proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from typing_extensions import Unpack

    from nginx import Options
    from servers.cases import Served


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Async tests run on the standard loop; those marked `every_loop` on uvloop as well."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.get_closest_marker("every_loop") is not None:
        factories["uvloop"] = uvloop.new_event_loop
    return factories


def pytest_report_header() -> list[str]:
    """Say where the Scrapy tests run, and where not."""
    told = [f"scrapy: {', '.join(map(str, ENVIRONMENTS))}"]
    if missing := matrix().get("missing"):
        told.append(f"scrapy: not on this machine: CPython {', '.join(missing)}")
    return told


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that crawls in each environment that suits it."""
    if "environment" not in metafunc.fixturenames:
        return
    marks = list(metafunc.definition.iter_markers("scrapy"))
    suiting = [environment for environment in ENVIRONMENTS if environment.suits(marks)]
    metafunc.parametrize("environment", suiting, ids=str, indirect=True)


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """The Scrapy that this run of the test crawls with."""
    with crawling_in(request.param) as chosen:
        yield chosen


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A scripted HTTP/1.1 origin; what went wrong in a handler fails the test."""
    with Origin() as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signed the certificates of the TLS servers; clients take its `ca_file`."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def tls_origin(authority: Authority) -> Iterator[Origin]:
    """The scripted origin behind TLS."""
    with Origin(tls=authority.server_context()) as running:
        yield running


class ServeNginx(Protocol):
    """Starts an nginx with these options over the test's `site` directory."""

    def __call__(self, **options: Unpack[Options]) -> Nginx:
        """Start one; it is stopped after the test."""


@pytest.fixture
def serve_nginx(tmp_path: Path) -> Iterator[ServeNginx]:
    """For tests that need nginx with options, or more than one."""
    site = tmp_path / "site"
    site.mkdir()
    with contextlib.ExitStack() as running:

        def serve(**options: Unpack[Options]) -> Nginx:
            serial = len(list(tmp_path.glob("nginx*")))
            return running.enter_context(Nginx(site, tmp_path / f"nginx{serial}", **options))

        yield serve


@pytest.fixture
def nginx_site(serve_nginx: ServeNginx) -> Nginx:
    """A plain nginx over an empty directory: `nginx_site.write("a.html", "…")` gives a URL."""
    return serve_nginx()


AnyServer = TypeVar("AnyServer", bound="Served")


class Serve(Protocol):
    """Starts a server of `servers`."""

    def __call__(self, server: AnyServer) -> AnyServer:
        """Start it; it is stopped after the test."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """For a test of a certain server: `serve(Apache(coding="gzip"))`. What it said is shown when the test fails."""
    servers: list[Served] = []
    with contextlib.ExitStack() as running:

        def start(server: AnyServer) -> AnyServer:
            servers.append(server)
            running.enter_context(server)
            return server

        yield start
        for server in servers:
            sys.stdout.write(server.output())


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """An open forward proxy."""
    with Proxy() as running:
        yield running


@pytest.fixture
def guarded_proxy() -> Iterator[Proxy]:
    """A forward proxy that wants `user:secret`."""
    with Proxy(user="user", password="secret") as running:  # noqa: S106
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A directory for a store; not made yet."""
    return tmp_path / "store"
