"""A Flask application: files, a page with a new token at each GET, a page whose tag is of its content.

Run by gunicorn, in the directory of its server.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, make_response, request, send_from_directory

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

SITE = Path.cwd() / "site"
app = Flask(__name__)


@app.get("/files/<path:name>")
def file(name: str) -> Response:
    """A file, validated by its time and size."""
    return send_from_directory(SITE, name)


@app.get("/pages/<path:name>")
def page(name: str) -> Response:
    """A page, validated by its content."""
    response = make_response((SITE / name).read_text(encoding="utf-8"))
    response.add_etag()
    return response.make_conditional(request)


@app.get("/token/<path:name>")
def token(name: str) -> Response:
    """A page with a token of this one visit in it, and so with a tag of this one visit."""
    text = (SITE / name).read_text(encoding="utf-8")
    response = make_response(f'<input type="hidden" name="csrf_token" value="{secrets.token_hex(16)}">{text}')
    response.add_etag()
    return response.make_conditional(request)
