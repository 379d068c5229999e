"""The tests that docs/http.md names exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"`((?:test_|a_|an_|the_)?[a-z0-9]+(?:_[a-z0-9]+){2,}(?:\.py)?)`")


def test_every_test_that_is_named_is_there() -> None:
    named = set(NAME.findall((ROOT / "docs" / "http.md").read_text(encoding="utf-8")))
    python = ROOT / "tests" / "python"
    sources = [*python.glob("test_*.py"), *(ROOT / "src").glob("**/*.rs"), *(ROOT / "tests" / "it").glob("**/*.rs")]
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    files = {source.name for source in python.glob("*.py")}
    missing = {name for name in named if name not in files and not re.search(rf"\b(?:def|fn) {name}\b", text)}
    assert len(named) > 50
    assert missing == set()
