"""An origin in Flask that answers conditional requests.

Start it with `flask --app examples/flask_origin.py run --port 8000`, and ask it with:

- `curl -i http://127.0.0.1:8000/user`
- `curl -i -H 'If-None-Match: "v1"' http://127.0.0.1:8000/user`
- `curl -i -X PUT -H 'If-Match: "v0"' -d 'Berta' http://127.0.0.1:8000/user`
"""

from __future__ import annotations

import threading

from flask import Flask, Response, request

from notmodified import NOT_MODIFIED, PRECONDITION_FAILED, evaluate
from published import Article, Feed, Representation, User

app = Flask(__name__)
user, article, feed = User(), Article(), Feed()
# Flask answers in several threads: nobody writes between a writer's condition and its change.
writing = threading.Lock()


def answered(current: Representation) -> Response:
    """Answer a GET or HEAD: with what there is, or with the word that the client has it."""
    evaluation = evaluate(request.method, request.headers, etag=current.etag, last_modified=current.last_modified)
    if evaluation is PRECONDITION_FAILED:
        return Response(status=412)
    if evaluation is NOT_MODIFIED:
        response = Response(status=304)
    else:
        # A Range is left unanswered, as any origin may: PROCEED and IGNORE_RANGE are the same here.
        response = Response(current.content, content_type=current.media_type)
    # A 304 has the fields that a cache goes by, as the 200 would have them (RFC 9110 §15.4.5).
    response.headers["ETag"] = str(current.etag)
    response.headers["Cache-Control"] = "no-cache"
    response.last_modified = current.last_modified
    return response


@app.get("/user")
def get_user() -> Response:
    """Tell who the user is."""
    return answered(user.representation())


@app.put("/user")
def put_user() -> Response:
    """Rename the user, unless the client's copy is not the current one: then its change would undo another's."""
    with writing:
        current = user.representation()
        evaluation = evaluate("PUT", request.headers, etag=current.etag, last_modified=current.last_modified)
        if evaluation is PRECONDITION_FAILED:
            return Response(status=412)
        user.rename(request.get_data(as_text=True))
        return Response(status=204, headers={"ETag": str(user.representation().etag)})


@app.get("/article")
def get_article() -> Response:
    """Show the article as a page."""
    return answered(article.page())


@app.get("/article.txt")
def get_text() -> Response:
    """Give the article as it was written."""
    return answered(article.plain())


@app.get("/feed")
def get_feed() -> Response:
    """List what was published."""
    return answered(feed.representation())


@app.post("/feed")
def post_feed() -> Response:
    """Publish one more."""
    feed.add(request.get_data(as_text=True))
    return Response(status=201)
