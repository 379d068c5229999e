"""Programs in processes of their own, for what cannot be tried in the tests': being killed, forking, exiting."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

# A program that takes longer hangs.
LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program wrote before it ended."""

    output: str
    errors: str


def run(source: str, *arguments: str, ends_with: int = 0, limit: float = LIMIT) -> Ended:
    """Run a program until it ends; fail unless it ends so (negative: by that signal), and in time."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", source, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)  # noqa: S603
    assert done.returncode == ends_with, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    # asyncio's debug mode tells of a step that took long, which says more about the machine.
    told = [line for line in done.stderr.splitlines() if not (line.startswith("Executing <") and " took " in line)]
    return Ended(done.stdout, "\n".join(told))
