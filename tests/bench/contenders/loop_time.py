"""How long the store keeps a crawl's event loop: the middleware, with every call of the product on the loop timed.

A call that is awaited on another thread is not counted, for the loop goes on meanwhile; handing it over is.
"""

from __future__ import annotations

import inspect
import threading
from collections import defaultdict
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

import notmodified
from notmodified.scrapy import NotModifiedMiddleware

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from scrapy.crawler import Crawler

# What the product hands out, and what is done with it on the loop in turn.
_HANDED_OUT = (notmodified.Plan, notmodified.Response)


class LoopTime:
    """Seconds of each call on the loop, by its name."""

    spent: ClassVar[defaultdict[str, list[float]]] = defaultdict(list)
    thread: ClassVar[int] = threading.get_ident()

    @classmethod
    def note(cls, name: str, begun: float) -> None:
        """One more call, which ends now."""
        if threading.get_ident() == cls.thread:
            cls.spent[name].append(perf_counter() - begun)

    @classmethod
    def told(cls, pages: int) -> dict[str, float]:
        """Of a page, by its calls: the sum of their medians, and of their means; and the longest single one."""
        each = list(cls.spent.values())
        return {
            "median": sum(median(calls) * len(calls) for calls in each) / pages,
            "mean": sum(map(sum, each)) / pages,
            "worst": max(map(max, each)),
        }


class Timed:
    """An object of the product, each use of which is timed."""

    def __init__(self, timed: Any) -> None:  # noqa: ANN401
        self._timed = timed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        begun = perf_counter()
        found = getattr(self._timed, name)
        if not callable(found):
            LoopTime.note(name, begun)
            return _timed(found)

        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            begun = perf_counter()
            result = found(*arguments, **options)
            LoopTime.note(name, begun)
            return _later(result) if inspect.isawaitable(result) else _timed(result)

        return call


class TimedMiddleware(NotModifiedMiddleware):
    """The middleware over a store that is timed."""

    def __init__(self, crawler: Crawler, config: Any, cache: Any) -> None:  # noqa: ANN401
        super().__init__(crawler, config, Timed(cache))  # type: ignore[arg-type] # it stands for one


def _timed(found: Any) -> Any:  # noqa: ANN401
    return Timed(found) if isinstance(found, _HANDED_OUT) else found


async def _later(result: Awaitable[Any]) -> Any:  # noqa: ANN401
    return _timed(await result)
