"""What is on the disk when the power fails.

A program's writes to one file are taken from strace, with their bytes, and played back up to a moment. What was synced
before that moment is there. Of what was not, each page of memory is there or not, as it happens.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from system_calls import RESULT, SYNCS, whole_lines

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

PAGE = 4096
CALLS = "openat,lseek,write,writev,pwrite64,pwritev,ftruncate,fsync,fdatasync,msync"
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
LAST_NUMBER = re.compile(r", (\d+)\)")
MARK = b"MARK "


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes handed to the file."""

    at: int
    content: bytes
    # On the disk when the call returned.
    is_synchronous: bool


@dataclass(frozen=True, slots=True)
class Sync:
    """All before it is on the disk."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The program said so."""

    name: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What a program did with the file, in order."""

    events: list[Write | Sync | Mark]

    def disk_after(self, moment: int, draw: Random) -> bytes:
        """The file, when the power fails after so many events."""
        past = self.events[:moment]
        synced = max((index for index, event in enumerate(past) if isinstance(event, Sync)), default=-1)
        disk = bytearray()
        for index, event in enumerate(past):
            if not isinstance(event, Write):
                continue
            is_there = event.is_synchronous or index < synced
            for start in range(0, len(event.content), PAGE):
                if is_there or draw.random() < 0.5:
                    _put(disk, event.at + start, event.content[start : start + PAGE])
        return bytes(disk)

    def marks(self, moment: int) -> list[str]:
        """What the program had said by then."""
        return [event.name for event in self.events[:moment] if isinstance(event, Mark)]


def record(source: str, file: Path, output: Path, *arguments: str) -> Recording:
    """Run a program to its end, and take down what it writes to `file`."""
    command = ["strace", "-f", "-ttt", "-y", "-xx", "-s", "10000000", "-e", f"trace={CALLS}", "-o", str(output)]
    program = [sys.executable, "-c", source, *arguments]
    subprocess.run([*command, *program], check=True, timeout=50, stdout=subprocess.DEVNULL)  # noqa: S603
    with output.open(encoding="ascii") as lines:
        recording = Recording(_events(list(lines), "<" + "".join(f"\\x{byte:02x}" for byte in bytes(file)) + ">"))
    # What is missing would be taken for lost.
    assert _whole(recording) == file.read_bytes()
    return recording


def _events(lines: list[str], file: str) -> list[Write | Sync | Mark]:
    synchronous: set[str] = set()
    position: dict[str, int] = {}
    events: list[Write | Sync | Mark] = []
    for line in whole_lines([line.rstrip("\n") for line in lines]):
        descriptor, result = line.arguments.partition("<")[0], RESULT.search(line.arguments)
        assert result is not None, line.arguments[:200]
        if line.name == "write" and (said := _bytes(line.arguments)).startswith(MARK):
            events.append(Mark(said.removeprefix(MARK).decode().strip()))
        if file not in line.arguments or result["result"].startswith("-"):
            continue
        if line.name == "openat":
            (synchronous.add if "SYNC" in line.arguments else synchronous.discard)(result["result"])
            position[result["result"]] = 0
        elif line.name == "lseek":
            position[descriptor] = int(result["result"])
        elif line.name in SYNCS:
            events.append(Sync())
        else:
            is_placed = line.name.startswith("p")
            at = _place(line.arguments) if is_placed else position[descriptor]
            content = _bytes(line.arguments)[: int(result["result"])]
            events.append(Write(at, content, descriptor in synchronous))
            if not is_placed:
                position[descriptor] = at + len(content)
    return events


def _bytes(arguments: str) -> bytes:
    # A path stands between angle brackets, not between quotation marks.
    return b"".join(bytes.fromhex(found.replace("\\x", "")) for found in STRING.findall(arguments))


def _place(arguments: str) -> int:
    last = LAST_NUMBER.search(arguments)
    assert last is not None, arguments[-200:]
    return int(last[1])


def _whole(recording: Recording) -> bytes:
    disk = bytearray()
    for event in recording.events:
        if isinstance(event, Write):
            _put(disk, event.at, event.content)
    return bytes(disk)


def _put(disk: bytearray, at: int, content: bytes) -> None:
    disk.extend(bytes(max(0, at + len(content) - len(disk))))
    disk[at : at + len(content)] = content
