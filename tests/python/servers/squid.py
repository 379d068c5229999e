"""Squid: a cache before an origin, which asks for the date once its copy has expired."""

from __future__ import annotations

import signal

from servers.process import Server, executable

CONFIGURATION = """
http_port 127.0.0.1:{port} accel defaultsite=127.0.0.1:{origin} no-vhost
cache_peer 127.0.0.1 parent {origin} 0 no-query originserver
http_access allow all
cache_mem 16 MB
cache_log /dev/null
access_log none
cache_store_log none
pid_filename none
netdb_filename none
coredump_dir none
logfile_rotate 0
shutdown_lifetime 0 seconds
visible_hostname localhost
pinger_enable off
# A copy is good until the origin says how long: its own guess is switched off.
refresh_pattern . 0 0% 0
"""


class Squid(Server):
    """Squid before this port, with nothing on the disk."""

    # Without waiting for connections. It has shared memory to give back: to be killed would leave that behind.
    ended_by = signal.SIGINT

    def __init__(self, origin: int) -> None:
        super().__init__()
        self._origin = origin

    def command(self) -> list[str]:
        """See `Server`."""
        # The name is that of its shared memory, of which two must not have one.
        configuration = self.directory / "squid.conf"
        configuration.write_text(CONFIGURATION.format(port=self.port, origin=self._origin), encoding="utf-8")
        return [executable("squid"), "-n", f"notmodified{self.port}", "-N", "-d", "1", "-f", str(configuration)]
