"""What is shipped installs into a fresh environment, and works there without Rust and without the tests' tools."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from origin import Page

if TYPE_CHECKING:
    from origin import Origin

ROOT = Path(__file__).resolve().parents[2]

# Compiling the crate is part of it; its dependencies are taken from the checkout's own build.
pytestmark = pytest.mark.timeout(480)

VISIT_TWICE = """
import asyncio, sys, notmodified

async def main():
    async with notmodified.Session(sys.argv[1]) as session:
        responses = [await session.get(sys.argv[2]) for _ in range(2)]
    print([(response.status, response.not_modified, response.text) for response in responses])

asyncio.run(main())
"""


def build_wheel(source: Path, directory: Path) -> Path:
    """Build a wheel as `pip install` does, with the profile whose dependencies are compiled already."""
    build = ["--no-deps", "--no-build-isolation", "--config-settings", "build-args=--locked --profile dev"]
    where = ["--no-cache-dir", "--wheel-dir", str(directory), str(source)]
    # Without isolation, the build finds its tools where this Python has them.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "CARGO_TARGET_DIR": str(ROOT / "target")}
    run([sys.executable, "-m", "pip", "wheel", "--quiet", *build, *where], environment)
    return next(directory.glob("*.whl"))


def run(command: list[str], environment: dict[str, str]) -> str:
    """Run a command and return what it printed; what it complained of, if it failed."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of this checkout."""
    directory = tmp_path_factory.mktemp("sdist")
    run([sys.executable, "-m", "maturin", "sdist", "--out", str(directory)], dict(os.environ))
    return next(directory.glob("*.tar.gz"))


def test_sdist_holds_what_a_build_needs_and_no_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/")[1] for name in archive.getnames()}
    assert {"Cargo.lock", "Cargo.toml", "README.md", "pyproject.toml", "src", "python"} <= names
    assert not names & {"tests", "fuzz", "demo", "scripts", ".ci"}


@pytest.mark.parametrize("kind", ["checkout", "sdist"])
def test_wheel_from_either_source_works_without_rust(kind: str, sdist: Path, tmp_path: Path, origin: Origin) -> None:
    wheel = build_wheel(ROOT if kind == "checkout" else sdist, tmp_path)
    assert "-cp310-abi3-" in wheel.name
    assert {"notmodified/py.typed", "notmodified/_core.pyi"} <= set(zipfile.ZipFile(wheel).namelist())
    venv.create(tmp_path / "fresh", with_pip=True, symlinks=True)
    python = str(tmp_path / "fresh" / "bin" / "python")
    without_rust = {"PATH": str(tmp_path / "fresh" / "bin")}
    run([python, "-m", "pip", "install", "--quiet", "--no-index", str(wheel)], without_rust)
    page = Page(b"one")
    visits = run(
        [python, "-W", "error", "-c", VISIT_TWICE, str(tmp_path / "store"), origin.on("/", page)], without_rust
    )
    assert visits == "[(200, False, 'one'), (200, True, 'one')]\n"
    assert (page.full, page.not_modified) == (1, 1)
