"""The `NOTMODIFIED_*` settings, read once into a typed configuration; a wrong one stops the crawl here."""

from __future__ import annotations

import difflib
import math
import os
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

from scrapy.utils.misc import load_object
from scrapy.utils.project import data_path

from notmodified.exceptions import NotModifiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.settings import BaseSettings

    from notmodified.headers import Headers

PREFIX = "NOTMODIFIED_"
MEMORY = ":memory:"

Freshness: TypeAlias = Literal["revalidate", "rfc9111"]
Durability: TypeAlias = Literal["group", "relaxed"]
Fingerprint: TypeAlias = "Literal['html'] | Callable[[bytes], bytes | str]"
Storable: TypeAlias = "Callable[[int, Headers, bytes], bool]"
Floor: TypeAlias = Literal["retry-after", "max-age"]
Word = TypeVar("Word", bound=str)


class SettingsError(NotModifiedError, ValueError):
    """A setting that cannot be followed; the text names it, its value and the remedy."""


@dataclass(frozen=True)
class Config:
    """What the project asked for. A field's setting is its name in capitals after `NOTMODIFIED_`."""

    enabled: bool = True
    store: str = "notmodified"
    strict: bool = False
    consumer: str | None = None
    freshness: Freshness = "revalidate"
    max_body: int = 64 * 1024 * 1024
    durability: Durability = "group"
    max_size: int | None = None
    max_age: int | None = None
    min_interval: float | None = None
    floors: tuple[Floor, ...] = ()
    full_every: int | timedelta | None = None
    fingerprint: Fingerprint | None = None
    storable: Storable | None = None

    @classmethod
    def from_settings(cls, settings: BaseSettings, *, spider: str) -> Config:
        """Read and check every setting; `spider` is the spider's name, the consumer by default."""
        _refuse_unknown_names(settings)
        enabled = _boolean(settings, "ENABLED", default=cls.enabled)
        if not enabled:
            return cls(enabled=False)
        if settings.getbool("HTTPCACHE_ENABLED"):
            message = (
                "HTTPCACHE_ENABLED and notmodified are both on, and each would answer for the other. "
                "Set HTTPCACHE_ENABLED = False (or NOTMODIFIED_ENABLED = False)."
            )
            raise SettingsError(message)
        return cls(
            enabled=True,
            store=_store(settings),
            strict=_boolean(settings, "STRICT", default=cls.strict),
            consumer=_consumer(settings, spider),
            freshness=_choice(settings, "FRESHNESS", get_args(Freshness), cls.freshness),
            max_body=_count(settings, "MAX_BODY", "bytes") or cls.max_body,
            durability=_choice(settings, "DURABILITY", get_args(Durability), cls.durability),
            max_size=_count(settings, "MAX_SIZE", "bytes"),
            max_age=_count(settings, "MAX_AGE", "seconds"),
            min_interval=_seconds(settings, "MIN_INTERVAL"),
            floors=_words(settings, "FLOORS", get_args(Floor)),
            full_every=_polls_or_time(settings, "FULL_EVERY"),
            fingerprint=_fingerprint(settings),
            storable=_callable(settings, "STORABLE", "a callable, or the import path of one"),
        )

    @property
    def is_directory(self) -> bool:
        """Whether the store is a directory, not memory or a URL."""
        return self.store != MEMORY and "://" not in self.store

    def location(self) -> str:
        """Tell where the store lies: a relative path in the project's data directory, as HTTPCACHE_DIR."""
        return data_path(self.store) if self.is_directory else self.store


def _refuse_unknown_names(settings: BaseSettings) -> None:
    known = [PREFIX + field.name.upper() for field in fields(Config)]
    for name in settings:
        if not name.startswith(PREFIX) or name in known:
            continue
        likely = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        remedy = f"Did you mean {likely[0]}?" if likely else f"There are: {', '.join(known)}."
        message = f"Unknown setting {name}. {remedy}"
        raise SettingsError(message)


def _boolean(settings: BaseSettings, name: str, *, default: bool) -> bool:
    try:
        return settings.getbool(PREFIX + name, default)
    except (TypeError, ValueError) as error:
        raise _bad_value(settings, name, "True or False") from error


def _store(settings: BaseSettings) -> str:
    value = settings.get(PREFIX + "STORE", Config.store)
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise _bad_value(settings, "STORE", f"the path of a directory, or {MEMORY!r}")
    return os.fsdecode(value)


def _consumer(settings: BaseSettings, spider: str) -> str | None:
    value = settings.get(PREFIX + "CONSUMER", spider)
    if not isinstance(value, str):
        raise _bad_value(settings, "CONSUMER", "a name, or '' for none")
    return value or None


def _choice(settings: BaseSettings, name: str, words: tuple[Word, ...], default: Word) -> Word:
    value = settings.get(PREFIX + name, default)
    for word in words:
        if value == word:
            return word
    raise _bad_value(settings, name, " or ".join(map(repr, words)))


def _count(settings: BaseSettings, name: str, what: str) -> int | None:
    wanted = f"a number of {what} above 0"
    if settings.get(PREFIX + name) is None:
        return None
    try:
        value = settings.getint(PREFIX + name)
    except (TypeError, ValueError) as error:
        raise _bad_value(settings, name, wanted) from error
    if value <= 0:
        raise _bad_value(settings, name, wanted)
    return value


def _seconds(settings: BaseSettings, name: str) -> float | None:
    wanted = "a number of seconds above 0"
    if settings.get(PREFIX + name) is None:
        return None
    try:
        value = settings.getfloat(PREFIX + name)
    except (TypeError, ValueError) as error:
        raise _bad_value(settings, name, wanted) from error
    if not (value > 0 and math.isfinite(value)):
        raise _bad_value(settings, name, wanted)
    return value


def _words(settings: BaseSettings, name: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Read a list of words, or a text of them with commas between, as it comes from the command line."""
    value = settings.get(PREFIX + name) or ()
    given = value.split(",") if isinstance(value, str) else value
    wanted = f"a list of {' and '.join(map(repr, words))}"
    if not isinstance(given, (list, tuple, set, frozenset)) or not set(given) <= set(words):
        raise _bad_value(settings, name, wanted)
    return tuple(word for word in words if word in given)


def _polls_or_time(settings: BaseSettings, name: str) -> int | timedelta | None:
    value = settings.get(PREFIX + name)
    if not isinstance(value, timedelta):
        return _count(settings, name, "polls")
    if value <= timedelta(0):
        raise _bad_value(settings, name, "a number of polls above 0, or a timedelta above 0")
    return value


def _fingerprint(settings: BaseSettings) -> Fingerprint | None:
    if settings.get(PREFIX + "FINGERPRINT") == "html":
        return "html"
    return _callable(settings, "FINGERPRINT", "'html', a callable, or the import path of one")


def _callable(settings: BaseSettings, name: str, wanted: str) -> Callable[..., Any] | None:
    value = settings.get(PREFIX + name)
    # On the command line, none is written as nothing.
    if value is None or value == "":
        return None
    try:
        found: object = load_object(value)
    except (ImportError, NameError, TypeError, ValueError) as error:
        raise _bad_value(settings, name, wanted) from error
    if not callable(found):
        raise _bad_value(settings, name, wanted)
    return found


def _bad_value(settings: BaseSettings, name: str, wanted: str) -> SettingsError:
    value: Any = settings.get(PREFIX + name)
    return SettingsError(f"{PREFIX}{name} is {value!r}; it must be {wanted}.")
