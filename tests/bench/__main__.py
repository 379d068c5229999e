"""`python tests/bench`: puts the tests on the path, and starts."""

from __future__ import annotations

import sys
from pathlib import Path

# `python tests/bench` knows only this directory; and nginx is that of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from bench.command import main

main()
