"""Any number of forward proxies in one process of its own, and origins behind them, with TLS and without.

It listens on every address of the machine, so that 127.1.2.3 is a proxy as well as 127.4.5.6 is, lets in any user, and
keeps its connections. Memory and descriptors of a client can be told only where nobody else's are: hence the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from proxy import relay

if TYPE_CHECKING:
    from typing_extensions import Self

    from origin import Authority

# What a server needs that holds a connection of each proxy's.
DESCRIPTORS = 20_000
ANSWER = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 3\r\n\r\none"


class Gateway:
    """The process, for as long as the `with` block."""

    def __init__(self, authority: Authority) -> None:
        self.port = 0
        self._origins: list[tuple[str, int]] = []
        self._files = [str(authority.certificate_file), str(authority.key_file)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        here = Path(__file__)
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, here.name, *self._files],
            cwd=here.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self.port, self._origins = told["port"], [("http", told["http"]), ("https", told["https"])]
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # It ends with its standard input.
            self._process.communicate(timeout=10.0)

    def exits(self, endpoints: int, users: int) -> list[str]:
        """Proxies: so many at addresses of their own, and so many users of one."""
        addresses = (
            f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}" for number in range(endpoints)
        )
        return [
            *(f"http://{address}:{self.port}" for address in addresses),
            *(f"http://user{number}:secret@127.0.0.1:{self.port}" for number in range(users)),
        ]

    def url(self, number: int) -> str:
        """A page: on one host by http, on another by https."""
        scheme, port = self._origins[number % 2]
        host = "127.0.0.1" if number % 4 < 2 else "localhost"
        return f"{scheme}://{host}:{port}/{number}"

    def told(self) -> dict[str, int]:
        """What it counted: connections now, at most and in all, exits that were used, requests."""
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/counts", timeout=10.0) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts


class Proxies:
    """All proxies, and what is counted of them."""

    def __init__(self) -> None:
        self.open = 0
        self.most = 0
        self.connections = 0
        self.requests = 0
        self.exits: set[tuple[str, str]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one request after the other, over one connection to the origin."""
        self.open += 1
        self.connections += 1
        self.most = max(self.most, self.open)
        onward: asyncio.StreamWriter | None = None
        try:
            address = writer.get_extra_info("sockname")[0]
            while head := await _head(reader):
                target, login = _target(head), _login(head)
                if target == "/counts":
                    self.connections -= 1
                    writer.write(_counted(self))
                    return
                self.requests += 1
                self.exits.add((address, login))
                if head.startswith(b"CONNECT "):
                    upstream = await asyncio.open_connection(*target.rsplit(":", 1))
                    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    await relay((reader, writer), upstream)
                    return
                if onward is None:
                    answers, onward = await asyncio.open_connection(urlsplit(target).hostname, urlsplit(target).port)
                onward.write(f"GET {urlsplit(target).path} HTTP/1.1\r\nHost: origin\r\n\r\n".encode())
                writer.write(await answers.readexactly(len(ANSWER)))
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            for one in (writer, onward):
                if one is not None:
                    one.close()


async def _origin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
        while await _head(reader):
            writer.write(ANSWER)
    writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def _target(head: bytes) -> str:
    return head.split(b" ", 2)[1].decode("ascii")


def _login(head: bytes) -> str:
    lines = head.lower().split(b"\r\n")
    return next((line.decode("ascii") for line in lines if line.startswith(b"proxy-authorization:")), "")


def _counted(proxies: Proxies) -> bytes:
    # Without the connection that asks.
    counts = {
        "open": proxies.open - 1,
        "most": proxies.most,
        "connections": proxies.connections,
        "exits": len(proxies.exits),
        "requests": proxies.requests,
    }
    body = json.dumps(counts).encode()
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def _main(certificate: str, key: str) -> None:
    proxies = await asyncio.start_server(Proxies().serve, "0.0.0.0", 0, backlog=4096)  # noqa: S104
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    origins = [await asyncio.start_server(_origin, "127.0.0.1", 0, backlog=4096, ssl=tls) for tls in (None, context)]
    ports = [server.sockets[0].getsockname()[1] for server in (proxies, *origins)]
    print(json.dumps(dict(zip(("port", "http", "https"), ports, strict=True))), flush=True)  # noqa: T201
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    _, most_allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, most_allowed), most_allowed))
    asyncio.run(_main(*sys.argv[1:]))
