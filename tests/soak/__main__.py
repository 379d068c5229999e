"""`python tests/soak`: puts the tests on the path, and starts."""

from __future__ import annotations

import sys
from pathlib import Path

# `python tests/soak` knows only this directory; and the origin is that of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from soak.command import main

sys.exit(main())
