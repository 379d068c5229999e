"""Addresses at which no conversation begins: refused, never accepted, accepted and silent."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A backlog of none still lets one or two in; what is beyond the queue waits for ever.
BACKLOG_FILLERS = 8


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """A port at which connections are refused: bound, so nobody else takes it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port that connects and says nothing, not even a TLS hello."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port at which connecting hangs: its queue is full (Linux drops what comes then)."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(BACKLOG_FILLERS):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.0)
            filler.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
