"""Programs that see another file system at one directory: a small one, or one that cannot be written to.

The mount is made in a namespace of the program's own and ends with it. Where the system allows no such thing, as in
many containers, the program is held to the same limits by other means: files may not grow, or its user may not write.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from programs import LIMIT, Ended

if TYPE_CHECKING:
    from pathlib import Path

# As root nothing is forbidden: the program becomes somebody else, after it has read all modules that it needs.
BECOME_NOBODY = """
import asyncio, concurrent.futures.thread, encodings.idna, os, resource, sys, notmodified
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""
LIMIT_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""


@functools.cache
def _namespace() -> tuple[str, ...] | None:
    """How a program gets mounts of its own, or None where it cannot."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    for command in ((unshare, "-m"), (unshare, "-r", "-m")):
        probe = [*command, "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return command
    return None


def run_on_small_disk(source: str, directory: Path, size: int, *arguments: str) -> Ended:
    """Run a program for which `directory` is a disk of so many bytes."""
    command = _namespace()
    if command is None:
        return _run([], LIMIT_FILES.format(size=size) + source, *arguments)
    mount = f'mount -t tmpfs -o size={size} tmpfs "{directory}" && exec "$@"'
    return _run([*command, "sh", "-c", mount, "sh"], source, *arguments)


def run_on_read_only_disk(source: str, directory: Path, *arguments: str) -> Ended:
    """Run a program for which `directory` cannot be written to."""
    command = _namespace()
    if command is None:
        return run_as_stranger(source, directory, *arguments)
    mount = f'mount --bind "{directory}" "{directory}" && mount -o remount,ro,bind "{directory}" && exec "$@"'
    return _run([*command, "sh", "-c", mount, "sh"], source, *arguments)


def run_as_stranger(source: str, directory: Path, *arguments: str) -> Ended:
    """Run a program whose user may read what is in `directory`, and not write."""
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in directory.parents:
        if parent.stat().st_uid == os.geteuid() and parent.is_relative_to("/tmp"):  # noqa: S108
            parent.chmod(parent.stat().st_mode | 0o555)
    try:
        return _run([], BECOME_NOBODY + source, *arguments)
    finally:
        for path in (directory, *directory.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def _run(prefix: list[str], source: str, *arguments: str) -> Ended:
    command = [*prefix, sys.executable, "-W", "error", "-c", source, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)  # noqa: S603
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return Ended(done.stdout, done.stderr)
