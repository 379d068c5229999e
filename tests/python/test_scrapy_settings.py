"""The settings: what is wrong stops the crawl at its start and says how to mend it; what is broken need not."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.settings import Settings

from crawls import Environment, Project, crawl
from notmodified.scrapy import (
    Addon,
    NotModifiedItemMiddleware,
    NotModifiedMiddleware,
    NotModifiedSpiderMiddleware,
    SettingsError,
    StaleIfErrorMiddleware,
)
from notmodified.scrapy.settings import Config
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

ONE = b"<html>one</html>"
REFUSED_BY_THE_CORE: dict[str, Any] = {
    "NOTMODIFIED_MAX_SIZE": 10,
    "NOTMODIFIED_STORE": "htp://x",
    "NOTMODIFIED_K": 17,
    "NOTMODIFIED_IDENTITY_KEY": "hunter2",
    "NOTMODIFIED_ROTATING": "gate.example:1,user:hunter2@gate.example:2",
}


class SubclassedMiddleware(NotModifiedMiddleware):
    """A project's own."""


def read(**settings: Any) -> Config:  # noqa: ANN401
    """Read these settings as a project's."""
    return Config.from_settings(Settings(settings), spider="prices")


def test_no_settings_give_the_documented_defaults() -> None:
    assert read() == Config(
        enabled=True,
        store="notmodified",
        strict=False,
        consumer="prices",
        freshness="revalidate",
        max_body=67_108_864,
    )


def test_settings_from_the_command_line_are_texts_and_read_as_meant() -> None:
    config = read(NOTMODIFIED_STRICT="1", NOTMODIFIED_MAX_BODY="1000", NOTMODIFIED_CONSUMER="")

    assert (config.strict, config.max_body, config.consumer) == (True, 1000, None)


def test_settings_about_how_often_are_read_as_meant() -> None:
    texts = read(NOTMODIFIED_MIN_INTERVAL="0.5", NOTMODIFIED_FLOORS="max-age,retry-after", NOTMODIFIED_FULL_EVERY="20")
    assert (texts.min_interval, texts.floors, texts.full_every) == (0.5, ("retry-after", "max-age"), 20)
    values = read(NOTMODIFIED_FLOORS=["max-age"], NOTMODIFIED_FULL_EVERY=timedelta(days=1))
    assert (values.min_interval, values.floors, values.full_every) == (None, ("max-age",), timedelta(days=1))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NOTMODIFIED_STOER", "x", "Unknown setting NOTMODIFIED_STOER. Did you mean NOTMODIFIED_STORE?"),
        ("NOTMODIFIED_ENABELD", False, "Did you mean NOTMODIFIED_ENABLED?"),
        ("NOTMODIFIED_ENABLED", "maybe", "NOTMODIFIED_ENABLED is 'maybe'; it must be True or False."),
        ("NOTMODIFIED_STRICT", [], r"NOTMODIFIED_STRICT is \[\]; it must be True or False."),
        ("NOTMODIFIED_STORE", "", "NOTMODIFIED_STORE is ''; it must be the path of a directory, or ':memory:'."),
        ("NOTMODIFIED_STORE", 7, "NOTMODIFIED_STORE is 7"),
        ("NOTMODIFIED_CONSUMER", 7, "NOTMODIFIED_CONSUMER is 7; it must be a name, or '' for none."),
        ("NOTMODIFIED_FRESHNESS", "rfc", "it must be 'revalidate' or 'rfc9111'."),
        ("NOTMODIFIED_MAX_BODY", "64 MB", "NOTMODIFIED_MAX_BODY is '64 MB'; it must be a number of bytes."),
        ("NOTMODIFIED_MAX_BODY", 0, "it must be a number of bytes above 0."),
        (
            "NOTMODIFIED_MIN_INTERVAL",
            "often",
            "NOTMODIFIED_MIN_INTERVAL is 'often'; it must be a number of seconds, or 0 for none.",
        ),
        ("NOTMODIFIED_MIN_INTERVAL", "nan", "it must be a number of seconds, or 0 for none."),
        ("NOTMODIFIED_FLOORS", "retry-after,etag", "it must be a list of 'retry-after' and 'max-age'."),
        ("NOTMODIFIED_FLOORS", 60, "NOTMODIFIED_FLOORS is 60; it must be a list of"),
        ("NOTMODIFIED_FULL_EVERY", 0, "it must be a number of polls above 0."),
        ("NOTMODIFIED_FULL_EVERY", timedelta(0), "it must be a number of polls above 0, or a timedelta above 0."),
        ("NOTMODIFIED_STALE_IF_ERROR", "1d", "NOTMODIFIED_STALE_IF_ERROR is '1d'; it must be a number of seconds"),
        ("NOTMODIFIED_STOP_EARLY", "perhaps", "it must be True or False."),
        ("NOTMODIFIED_IDENTITY_BY", "no.such.place", "'request', a callable, or the import path of one."),
        ("NOTMODIFIED_IDENTITY_BY", "proxy-subnets", r"the import path of one .did you mean 'proxy-subnet'..\."),
        ("NOTMODIFIED_IDENTITY_BY", 7, "NOTMODIFIED_IDENTITY_BY is 7; it must be 'proxy', 'proxy-subnet', 'session',"),
        ("NOTMODIFIED_IDENTITY_BY", "crawls.judges.later", "it must be a callable that is not async."),
        ("NOTMODIFIED_SHARING", "isolate", "it must be 'isolated' or 'corroborated' or 'central'."),
        ("NOTMODIFIED_SHARING", 2, "NOTMODIFIED_SHARING is 2; it must be"),
        ("NOTMODIFIED_K", "two", "NOTMODIFIED_K is 'two'; it must be a number of exits above 0."),
        ("NOTMODIFIED_ROTATING", 7, "NOTMODIFIED_ROTATING has a value of type int; it must be a list of gateways as"),
        ("NOTMODIFIED_ROTATING", ["user:hunter2@gate:1", 7], "^NOTMODIFIED_ROTATING has a value of type int; it must"),
        (
            "NOTMODIFIED_IDENTITY_KEY",
            ["hunter2"],
            "^NOTMODIFIED_IDENTITY_KEY is of type list; it must be bytes, or text.$",
        ),
        ("NOTMODIFIED_SHARRING", "central", "Did you mean NOTMODIFIED_SHARING?"),
        ("NOTMODIFIED_SKIP_UNCHANGED", True, "is said by each callback .@notmodified.scrapy.skip_unchanged."),
    ],
)
def test_wrong_setting_is_named_with_its_remedy(name: str, value: object, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read(**{name: value})


@pytest.mark.usefixtures("environment")
def test_wrong_setting_stops_the_crawl_before_its_first_request(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))

    stopped = crawl([url], store=store, NOTMODIFIED_FRESHNES="rfc9111")

    assert stopped.error == "SettingsError: Unknown setting NOTMODIFIED_FRESHNES. Did you mean NOTMODIFIED_FRESHNESS?"
    assert origin.log == []


