"""A store whose file was damaged: never a wrong body, never the end of the process, and what is lost comes anew."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import damaged
from programs import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEEDS = 24
MANY_SEEDS = 1500
# Seconds for one seed; a store that takes longer holds its process up.
PATIENCE = 10.0


@dataclass(slots=True)
class Damages:
    """What became of many damaged stores."""

    told: list[dict[str, Any]] = field(default_factory=list)
    # Seeds at which the process was ended by a signal, or did not go on.
    fatal: list[tuple[int, int]] = field(default_factory=list)


def damage(store: Path, how: str, seeds: int) -> Damages:
    """Try all seeds; after one that ends the process, go on with the next in another."""
    found = Damages()
    seed = 0
    while seed < seeds:
        command = [sys.executable, damaged.__file__, str(store), how, str(seed), str(seeds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
        with process:
            assert process.stdout is not None
            while True:
                watchdog = threading.Timer(PATIENCE, process.kill)
                watchdog.start()
                line = process.stdout.readline()
                watchdog.cancel()
                if not line:
                    break
                found.told.append(json.loads(line))
                seed += 1
            _, errors = process.communicate()
        if process.returncode > 0:
            raise AssertionError(errors.decode())
        if process.returncode < 0:
            found.fatal.append((seed, process.returncode))
            seed += 1
    return found


@pytest.fixture
def filled(store: Path) -> Path:
    """A store with pages."""
    damaged.fill(store)
    return store


def check(found: Damages) -> None:
    """Nothing wrong, nothing fatal, the second visit finds everything, and what is stored anew is found too."""
    assert found.fatal == []
    assert [one for one in found.told if "error" in one] == []
    assert [one for one in found.told if "wrong" in one["first"] or "wrong" in one["second"]] == []
    assert [one for one in found.told if one["second"] != {"served": damaged.PAGES}] == []
    assert [one for one in found.told if one["third"] != {"missed": damaged.PAGES}] == []
    assert [one for one in found.told if one["fourth"] != {"served": damaged.PAGES}] == []


@pytest.mark.parametrize("how", damaged.HOW)
def test_damaged_file_gives_no_wrong_body_and_heals(filled: Path, how: str) -> None:
    found = damage(filled, how, SEEDS)
    check(found)
    # They are no damage that nobody notices.
    assert any("missed" in one["first"] for one in found.told)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("how", damaged.HOW)
def test_much_damage_gives_no_wrong_body_and_heals(filled: Path, how: str) -> None:
    check(damage(filled, how, MANY_SEEDS))


def test_whole_file_is_not_set_aside(filled: Path) -> None:
    lines = run(OPEN_TWICE, str(filled)).output.splitlines()
    assert lines == ["True False", "True False"]
    assert list(filled.glob("data.mdb.*")) == []


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zero_all_but_metas(data: bytes) -> bytes:
    return data[:8192] + bytes(len(data) - 8192)


def garble_metas(data: bytes) -> bytes:
    return b"\x5a" * 8192 + data[8192:]


DESTROYED: dict[str, Callable[[bytes], bytes]] = {
    "truncated": truncate,
    "zeroed": zero_all_but_metas,
    "garbled": garble_metas,
}

OPEN_TWICE = """
import logging, sys
from notmodified import Cache

warnings = []
class Listener(logging.Handler):
    def emit(self, record):
        warnings.append((record.levelname, record.getMessage()))
logging.getLogger("notmodified").addHandler(Listener())
for _ in range(2):
    with Cache(sys.argv[1]) as cache:
        plan = cache.plan("GET", "http://127.0.0.1/1")
        print(bool(plan.conditions), "damaged" in repr(cache.stats()))
        if not plan.conditions:
            plan.settle(200, {"ETag": '"1"'}, b"one")
for level, text in warnings:
    print(level, text)
"""


@pytest.mark.parametrize("name", DESTROYED)
def test_destroyed_store_is_set_aside_and_begun_anew_and_told_once(filled: Path, name: str) -> None:
    data = filled / "data.mdb"
    destroyed = DESTROYED[name](data.read_bytes())
    data.write_bytes(destroyed)
    first, second, *warnings = run(OPEN_TWICE, str(filled)).output.splitlines()
    assert (first, second) == ("False True", "True False")
    aside = filled / "data.mdb.damaged"
    assert aside.read_bytes()[: len(destroyed)] == destroyed
    assert len(warnings) == 1
    assert warnings[0].startswith("WARNING ")
    assert str(aside) in warnings[0]


def test_second_destroyed_store_is_set_aside_too(filled: Path) -> None:
    for _ in range(2):
        data = filled / "data.mdb"
        data.write_bytes(garble_metas(data.read_bytes()))
        first, second, *warnings = run(OPEN_TWICE, str(filled)).output.splitlines()
        assert (first, second, len(warnings)) == ("False True", "True False", 1)
    # What is kept is bounded: a store that is destroyed again and again fills no disk.
    assert 1 <= len(list(filled.glob("data.mdb.*"))) <= 2


def test_store_that_was_killed_at_work_is_not_set_aside(store: Path) -> None:
    program = """
import os, signal, sys
from notmodified import Cache
cache = Cache(sys.argv[1])
for number in range(200):
    cache.plan("GET", f"http://127.0.0.1/{number}").settle(200, {"ETag": '"1"'}, bytes(10_000))
    if number == 150:
        cache.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    run(program, str(store), ends_with=-9)
    assert run(OPEN_TWICE, str(store)).output.splitlines() == ["True False", "True False"]
    assert list(store.glob("data.mdb.*")) == []
