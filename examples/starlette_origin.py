"""An origin in Starlette that answers conditional requests.

Start it with `uvicorn --app-dir examples starlette_origin:app --port 8000`, and ask it with:

- `curl -i http://127.0.0.1:8000/article`
- `curl -i -H 'If-None-Match: *' http://127.0.0.1:8000/article`
- `curl -i -X PUT -H 'If-Match: "v0"' -d 'Berta' http://127.0.0.1:8000/user`
"""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from notmodified import NOT_MODIFIED, PRECONDITION_FAILED, evaluate
from published import Article, Feed, Representation, User

if TYPE_CHECKING:
    from starlette.requests import Request

user, article, feed = User(), Article(), Feed()


def answered(request: Request, current: Representation) -> Response:
    """Answer a GET or HEAD: with what there is, or with the word that the client has it."""
    evaluation = evaluate(request.method, request.headers, etag=current.etag, last_modified=current.last_modified)
    if evaluation is PRECONDITION_FAILED:
        return Response(status_code=412)
    # A 304 has the fields that a cache goes by, as the 200 would have them (RFC 9110 §15.4.5).
    headers = {"ETag": str(current.etag), "Cache-Control": "no-cache"}
    if current.last_modified is not None:
        headers["Last-Modified"] = format_datetime(current.last_modified, usegmt=True)
    if evaluation is NOT_MODIFIED:
        return Response(status_code=304, headers=headers)
    # A Range is left unanswered, as any origin may: PROCEED and IGNORE_RANGE are the same here.
    return Response(current.content, headers=headers, media_type=current.media_type)


async def get_user(request: Request) -> Response:
    """Tell who the user is."""
    return answered(request, user.representation())


async def put_user(request: Request) -> Response:
    """Rename the user, unless the client's copy is not the current one: then its change would undo another's."""
    name = (await request.body()).decode()
    # From here on nothing is awaited, so that nobody else writes between the question and the change.
    current = user.representation()
    evaluation = evaluate("PUT", request.headers, etag=current.etag, last_modified=current.last_modified)
    if evaluation is PRECONDITION_FAILED:
        return Response(status_code=412)
    user.rename(name)
    return Response(status_code=204, headers={"ETag": str(user.representation().etag)})


async def get_article(request: Request) -> Response:
    """Show the article as a page."""
    return answered(request, article.page())


async def get_text(request: Request) -> Response:
    """Give the article as it was written."""
    return answered(request, article.plain())


async def get_feed(request: Request) -> Response:
    """List what was published."""
    return answered(request, feed.representation())


async def post_feed(request: Request) -> Response:
    """Publish one more."""
    feed.add((await request.body()).decode())
    return Response(status_code=201)


app = Starlette(
    routes=[
        Route("/user", get_user),
        Route("/user", put_user, methods=["PUT"]),
        Route("/article", get_article),
        Route("/article.txt", get_text),
        Route("/feed", get_feed),
        Route("/feed", post_feed, methods=["POST"]),
    ]
)
