"""What a process and its store take at a moment. Linux only: it reads /proc."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

BLOCK = 512
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look."""

    # Seconds since the beginning.
    at: float
    # Bytes of memory that no file backs; the map of the store is a file's, and the system's to take back.
    anonymous: int
    resident: int
    threads: int
    descriptors: int
    cpu_seconds: float
    file_size: int
    file_blocks: int
    requests: int

    def row(self) -> str:
        """The values as a line of CSV."""
        return ",".join(f"{value:.1f}" if isinstance(value, float) else str(value) for value in asdict(self).values())


def take(pid: int, data: Path, begun: float, requests: int) -> Sample | None:
    """Look at a process and at its store's file; None when the process is gone."""
    process = Path("/proc") / str(pid)
    try:
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        descriptors = len(list((process / "fd").iterdir()))
        # The second field is a name in parentheses, with anything in it.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        file = data.stat()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if "RssAnon" not in status:
        return None
    return Sample(
        at=time.monotonic() - begun,
        anonymous=_kilobytes(status["RssAnon"]),
        resident=_kilobytes(status["VmRSS"]),
        threads=int(status["Threads"]),
        descriptors=descriptors,
        cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS,
        file_size=file.st_size,
        file_blocks=file.st_blocks * BLOCK,
        requests=requests,
    )


def _kilobytes(value: str) -> int:
    return int(value.split(maxsplit=1)[0]) * 1024
