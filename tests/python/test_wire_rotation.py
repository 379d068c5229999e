"""Proxies in rotation, thousands of them: descriptors and memory of a process stay bounded, and everything closes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Authority

HERE = Path(__file__).parent
# Connections that clients keep, with those that are opened before one retires; and what a process opens besides.
MOST_KEPT = 512
MOST_DESCRIPTORS = MOST_KEPT + 150
MIB = 1 << 20

# A process of its own: its descriptors and its memory are nobody else's.
CLIENT = """
import asyncio, json, sys
from pathlib import Path
from notmodified import Request, Response, Session

def held():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return len(list(Path("/proc/self/fd").iterdir())), int(status["RssAnon"].split()[0]) * 1024

async def main(ca_file, window, pairs):
    samples = []
    async with Session(":memory:", ca_file=ca_file, concurrency=32) as session:
        for start in range(0, len(pairs), window):
            requests = [Request(url, proxy=proxy) for url, proxy in pairs[start : start + window]]
            async for result in session.get_many(requests):
                if not isinstance(result, Response):
                    raise result
            samples.append(held())
        # Still open: what is kept now is kept for the next request.
        print(json.dumps(samples), flush=True)
        sys.stdin.readline()
    print(json.dumps(held()), flush=True)
    sys.stdin.readline()

asyncio.run(main(*json.load(open(sys.argv[1]))))
"""


@pytest.fixture
def gateway(authority: Authority) -> Iterator[Gateway]:
    """Ten thousand proxies, if need be."""
    with Gateway(authority) as running:
        yield running


class Client:
    """The process that rotates, up to its end."""

    def __init__(self, given: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", CLIENT, str(given)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    async def told(self) -> Any:  # noqa: ANN401
        """What it says next."""
        assert self.process.stdout is not None
        return json.loads(await asyncio.to_thread(self.process.stdout.readline))

    def go_on(self) -> None:
        """Let it."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


async def rotate(
    gateway: Gateway, authority: Authority, directory: Path, pairs: list[tuple[str, str]]
) -> tuple[list[tuple[int, int]], int]:
    """Send it all, and wait until everything is closed after the session; samples, and what was open just before."""
    given = directory / "given.json"
    given.write_text(json.dumps([str(authority.ca_file), len(pairs) // 6, pairs]))
    client = Client(given)
    try:
        samples = await client.told()
        kept = gateway.told()["open"]
        client.go_on()
        await client.told()
        await eventually_closed(gateway)
        client.go_on()
    finally:
        client.process.communicate(timeout=20.0)
    assert client.process.returncode == 0
    return [(descriptors, anonymous) for descriptors, anonymous in samples], kept


async def eventually_closed(gateway: Gateway) -> None:
    """Wait until nobody is connected to the proxies."""
    for _ in range(200):
        if gateway.told()["open"] == 0:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{gateway.told()} after the session")


async def test_thousands_of_proxies_in_rotation_leave_little_behind(
    gateway: Gateway, authority: Authority, tmp_path: Path
) -> None:
    exits = gateway.exits(endpoints=800, users=800)
    samples, kept = await rotate(gateway, authority, tmp_path, [(gateway.url(0), exit_) for exit_ in exits + exits])
    told = gateway.told()
    assert (told["exits"], told["requests"]) == (1600, 3200)
    assert 0 < kept <= MOST_KEPT + 32
    assert max(descriptors for descriptors, _ in samples) < MOST_DESCRIPTORS
    # From the second round on everything has been there once.
    assert samples[-1][1] - samples[2][1] < 4 * MIB


async def test_few_proxies_and_several_hosts_with_tls_stay_below_the_limit(
    gateway: Gateway, authority: Authority, tmp_path: Path
) -> None:
    exits = gateway.exits(endpoints=120, users=120)
    pairs = [(gateway.url(number), exit_) for number in range(4) for exit_ in exits]
    samples, kept = await rotate(gateway, authority, tmp_path, pairs)
    assert 0 < kept <= MOST_KEPT + 32
    assert max(descriptors for descriptors, _ in samples) < MOST_DESCRIPTORS
