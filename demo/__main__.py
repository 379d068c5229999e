"""`python demo`: puts the checkout on the path, and starts."""

from __future__ import annotations

import sys
from pathlib import Path

# `python demo` knows only this directory; and the nginx is that of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "python"))

from demo.command import main

sys.exit(main())
