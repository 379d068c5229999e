"""h2o: files, one strong tag whatever the coding, compared as a string."""

from __future__ import annotations

from servers.process import Server, executable, is_root

CONFIGURATION = """
{user}
num-threads: 1
listen:
  host: 127.0.0.1
  port: {port}
pid-file: {directory}/h2o.pid
error-log: {directory}/error.log
compress: [gzip]
compress-minimum-size: 1
hosts:
  default:
    paths:
      /:
        file.dir: {site}
"""


class H2o(Server):
    """h2o's file server."""

    def command(self) -> list[str]:
        """See `Server`."""
        configuration = self.directory / "h2o.conf"
        user = "user: root" if is_root() else ""
        configuration.write_text(
            CONFIGURATION.format(directory=self.directory, site=self.site, port=self.port, user=user), encoding="utf-8"
        )
        return [executable("h2o"), "-m", "worker", "-c", str(configuration)]
