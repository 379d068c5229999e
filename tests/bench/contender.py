"""Whoever is measured: a process that says when it is ready, carries out orders, and tells what each one cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import machine

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Contender:
    """A program, or a module of `contenders`, by the name that it has in tables."""

    name: str
    command: tuple[str, ...]
    # Given to what asyncio runs.
    loop: str = ""
    # How many requests a round has: what is slow needs fewer for the same accuracy.
    requests: int = 2000

    @property
    def is_module(self) -> bool:
        """Is it one of `contenders`?"""
        return self.command[0] == sys.executable


def program(name: str, executable: str) -> Contender:
    """One of `programs`."""
    return Contender(name, (str(ROOT / "target" / "bench" / "release" / executable),))


def locked_version(crate: str) -> str:
    """Of what `programs` are made of."""
    text = (Path(__file__).parent / "programs" / "Cargo.lock").read_text(encoding="utf-8")
    return f"{crate} " + text.split(f'name = "{crate}"\nversion = "', 1)[1].split('"', 1)[0]


def module(name: str, module_name: str, *, loop: str = "", requests: int = 2000) -> Contender:
    """One of `contenders`."""
    command = (sys.executable, "-m", f"bench.contenders.{module_name}")
    return Contender(f"{name}, {loop}" if loop else name, command, loop, requests)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request, or whatever an order counts."""

    # Seconds of the contender's process: user and system, all threads.
    cpu: float
    wall: float


class NotRunError(Exception):
    """It did not start, or ended early: its package has no build for this machine, for example."""


class Running:
    """Its process, until it has had enough orders."""

    def __init__(self, contender: Contender, scratch: Path, *arguments: str) -> None:
        self.contender = contender
        self._errors = (scratch / "errors.txt").open("w+", encoding="utf-8")
        paths = [ROOT / "python", ROOT / "tests"]
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
        # It ends when its orders do.
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

    def obey(self, order: str, number: int) -> Cost:
        """Let it do something so many times and hear what it cost."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order} {number}\n")
        self._process.stdin.flush()
        return self.cost(number)

    def cost(self, number: int) -> Cost:
        """Hear what it cost to do something so many times, and refuse what it got wrong; the cost of one time."""
        told = self.hear()
        if told["wrong"]:
            raise AssertionError(f"{self.contender.name}: {told['wrong']} of {number} bodies were wrong")
        return Cost(told["cpu"] / number, told["wall"] / number)
