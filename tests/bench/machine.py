"""Which core does what: the clients all on one, nginx on another, so that all meet the same scheduler."""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


_ALL = _cores()
IS_PINNED = len(_ALL) > 1


@contextmanager
def server_core() -> Iterator[None]:
    """What is started inside stays on the second core."""
    with _pinned(_ALL[1:2]):
        yield


@contextmanager
def client_core() -> Iterator[None]:
    """What is started inside stays on the first core."""
    with _pinned(_ALL[:1]):
        yield


@contextmanager
def _pinned(cores: list[int]) -> Iterator[None]:
    if not IS_PINNED:
        yield
        return
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, _ALL)


def describe() -> str:
    """The machine, for whoever reads the figures."""
    pinned = "clients on the first core, nginx on the second" if IS_PINNED else "not pinned: scheduling shows"
    cores = f"{len(_ALL) or os.cpu_count()} cores"
    return f"{_processor()}, {cores}; {pinned}; {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
