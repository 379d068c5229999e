"""Caddy: files with `encode`, one tag whatever the coding."""

from __future__ import annotations

from servers.process import Server, executable

CONFIGURATION = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    bind 127.0.0.1
    root * {site}
    encode gzip {{
        minimum_length 1
    }}
    file_server
}}
"""


class Caddy(Server):
    """Caddy's file server."""

    def command(self) -> list[str]:
        """See `Server`."""
        configuration = self.directory / "Caddyfile"
        configuration.write_text(CONFIGURATION.format(site=self.site, port=self.port), encoding="utf-8")
        return [executable("caddy"), "run", "--adapter", "caddyfile", "--config", str(configuration)]

    def environment(self) -> dict[str, str]:
        """See `Server`."""
        home = str(self.directory)
        return {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
