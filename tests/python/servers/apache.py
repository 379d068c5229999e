"""Apache: files, coded by `mod_deflate` or `mod_brotli`, whose tags it does not know again."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from servers.process import Server, executable, is_root

CONFIGURATION = """
ServerRoot {directory}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {directory}/httpd.pid
ErrorLog {directory}/error.log
Mutex file:{directory}
{modules}
{user}
TypesConfig /dev/null
AddType text/html .html
AddType text/plain .txt
DocumentRoot {site}
<Directory {site}>
    Require all granted
</Directory>
{lines}
"""
# In the order in which they are loaded; those compiled into the program are left out.
MODULES = ("mpm_event", "unixd", "authz_core", "mime", "filter", "headers", "deflate", "brotli")
MODULE_DIRECTORIES = (
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/usr/lib/httpd/modules",
    "/opt/homebrew/lib/httpd/modules",
    "/usr/local/lib/httpd/modules",
)
FILTERS = {"gzip": "DEFLATE", "br": "BROTLI_COMPRESS"}


class Apache(Server):
    """Apache httpd; `coding` is `gzip` or `br`, `lines` are more lines of configuration."""

    def __init__(self, *, coding: str | None = None, lines: str = "") -> None:
        super().__init__()
        coded = f"SetOutputFilter {FILTERS[coding]}" if coding else ""
        self._lines = f"{coded}\n{lines}"

    def command(self) -> list[str]:
        """See `Server`."""
        program = executable("apache2", "httpd")
        configuration = self.directory / "httpd.conf"
        configuration.write_text(
            CONFIGURATION.format(
                directory=self.directory,
                site=self.site,
                port=self.port,
                modules=_modules(program),
                user=_user(),
                lines=self._lines,
            ),
            encoding="utf-8",
        )
        return [program, "-D", "FOREGROUND", "-f", str(configuration)]


def _modules(program: str) -> str:
    told = subprocess.run([program, "-l"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    built_in = set(re.findall(r"mod_(\w+)\.c", told))
    if re.search(r"^\s*(event|worker|prefork)\.c", told, re.MULTILINE):
        built_in.add("mpm_event")
    return "\n".join(f"LoadModule {name}_module {_module(name)}" for name in MODULES if name not in built_in)


def _module(name: str) -> Path:
    for directory in MODULE_DIRECTORIES:
        path = Path(directory) / f"mod_{name}.so"
        if path.exists():
            return path
    raise RuntimeError(f"mod_{name} of Apache is missing: `make setup` installs it")


def _user() -> str:
    """Apache refuses to serve as root."""
    return "User nobody\nGroup #65534" if is_root() else ""
