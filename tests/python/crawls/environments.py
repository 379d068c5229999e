"""Where the Scrapy tests run, and how a crawl is told of notmodified there.

A test that crawls takes the fixture `environment`, be it by `usefixtures`, and is run once for each of `ENVIRONMENTS`:
through the add-on with every Scrapy, and with the newest by hand as well, through DOWNLOADER_MIDDLEWARES alone; each on
another Python, where `scripts/scrapy_environments.py` found one. Its name tells which: `test_x[2.14.2-py3.12-addon]`.
What cannot hold everywhere says so with its reason: `@pytest.mark.scrapy(since=(2, 15), reason="…")`,
`@pytest.mark.scrapy(way="addon", reason="…")`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

Way: TypeAlias = Literal["addon", "hand"]

PLACE = Path(__file__).resolve().parents[3] / ".build" / "scrapy"
MATRIX = PLACE / "environments.json"
BY_WAY: dict[Way, dict[str, Any]] = {
    "addon": {"ADDONS": {"notmodified.scrapy.Addon": 500}},
    "hand": {"DOWNLOADER_MIDDLEWARES": {"notmodified.scrapy.NotModifiedMiddleware": 800}},
}


@dataclass(frozen=True, slots=True)
class Environment:
    """A Scrapy on a Python, and a way to enable notmodified in it."""

    # Their versions: `2.14.2-py3.12`.
    name: str
    python: Path
    way: Way

    def __str__(self) -> str:
        return f"{self.name}-{self.way}"

    @property
    def scrapy(self) -> tuple[int, ...]:
        """The version of its Scrapy."""
        return tuple(int(number) for number in self.name.partition("-")[0].split("."))

    def settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Complete a project's settings by those that enable notmodified."""
        enabling = {
            name: {**value, **given[name]} if given.get(name) else given.get(name, value)
            for name, value in BY_WAY[self.way].items()
        }
        return {**given, **enabling}

    def suits(self, marks: Iterable[pytest.Mark]) -> bool:
        """Whether a test with these `scrapy` marks can hold here."""
        return all(
            self.scrapy >= mark.kwargs.get("since", ()) and self.way == mark.kwargs.get("way", self.way)
            for mark in marks
        )


def matrix() -> dict[str, list[str]]:
    """Read which environments were made, and which Pythons are missing; nothing where the set-up did not run."""
    told: dict[str, list[str]] = json.loads(MATRIX.read_text()) if MATRIX.exists() else {}
    return told


def environments() -> list[Environment]:
    """List them; the first is the interpreter that runs the tests, with the add-on."""
    newest = ".".join(version("scrapy").split(".")[:2])
    here = Environment(f"{newest}-py{sys.version_info.major}.{sys.version_info.minor}", Path(sys.executable), "addon")
    made = [Environment(name, PLACE / name / "bin" / "python", "addon") for name in matrix().get("environments", [])]
    # Where there is another Python, by hand there: one run instead of two.
    of_newest = [environment for environment in made if environment.scrapy == here.scrapy]
    by_hand = replace(of_newest[-1] if of_newest else here, way="hand")
    return [here, *(environment for environment in made if environment.name != by_hand.name), by_hand]


ENVIRONMENTS = environments()
