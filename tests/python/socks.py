"""A small real SOCKS5 proxy on loopback (RFC 1928, RFC 1929): CONNECT alone, with a user and password if wanted.

What it is asked for by name it looks up in `names`, and nowhere else: so a test knows who resolved a name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from origin.listener import Listener
from proxy import relay

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION, USER_VERSION = 5, 1
NO_AUTHENTICATION, USER_AND_PASSWORD, NONE_ACCEPTABLE = 0, 2, 0xFF
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4
SUCCEEDED, HOST_UNREACHABLE, REFUSED = 0, 4, 5


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the proxy."""

    # As it came: a name, or an address.
    host: str
    is_name: bool
    port: int
    user: bytes | None
    password: bytes | None


class SocksProxy(Listener):
    """Lets in whoever knows `user` and `password`, if there are any; names it resolves to loopback addresses."""

    def __init__(
        self, *, user: bytes | None = None, password: bytes = b"", names: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.log: list[Asked] = []
        self.refused = 0
        self._login = None if user is None else (user, password)
        self._names = dict(names or {})

    def to(self, scheme: str, userinfo: str = "") -> str:
        """Its URL with that scheme."""
        return f"{scheme}://{userinfo}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        """Shake hands, and relay until either side ends."""
        del connection
        wanted = NO_AUTHENTICATION if self._login is None else USER_AND_PASSWORD
        _, count = await reader.readexactly(2)
        if wanted not in await reader.readexactly(count):
            self.refused += 1
            writer.write(bytes([VERSION, NONE_ACCEPTABLE]))
            return
        writer.write(bytes([VERSION, wanted]))
        user = password = None
        if self._login is not None:
            user, password = await _login(reader)
            is_known = (user, password) == self._login
            writer.write(bytes([USER_VERSION, not is_known]))
            if not is_known:
                self.refused += 1
                return
        host, is_name, port = await _target(reader)
        self.log.append(Asked(host, is_name, port, user, password))
        address = self._names.get(host) if is_name else host
        if address is None:
            writer.write(_reply(HOST_UNREACHABLE))
            return
        try:
            upstream = await asyncio.open_connection(address, port)
        except OSError:
            writer.write(_reply(REFUSED))
            return
        writer.write(_reply(SUCCEEDED))
        await relay((reader, writer), upstream)


async def _login(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    _, length = await reader.readexactly(2)
    user = await reader.readexactly(length)
    (length,) = await reader.readexactly(1)
    return user, await reader.readexactly(length)


async def _target(reader: asyncio.StreamReader) -> tuple[str, bool, int]:
    version, command, _, kind = await reader.readexactly(4)
    if (version, command) != (VERSION, CONNECT):
        raise AssertionError(f"version {version}, command {command}")
    if kind == NAME:
        (length,) = await reader.readexactly(1)
        host = (await reader.readexactly(length)).decode("ascii")
    else:
        host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == IPV4 else 16)))
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    return host, kind == NAME, port


def _reply(status: int) -> bytes:
    return bytes([VERSION, status, 0, IPV4, 0, 0, 0, 0, 0, 0])
