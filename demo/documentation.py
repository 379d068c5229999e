"""A real site: the HTML documentation in a Debian package.

The package is downloaded by apt and unpacked below `.build`, not installed: that takes no root, leaves the system as it
is, and works where the system is set up to leave documentation out.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from demo.website import Site

# Some seven hundred pages that link to each other, about 40 KB each.
PACKAGE = "python-django-doc"
PAGES = Path("usr/share/doc/python-django-doc/html")
START = "index.html"

UNPACKED = Path(__file__).resolve().parent.parent / ".build" / PACKAGE
LIMIT = 90.0


class NotToBeHadError(Exception):
    """No package manager, no network, or no such package."""


def copy_to(directory: Path) -> Site:
    """Copy the documentation to a directory in which it may be changed. Raises NotToBeHadError."""
    if not UNPACKED.is_dir():
        _fetch()
    # Debian links scripts of other packages, which are not here.
    shutil.copytree(UNPACKED / PAGES, directory / PACKAGE, ignore_dangling_symlinks=True)
    return Site(f"Debian's package {PACKAGE}", directory, f"{PACKAGE}/{START}")


def _fetch() -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotToBeHadError("No apt-get is here to download documentation")
    print(f"Downloading {PACKAGE}.", flush=True)
    UNPACKED.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=UNPACKED.parent) as temporary:
        unpacked = Path(temporary) / "unpacked"
        _run("dpkg-deb", "--extract", str(_download(Path(temporary))), str(unpacked))
        if not (unpacked / PAGES / START).is_file():
            raise NotToBeHadError(f"{PACKAGE} is no longer as it was")
        # Not there, or whole.
        unpacked.rename(UNPACKED)


def _download(directory: Path) -> Path:
    """Download by the system's lists of packages; where they are missing or old, by lists of our own."""
    state, cache = directory / "state", directory / "cache"
    for path in (state / "lists" / "partial", cache / "archives" / "partial"):
        path.mkdir(parents=True)
    own_lists = ["-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={cache}"]
    try:
        _run_apt(directory, "download", PACKAGE)
    except NotToBeHadError:
        _run_apt(directory, *own_lists, "update")
        _run_apt(directory, *own_lists, "download", PACKAGE)
    return next(directory.glob("*.deb"))


def _run_apt(directory: Path, *arguments: str) -> None:
    # As root, apt would change to a user who may not write here.
    options = [
        "APT::Sandbox::User=root",
        "Acquire::Retries=1",
        "Acquire::http::Timeout=15",
        "Acquire::https::Timeout=15",
    ]
    _run("apt-get", "-qq", *(part for option in options for part in ("-o", option)), *arguments, directory=directory)


def _run(*command: str, directory: Path | None = None) -> None:
    try:
        subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise NotToBeHadError(f"{command[0]} took longer than {LIMIT:.0f} seconds") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or [f"it ended with {error.returncode}"]
        raise NotToBeHadError(f"{command[0]} failed: {said[-1]}") from error
