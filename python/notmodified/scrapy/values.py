"""How the value of one `NOTMODIFIED_*` setting is read, from Python or from the command line, and refused."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from scrapy.utils.misc import load_object

from notmodified.exceptions import NotModifiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.settings import BaseSettings

PREFIX = "NOTMODIFIED_"
Word = TypeVar("Word", bound=str)


class SettingsError(NotModifiedError, ValueError):
    """A setting that cannot be followed; the text names it, its value and the remedy."""


def boolean(settings: BaseSettings, name: str, *, default: bool) -> bool:
    """Read True or False, also as Scrapy writes them on the command line."""
    try:
        return settings.getbool(PREFIX + name, default)
    except (TypeError, ValueError) as error:
        raise bad_value(settings, name, "True or False") from error


def choice(settings: BaseSettings, name: str, words: tuple[Word, ...], default: Word) -> Word:
    """Read one of these words."""
    value = settings.get(PREFIX + name, default)
    for word in words:
        if value == word:
            return word
    raise bad_value(settings, name, " or ".join(map(repr, words)))


def count(settings: BaseSettings, name: str, what: str) -> int | None:
    """Read a whole number above 0, or None."""
    wanted = f"a number of {what} above 0"
    if _is_none(settings, name):
        return None
    try:
        value = settings.getint(PREFIX + name)
    except (TypeError, ValueError) as error:
        raise bad_value(settings, name, wanted) from error
    if value <= 0:
        raise bad_value(settings, name, wanted)
    return value


def seconds(settings: BaseSettings, name: str) -> float | None:
    """Read a number of seconds; 0 and None are none."""
    wanted = "a number of seconds, or 0 for none"
    if _is_none(settings, name):
        return None
    try:
        value = settings.getfloat(PREFIX + name)
    except (TypeError, ValueError) as error:
        raise bad_value(settings, name, wanted) from error
    if not (value >= 0 and math.isfinite(value)):
        raise bad_value(settings, name, wanted)
    return value or None


def words(settings: BaseSettings, name: str, known: tuple[Word, ...]) -> tuple[Word, ...]:
    """Read a list of words, or a text of them with commas between, as it comes from the command line."""
    value = settings.get(PREFIX + name) or ()
    given = value.split(",") if isinstance(value, str) else value
    wanted = f"a list of {' and '.join(map(repr, known))}"
    if not isinstance(given, (list, tuple, set, frozenset)) or not set(given) <= set(known):
        raise bad_value(settings, name, wanted)
    return tuple(word for word in known if word in given)


def texts(settings: BaseSettings, name: str, wanted: str) -> tuple[str, ...]:
    """Read a list of texts, or one text of them with commas between, as it comes from the command line."""
    value = settings.get(PREFIX + name) or ()
    given = value.split(",") if isinstance(value, str) else value
    texts = given if isinstance(given, (list, tuple, set, frozenset)) else [given]
    for one in texts:
        if texts is not given or not isinstance(one, str):
            # Not shown: what stands beside it may hold a password.
            raise SettingsError(f"{PREFIX}{name} has a value of type {type(one).__name__}; it must be {wanted}.")
    return tuple(one.strip() for one in texts)


def secret(settings: BaseSettings, name: str) -> bytes | None:
    """Read bytes, or a text as an environment has it, or None. No error shows it."""
    if _is_none(settings, name):
        return None
    value: object = settings.get(PREFIX + name)
    if isinstance(value, str):
        return value.encode(errors="surrogateescape")
    if not isinstance(value, bytes):
        raise SettingsError(f"{PREFIX}{name} is of type {type(value).__name__}; it must be bytes, or text.")
    return value


def polls_or_time(settings: BaseSettings, name: str) -> int | timedelta | None:
    """Read a number of polls or a span of time, or None."""
    value = settings.get(PREFIX + name)
    if not isinstance(value, timedelta):
        return count(settings, name, "polls")
    if value <= timedelta(0):
        raise bad_value(settings, name, "a number of polls above 0, or a timedelta above 0")
    return value


def callable_(settings: BaseSettings, name: str, wanted: str) -> Callable[..., Any] | None:
    """Read a callable, or the import path of one, or None."""
    if _is_none(settings, name):
        return None
    try:
        found: object = load_object(settings.get(PREFIX + name))
    except (ImportError, NameError, TypeError, ValueError) as error:
        raise bad_value(settings, name, wanted) from error
    if not callable(found):
        raise bad_value(settings, name, wanted)
    return found


def bad_value(settings: BaseSettings, name: str, wanted: str) -> SettingsError:
    """Make the error that names the setting, its value and what it must be."""
    value: Any = settings.get(PREFIX + name)
    return SettingsError(f"{PREFIX}{name} is {value!r}; it must be {wanted}.")


def _is_none(settings: BaseSettings, name: str) -> bool:
    # On the command line, none is written as nothing.
    value = settings.get(PREFIX + name)
    return value is None or value == ""
