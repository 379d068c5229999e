"""lighttpd: files with `mod_deflate`, which gives each coding of a page a tag of its own."""

from __future__ import annotations

from servers.process import Server, executable

CONFIGURATION = """
server.document-root = "{site}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{directory}/error.log"
# It would look at a file once in a second.
server.stat-cache-engine = "disable"
mimetype.assign = (".html" => "text/html", ".txt" => "text/plain")
{lines}
"""
CODED = """
server.modules = ("mod_deflate")
deflate.mimetypes = ("text/html", "text/plain")
deflate.allowed-encodings = ("{coding}")
"""


class Lighttpd(Server):
    """lighttpd; `coding` is the one that it may choose, as `gzip`."""

    def __init__(self, *, coding: str | None = None) -> None:
        super().__init__()
        self._lines = CODED.format(coding=coding) if coding else ""

    def command(self) -> list[str]:
        """See `Server`."""
        configuration = self.directory / "lighttpd.conf"
        configuration.write_text(
            CONFIGURATION.format(
                directory=self.directory,
                site=self.site,
                port=self.port,
                lines=self._lines,
            ),
            encoding="utf-8",
        )
        return [executable("lighttpd"), "-D", "-f", str(configuration)]
