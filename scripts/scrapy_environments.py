"""Makes the environments, beside .venv, in which the Scrapy tests are run again: older Scrapys, and other Pythons.

`.venv` has the newest Scrapy. Each older one gets an environment of its own, and so does each other CPython of this
machine: the oldest Scrapy with the oldest of them, and so on; what is left over runs the newest Scrapy. Each imports
this checkout's package and has its metadata, as an editable install would; nothing is compiled, one extension serves
all. `.build/scrapy/environments.json` says what there is, and which Pythons are not here: the tests tell it as well.
No interpreter is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".build" / "scrapy"
# The older ones in full: both pin a Twisted themselves, and 2.13.3 and before do not run with today's.
OLDER_SCRAPYS = ("2.13.4", "2.14.2")
# The same as in pyproject.toml.
NEWEST_SCRAPY = "2.19.*"
# What the tests' crawls use besides: Scrapy's download handler for crawls without a reactor, its ImagesPipeline.
COMPANIONS = ("aiohttp>=3.13.3", "pillow>=11")
# What is said to be missing where it is not here; newer ones are used where they are.
WANTED_PYTHONS = ((3, 10), (3, 11), (3, 12), (3, 13))
NEWEST_IMAGINED = (3, 20)
PROBE = (
    "import sys, sysconfig; print(sys.implementation.name, *sys.version_info[:2], sys.version_info.releaselevel,"
    " bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
)

Version = tuple[int, int]


class Environment(NamedTuple):
    """One of them, and what is in it."""

    name: str
    interpreter: Path
    requirements: tuple[str, ...]

    @property
    def directory(self) -> Path:
        """Where it lies."""
        return PLACE / self.name

    @property
    def python(self) -> Path:
        """Its own interpreter."""
        return self.directory / "bin" / "python"


def main() -> None:
    """Make what is missing, and bring the metadata of all up to date."""
    pythons = find_pythons()
    missing = [text(wanted) for wanted in WANTED_PYTHONS if wanted not in pythons]
    if missing:
        say(f"not on this machine: CPython {', '.join(missing)}; the Scrapy tests do not run with it")
    environments = plan(pythons)
    names = [environment.name for environment in environments]
    PLACE.mkdir(parents=True, exist_ok=True)
    for old in PLACE.iterdir():
        if old.is_dir() and old.name not in names:
            shutil.rmtree(old)
    for environment in environments:
        make(environment)
        link(environment)
    told = {"environments": names, "missing": missing}
    (PLACE / "environments.json").write_text(json.dumps(told, indent=2) + "\n")


def find_pythons() -> dict[Version, Path]:
    """Find released CPythons: on the path, pyenv's, and that of .venv."""
    names = [f"python3.{minor}" for minor in range(WANTED_PYTHONS[0][1], NEWEST_IMAGINED[1])]
    on_path = [Path(found) for name in names if (found := shutil.which(name))]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    of_pyenv = sorted(path for name in names for path in pyenv.glob(f"versions/*/bin/{name}"))
    pythons = {version: path for path in (*of_pyenv, *on_path) if (version := probe(path)) is not None}
    pythons[sys.version_info[:2]] = Path(sys.executable)
    return dict(sorted(pythons.items()))


def probe(python: Path) -> Version | None:
    """Tell the version, unless it is no CPython with a GIL, no release, or does not run (as a shim of pyenv's)."""
    asked = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=False)
    match asked.stdout.split():
        case ["cpython", major, minor, "final", "False"]:
            return int(major), int(minor)
    return None


def plan(pythons: dict[Version, Path]) -> list[Environment]:
    """Give each older Scrapy a Python, and each Python a Scrapy."""
    own = sys.version_info[:2]
    others = [version for version in pythons if version != own]
    pairs = zip_longest(OLDER_SCRAPYS, others)
    return [
        Environment(
            f"{scrapy or NEWEST_SCRAPY.removesuffix('.*')}-py{text(version or own)}",
            pythons[version or own],
            (f"scrapy=={scrapy or NEWEST_SCRAPY}", *COMPANIONS),
        )
        for scrapy, version in pairs
    ]


def make(environment: Environment) -> None:
    """Make it, unless it is there."""
    stamp = environment.directory / "made-of.json"
    made_of = json.dumps([str(environment.interpreter), *environment.requirements])
    if stamp.exists() and stamp.read_text() == made_of:
        return
    say(f"making {environment.directory.relative_to(ROOT)}")
    shutil.rmtree(environment.directory, ignore_errors=True)
    # Without a pip of its own, which some systems package apart.
    subprocess.run([environment.interpreter, "-m", "venv", "--without-pip", environment.directory], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python)]
    subprocess.run([*pip, "install", "--quiet", *environment.requirements], check=True)
    stamp.write_text(made_of)


def link(environment: Environment) -> None:
    """Let it import this checkout's package, and find its entry points."""
    (packages,) = environment.directory.glob("lib/python*/site-packages")
    for old in packages.glob("notmodified-*.dist-info"):
        shutil.rmtree(old)
    writing = [sys.executable, "-m", "maturin", "pep517", "write-dist-info", "--metadata-directory", str(packages)]
    subprocess.run(writing, cwd=ROOT, check=True, capture_output=True)
    (packages / "notmodified.pth").write_text(f"{ROOT / 'python'}\n")


def text(version: Version) -> str:
    """Write a version as people do."""
    return ".".join(map(str, version))


def say(line: str) -> None:
    """Tell whoever waits."""
    print(f"scrapy environments: {line}", flush=True)


if __name__ == "__main__":
    main()
