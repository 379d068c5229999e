"""Addresses of the loopback network for exits: an origin sees each of them as another client.

Linux answers for all of 127.0.0.0/8 without further ado; nothing is configured. The second number of an address is its
*country*, and 127.0.0.0/16 is left to the servers.
"""

from __future__ import annotations

from ipaddress import IPv4Address

LARGEST = 1 << 16


def address(number: int, country: int = 1) -> str:
    """The address of an exit; those of one country follow each other."""
    if not (0 <= number < LARGEST and 0 < country < 256):
        raise ValueError(f"no exit {number} in country {country}")
    return str(IPv4Address((127 << 24) + (country << 16) + number))


def country_of(client: str) -> int:
    """The country that an address lies in."""
    return int(client.split(".")[1])
