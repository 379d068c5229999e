"""What of a page counts, and which are pages to keep, in a crawl: by settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scrapy.settings import Settings

from crawls import crawl
from crawls.judges import first_word, is_page
from notmodified.scrapy import SettingsError
from notmodified.scrapy.settings import Config
from origin import Page, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

FINGERPRINT, STORABLE = "NOTMODIFIED_FINGERPRINT", "NOTMODIFIED_STORABLE"


def read(**settings: Any) -> Config:  # noqa: ANN401
    """Read these settings as a project's."""
    return Config.from_settings(Settings(settings), spider="prices")


def test_settings_take_words_callables_and_import_paths() -> None:
    assert (read().fingerprint, read().storable) == (None, None)
    assert read(**{FINGERPRINT: "", STORABLE: ""}).fingerprint is None
    assert read(**{FINGERPRINT: "html"}).fingerprint == "html"
    named = read(**{FINGERPRINT: "crawls.judges.first_word", STORABLE: is_page})
    assert (named.fingerprint, named.storable) == (first_word, is_page)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (FINGERPRINT, "htm", f"{FINGERPRINT} is 'htm'; it must be 'html', a callable, or the import path of one."),
        (FINGERPRINT, 7, "is 7; it must be 'html', a callable, or the import path of one."),
        (STORABLE, "crawls.judges.nothing", "it must be a callable, or the import path of one."),
        (STORABLE, "no.such.module", "it must be a callable, or the import path of one."),
        (STORABLE, "crawls.judges.BAN", "it must be a callable, or the import path of one."),
    ],
)
def test_setting_that_names_no_callable_is_refused(name: str, value: object, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read(**{name: value})


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("fingerprint", ["html", "crawls.judges.first_word"])
def test_page_that_says_the_same_is_not_changed(origin: Origin, store: Path, fingerprint: str) -> None:
    page = Page(b"text <!-- token 1 -->")
    url = origin.on("/page.html", page)
    crawl([url], store=store, NOTMODIFIED_FINGERPRINT=fingerprint)
    page.content = b"text <!-- token 2 -->"

    again = crawl([url], store=store, NOTMODIFIED_FINGERPRINT=fingerprint)

    assert again.page["body"] == "text <!-- token 2 -->"
    told = again.page["meta"]["notmodified"]
    assert (told["outcome"], told["changed"], told["not_modified"]) == ("same-content", False, False)


@pytest.mark.usefixtures("environment")
def test_ban_is_handed_on_and_replaces_no_page(origin: Origin, store: Path) -> None:
    page = Page(b"text")
    url = origin.on("/page.html", page)
    crawl([url], store=store, NOTMODIFIED_STORABLE="crawls.judges.is_page")
    page.interludes.append(Reply(200, [("ETag", '"ban"')], b"are you a robot?"))

    banned = crawl([url], store=store, NOTMODIFIED_STORABLE="crawls.judges.is_page")
    after = crawl([url], store=store, NOTMODIFIED_STORABLE="crawls.judges.is_page")

    assert banned.page["body"] == "are you a robot?"
    told = banned.page["meta"]["notmodified"]
    assert (told["outcome"], told["changed"]) == ("passed", False)
    assert banned.stats["notmodified/outcome/passed"] == 1
    assert after.page["body"] == "text"
    assert after.page["meta"]["notmodified"]["outcome"] == "not-modified"
