"""A loopback TCP listener with an event loop on a thread of its own; the origin and the proxy are built on it.

Whatever goes wrong while serving is kept and raised when the listener is stopped, so that a test cannot pass over a
broken handler. Stopping aborts every connection and waits for the thread: nothing outlives the `with` block.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

# Header sections of this size are read; larger ones are the client's mistake.
HEAD_LIMIT = 1 << 20
START_TIMEOUT = 10.0


class Listener(ABC):
    """Accepts on 127.0.0.1 (or where `host` says) at a free port, and hands each connection to `serve`."""

    host = "127.0.0.1"

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.open_connections = 0
        self.failures: list[Exception] = []
        self.port = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        """Talk on one connection until it ends; it is closed afterwards."""

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Listen; the port is known afterwards."""
        self._thread.start()
        self.port = self._started.result(START_TIMEOUT)
        return self

    def stop(self) -> None:
        """Abort all connections, end the thread, and raise what went wrong while serving."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        if self.failures:
            raise self.failures[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until(self, condition: Callable[[], bool], timeout: float = 5.0) -> None:
        """Block until the condition holds; for synchronous tests."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s")
            time.sleep(0.005)

    async def eventually(self, condition: Callable[[], bool], timeout: float = 5.0) -> None:
        """Wait until the condition holds, while the test's own event loop goes on."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s")
            await asyncio.sleep(0.005)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            server = await asyncio.start_server(
                self._accept, self.host, 0, ssl=self._tls, limit=HEAD_LIMIT, backlog=1024
            )
        except OSError as error:
            self._started.set_exception(error)
            return
        self._started.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        # A connection that is accepted in the same turn as the server closes would be left half made: accept no
        # more, and let those that were become whole.
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        for _ in range(3):
            await asyncio.sleep(0)
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._converse(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        self.open_connections += 1
        try:
            await self.serve(reader, writer, connection)
            await _close(writer)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            # The client went away: what it did is in the log.
            pass
        except Exception as error:  # noqa: BLE001
            self.failures.append(error)
        finally:
            self.open_connections -= 1
            writer.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Send what is left and FIN; the timeout is for a TLS client that never answers the goodbye."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), timeout=1.0)
    except asyncio.TimeoutError:
        writer.transport.abort()
