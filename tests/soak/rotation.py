"""Ten thousand proxies in rotation, and what one process keeps of them: `make rotation`.

Descriptors, anonymous memory and threads of the client after every thousand requests; the proxies tell how many
connections are open to them. Nothing is stored, so what grows would be the wire's. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from gateway import Gateway
from notmodified import Request, Response, Session
from origin import Authority

# What most systems allow a process: the client has to get by with it.
DESCRIPTORS = 1024
MIB = 1 << 20
# From the first to the last of the judged samples.
MOST_GROWTH = 4 * MIB
WINDOW = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """What the client holds."""

    requests: int
    descriptors: int
    # Open at the proxies.
    connections: int
    anonymous: int
    threads: int
    milliseconds: float

    def row(self) -> str:
        """A line of the table."""
        return (
            f"| {self.requests:,} | {self.descriptors} | {self.connections} | {self.anonymous / MIB:.1f} "
            f"| {self.threads} | {self.milliseconds:.2f} |"
        )


def hold(requests: int, gateway: Gateway, begun: float) -> Held:
    """Look at this process."""
    process = Path("/proc/self")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return Held(
        requests=requests,
        descriptors=len(list((process / "fd").iterdir())),
        connections=gateway.told()["open"],
        anonymous=int(status["RssAnon"].split()[0]) * 1024,
        threads=int(status["Threads"]),
        milliseconds=(time.monotonic() - begun) * 1000 / WINDOW,
    )


async def rotate(gateway: Gateway, ca_file: Path, exits: list[str], rounds: int) -> list[Held]:
    """Ask by each exit once a round, in an order of the round's own."""
    samples: list[Held] = []
    draw = Random(0)
    order = [exit_ for _ in range(rounds) for exit_ in draw.sample(exits, len(exits))]
    async with Session(":memory:", ca_file=ca_file) as session:
        for start in range(0, len(order), WINDOW):
            begun = time.monotonic()
            window = [
                Request(gateway.url(draw.randrange(WINDOW)), proxy=exit_) for exit_ in order[start : start + WINDOW]
            ]
            async for result in session.get_many(window):
                if not isinstance(result, Response):
                    raise result
            samples.append(hold(start + len(window), gateway, begun))
            print(samples[-1].row(), flush=True)
    return samples


def complaints(samples: list[Held], exits: int) -> list[str]:
    """What is not as it should be, once every exit was used."""
    judged = [sample for sample in samples if sample.requests >= exits]
    growth = judged[-1].anonymous - judged[0].anonymous
    found = [f"{growth / MIB:.1f} MiB more at the end"] if growth > MOST_GROWTH else []
    most = max(sample.descriptors for sample in samples)
    return found + ([f"{most} descriptors"] if most > DESCRIPTORS else [])


def main() -> int:
    """Rotate, and tell."""
    parser = argparse.ArgumentParser(prog="rotation", description="Rotates proxies, and watches what is kept of them.")
    parser.add_argument("--endpoints", type=int, default=5000, help="proxies at addresses of their own")
    parser.add_argument("--users", type=int, default=5000, help="users of one proxy")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, Gateway(authority := Authority(Path(directory))) as gateway:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        exits = gateway.exits(given.endpoints, given.users)
        print("| requests | descriptors | connections | MiB anonymous | threads | ms each |")
        print("|---|---|---|---|---|---|")
        samples = asyncio.run(rotate(gateway, authority.ca_file, exits, given.rounds))
        time.sleep(0.5)
        told = gateway.told()
    found = complaints(samples, len(exits))
    if told["open"]:
        found.append(f"{told['open']} connections open after the session")
    print(
        f"\nexits used: {told['exits']:,} of {len(exits):,}; open at most: {told['most']}; {'; '.join(found) or 'good'}"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
