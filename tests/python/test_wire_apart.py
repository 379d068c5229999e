"""No connection, TLS session or cookie crosses identities, over HTTP/1.1 and HTTP/2; the origin is a real nginx.

Each test sees as well that one identity does keep its connection, session and cookie: else it would see nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from notmodified import Request, Session
from proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import ServeNginx
    from nginx import Access, Nginx
    from origin import Authority

Kwargs = dict[str, Any]

# Two ways to ask that an origin can tell apart.
PAIRS: dict[str, Callable[[Proxy, Proxy], tuple[Kwargs, Kwargs]]] = {
    "identity, both direct": lambda _a, _b: ({"identity": "a"}, {"identity": "b"}),
    "identity, one proxy": lambda a, _b: ({"identity": "a", "proxy": a.url}, {"identity": "b", "proxy": a.url}),
    "one direct": lambda a, _b: ({"proxy": a.url}, {}),
    "proxy": lambda a, b: ({"proxy": a.url}, {"proxy": b.url}),
    "proxy, one identity": lambda a, b: ({"identity": "a", "proxy": a.url}, {"identity": "a", "proxy": b.url}),
    "proxy user": lambda a, _b: ({"proxy": _as(a, "alice:x")}, {"proxy": _as(a, "bob:x")}),
    "proxy password": lambda a, _b: ({"proxy": _as(a, "alice:x")}, {"proxy": _as(a, "alice:y")}),
    "proxy user, one identity": lambda a, _b: (
        {"identity": "a", "proxy": _as(a, "alice:x")},
        {"identity": "a", "proxy": _as(a, "bob:x")},
    ),
    "authorization": lambda _a, _b: _headers("Authorization", "Bearer a", "Bearer b"),
    "authorization, one without": lambda _a, _b: ({"headers": {"Authorization": "Bearer a"}}, {}),
    "cookie": lambda _a, _b: _headers("Cookie", "sid=a", "sid=b"),
    "cookie, one without": lambda _a, _b: ({"headers": {"Cookie": "sid=a"}}, {}),
}
# Not one connection, but one client as the caller has it, and its jar goes along.
ONE_JAR = ("proxy, one identity", "proxy user, one identity")
# First, second: who asks.
TURNS = (0, 0, 1, 1, 0, 1)

pytestmark = pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2.0"])


def _as(proxy: Proxy, user: str) -> str:
    return proxy.url.replace("://", f"://{user}@")


def _headers(name: str, first: str, second: str) -> tuple[Kwargs, Kwargs]:
    return {"headers": {name: first}}, {"headers": {name: second}}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Kwargs, Kwargs]]:
    """Each pair of identities."""
    with Proxy() as first, Proxy() as second:
        yield PAIRS[request.param](first, second)


class Asked:
    """What an nginx heard from two identities in turns."""

    def __init__(self, lines: list[Access]) -> None:
        self.lines = lines
        self.of = tuple([line for line, turn in zip(lines, TURNS, strict=True) if turn == who] for who in (0, 1))

    def connections(self) -> tuple[set[int], set[int]]:
        """The connections of both."""
        first, second = ({line.connection for line in lines} for lines in self.of)
        return first, second


async def ask(nginx: Nginx, authority: Authority, pair: tuple[Kwargs, Kwargs], **options: Any) -> Asked:  # noqa: ANN401
    """Ask for one page in turns, and never conditionally."""
    url = nginx.write("page.html", "one")
    async with Session(":memory:", ca_file=authority.ca_file, **options) as session:
        for turn in TURNS:
            response = await session.send(Request(url, full=True, **pair[turn]))
            assert response.text == "one"
    return Asked(nginx.log(len(TURNS)))


async def test_no_connection_crosses(
    serve_nginx: ServeNginx, authority: Authority, pair: tuple[Kwargs, Kwargs], protocol: str
) -> None:
    nginx = serve_nginx(tls=authority, http2=protocol == "HTTP/2.0")
    asked = await ask(nginx, authority, pair)
    assert {line.protocol for line in asked.lines} == {protocol}
    first, second = asked.connections()
    assert len(first) == len(second) == 1
    assert first != second


async def test_no_tls_session_crosses(
    serve_nginx: ServeNginx, authority: Authority, pair: tuple[Kwargs, Kwargs], protocol: str
) -> None:
    nginx = serve_nginx(tls=authority, http2=protocol == "HTTP/2.0", extra="keepalive_requests 1;")
    asked = await ask(nginx, authority, pair)
    assert {line.protocol for line in asked.lines} == {protocol}
    assert len({line.connection for line in asked.lines}) == len(TURNS)
    for lines in asked.of:
        assert [line.tls_resumed for line in lines] == [False, True, True]


@pytest.mark.parametrize("pair", [name for name in PAIRS if name not in ONE_JAR], indirect=True)
async def test_no_cookie_of_a_jar_crosses(
    serve_nginx: ServeNginx, authority: Authority, pair: tuple[Kwargs, Kwargs], protocol: str
) -> None:
    # The jar is told on which connection it was: so the cookie says whose it is.
    nginx = serve_nginx(
        tls=authority, http2=protocol == "HTTP/2.0", extra='add_header Set-Cookie "visit=$connection; Path=/";'
    )
    asked = await ask(nginx, authority, pair, cookies=True)
    sent = 0
    of_callers_own = sum("sid=" in line.cookie for line in asked.lines)
    for lines in asked.of:
        assert "visit" not in lines[0].cookie
        own = f"visit={lines[0].connection}"
        # A caller's own Cookie is sent instead of the jar's.
        later = [line.cookie for line in lines[1:] if "sid=" not in line.cookie]
        assert set(later) <= {own}
        sent += len(later)
    assert sent or of_callers_own == len(TURNS)
