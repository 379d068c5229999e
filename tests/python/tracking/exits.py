"""Forward proxies as one rents them: a thousand addresses, or a gateway that has them behind it.

`Exits` is one process that listens on every loopback address: whoever connects to 127.1.0.7 leaves by 127.1.0.7.
`Gateway` is one proxy URL that gives each request an address of its own, or each proxy user his.
"""

from __future__ import annotations

import base64
from itertools import count
from typing import TYPE_CHECKING

from tracking.addresses import address
from tracking.forwarding import Forwarding

if TYPE_CHECKING:
    from origin.request import Head


class Exits(Forwarding):
    """A proxy at each loopback address; its requests leave by the address that it has."""

    # All of 127.0.0.0/8 at one port takes the wildcard; strangers are turned away.
    host = "0.0.0.0"  # noqa: S104

    def proxy(self, number: int, country: int = 1) -> str:
        """The URL of one."""
        return f"http://{address(number, country)}:{self.port}"

    def leaves_by(self, head: Head, own: str) -> str:
        """Leave by the address that the client chose."""
        del head
        return own


class Gateway(Forwarding):
    """One URL: a new address for each request, and one that stays for each proxy user that is named."""

    def __init__(self, *, country: int = 200, keeps: bool = True) -> None:
        super().__init__(keeps=keeps)
        self._country = country
        self._next = count()
        self.sticky: dict[str, str] = {}

    def proxy(self, user: str | None = None) -> str:
        """The URL, for a user whose address stays."""
        return self.url if user is None else f"http://{user}:any@127.0.0.1:{self.port}"

    def leaves_by(self, head: Head, own: str) -> str:
        """Leave by the next address, or by the user's."""
        del own
        user = _user(head)
        if user is None:
            return self._fresh()
        if user not in self.sticky:
            self.sticky[user] = self._fresh()
        return self.sticky[user]

    def _fresh(self) -> str:
        return address(next(self._next), self._country)


def _user(head: Head) -> str | None:
    credentials = head.first(b"proxy-authorization")
    if credentials is None:
        return None
    return base64.b64decode(credentials.partition(b" ")[2]).decode("latin-1").partition(":")[0]
