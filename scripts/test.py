"""Runs the linters, the Rust tests and the Python tests, streams what they say, and ends with one line of counts.

Every step runs even if one before it failed. A step that fails without having counted a failed test (a lint, a
compile error) counts as one failed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS = (
    ("make", "--no-print-directory", "lint"),
    ("cargo", "test", "--locked"),
    (sys.executable, "-m", "pytest"),
)
# A step that takes longer hangs, also on a machine with other work to do.
STEP_LIMIT = 40 * 60.0

CARGO_RESULT = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
PYTEST_RESULT = re.compile(r"=+ (.*) in [\d.]+s.* =+$")
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error|xfailed|xpassed)")
PYTEST_KINDS = {"error": "failed", "xfailed": "passed", "xpassed": "failed"}


def main() -> int:
    """Run all steps; the exit status is 1 if any failed."""
    total: Counter[str] = Counter()
    failed_steps = [step for step in STEPS if not run(step, total)]
    for step in failed_steps:
        print(f"failed: {' '.join(step)}")
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}", flush=True)
    return 1 if failed_steps else 0


def run(step: tuple[str, ...], total: Counter[str]) -> bool:
    """Run one step, add its counts to the total, and tell whether it went well."""
    print(f"\n$ {' '.join(step)}", flush=True)
    counts: Counter[str] = Counter()
    process = subprocess.Popen(
        step,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    limit = threading.Timer(STEP_LIMIT, end, [process])
    limit.start()
    try:
        for line in process.stdout or ():
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
            count(line.decode(errors="replace").rstrip(), counts)
        succeeded = process.wait() == 0
    finally:
        limit.cancel()
        end(process)
    if not succeeded and not counts["failed"]:
        counts["failed"] = 1
    total.update(counts)
    return succeeded


def count(line: str, counts: Counter[str]) -> None:
    """Add what a closing line of cargo or pytest says."""
    if cargo := CARGO_RESULT.search(line):
        passed, failed, ignored = (int(number) for number in cargo.groups())
        counts.update(passed=passed, failed=failed, skipped=ignored)
    elif pytest := PYTEST_RESULT.match(line):
        for number, kind in PYTEST_COUNT.findall(pytest[1]):
            counts[PYTEST_KINDS.get(kind, kind)] += int(number)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the step with everything that it started; no harm once it has ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main())
