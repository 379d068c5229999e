"""A scripted origin on loopback, for what no web server does on demand.

A test says per path what comes back, down to the single byte, and reads what really arrived::

    with Origin() as origin:
        url = origin.on("/page", Page(b"<p>one</p>"))
        ...                                   # let the client fetch `url`
        assert origin.last.get("if-none-match") is None

It refuses to be clever: no routing beyond a path, no framework, raw streams only. Handlers run on the origin's own
thread, so synchronous tests and other processes can talk to it.
"""

from origin.bombs import brotli_bomb, deflate_bomb, gzip_bomb, nothing_in_gzip, wide_brotli_bomb, zstd_bomb
from origin.handlers import (
    bomb,
    close_delimited,
    cut,
    drip,
    echo,
    endless,
    hang_before_reply,
    hang_in_body,
    hang_in_headers,
    held,
    injected,
    redirect,
    repeated,
    sequence,
    status,
)
from origin.page import AUTO, Page
from origin.reply import FOREVER, Gate, Reply, Script
from origin.request import Request
from origin.server import Handler, Origin
from origin.stalled import full_backlog, refusing, silent
from origin.tls import Authority

__all__ = [
    "AUTO",
    "FOREVER",
    "Authority",
    "Gate",
    "Handler",
    "Origin",
    "Page",
    "Reply",
    "Request",
    "Script",
    "bomb",
    "brotli_bomb",
    "close_delimited",
    "cut",
    "deflate_bomb",
    "drip",
    "echo",
    "endless",
    "full_backlog",
    "gzip_bomb",
    "hang_before_reply",
    "hang_in_body",
    "hang_in_headers",
    "held",
    "injected",
    "nothing_in_gzip",
    "redirect",
    "refusing",
    "repeated",
    "sequence",
    "silent",
    "status",
    "wide_brotli_bomb",
    "zstd_bomb",
]
