"""Contenders for the same pages: each in a process of its own, all taking turns, round by round.

Turns make what the machine does beside it fall on all alike; the median forgets what fell on one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

    from pages import Website

ROOT = Path(__file__).resolve().parents[2]
CONCURRENCY = 50
MODES = ("read", "unread")
FAST, SLOW = 2000, 200


class Contender:
    """Whoever runs rounds when told to: a program, or a module of `contenders`."""

    def __init__(self, name: str, *command: str, loop: str = "", requests: int = FAST) -> None:
        self.name = name
        self.command = command
        self.loop = loop
        # How many of them a round has: what is slow needs fewer for the same accuracy.
        self.requests = requests


def program(name: str, executable: str) -> Contender:
    """One of `programs`."""
    return Contender(name, str(ROOT / "target" / "release" / executable))


def module(name: str, module_name: str, *, loop: str = "", requests: int = FAST) -> Contender:
    """One of `contenders`."""
    command = (sys.executable, "-m", f"contenders.{module_name}")
    return Contender(f"{name}, {loop}" if loop else name, *command, loop=loop, requests=requests)


BARE = "bare reqwest"
CONTENDERS = [
    program(BARE, "bare_reqwest"),
    program("bare hyper", "bare_hyper"),
    *(module("Session.get", "session_get", loop=loop) for loop in ("asyncio", "uvloop")),
    *(module("Session.get_many", "session_get_many", loop=loop) for loop in ("asyncio", "uvloop")),
    *(module("wreq + dict", "wreq_dict", loop=loop) for loop in ("asyncio", "uvloop")),
    *(module("aiohttp + dict", "aiohttp_dict", loop=loop) for loop in ("asyncio", "uvloop")),
    module("hishel", "hishel_sqlite", loop="uvloop", requests=SLOW),
    module("requests-cache", "requests_cache_sqlite", requests=SLOW),
]


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the rounds."""

    # CPU seconds of the client for each request: user and system, all threads.
    cpu: float
    requests_per_second: float


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one contender."""

    name: str
    # Versions and settings, or why it did not run.
    told: str
    # By mode; empty when it did not run.
    costs: dict[str, Cost]


class NotRunError(Exception):
    """It did not start: its package has no build for this machine, for example."""


class _Running:
    """A contender's process, from its first visit to its last round."""

    def __init__(self, contender: Contender, pages: Path, scratch: Path) -> None:
        self.contender = contender
        self._errors = (scratch / "errors.txt").open("w+", encoding="utf-8")
        arguments = [str(pages), str(CONCURRENCY)]
        if contender.command[0] == sys.executable:
            arguments += [contender.loop, str(scratch)]
        paths = [ROOT / "python", Path(__file__).parent]
        with machine.client_core():
            self._process = subprocess.Popen(  # noqa: S603
                [*contender.command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # It ends when its input does.
        self._process.communicate()
        self._errors.close()

    def hear(self) -> dict[str, Any]:
        """Wait for what it tells next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().strip()
            raise NotRunError(said.splitlines()[-1] if said else f"ended with {self._process.returncode}")
        told: dict[str, Any] = json.loads(line)
        return told

    def run(self, mode: str, site: Website) -> tuple[float, float]:
        """Run one round, and hold it to what nginx saw; CPU and wall seconds for each request."""
        assert self._process.stdin is not None
        requests = self.contender.requests
        self._process.stdin.write(f"{mode} {requests}\n")
        self._process.stdin.flush()
        told = self.hear()
        seen = site.count(requests)
        if seen != {304: requests} or told["wrong"]:
            raise AssertionError(f"{self.contender.name}: nginx served {dict(seen)}, {told['wrong']} bodies were wrong")
        return told["cpu"] / requests, told["wall"] / requests


def contest(contenders: Iterable[Contender], site: Website, pages: Path, rounds: int) -> list[Result]:
    """Let all of them visit the pages for the first time, and then again and again in turns."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        running: dict[str, _Running] = {}
        told: dict[str, str] = {}
        for number, contender in enumerate(contenders):
            scratch = Path(directory) / str(number)
            scratch.mkdir()
            runner = stack.enter_context(_Running(contender, pages, scratch))
            try:
                told[contender.name] = runner.hear()["settings"]
                running[contender.name] = runner
            except NotRunError as error:
                told[contender.name] = f"not run: {error}"
        site.forget_log()
        measured = _take_turns(running, site, rounds)
    return [
        Result(name, said, {mode: _median(measured[name, mode]) for mode in MODES} if name in running else {})
        for name, said in told.items()
    ]


def _take_turns(
    running: dict[str, _Running], site: Website, rounds: int
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    measured: dict[tuple[str, str], list[tuple[float, float]]] = {
        (name, mode): [] for name in running for mode in MODES
    }
    for number in range(rounds + 1):
        for mode in MODES:
            for name, runner in running.items():
                cost = runner.run(mode, site)
                # The first one warms: caches, connections, whatever is made on first use.
                if number > 0:
                    measured[name, mode].append(cost)
    return measured


def _median(measured: list[tuple[float, float]]) -> Cost:
    cpu, wall = (statistics.median(column) for column in zip(*measured, strict=True))
    return Cost(cpu, 1 / wall)
