"""Scrapy's tools for looking at a page run a decorated callback whatever is stored: who uses them wants to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crawls import Environment, Project
from origin import Page

if TYPE_CHECKING:
    from pathlib import Path

    from origin import Origin

DECORATED = "    @notmodified.scrapy.skip_unchanged\n    def parse_item("


@pytest.fixture
def project(environment: Environment, origin: Origin, tmp_path: Path) -> Project:
    """A project whose callback skips unchanged pages, and whose pages are all stored and processed."""
    origin.on("/robots.txt", Page(b"User-agent: *\nAllow: /\n", content_type="text/plain"))
    origin.on("/page.html", Page(b"<html><h1>a lamp</h1></html>"))
    start = origin.on("/start.html", Page(b'<html><a href="/page.html">page</a></html>'))
    project = Project(tmp_path / "project", environment, start)
    spider = tmp_path / "project" / "shop" / "spiders" / "shop.py"
    text = spider.read_text()
    assert text.count("    def parse_item(") == 1
    spider.write_text("import notmodified.scrapy\n" + text.replace("    def parse_item(", DECORATED))
    assert [item["title"] for item in project.crawl()] == ["a lamp"]
    return project


def test_crawl_of_unchanged_pages_has_no_items(project: Project) -> None:
    assert project.crawl() == []


def test_contracts_of_a_decorated_callback_are_checked(project: Project) -> None:
    check = project.scrapy("check", "shop")

    assert "Ran 1 contract" in check.stderr
    assert "\nOK" in check.stderr


def test_parse_and_shell_run_a_decorated_callback(project: Project, origin: Origin) -> None:
    url = f"{origin.url}/page.html"

    parsed = project.scrapy("parse", url, "--spider", "shop", "-c", "parse_item", "--nocolour")
    in_shell = project.scrapy("shell", url, "--spider", "shop", "-c", "list(crawler.spider.parse_item(response))")

    assert "a lamp" in parsed.stdout
    assert "a lamp" in in_shell.stdout
    # Both were told that it is unchanged.
    asked = [received.has_condition() for received in origin.requests("/page.html")]
    assert asked[0] is False
    assert asked[1:].count(True) >= 2
