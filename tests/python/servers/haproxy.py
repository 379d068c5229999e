"""HAProxy: a balancer that sends each request to the next of several machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servers.process import Server, executable

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIGURATION = """
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    {lines}
frontend balanced
    bind 127.0.0.1:{port}
    default_backend machines
backend machines
    balance roundrobin
{machines}
"""


class Haproxy(Server):
    """HAProxy before these ports, in turn; with `gzip` it compresses what comes from there."""

    def __init__(self, *ports: int, gzip: bool = False) -> None:
        super().__init__()
        self._ports: Sequence[int] = ports
        self._lines = "compression algo gzip\n    compression type text/html text/plain" if gzip else ""

    def command(self) -> list[str]:
        """See `Server`."""
        configuration = self.directory / "haproxy.cfg"
        machines = "\n".join(f"    server machine{port} 127.0.0.1:{port}" for port in self._ports)
        configuration.write_text(
            CONFIGURATION.format(port=self.port, machines=machines, lines=self._lines), encoding="utf-8"
        )
        return [executable("haproxy"), "-db", "-f", str(configuration)]
