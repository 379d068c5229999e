"""As whom a Scrapy request goes out: by which proxy, and out of which cookie jar.

Only names are formed here; what an identity may share with another is decided by `notmodified.Cache`, which
keeps keyed hashes of them and nothing else. `Authorization` and, without Scrapy's cookies middleware,
`Cookie` are in the headers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import inspect
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scrapy.downloadermiddlewares.cookies import CookiesMiddleware

from notmodified.exceptions import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scrapy import Request
    from scrapy.crawler import Crawler


# Where a proxy without a port is, to Scrapy, and to whatever speaks SOCKS in its place.
USUAL_PORTS = {"https:": 443, "socks4:": 1080, "socks5:": 1080, "socks5h:": 1080}


def proxy_of(request: Request) -> str | None:
    """Name the proxy with its user, by which alone rotating gateways tell one exit from another.

    Scrapy's proxy middleware has moved the user from the URL into a header by now.
    """
    address = request.meta.get("proxy")
    if not address:
        return None
    scheme, has_scheme, rest = str(address).partition("//")
    if not has_scheme:
        scheme, rest = "", str(address)
    scheme = scheme or "http:"
    user, at, place = rest.rpartition("@")
    credentials = request.headers.get(b"Proxy-Authorization")
    if credentials:
        user, at = _userinfo(credentials), "@"
    return f"{scheme}//{user}{at}{_with_port(scheme, place)}"


def _with_port(scheme: str, place: str) -> str:
    """Add the port that Scrapy goes to where the URL names none."""
    host, slash, path = place.partition("/")
    if host.rpartition(":")[2].isdigit():
        return place
    return f"{host.removesuffix(':')}:{USUAL_PORTS.get(scheme.lower(), 80)}{slash}{path}"


def name_by(rule: Callable[[Request], str | None], request: Request) -> str | None:
    """Ask the project's own code who sends a request. What goes wrong there is the cause of an error that names it."""
    try:
        name: object = rule(request)
    except Exception as error:
        raise _nameless(rule, "raised an exception") from error
    if name is None or isinstance(name, str):
        return name
    if inspect.iscoroutine(name):
        # Nobody waits for it, which Python would complain of a second time.
        name.close()
    raise _nameless(rule, f"returned {type(name).__name__}")


def _nameless(rule: object, what: str) -> InvalidRequestError:
    # What the `repr` of a callable shows may be anything.
    named = rule if hasattr(rule, "__qualname__") else type(rule)
    return InvalidRequestError(
        f"NOTMODIFIED_IDENTITY_BY ({named.__module__}.{named.__qualname__}) {what}; it must return a name, or None for "
        "the proxy. Such requests go out without validators."
    )


def _userinfo(credentials: bytes) -> str:
    scheme, _, encoded = credentials.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            user, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
        except binascii.Error:
            return quote(credentials, safe="")
        return quote(user, safe="") + colon.decode() + quote(password, safe="")
    return quote(credentials, safe="")


class CookieJars:
    """Names the jar that a request's `Cookie` came from, when Scrapy's cookies middleware keeps jars.

    Session cookies differ in every crawl, so the jar is told by `meta["cookiejar"]`, not by what is in it.
    Cookies that the spider itself hands in (`Request(cookies=…)`) are logins as often as not, so they belong
    to the jar's name, for every request that sends them, and two logins out of jars of one name stay apart.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        # By jar and name, the value given last at the end.
        self._given: dict[Any, dict[str, dict[str, None]]] = {}

    @cached_property
    def _are_kept(self) -> bool:
        # Asked when all middlewares are there: what the settings name is one thing, what was made another.
        return self._crawler.get_downloader_middleware(CookiesMiddleware) is not None

    def name(self, request: Request) -> str | None:
        """Name the jar, or give None when the `Cookie` header is the spider's own."""
        if not self._are_kept or request.meta.get("dont_merge_cookies"):
            return None
        jar = request.meta.get("cookiejar")
        name = "" if jar is None else repr(jar)
        given = self._given.setdefault(jar, {}) if request.cookies else self._given.get(jar)
        if given is None:
            return name
        for cookie, value in _cookies(request):
            values = given.setdefault(cookie, {})
            values.pop(value, None)
            values[value] = None
        sent = sorted((cookie, _as_given(value, given[cookie])) for cookie, value in _sent(request) if cookie in given)
        if not sent:
            return name
        return f"{name} {hashlib.blake2b(repr(sent).encode(), digest_size=16).hexdigest()}"


def _as_given(sent: str, given: dict[str, None]) -> str:
    # One jar holds the cookies of many sites, and a name may be a login at each. A value that the spider did not
    # give is the site's, in place of one that it did: of the last.
    return sent if sent in given else next(reversed(given))


def _cookies(request: Request) -> Iterator[tuple[str, str]]:
    cookies: Any = request.cookies
    pairs = cookies.items() if isinstance(cookies, dict) else ((c.get("name"), c.get("value")) for c in cookies)
    for name, value in pairs:
        yield _text(name), _text(value)


def _sent(request: Request) -> Iterator[tuple[str, str]]:
    for line in request.headers.getlist("Cookie"):
        for pair in line.decode("latin-1").split(";"):
            name, _, value = pair.partition("=")
            yield name.strip(), value.strip()


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
