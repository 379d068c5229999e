"""Web frameworks of Python, each behind the server that it is usually run by; the applications are in `apps`."""

from __future__ import annotations

import sys
from pathlib import Path

from servers.process import Server

APPS = Path(__file__).parent / "apps"


class Gunicorn(Server):
    """An application of WSGI by gunicorn, whose simplest worker closes the connection after each response."""

    def __init__(self, app: str) -> None:
        super().__init__()
        self._app = app

    def command(self) -> list[str]:
        """See `Server`."""
        return [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--chdir", str(self.directory)),
            *("--pythonpath", str(APPS), "--worker-tmp-dir", str(self.directory), "--no-control-socket"),
            f"{self._app}:app",
        ]


class Uvicorn(Server):
    """An application of ASGI by uvicorn."""

    def __init__(self, app: str) -> None:
        super().__init__()
        self._app = app

    def command(self) -> list[str]:
        """See `Server`."""
        return [
            *(sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--app-dir", str(APPS), f"{self._app}:app"),
        ]


class Aiohttp(Server):
    """aiohttp's own server."""

    def command(self) -> list[str]:
        """See `Server`."""
        return [sys.executable, str(APPS / "aiohttp_site.py"), str(self.port)]