def test_settings_about_who_asks_are_read_as_meant() -> None:
    texts = read(
        NOTMODIFIED_K="3", NOTMODIFIED_ROTATING="gate.example:1, *.gate.example", NOTMODIFIED_SHARING="central"
    )
    assert (texts.k, texts.rotating, texts.sharing) == (3, ("gate.example:1", "*.gate.example"), "central")
    assert read(NOTMODIFIED_IDENTITY_BY="proxy-subnet").rule == "proxy-subnet"
    named = read(NOTMODIFIED_IDENTITY_BY="crawls.judges.agent_of")
    assert callable(named.identity_by)
    assert named.rule is None


def test_key_of_identities_is_read_as_bytes_and_never_shown() -> None:
    configs = [read(NOTMODIFIED_IDENTITY_KEY=key) for key in (b"hunter2" * 3, "hunter2" * 3)]
    assert [config.identity_key for config in configs] == [b"hunter2" * 3] * 2
    assert "hunter2" not in repr(configs)


def test_no_seconds_are_none() -> None:
    config = read(NOTMODIFIED_STALE_IF_ERROR="0", NOTMODIFIED_MIN_INTERVAL="")

    assert (config.stale_if_error, config.min_interval) == (None, None)


@pytest.mark.usefixtures("environment")
def test_middleware_in_the_wrong_place_is_told(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    place = {"notmodified.scrapy.NotModifiedMiddleware": 543}

    (warning,) = crawl([url], store=store, DOWNLOADER_MIDDLEWARES=place).said("WARNING", "not in its place")

    assert "HttpCompressionMiddleware comes after it: coded pages arrive decoded, and are not stored" in warning
    assert "HttpProxyMiddleware" in warning


@pytest.mark.usefixtures("environment")
def test_value_that_the_core_refuses_is_named_by_its_setting(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))

    stopped = [crawl([url], store=store, **{name: value}).error for name, value in REFUSED_BY_THE_CORE.items()]

    assert stopped == [
        "SettingsError: NOTMODIFIED_MAX_SIZE is 10; it must be at least 1048576",
        'SettingsError: NOTMODIFIED_STORE is "htp://x"; that is a URL, and this version keeps stores in directories',
        "SettingsError: NOTMODIFIED_K is 17; it must be a number of exits from 1 to 16",
        "SettingsError: NOTMODIFIED_IDENTITY_KEY is of 7 bytes; give 16 to 4096 bytes that nobody can guess",
        (
            "SettingsError: NOTMODIFIED_ROTATING has a pattern with a user or password, by which gateways are not "
            'told; write a gateway as "host:port", or as "*.host"'
        ),
    ]
    assert origin.log == []


@pytest.mark.usefixtures("environment")
def test_scrapys_own_cache_beside_it_is_refused(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))

    stopped = crawl([url], store=store, HTTPCACHE_ENABLED=True)

    assert stopped.error is not None
    assert "HTTPCACHE_ENABLED = False" in stopped.error
    assert origin.log == []


