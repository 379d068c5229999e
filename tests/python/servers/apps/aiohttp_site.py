"""aiohttp's own server over the files of a directory: `python aiohttp_site.py PORT`, in the directory of its server."""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web

app = web.Application()
app.add_routes([web.static("/files", Path.cwd() / "site")])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
