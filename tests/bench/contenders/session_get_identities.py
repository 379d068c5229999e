"""Ours, by ten identities in turns: each looks for what it was given, and for what the others agree on."""

from __future__ import annotations

from itertools import cycle

from bench.contenders.rounds import run_visits
from bench.contenders.session_get import SETTINGS, visiting

IDENTITIES = [f"exit-{number}" for number in range(10)]

if __name__ == "__main__":
    run_visits(lambda task: visiting(task, cycle(IDENTITIES)), f"{SETTINGS}, 10 identities, corroborated by 2")
