"""Commands that look at a page: they work in a project with notmodified, and the crawl loses nothing by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crawls import Environment, Project
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

# Many starts of an interpreter.
pytestmark = pytest.mark.timeout(180)
ONE = b"<html><h1>one</h1></html>"
TWO = b"<html><h1>two</h1></html>"


@pytest.fixture
def page(origin: Origin) -> Page:
    """The page that the project's start page links to."""
    page = Page(ONE)
    url = origin.on("/page.html", page)
    origin.on("/start.html", Page(f'<html><a href="{url}">page</a></html>'.encode()))
    origin.on("/robots.txt", Page(b"User-agent: *\nAllow: /\n", content_type="text/plain"))
    return page


@pytest.fixture
def project(environment: Environment, page: Page, origin: Origin, tmp_path: Path) -> Project:  # noqa: ARG001
    """A project that crawls it."""
    return Project(tmp_path / "project", environment, f"{origin.url}/start.html")


def look(project: Project, url: str, command: str, *arguments: str) -> str:
    """Run a command for this page, and give what it printed; it has to succeed, and we have no complaints."""
    looked = project.scrapy(command, url, "--spider", "shop", *arguments, "--loglevel", "WARNING")
    assert looked.returncode == 0, looked.stderr
    assert [line for line in looked.stderr.splitlines() if "[notmodified" in line or "ERROR" in line] == []
    return looked.stdout


def test_looking_at_a_page_shows_it_and_hides_no_change_from_the_crawl(
    project: Project, page: Page, origin: Origin
) -> None:
    url = f"{origin.url}/page.html"
    parse = ("parse", "-c", "parse_item", "--nocolour")
    project.crawl()
    page.content = TWO

    before = [look(project, url, *command) for command in (("fetch",), ("shell", "-c", "response.text"), parse)]
    crawled = project.crawl()
    after = look(project, url, *parse)

    assert [text.count("two") for text in (*before, after)] == [1] * 4
    assert page.full == 2
    assert [(item["title"], item["changed"]) for item in crawled] == [("two", True)]


def test_contracts_are_checked_also_on_unchanged_pages(project: Project, origin: Origin) -> None:
    checks = [project.scrapy("check", "shop") for _ in range(2)]

    assert [check.returncode for check in checks] == [0, 0]
    for check in checks:
        assert "Ran 1 contract" in check.stderr
        assert "\nOK" in check.stderr
    assert [received.has_condition() for received in origin.requests("/start.html")] == [False, True]