@pytest.mark.usefixtures("environment")
def test_switched_off_it_leaves_the_crawl_alone(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))

    for _ in range(2):
        plain = crawl([url], store=store, NOTMODIFIED_ENABLED=False)

    assert not origin.last.has_condition()
    assert plain.page["meta"] == {}
    assert not store.exists()
    assert plain.said("WARNING", "") == []


@pytest.mark.usefixtures("environment")
def test_store_that_cannot_be_opened_is_said_once_and_the_crawl_goes_on(origin: Origin, tmp_path: Path) -> None:
    taken = tmp_path / "store"
    taken.write_text("a file, no directory")
    url = origin.on("/page.html", Page(ONE))

    without = crawl([url], store=taken)

    assert without.page["body"] == ONE.decode()
    (line,) = without.said("ERROR", "")
    assert str(taken) in line
    assert "\n" not in line
    assert without.stats["notmodified/store_errors"] == 1
    assert taken.read_text() == "a file, no directory"


@pytest.mark.usefixtures("environment")
def test_strictness_stops_where_the_store_cannot_be_opened(origin: Origin, tmp_path: Path) -> None:
    taken = tmp_path / "store"
    taken.write_text("a file, no directory")
    url = origin.on("/page.html", Page(ONE))

    stopped = crawl([url], store=taken, NOTMODIFIED_STRICT=True)

    assert stopped.error is not None
    assert stopped.error.startswith("StoreError")
    assert str(taken) in stopped.error
    assert origin.log == []


def test_crawl_that_stops_at_the_start_fails_for_the_shell(
    environment: Environment, origin: Origin, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", environment, origin.on("/page.html", Page(ONE)))

    stopped = project.scrapy("crawl", "shop", "-s", "NOTMODIFIED_MAX_BODY=-1")

    # Scrapy 2.14 has no exit status for what goes wrong after the spider was made.
    assert stopped.returncode == (0 if environment.scrapy[:2] == (2, 14) else 1)
    (line,) = (line for line in stopped.stderr.splitlines() if "CRITICAL: The crawl does not start" in line)
    assert line.endswith("NOTMODIFIED_MAX_BODY is '-1'; it must be a number of bytes above 0.")
    assert origin.log == []


def test_relative_store_lies_in_the_projects_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert read(NOTMODIFIED_STORE="elsewhere").location() == ".scrapy/elsewhere"
    assert read(NOTMODIFIED_STORE=tmp_path / "store").location() == str(tmp_path / "store")
    assert read(NOTMODIFIED_STORE=":memory:").location() == ":memory:"
    assert list(tmp_path.iterdir()) == []


def test_projects_own_places_win_over_the_add_on() -> None:
    settings = Settings(
        {
            "DOWNLOADER_MIDDLEWARES": {"notmodified.scrapy.NotModifiedMiddleware": 790, "gone.Middleware": None},
            "SPIDER_MIDDLEWARES": {NotModifiedSpiderMiddleware: None},
        }
    )

    Addon().update_settings(settings)

    assert dict(settings["DOWNLOADER_MIDDLEWARES"]) == {
        "notmodified.scrapy.NotModifiedMiddleware": 790,
        "gone.Middleware": None,
        StaleIfErrorMiddleware: 20,
    }
    assert dict(settings["SPIDER_MIDDLEWARES"]) == {NotModifiedSpiderMiddleware: None}


def test_projects_own_subclass_is_not_doubled_by_the_add_on() -> None:
    settings = Settings({"DOWNLOADER_MIDDLEWARES": {SubclassedMiddleware: 790}})

    Addon().update_settings(settings)

    assert dict(settings["DOWNLOADER_MIDDLEWARES"]) == {SubclassedMiddleware: 790, StaleIfErrorMiddleware: 20}


@pytest.mark.usefixtures("environment")
def test_component_that_is_off_need_not_exist_any_more(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", Page(ONE))
    off: dict[str, Any] = {
        "DOWNLOADER_MIDDLEWARES": {"scrapy.downloadermiddlewares.retry.GoneMiddleware": None},
        "SPIDER_MIDDLEWARES": {"scrapy.spidermiddlewares.depth.GoneMiddleware": None},
    }

    outcomes = [crawl([url], store=store, **off).page["meta"]["notmodified"]["outcome"] for _ in range(2)]

    assert outcomes == ["new", "not-modified"]


def test_add_on_puts_the_middlewares_in_their_places() -> None:
    settings = Settings()

    Addon().update_settings(settings)

    assert dict(settings["DOWNLOADER_MIDDLEWARES"]) == {NotModifiedMiddleware: 800, StaleIfErrorMiddleware: 20}
    assert dict(settings["SPIDER_MIDDLEWARES"]) == {NotModifiedSpiderMiddleware: 1100, NotModifiedItemMiddleware: -1000}


def test_import_without_scrapy_names_the_extra() -> None:
    script = "import sys; sys.modules['scrapy'] = None; import notmodified.scrapy"

    failed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603

    assert "pip install 'notmodified[scrapy]'" in failed.stderr.splitlines()[-1]


def test_import_installs_no_reactor() -> None:
    script = "import sys, notmodified.scrapy; sys.exit('twisted.internet.reactor' in sys.modules)"

    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603
