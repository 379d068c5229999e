"""A real nginx on a free loopback port, serving one directory, with everything it writes below one other directory.

It is no service of the system's: its own configuration, no daemon, ended with the `with` block (on Linux also when
the tests are killed). Where nginx is missing, starting it raises; nothing is skipped.
"""

from __future__ import annotations

import grp
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self, Unpack

    from origin import Authority

START_TIMEOUT = 10.0
# Another process may take the port between its choice and nginx's start.
START_ATTEMPTS = 5

CONFIGURATION = """
{user}
worker_processes 1;
error_log {prefix}/error.log notice;
pid {prefix}/nginx.pid;
lock_file {prefix}/nginx.lock;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {prefix}/client_body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    types {{
        text/html html; text/plain txt; text/css css; application/json json; application/xml xml;
        image/png png; image/svg+xml svg; application/javascript js;
    }}
    default_type application/octet-stream;
    charset utf-8;
    keepalive_timeout {keepalive_timeout}s;
    keepalive_requests 100000;
    gzip {gzip};
    gzip_static off;
    gzip_min_length 1;
    gzip_types text/plain text/css application/json application/xml;
    # What the default configuration of most systems leaves out of the log.
    log_format fields escape=json '{{"method":"$request_method","target":"$request_uri","protocol":"$server_protocol",'
        '"status":$status,"bytes_sent":$bytes_sent,"body_bytes_sent":$body_bytes_sent,"connection":$connection,'
        '"if_none_match":"$http_if_none_match","if_modified_since":"$http_if_modified_since",'
        '"accept_encoding":"$http_accept_encoding","user_agent":"$http_user_agent","cookie":"$http_cookie",'
        '"tls_session":"$ssl_session_reused"}}';
    access_log {prefix}/access.log fields;
    server {{
        listen 127.0.0.1:{port}{listen_flags};
        {server_lines}
        root {directory};
        {extra}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the access log; a field that was not sent is empty."""

    method: str
    target: str
    protocol: str
    status: int
    # All of the response on the wire, and its content alone.
    bytes_sent: int
    body_bytes_sent: int
    connection: int
    if_none_match: str
    if_modified_since: str
    accept_encoding: str
    user_agent: str
    cookie: str
    # "r" when the client resumed one, "." when it did not; empty without TLS.
    tls_session: str

    @property
    def tls_resumed(self) -> bool:
        """A TLS session was resumed: the server can link this connection to an earlier one."""
        return self.tls_session == "r"


class Options(TypedDict, total=False):
    """How it serves; what is not given is off."""

    gzip: bool
    # Seconds; 0 closes after each response.
    keepalive_timeout: int
    tls: Authority
    http2: bool
    # Lines for the `server` block.
    extra: str


class Nginx:
    """Serves `directory`; `prefix` is a directory for its configuration, logs and temporary files."""

    def __init__(self, directory: Path, prefix: Path, **options: Unpack[Options]) -> None:
        self.directory = directory
        self.prefix = prefix
        self.port = 0
        self._gzip = options.get("gzip", False)
        self._keepalive_timeout = options.get("keepalive_timeout", 60)
        self._tls = options.get("tls")
        self._http2 = options.get("http2", False)
        self._extra = options.get("extra", "")
        self._process: subprocess.Popen[bytes] | None = None
        if self._http2 and self._tls is None:
            raise ValueError("HTTP/2 is negotiated by TLS: give tls= too")

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start and wait until it accepts."""
        self.prefix.mkdir(parents=True, exist_ok=True)
        for _ in range(START_ATTEMPTS):
            self.port = _free_port()
            if self._try_to_start():
                return self
        raise RuntimeError(f"nginx found no free port: {self.output()}")

    def stop(self) -> None:
        """End it, gently for a second."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def write(self, name: str, content: str | bytes, modified: float | None = None) -> str:
        """Put a page into the served directory, with this modification time if given; returns its URL."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if modified is not None:
            os.utime(path, (modified, modified))
        return f"{self.url}/{name}"

    def log(self, count: int | None = None) -> list[Access]:
        """What was served; with `count`, wait for so many lines: nginx logs after it has sent."""
        deadline = time.monotonic() + START_TIMEOUT
        while len(lines := self._log_lines()) < (count or 0):
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(lines)} requests, not {count}: {lines}")
            time.sleep(0.01)
        return lines

    def output(self) -> str:
        """What it has said so far."""
        logs = [self.prefix / "output.log", self.prefix / "error.log"]
        return "\n".join(log.read_text(errors="replace").strip() for log in logs if log.exists())

    def _log_lines(self) -> list[Access]:
        text = (self.prefix / "access.log").read_text(encoding="utf-8")
        return [Access(**_fields(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def _try_to_start(self) -> bool:
        configuration = self.prefix / "nginx.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        command = [*_dies_with_parent(), _executable(), "-p", str(self.prefix), "-c", str(configuration)]
        with (self.prefix / "output.log").open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [*command, "-g", "daemon off;"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not _accepts(self.port):
            if self._process.poll() is not None:
                self._process = None
                if "in use" in self.output():
                    return False
                raise RuntimeError(f"nginx did not start: {self.output()}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"nginx does not answer: {self.output()}")
            time.sleep(0.01)
        return True

    def _configuration(self) -> str:
        flags, lines = self._listening()
        return CONFIGURATION.format(
            user=_user(),
            prefix=self.prefix,
            keepalive_timeout=self._keepalive_timeout,
            gzip="on" if self._gzip else "off",
            port=self.port,
            listen_flags=flags,
            server_lines=lines,
            directory=self.directory,
            extra=self._extra,
        )

    def _listening(self) -> tuple[str, str]:
        """The flags of `listen`, and the lines beside it."""
        if self._tls is None:
            return "", ""
        lines = f"ssl_certificate {self._tls.certificate_file}; ssl_certificate_key {self._tls.key_file};"
        if not self._http2:
            return " ssl", lines
        # 1.25.1 made a directive of the flag and complains about the flag.
        return (" ssl", lines + " http2 on;") if _version() >= (1, 25, 1) else (" ssl http2", lines)


def _executable() -> str:
    # Debian keeps servers in /usr/sbin, which is not on everyone's path.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if found is None:
        raise RuntimeError("nginx is missing: `make setup` installs it")
    return found


def _version() -> tuple[int, ...]:
    told = subprocess.run([_executable(), "-v"], capture_output=True, text=True, check=True).stderr  # noqa: S603
    match = re.search(r"nginx/([\d.]+)", told)
    if match is None:
        raise RuntimeError(f"nginx does not tell its version: {told!r}")
    return tuple(int(part) for part in match[1].split("."))


def _dies_with_parent() -> list[str]:
    """A process that is killed cannot stop its children; where the system can, it does."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "TERM", "--"]


def _user() -> str:
    """As root, nginx's workers would change to a user who cannot read the tests' directories."""
    return f"user root {grp.getgrgid(0).gr_name};" if os.geteuid() == 0 else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _fields(line: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(line)
    return fields
