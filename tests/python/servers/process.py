"""A server in a process of its own: a free port of loopback, a directory of its own, ended for sure.

What a product needs (its configuration, its command line) is in the module of its name; here is what all of them
share. No service of the system's is touched. Where a program is missing, starting it raises; nothing is skipped.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self

START_TIMEOUT = 20.0
# Some need seconds to give back what they hold.
STOP_TIMEOUT = 5.0
# Another process may take a port between its choice and the server's start.
START_ATTEMPTS = 5
PORT_IS_TAKEN = ("in use", "EADDRINUSE", "cannot bind", "Cannot bind")
# Debian keeps servers where not everyone's path leads.
ALSO_ON_THE_PATH = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/opt/homebrew/sbin"


class Server:
    """Serves the files of `site`. Subclasses say by which command, and write their configuration when asked."""

    # What answers once the server does; any status will do.
    probed: ClassVar[str] = "/"
    # What ends it.
    ended_by: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self) -> None:
        self.port = 0
        # Not below pytest's own directory: a server that will not run as root is another user, and cannot enter there.
        self.directory = Path(tempfile.mkdtemp(prefix="notmodified-server-"))
        self.directory.chmod(0o755)
        self.site = self.directory / "site"
        self.site.mkdir()
        self.site.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The command that serves in the foreground on `self.port`."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it finds in its environment beside ours."""
        return {}

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def write(self, name: str, content: str | bytes, modified: float | None = None) -> str:
        """Put a page into the site, with this modification time if given; returns its URL."""
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o644)
        if modified is not None:
            os.utime(path, (modified, modified))
        return f"{self.url}/{name}"

    def output(self) -> str:
        """What it has said so far."""
        return "\n".join(log.read_text(errors="replace").strip() for log in sorted(self.directory.glob("*.log")))

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        for _ in range(START_ATTEMPTS):
            self.port = free_port()
            if self._try_to_start():
                return self
        raise RuntimeError(f"{self} found no free port: {self.output()}")

    def stop(self) -> None:
        """End it with all that it started, gently for a moment; its directory goes with it."""
        self._end()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __str__(self) -> str:
        return type(self).__name__

    def _try_to_start(self) -> bool:
        with (self.directory / "output.log").open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [*dies_with_parent(), *self.command()],
                cwd=self.directory,
                env=os.environ | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not answers(self.port, self.probed):
            if self._process.poll() is not None:
                self._end()
                if any(said in self.output() for said in PORT_IS_TAKEN):
                    return False
                raise RuntimeError(f"{self} did not start: {self.output()}")
            if time.monotonic() > deadline:
                self._end()
                raise RuntimeError(f"{self} does not answer: {self.output()}")
            time.sleep(0.01)
        return True

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(self.ended_by)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=STOP_TIMEOUT)
        # What it left behind, or itself; its group is of its number, which nobody else has before it is waited for.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


def executable(*names: str) -> str:
    """The first of these programs that is there."""
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=ALSO_ON_THE_PATH)
        if found is not None:
            return found
    raise RuntimeError(f"{names[0]} is missing: `make setup` installs it")


def dies_with_parent() -> list[str]:
    """A process that is killed cannot stop its children; where the system can, it does."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "TERM", "--"]


def is_root() -> bool:
    """Is this root, whom some servers refuse to be?"""
    return os.geteuid() == 0


def free_port() -> int:
    """A port of loopback that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, target: str) -> bool:
    """Does somebody answer a request there?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT)
    try:
        connection.request("GET", target)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
