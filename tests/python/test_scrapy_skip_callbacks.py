"""What `@skip_unchanged` makes of a callback: nothing but the same callback, also for type checkers."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from scrapy import Request, Spider
from scrapy.http import HtmlResponse, Response
from scrapy.settings import Settings
from scrapy.utils.misc import warn_on_generator_with_return_value
from scrapy.utils.request import request_from_dict
from typing_extensions import assert_type

from notmodified.scrapy import skip_unchanged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

UNCHANGED = {"notmodified": {"outcome": "not-modified", "changed": False, "not_modified": True}}
ITEM = {"name": "a lamp"}


class Shop(Spider):
    """Has one decorated callback of each kind."""

    name = "shop"

    @skip_unchanged
    def function(self, response: Response) -> dict[str, str]:  # noqa: ARG002
        """Return the product."""
        return ITEM

    @skip_unchanged
    def generator(self, response: Response, *, number: int = 0) -> Iterator[dict[str, str]]:  # noqa: ARG002
        """Yield the product."""
        yield ITEM

    @skip_unchanged
    async def coroutine(self, response: Response) -> list[dict[str, str]]:  # noqa: ARG002
        """Return the product."""
        return [ITEM]

    @skip_unchanged
    async def async_generator(self, response: Response) -> AsyncIterator[dict[str, str]]:  # noqa: ARG002
        """Yield the product."""
        yield ITEM

    @skip_unchanged
    def returning_generator(self, response: Response) -> Generator[dict[str, str], None, dict[str, str]]:  # noqa: ARG002
        """Yield, and return a value, which Scrapy warns of."""
        yield ITEM
        return ITEM


def answer(meta: dict[str, Any]) -> Response:
    """Give a response to a request with this meta."""
    request = Request("http://shop.test/lamp", meta=meta)
    return HtmlResponse(request.url, body=b"<h1>a lamp</h1>", request=request)


async def outputs(made: Any) -> list[Any]:  # noqa: ANN401
    """Take all that a callback gives."""
    if inspect.isasyncgen(made):
        return [output async for output in made]
    if inspect.iscoroutine(made):
        return await outputs(await made)
    return [made] if isinstance(made, dict) else list(made)


KINDS = ("function", "generator", "coroutine", "async_generator")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("meta", "runs"),
    [
        (UNCHANGED, False),
        ({"notmodified": {"outcome": "same-content", "changed": False, "not_modified": False}}, False),
        ({"notmodified": {"outcome": "fresh", "changed": False, "not_modified": False}}, False),
        ({"notmodified": {"outcome": "stale-if-error", "changed": False, "not_modified": False}}, False),
        ({"notmodified": {"outcome": "stopped-early", "changed": False, "not_modified": False}}, False),
        # Not acknowledged yet.
        ({"notmodified": {"outcome": "not-modified", "changed": True, "not_modified": True}}, True),
        ({"notmodified": {"outcome": "changed", "changed": True, "not_modified": False}}, True),
        ({"notmodified": {"outcome": "new", "changed": True, "not_modified": False}}, True),
        # Not stored.
        ({"notmodified": {"outcome": "passed", "changed": False, "not_modified": False}}, True),
        ({}, True),
        # Somebody else's word.
        ({"notmodified": True}, True),
        ({"notmodified": {"since": "yesterday"}}, True),
    ],
)
async def test_callback_runs_unless_the_page_is_stored_and_unchanged(
    meta: dict[str, Any],
    runs: bool,  # noqa: FBT001
    kind: str,
) -> None:
    callback = getattr(Shop(), kind)

    assert await outputs(callback(answer(meta))) == ([ITEM] if runs else [])
    assert await outputs(callback(response=answer(meta))) == ([ITEM] if runs else [])


@pytest.mark.parametrize("kind", KINDS)
async def test_response_made_by_hand_runs_the_callback(kind: str) -> None:
    assert await outputs(getattr(Shop(), kind)(HtmlResponse("http://shop.test/lamp"))) == [ITEM]


@pytest.mark.parametrize("kind", KINDS)
def test_decorated_callback_is_of_the_kind_it_was(kind: str) -> None:
    decorated = getattr(Shop, kind)
    undecorated = decorated.__wrapped__

    for is_kind in (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        assert is_kind(decorated) == is_kind(undecorated)
    assert inspect.signature(decorated) == inspect.signature(undecorated)
    assert (decorated.__name__, decorated.__doc__) == (undecorated.__name__, undecorated.__doc__)


def test_generator_that_returns_a_value_is_warned_of_as_ever() -> None:
    shop = Shop()
    shop.settings = Settings()

    with pytest.warns(UserWarning, match="Shop.returning_generator"):
        warn_on_generator_with_return_value(shop, shop.returning_generator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_on_generator_with_return_value(shop, shop.generator)


def test_request_with_a_decorated_callback_lives_through_a_queue() -> None:
    shop = Shop()
    request = Request("http://shop.test/lamp", callback=shop.generator, cb_kwargs={"number": 1})

    again = request_from_dict(request.to_dict(spider=shop), spider=shop)

    assert again.callback == shop.generator


async def test_values_sent_into_a_generator_reach_it() -> None:
    @skip_unchanged
    def asking(response: Response) -> Iterator[Any]:
        told = yield response.url
        yield told

    generator: Any = asking(answer({}))
    assert next(generator) == "http://shop.test/lamp"
    assert generator.send("an answer") == "an answer"


async def test_asynchronous_generator_that_is_left_is_closed() -> None:
    closed = asyncio.Event()

    @skip_unchanged
    async def yielding(response: Response) -> AsyncIterator[str]:
        try:
            yield response.url
        finally:
            closed.set()

    generator: Any = yielding(answer({}))
    await generator.__anext__()
    await generator.aclose()

    assert closed.is_set()


def test_partial_and_callable_object_may_be_decorated() -> None:
    class Parser:
        def __call__(self, response: Response) -> list[Any]:
            return [response.url]

    def parse(number: int, response: Response) -> Iterator[Any]:
        yield number, response.url

    by_object = skip_unchanged(Parser())
    by_partial = skip_unchanged(partial(parse, 1))

    assert by_object(answer({})) == ["http://shop.test/lamp"]
    assert by_object(answer(UNCHANGED)) == []
    assert list(by_partial(response=answer({}))) == [(1, "http://shop.test/lamp")]
    assert list(by_partial(response=answer(UNCHANGED))) == []


def test_what_cannot_be_called_is_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError, match="it goes below @classmethod"):
        skip_unchanged(classmethod(lambda _class, response: response))  # type: ignore[type-var]


def test_type_of_a_callback_stays_exact() -> None:
    def parse(response: Response, number: int) -> Iterator[int]:
        yield number + response.status

    decorated = skip_unchanged(parse)

    # Said to the type checker, which complains where this is not so.
    as_callback: Callable[[Response, int], Iterator[int]] = decorated
    assert_type(decorated(answer({}), 1), "Iterator[int]")
    decorated("no response", 1)  # type: ignore[arg-type]
    assert list(as_callback(answer({}), 1)) == [201]
