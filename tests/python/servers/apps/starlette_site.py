"""A Starlette application: files by `StaticFiles`, and by `FileResponse`, which never looks at a condition.

Run by uvicorn, in the directory of its server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SITE = Path.cwd() / "site"


async def page(request: Request) -> Response:
    """A file with ETag and Last-Modified, whatever was asked."""
    return FileResponse(SITE / request.path_params["name"])


app = Starlette(
    routes=[
        Route("/responses/{name:path}", page),
        Mount("/files", StaticFiles(directory=SITE)),
        Mount("/coded", StaticFiles(directory=SITE), middleware=[Middleware(GZipMiddleware, minimum_size=1)]),
    ]
)
