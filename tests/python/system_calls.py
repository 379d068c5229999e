"""What a program asked of the kernel about one file, from strace: writes, syncs, and lines that it wrote as marks."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Kind: TypeAlias = Literal["write", "sync", "mark"]

CALLS = "openat,close,dup,dup2,dup3,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,msync,sync_file_range,mmap"
WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}
SYNCS = {"fsync", "fdatasync"}
# As strace -f -ttt prints a call, or one half of it when another thread came between.
LINE = re.compile(r"(?P<thread>\d+) +(?P<time>[\d.]+) (?P<rest>.*)")
BEGIN = re.compile(r"(?P<name>\w+)\((?P<arguments>.*?)(?P<unfinished> <unfinished \.\.\.>)?$")
RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)$")
RESULT = re.compile(r"\) += (?P<result>-?\w+)")
MARK = re.compile(r'"MARK (?P<name>[\w-]+)\\n"')


@dataclass(frozen=True, slots=True)
class Call:
    """One call that came to its end; `begun` and `ended` count lines of the trace, which are in order of time."""

    kind: Kind
    begun: int
    ended: int
    # The name of a mark.
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a program did, in order."""

    calls: list[Call]

    def mark(self, name: str) -> Call:
        """The one mark of that name."""
        (found,) = [call for call in self.calls if call.kind == "mark" and call.name == name]
        return found

    def between(self, kind: Kind, after: str, before: str) -> list[Call]:
        """The calls of a kind that began after one mark and ended before another."""
        first, last = self.mark(after), self.mark(before)
        return [
            call for call in self.calls if call.kind == kind and first.ended < call.begun <= call.ended < last.begun
        ]

    def unsynced(self, at: str) -> list[Call]:
        """The writes before a mark that no sync had followed to its end by then."""
        mark = self.mark(at)
        syncs = [call for call in self.calls if call.kind == "sync" and call.ended < mark.begun]
        writes = [call for call in self.calls if call.kind == "write" and call.begun < mark.begun]
        return [write for write in writes if not any(write.ended < sync.begun for sync in syncs)]


def traced(source: str, file: Path, output: Path, *arguments: str) -> Trace:
    """Run a program under strace to its end, and read what it did with `file`.

    It says where it is by writing ``MARK name`` and a line feed. A write through a descriptor that was opened with
    O_SYNC or O_DSYNC is on the disk when it returns, and is not counted among the writes.
    """
    command = ["strace", "-f", "-ttt", "-y", "-s", "64", "-e", f"trace={CALLS}", "-o", str(output)]
    program = [sys.executable, "-c", source, *arguments]
    subprocess.run([*command, *program], check=True, timeout=50, stdout=subprocess.DEVNULL)  # noqa: S603
    return Trace(list(_calls(output.read_text(errors="replace").splitlines(), str(file))))


def _calls(lines: list[str], file: str) -> Iterator[Call]:
    synchronous: set[str] = set()
    for line in whole_lines(lines):
        call = _call(line.name, line.arguments, file, synchronous)
        if call is not None:
            yield Call(call[0], line.begun, line.ended, call[1])


@dataclass(frozen=True, slots=True)
class Line:
    """One call as strace prints it, whole; where it begins and ends in the trace."""

    begun: int
    ended: int
    name: str
    arguments: str


def whole_lines(lines: list[str]) -> Iterator[Line]:
    """Put together again what other threads' calls have torn apart."""
    begun: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        parts = LINE.match(line)
        if parts is None:
            continue
        thread, rest = parts["thread"], parts["rest"]
        since = number
        if (resumed := RESUMED.match(rest)) is not None:
            since, first = begun.pop(thread)
            rest = first + resumed["arguments"]
        begin = BEGIN.match(rest)
        if begin is None:
            continue
        if begin["unfinished"]:
            begun[thread] = (number, rest.removesuffix(" <unfinished ...>"))
        else:
            yield Line(since, number, begin["name"], begin["arguments"])


def _call(name: str, arguments: str, file: str, synchronous: set[str]) -> tuple[Kind, str] | None:
    """What one call is to us; takes note of descriptors that write through."""
    if (mark := MARK.search(arguments)) is not None and name == "write":
        return "mark", mark["name"]
    if f"<{file}>" not in arguments:
        return None
    result = RESULT.search(arguments)
    assert result is not None, arguments
    # Whoever writes through the map would have to be watched in another way.
    assert name != "mmap" or "PROT_WRITE" not in arguments or "MAP_PRIVATE" in arguments, arguments
    if name == "openat":
        (synchronous.add if "SYNC" in arguments else synchronous.discard)(result["result"])
    if result["result"].startswith("-"):
        return None
    if name in WRITES and arguments.partition("<")[0] not in synchronous:
        return "write", ""
    return ("sync", "") if name in SYNCS else None
