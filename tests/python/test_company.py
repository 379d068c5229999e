"""Four processes over one store that is too small for what they write, and one of them killed now and then."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from notmodified import Cache, Response, StoreError

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20

# Each is its own origin: what a page holds, and its tag, follow from its number and the clock.
POLL = """
import hashlib, json, sys, time
from collections import Counter, deque
from random import Random
from notmodified import Cache, Response, StoreError

def content(number, version):
    draw = Random(number // 2 * 1_000_003 + version if version % 3 == 0 else number * 1_000_003 + version)
    return draw.randbytes(draw.choice((10, 1_000, 20_000, 60_000)))

def tag(body):
    return f'"{hashlib.sha256(body).hexdigest()}"'

def read(response, body):
    try:
        return "right" if response.content == body else "wrong"
    except StoreError:
        # Another process made room before it was read.
        return "taken"

store, max_size, until = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
draw, counts, unread = Random(), Counter(), deque()
with Cache(store, max_size=max_size, consumer=str(draw.randrange(4))) as cache:
    print(json.dumps(counts), flush=True)
    while time.time() < until:
        number = int(300 * draw.random() ** 2)
        version = int(time.time() * 2) if number % 2 else 0
        body = content(number, version)
        plan = cache.plan("GET", f"http://127.0.0.1/{number}")
        given = plan.conditions.get("if-none-match")
        settled = plan.settle(304) if given == tag(body) else plan.settle(200, {"ETag": tag(body)}, body)
        if not isinstance(settled, Response):
            settled = plan.settle(200, {"ETag": tag(body)}, body)
            counts["resent"] += 1
        counts[settled.outcome] += 1
        if draw.random() < 0.1:
            unread.append((settled, body))
        else:
            counts[read(settled, body)] += 1
        if len(unread) > 20:
            counts["later " + read(*unread.popleft())] += 1
        if settled.changed:
            settled.acknowledge()
        if draw.random() < 0.01:
            cache.flush()
    counts["damaged"] += cache.stats()["corrupt_records"]
    counts["failed"] += cache.stats()["store_errors"]
print(json.dumps(counts), flush=True)
"""


def start(store: Path, until: float) -> subprocess.Popen[str]:
    """Start one; it is at work when this returns."""
    command = [sys.executable, "-c", POLL, str(store), str(4 * MIB), str(until)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdout is not None
    assert process.stdout.readline() == "{}\n"
    return process


def keep_company(store: Path, seconds: float) -> Counter[str]:
    """Let four go on for so long while one more is killed again and again; what the four counted."""
    until = time.time() + seconds
    pollers = [start(store, until) for _ in range(4)]
    draw = Random(0)
    while time.time() < until:
        with start(store, until + 60) as victim:
            time.sleep(draw.uniform(0.05, 0.5))
            victim.kill()
    counts: Counter[str] = Counter()
    for poller in pollers:
        output, _ = poller.communicate(timeout=30)
        assert poller.returncode == 0
        counts.update(json.loads(output))
    return counts


def check(store: Path, seconds: float) -> None:
    """Nothing wrong was read, by nobody."""
    counts = keep_company(store, seconds)
    assert counts["wrong"] == counts["later wrong"] == 0, counts
    assert counts["damaged"] == counts["failed"] == 0, counts
    # What was read at once was there.
    assert counts["taken"] == 0, counts
    assert counts["not-modified"] > 100, counts
    assert (store / "data.mdb").stat().st_size <= 5 * MIB, counts


def test_four_processes_over_one_small_store_read_nothing_wrong(store: Path) -> None:
    check(store, 5.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_four_processes_over_one_small_store_read_nothing_wrong_for_long(store: Path) -> None:
    check(store, 600.0)


FLOOD = """
import sys
from random import Random
from notmodified import Cache
with Cache(sys.argv[1], max_size=int(sys.argv[2])) as cache:
    for number in range(1000, 1500):
        cache.plan("GET", f"http://127.0.0.1/{number}").settle(200, {"ETag": '"1"'}, Random(number).randbytes(40_000))
"""


def test_response_that_another_process_took_the_room_of_is_right_or_says_so(store: Path) -> None:
    bodies = [Random(number).randbytes(40_000) for number in range(40)]
    with Cache(str(store), max_size=8 * MIB) as cache:
        for number, body in enumerate(bodies):
            cache.plan("GET", f"http://127.0.0.1/{number}").settle(200, {"ETag": '"1"'}, body)
        cache.flush()
        held = [cache.plan("GET", f"http://127.0.0.1/{number}").settle(304) for number in range(40)]
        subprocess.run([sys.executable, "-c", FLOOD, str(store), str(8 * MIB)], check=True)  # noqa: S603
        for response, body in zip(held, bodies, strict=True):
            assert isinstance(response, Response)
            try:
                assert response.content == body
            except StoreError as error:
                assert "another process" in str(error)  # noqa: PT017
