"""The tables of docs/scrapy.md say what the code does, and the README's page on Scrapy stays a page."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings, default_settings

from notmodified import Outcome
from notmodified.scrapy import meta, strict
from notmodified.scrapy.settings import Config

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scrapy.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
README_LINES = 40
SPIDER = "prices"
# Of meta: what is ours while a request is under way, and nobody's to set or to read.
OURS = {meta.ADDED, meta.AGAIN}
COUNTED = re.compile(r'(?:inc|set)_value\(\s*f?"notmodified/([a-z_]+)')


def section(heading: str, text: str = PAGE) -> str:
    """Cut out what stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table below a heading."""
    lines = re.findall(r"^\|(.*)\|$", section(heading), re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines[2:]]


def first_cells(heading: str) -> list[str]:
    """Give the names that a table is about."""
    return [name for row in rows(heading) for name in re.findall(r"`([^`]+)`", row[0])]


def read(**settings: Any) -> Config:  # noqa: ANN401
    """Read these settings as a project's."""
    return Config.from_settings(Settings(settings), spider=SPIDER)


def test_table_of_settings_has_every_setting_and_no_other() -> None:
    assert sorted(first_cells("Settings")) == sorted(f"NOTMODIFIED_{field.name.upper()}" for field in fields(Config))


@pytest.mark.parametrize(("name", "told"), [(row[0].strip("`"), row[1]) for row in rows("Settings")])
def test_default_in_the_table_is_that_of_the_code(name: str, told: str) -> None:
    default = SPIDER if told == "the spider's name" else ast.literal_eval(told.strip("`"))

    assert read(**{name: default}) == read()
    field = name.removeprefix("NOTMODIFIED_").lower()
    assert getattr(read(), field) == (tuple(default) if isinstance(default, list) else default)


def test_table_of_meta_has_every_key_and_no_other() -> None:
    keys = {value for name, value in vars(meta).items() if name.isupper() and isinstance(value, str)}
    assert set(first_cells("request.meta")) == keys - OURS


def test_table_of_outcomes_has_every_outcome_and_no_other() -> None:
    assert sorted(first_cells("What a callback is told")) == sorted(outcome.value for outcome in Outcome)


def test_table_of_statistics_has_everything_that_is_counted_and_nothing_else() -> None:
    sources = (ROOT / "python" / "notmodified" / "scrapy").glob("*.py")
    counted = {name for source in sources for name in COUNTED.findall(source.read_text(encoding="utf-8"))}
    listed = [name.removeprefix("notmodified/") for name in first_cells("Statistics")]
    assert sorted(name.partition("/")[0] for name in listed) == sorted(counted)


def test_recipe_has_every_setting_of_scrapys_cache_and_no_other() -> None:
    settings = {name for name in dir(default_settings) if name.startswith("HTTPCACHE_")}
    assert set(re.findall(r"`(HTTPCACHE_\w+)`", "".join(row[0] for row in rows("From HTTPCACHE_*")))) == settings


def test_settings_and_keys_that_a_text_names_are_there() -> None:
    known = {*first_cells("Settings"), *first_cells("request.meta"), strict.REASON}
    for text in (PAGE, section("Scrapy", README)):
        named = {*re.findall(r"\bNOTMODIFIED_\w+", text), *re.findall(r"\bnotmodified_\w+", text)}
        assert {name for name in named if name not in known} == set()


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for place, anchor in re.findall(r"\]\((?!http)([^)#\s]*)(?:#([^)\s]*))?\)", text):
        target = (path.parent / place) if place else path
        assert target.exists(), place
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}


def slug(heading: str) -> str:
    """Name a heading as forges do in links."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_readmes_page_on_scrapy_fits_a_screen() -> None:
    assert len(section("Scrapy", README).strip().splitlines()) + 2 <= README_LINES
