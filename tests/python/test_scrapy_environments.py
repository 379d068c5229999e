"""The environments of the Scrapy tests are what their names say, and what they test is this checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crawls.environments import ENVIRONMENTS

if TYPE_CHECKING:
    from crawls import Environment

ROOT = Path(__file__).resolve().parents[2]
TELL = """
import importlib.metadata, json, sys
import notmodified, scrapy
versions = scrapy.__version__, "%d.%d" % sys.version_info[:2], importlib.metadata.version("notmodified")
print(json.dumps([*versions, notmodified.__file__]))
"""


def test_every_supported_scrapy_has_an_environment_and_the_newest_is_enabled_in_both_ways() -> None:
    enabled = {(environment.scrapy[:2], environment.way) for environment in ENVIRONMENTS}

    assert enabled == {
        ((2, 13), "addon"),
        ((2, 14), "addon"),
        ((2, 19), "addon"),
        ((2, 19), "hand"),
    }, "`make environments` makes what is missing"


@pytest.mark.scrapy(way="addon", reason="what is installed is the same by hand")
def test_environment_is_what_its_name_says_and_imports_this_checkout(environment: Environment, tmp_path: Path) -> None:
    script = [str(environment.python), "-c", TELL]
    told = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603

    scrapy, python, version, file = json.loads(told.stdout)
    name_of_scrapy, _, name_of_python = environment.name.partition("-py")
    assert f"{scrapy}.".startswith(f"{name_of_scrapy}.")
    assert python == name_of_python
    assert f'\nversion = "{version}"\n' in (ROOT / "Cargo.toml").read_text()
    assert Path(file) == ROOT / "python" / "notmodified" / "__init__.py"
