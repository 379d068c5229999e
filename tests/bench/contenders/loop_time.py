"""How long the store keeps a crawl's event loop: the middleware, with what it asks of the store on the loop timed.

What is awaited on another thread is not counted, for the loop goes on meanwhile.
"""

from __future__ import annotations

import inspect
import threading
from collections import defaultdict
from statistics import median
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, ClassVar

import notmodified
from notmodified.scrapy import NotModifiedMiddleware

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from scrapy.crawler import Crawler

# What the product hands out, and what may be asked of it that looks into the store.
_HANDED_OUT = (notmodified.Plan, notmodified.Response)
_USES = {"plan", "at_hand", "settle", "fail", "wire_content", "acknowledge"}


class LoopTime:
    """Seconds of each use on the loop, by its name: CPU, and what passed meanwhile."""

    cpu: ClassVar[defaultdict[str, list[float]]] = defaultdict(list)
    wall: ClassVar[defaultdict[str, list[float]]] = defaultdict(list)
    _thread: ClassVar[int] = threading.get_ident()

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._cpu = thread_time()
        self._wall = perf_counter()

    def __exit__(self, *_: object) -> None:
        wall, cpu = perf_counter() - self._wall, thread_time() - self._cpu
        if threading.get_ident() == self._thread:
            self.wall[self._name].append(wall)
            self.cpu[self._name].append(cpu)

    @classmethod
    def told(cls, pages: int) -> dict[str, float]:
        """Of one page: the sum of the medians of all uses. And the longest single one."""
        return {
            "loop_cpu": sum(median(uses) * len(uses) for uses in cls.cpu.values()) / pages,
            "loop_wall": sum(median(uses) * len(uses) for uses in cls.wall.values()) / pages,
            "loop_longest": max(map(max, cls.wall.values())),
        }


class Timed:
    """An object of the product, whose uses are timed."""

    def __init__(self, timed: Any) -> None:  # noqa: ANN401
        self._timed = timed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name not in _USES:
            return _as_used(getattr(self._timed, name))
        if not callable(getattr(type(self._timed), name)):
            with LoopTime(name):
                return getattr(self._timed, name)

        def use(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            with LoopTime(name):
                result = getattr(self._timed, name)(*arguments, **options)
            return _timed(result)

        return use


class TimedMiddleware(NotModifiedMiddleware):
    """The middleware over a store that is timed."""

    def __init__(self, crawler: Crawler, config: Any, cache: Any) -> None:  # noqa: ANN401
        super().__init__(crawler, config, Timed(cache))  # type: ignore[arg-type] # it stands for one


def _as_used(found: Any) -> Any:  # noqa: ANN401
    """What is handed out later is timed as well."""
    if not callable(found):
        return _timed(found)

    def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        result = found(*arguments, **options)
        return _later(result) if inspect.isawaitable(result) else result

    return call


def _timed(found: Any) -> Any:  # noqa: ANN401
    return Timed(found) if isinstance(found, _HANDED_OUT) else found


async def _later(result: Awaitable[Any]) -> Any:  # noqa: ANN401
    return _timed(await result)
