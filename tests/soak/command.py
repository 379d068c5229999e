"""Starts the site and the pollers, takes samples, kills, and tells what it came to.

What happens to one of them does not end the run: a poller that dies is told in the report and started again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random
from typing import Any

from soak.samples import Sample, take
from soak.site import Site
from soak.verdict import Run, findings, table

TESTS = Path(__file__).resolve().parents[1]
RESULTS = TESTS.parent / ".build" / "soak"
STORE = RESULTS / "store"
# A poller that is asked to end has so long for it.
FAREWELL = 60.0
# What was found so far is written now and then, so that whatever ends the run loses little.
REPORT_EVERY = 600.0
# Without two samples there is nothing to tell.
FEWEST_SAMPLES = 2
EMPTY: dict[str, Any] = {
    "wrong": 0,
    "checked": 0,
    "acknowledged": 0,
    "sessions": 0,
    "counters": {},
    "outcomes": {},
    "expected": {},
    "unexpected": {},
    "examples": [],
}


@dataclass(slots=True)
class Polling:
    """A poller's process, and the last that it said; one after the other."""

    command: list[str]
    errors: Path
    process: subprocess.Popen[str] | None = None
    last: dict[str, Any] = field(default_factory=lambda: EMPTY)
    # What those before it said last, added up.
    before: dict[str, Any] = field(default_factory=lambda: EMPTY)
    listener: threading.Thread | None = None

    def start(self) -> None:
        """Start it."""
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(  # noqa: S603
                self.command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONPATH": str(TESTS)},
            )
        self.listener = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self.listener.start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            # The last line of one that is killed may be half a line.
            with contextlib.suppress(json.JSONDecodeError):
                self.last = json.loads(line)

    @property
    def has_ended(self) -> bool:
        """Is it gone?"""
        return self.process is not None and self.process.poll() is not None

    def end(self, how: signal.Signals) -> int:
        """End it so, and wait; the status it ended with."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        try:
            status = self.process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = -1000
        if self.listener is not None:
            self.listener.join(FAREWELL)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.before, self.last = added(self.before, self.last), EMPTY
        self.process = None
        return status

    def told(self) -> dict[str, Any]:
        """All that was said so far."""
        return added(self.before, self.last)


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Add up what two pollers said."""
    total: dict[str, Any] = {}
    for name, value in one.items():
        more = other[name]
        total[name] = dict(Counter(value) + Counter(more)) if isinstance(value, dict) else value + more
    total["examples"] = total["examples"][:40]
    return total


def soak(given: argparse.Namespace) -> Run:
    """Run it all for as long as was asked for."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    run = Run(0.0, vars(given), [], EMPTY, EMPTY, 0)
    site = Site(given.pages).start()
    steady = polling(given, site.url, given.rate, "steady")
    victim = polling(given, site.url, given.rate / 6, "victim")
    steady.start()
    victim.start()
    try:
        watch(given, run, site, steady, victim)
    except KeyboardInterrupt:
        run.accidents.append("interrupted")
    finally:
        victim.end(signal.SIGKILL)
        status = steady.end(signal.SIGTERM)
    if status != 0:
        run.accidents.append(f"the poller ended with {status} when asked to end")
    run.steady, run.killed = steady.told(), victim.told()
    # It raises what went wrong in its handlers; that is told in the report.
    with contextlib.suppress(Exception):
        site.stop()
    run.accidents += [f"the site: {error!r}" for error in site.failures[:3]]
    return run


def polling(given: argparse.Namespace, url: str, rate: float, name: str) -> Polling:
    """A poller that is not started yet."""
    options = {"pages": given.pages, "rate": rate, "lifetime": given.lifetime, "every": given.every}
    command = [sys.executable, "-m", "soak.poller", url, str(STORE), "--max-size", str(given.max_size)]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    return Polling(command, RESULTS / f"{name}.errors")


def watch(given: argparse.Namespace, run: Run, site: Site, steady: Polling, victim: Polling) -> None:
    """Take samples, and kill, until the time is over."""
    begun = time.monotonic()
    draw = Random()
    next_kill = begun + given.kill_every * draw.uniform(0.5, 1.5)
    next_sample = begun + given.every
    next_report = begun + REPORT_EVERY
    with (RESULTS / "samples.csv").open("w", buffering=1) as log:
        print(",".join(one.name for one in fields(Sample)), file=log)
        while (now := time.monotonic()) < begun + given.minutes * 60:
            time.sleep(max(0.0, min(next_sample, next_kill) - now))
            if time.monotonic() >= next_kill:
                victim.end(signal.SIGKILL)
                run.kills += 1
                victim.start()
                next_kill = time.monotonic() + given.kill_every * draw.uniform(0.5, 1.5)
            if time.monotonic() >= next_sample:
                next_sample += given.every
                mend(run, steady, victim)
                site.forget()
                sample = look(run, begun, steady)
                run.seconds = time.monotonic() - begun
                if sample is not None:
                    print(sample.row(), file=log)
                if time.monotonic() >= next_report:
                    next_report += REPORT_EVERY
                    run.steady, run.killed = steady.told(), victim.told()
                    write(run)


def mend(run: Run, *pollers: Polling) -> None:
    """Start again what ended by itself, and tell."""
    for one in pollers:
        if one.has_ended:
            status = one.end(signal.SIGKILL)
            run.accidents.append(f"a poller ended by itself with {status}; see {one.errors.name}")
            one.start()


def look(run: Run, begun: float, steady: Polling) -> Sample | None:
    """Take one sample of the poller that lives."""
    if steady.process is None:
        return None
    requests = steady.told()["counters"].get("requests", 0)
    sample = take(steady.process.pid, STORE / "data.mdb", begun, requests)
    if sample is not None:
        run.samples.append(sample)
    return sample


def write(run: Run) -> dict[str, Any]:
    """Write the report; what it says."""
    found = findings(run)
    (RESULTS / "soak.json").write_text(json.dumps(found, indent=2) + "\n")
    (RESULTS / "soak.md").write_text(table(found))
    return found


def main() -> int:
    """Soak, and tell."""
    parser = argparse.ArgumentParser(prog="soak", description="Polls for hours over one store, and watches.")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--pages", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=150.0, help="requests per second of the measured process")
    parser.add_argument("--lifetime", type=float, default=120.0, help="seconds that a session lives, about")
    parser.add_argument("--kill-every", type=float, default=180.0, help="seconds between two kills, about")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two samples")
    parser.add_argument("--max-size", type=int, default=64 << 20, help="bytes of the store's file")
    run = soak(parser.parse_args())
    if len(run.samples) < FEWEST_SAMPLES:
        print(f"no samples; {'; '.join(run.accidents)}; see {RESULTS}")
        return 1
    found = write(run)
    print(table(found))
    return 1 if found["complaints"] else 0
