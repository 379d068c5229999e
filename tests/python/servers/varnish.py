"""Varnish: a cache before an origin, one tag whatever the coding."""

from __future__ import annotations

from servers.process import Server, executable

PROGRAM = """
vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{origin}"; }}
sub vcl_backend_response {{
    set beresp.ttl = {ttl}s;
    set beresp.grace = 0s;
    set beresp.do_gzip = true;
}}
"""


class Varnish(Server):
    """Varnish before this port; what it has is good for `ttl` seconds."""

    def __init__(self, origin: int, *, ttl: float = 3600.0) -> None:
        super().__init__()
        self._origin = origin
        self._ttl = ttl

    def command(self) -> list[str]:
        """See `Server`."""
        program = self.directory / "default.vcl"
        program.write_text(PROGRAM.format(origin=self._origin, ttl=self._ttl), encoding="utf-8")
        # Without a jail: that would be another user, and a directory of that user's.
        return [
            executable("varnishd"),
            *("-F", "-j", "none", "-n", str(self.directory / "varnish"), "-s", "malloc,16m"),
            *("-a", f"127.0.0.1:{self.port}", "-f", str(program)),
        ]
