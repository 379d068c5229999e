"""The `NOTMODIFIED_*` settings, read once into a typed configuration; a wrong one stops the crawl here."""

from __future__ import annotations

import difflib
import inspect
import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from scrapy.utils.project import data_path

from notmodified.scrapy import values
from notmodified.scrapy.values import PREFIX, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from scrapy import Request
    from scrapy.settings import BaseSettings

    from notmodified.headers import Headers

MEMORY = ":memory:"

Freshness: TypeAlias = Literal["revalidate", "rfc9111"]
Durability: TypeAlias = Literal["group", "relaxed"]
Fingerprint: TypeAlias = "Literal['html'] | Callable[[bytes], bytes | str]"
Storable: TypeAlias = "Callable[[int, Headers, bytes], bool]"
Floor: TypeAlias = Literal["retry-after", "max-age"]
Sharing: TypeAlias = Literal["isolated", "corroborated", "central"]
# What is one exit: a rule of the core's, or a callable that names it.
Rule: TypeAlias = Literal["proxy", "proxy-subnet", "session", "request"]
IdentityBy: TypeAlias = "Rule | Callable[[Request], str | None]"


@dataclass(frozen=True)
class Config:
    """What the project asked for. A field's setting is its name in capitals after `NOTMODIFIED_`."""

    enabled: bool = True
    # A directory, in the project's data directory if it is relative; or ":memory:".
    store: str = "notmodified"
    # Does a store that fails stop the crawl?
    strict: bool = False
    # For whom `changed` is remembered: the spider's name; None compares with what was stored last.
    consumer: str | None = None
    freshness: Freshness = "revalidate"
    # Bytes of a body on the wire.
    max_body: int = 64 * 1024 * 1024
    durability: Durability = "group"
    # Bytes of the store's file.
    max_size: int | None = None
    # Seconds without use.
    max_age: int | None = None
    # Seconds between two requests for one URL.
    min_interval: float | None = None
    floors: tuple[Floor, ...] = ()
    # Polls, or time.
    full_every: int | timedelta | None = None
    fingerprint: Fingerprint | None = None
    storable: Storable | None = None
    # Seconds past its freshness for which a stored page may stand in for an error.
    stale_if_error: float | None = None
    stop_early: bool = False
    sharing: Sharing = "corroborated"
    # Exits that have to agree.
    k: int = 2
    identity_by: IdentityBy | None = None
    # Gateways that leave by another address for each request.
    rotating: tuple[str, ...] = ()
    # Seconds after which an identity is as good as new.
    identity_ttl: float | None = None
    # The key of the hashes of identities; None: the store's own.
    identity_key: bytes | None = field(default=None, repr=False)
    # Does a job (JOBDIR) that was killed start over?
    restart_killed_jobs: bool = True

    @classmethod
    def from_settings(cls, settings: BaseSettings, *, spider: str) -> Config:
        """Read and check every setting; `spider` is the spider's name, the consumer by default."""
        _refuse_unknown_names(settings)
        enabled = values.boolean(settings, "ENABLED", default=cls.enabled)
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
            strict=values.boolean(settings, "STRICT", default=cls.strict),
            consumer=_consumer(settings, spider),
            freshness=values.choice(settings, "FRESHNESS", get_args(Freshness), cls.freshness),
            max_body=values.count(settings, "MAX_BODY", "bytes") or cls.max_body,
            durability=values.choice(settings, "DURABILITY", get_args(Durability), cls.durability),
            max_size=values.count(settings, "MAX_SIZE", "bytes"),
            max_age=values.count(settings, "MAX_AGE", "seconds"),
            min_interval=values.seconds(settings, "MIN_INTERVAL"),
            floors=values.words(settings, "FLOORS", get_args(Floor)),
            full_every=values.polls_or_time(settings, "FULL_EVERY"),
            fingerprint=_fingerprint(settings),
            storable=values.callable_(settings, "STORABLE", "a callable, or the import path of one"),
            stale_if_error=values.seconds(settings, "STALE_IF_ERROR"),
            stop_early=values.boolean(settings, "STOP_EARLY", default=cls.stop_early),
            sharing=values.choice(settings, "SHARING", get_args(Sharing), cls.sharing),
            k=values.count(settings, "K", "exits") or cls.k,
            identity_by=_identity_by(settings),
            rotating=values.texts(settings, "ROTATING", "a list of gateways as 'host:port' or '*.host'"),
            identity_ttl=values.seconds(settings, "IDENTITY_TTL"),
            identity_key=values.secret(settings, "IDENTITY_KEY"),
            restart_killed_jobs=values.boolean(settings, "RESTART_KILLED_JOBS", default=cls.restart_killed_jobs),
        )

    @property
    def rule(self) -> Rule | None:
        """What is one exit, as far as that is a word and no callable."""
        return None if callable(self.identity_by) else self.identity_by

    @property
    def is_directory(self) -> bool:
        """Whether the store is a directory, not memory or a URL."""
        return self.store != MEMORY and not self.is_url

    @property
    def is_url(self) -> bool:
        """Whether the store is at the other end of a connection."""
        return "://" in self.store

    def location(self) -> str:
        """Tell where the store lies: a relative path in the project's data directory, as HTTPCACHE_DIR."""
        return data_path(self.store) if self.is_directory else self.store


def _refuse_unknown_names(settings: BaseSettings) -> None:
    known = [PREFIX + one.name.upper() for one in fields(Config)]
    for name in settings:
        if not name.startswith(PREFIX) or name in known:
            continue
        if "UNCHANGED" in name:
            message = (
                f"Unknown setting {name}. What to do with unchanged pages is said by each callback "
                "(@notmodified.scrapy.skip_unchanged) or request (meta['notmodified_skip_unchanged'] = True): "
                "an unchanged index page that is skipped for all would hide its changed children."
            )
            raise SettingsError(message)
        likely = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        remedy = f"Did you mean {likely[0]}?" if likely else f"There are: {', '.join(known)}."
        message = f"Unknown setting {name}. {remedy}"
        raise SettingsError(message)


def _store(settings: BaseSettings) -> str:
    value = settings.get(PREFIX + "STORE", Config.store)
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise values.bad_value(settings, "STORE", f"the path of a directory, or {MEMORY!r}")
    return os.fsdecode(value)


def _consumer(settings: BaseSettings, spider: str) -> str | None:
    value = settings.get(PREFIX + "CONSUMER", spider)
    if not isinstance(value, str):
        raise values.bad_value(settings, "CONSUMER", "a name, or '' for none")
    return value or None


def _fingerprint(settings: BaseSettings) -> Fingerprint | None:
    if settings.get(PREFIX + "FINGERPRINT") == "html":
        return "html"
    return values.callable_(settings, "FINGERPRINT", "'html', a callable, or the import path of one")


def _identity_by(settings: BaseSettings) -> IdentityBy | None:
    value = settings.get(PREFIX + "IDENTITY_BY")
    for word in get_args(Rule):
        if value == word:
            return cast("Rule", word)
    likely = difflib.get_close_matches(value, get_args(Rule), n=1) if isinstance(value, str) else []
    meant = f" (did you mean {likely[0]!r}?)" if likely else ""
    wanted = f"{', '.join(map(repr, get_args(Rule)))}, a callable, or the import path of one{meant}"
    found = values.callable_(settings, "IDENTITY_BY", wanted)
    if inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(type(found).__call__):
        raise values.bad_value(settings, "IDENTITY_BY", "a callable that is not async")
    return found
