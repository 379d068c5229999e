"""A Django site with the middlewares for conditional GET and for gzip, which pads what it codes at random.

Run by gunicorn, in the directory of its server.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

if TYPE_CHECKING:
    from django.http import HttpRequest

SITE = Path.cwd() / "site"

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_hex(32),
    MIDDLEWARE=[
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
)
django.setup()


def page(_request: HttpRequest, name: str) -> HttpResponse:
    """A page; the middleware gives it a tag of its content."""
    response = HttpResponse((SITE / name).read_bytes())
    response["X-Kept"] = "of the 200"
    return response


# A URL without its slash is redirected to the one with it.
urlpatterns = [path("pages/<path:name>/", page)]
app = get_wsgi_application()
