"""The power fails at any moment: what was confirmed before is there, and nothing that is there is wrong."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from power import Mark, record
from programs import run

if TYPE_CHECKING:
    from power import Recording

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")

PAGES, VERSIONS = 8, 12
OUTAGES = 60

BEGIN = """
import json, os, sys
from random import Random
from notmodified import Cache, NotModifiedError, Response

def content(number, version):
    # In every third version two pages share theirs.
    draw = Random(1000 * (number // 2) + version if version % 3 == 0 else 1000 * number + version)
    return draw.randbytes(draw.choice((20, 900, 5_000, 20_000)))
"""
STORE = """
with Cache(sys.argv[1], durability=sys.argv[2]) as cache:
    for version in range(int(sys.argv[4])):
        for number in range(int(sys.argv[3])):
            plan = cache.plan("GET", f"http://127.0.0.1/{number}")
            plan.settle(200, {"ETag": f'"{version}"'}, content(number, version))
        cache.flush()
        os.write(1, f"MARK {version}\\n".encode())
"""
LOOK = """
for store in sys.argv[2:]:
    found = {}
    try:
        with Cache(store) as cache:
            for number in range(int(sys.argv[1])):
                plan = cache.plan("GET", f"http://127.0.0.1/{number}")
                tag = plan.conditions.get("if-none-match")
                if tag is None:
                    plan.abandon()
                    continue
                settled = plan.settle(304)
                if not isinstance(settled, Response):
                    plan.abandon()
                    continue
                version = int(tag.strip('"'))
                found[number] = version if settled.content == content(number, version) else "wrong"
    except NotModifiedError as error:
        found["error"] = repr(error)
    print(json.dumps(found), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A program that stored, and where."""

    store: Path
    recording: Recording

    def outages(self, moments: list[int]) -> list[tuple[int, dict[str, int | str]]]:
        """For each moment: the version that was confirmed last, and what is found afterwards."""
        stores = []
        for serial, moment in enumerate(moments):
            after = Path(tempfile.mkdtemp(dir=self.store.parent))
            shutil.copy(self.store / "secret", after)
            (after / "data.mdb").write_bytes(self.recording.disk_after(moment, Random(serial)))
            stores.append(str(after))
        output = run(BEGIN + LOOK, str(PAGES), *stores).output
        confirmed = [int(marks[-1]) if (marks := self.recording.marks(moment)) else -1 for moment in moments]
        return list(zip(confirmed, map(json.loads, output.splitlines()), strict=True))

    def some_moments(self) -> list[int]:
        """Any."""
        return [Random(serial).randrange(len(self.recording.events) + 1) for serial in range(OUTAGES)]


@pytest.fixture(scope="module", params=["group", "relaxed"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A store in which all pages were replaced and flushed again and again."""
    directory = tmp_path_factory.mktemp("recorded")
    store = directory / "store"
    arguments = (str(store), request.param, str(PAGES), str(VERSIONS))
    return Recorded(store, record(BEGIN + STORE, store / "data.mdb", directory / "trace", *arguments))


def test_power_that_fails_after_a_flush_costs_nothing(recorded: Recorded) -> None:
    moments = [index + 1 for index, event in enumerate(recorded.recording.events) if isinstance(event, Mark)]
    found = recorded.outages(moments)
    assert found == [(version, {str(number): version for number in range(PAGES)}) for version in range(VERSIONS)]


@pytest.mark.parametrize("recorded", ["group"], indirect=True)
def test_power_that_fails_at_any_moment_costs_nothing_that_was_confirmed(recorded: Recorded) -> None:
    for confirmed, found in recorded.outages(recorded.some_moments()):
        assert "wrong" not in found.values()
        assert "error" not in found
        versions = [version for version in found.values() if isinstance(version, int)]
        assert confirmed < 0 or len(versions) == PAGES
        assert all(version >= confirmed for version in versions)


@pytest.mark.parametrize("recorded", ["relaxed"], indirect=True)
def test_power_that_fails_between_flushes_of_a_relaxed_store_gives_nothing_wrong(recorded: Recorded) -> None:
    for _, found in recorded.outages(recorded.some_moments()):
        assert "wrong" not in found.values()
        assert "error" not in found
