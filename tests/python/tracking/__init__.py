"""Origins that want to know their clients again, and the proxies through which those clients come.

Everything is on real sockets: `Exits` are forward proxies on as many loopback addresses as a test wants, `Gateway` is
one that changes its address by itself, and each origin sees them as clients of their own. A `Ledger` in front of an
origin's handler keeps who presented and who was given what, and `links` says which of that gave a client away::

    with Origin() as origin, Exits() as exits:
        url = origin.on("/page", ledger.watch(AddressTracker()))
        ...                                   # fetch `url` by exits.proxy(0), exits.proxy(1), ...
        assert links(ledger.visits, k=2) == []

Linux answers for all of 127.0.0.0/8; elsewhere the addresses have to be configured.
"""

from tracking.addresses import address, country_of
from tracking.exits import Exits, Gateway
from tracking.ledger import Ledger, Validator, Visit
from tracking.links import Link, crowds, first_visits, linked_clients, links, shown_kinds
from tracking.sites import Balanced, CountryPage
from tracking.teacher import Teacher
from tracking.trackers import AddressTracker, BearerTracker, CrowdTracker, EchoingTracker, Marks, SwappingTracker

__all__ = [
    "AddressTracker",
    "Balanced",
    "BearerTracker",
    "CountryPage",
    "CrowdTracker",
    "EchoingTracker",
    "Exits",
    "Gateway",
    "Ledger",
    "Link",
    "Marks",
    "SwappingTracker",
    "Teacher",
    "Validator",
    "Visit",
    "address",
    "country_of",
    "crowds",
    "first_visits",
    "linked_clients",
    "links",
    "shown_kinds",
]
