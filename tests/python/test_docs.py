"""The Python examples of README.md and docs/ are run: in order, in one namespace for each file, in an empty directory.

A block fenced as ```python is run. One that cannot be, because it belongs into a project of somebody's, is fenced as
```python no-run, and only compiled. Every 127.0.0.1:8080 in it is the address of an origin that answers any path, with
a page of its own and a validator.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from origin import Origin, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from origin import Handler, Request

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
ADDRESS = "127.0.0.1:8080"
FENCE = re.compile(
    r"^(?P<indent> *)```python(?P<mark>[^\n]*)\n(?P<source>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """One example."""

    line: int
    source: str
    is_run: bool


class Site(Origin):
    """Answers any path."""

    def __init__(self) -> None:
        super().__init__()
        self._pages: dict[str, Page] = {}

    def _handler(self, request: Request) -> Handler:
        is_json = request.path.endswith(".json")
        content = b'{"path": "here"}' if is_json else f"<html><title>{request.path}</title></html>".encode()
        kind = "application/json" if is_json else "text/html; charset=utf-8"
        return self._pages.setdefault(request.target, Page(content, content_type=kind))


@pytest.fixture
def site() -> Iterator[Site]:
    """Run the site that the examples ask."""
    with Site() as running:
        yield running


def blocks(text: str) -> list[Block]:
    """Find the Python examples in a text."""
    return [
        Block(text.count("\n", 0, match.start()) + 2, match["source"], match["mark"].strip() != "no-run")
        for match in FENCE.finditer(text)
    ]


def run(text: str, name: str, site: Site) -> dict[str, object]:
    """Run the examples of one file; a failure shows the line of the file."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(text):
        source = block.source.replace(ADDRESS, f"127.0.0.1:{site.port}")
        code = compile(ast.increment_lineno(ast.parse(source, name), block.line - 1), name, "exec")
        if block.is_run:
            exec(code, namespace)  # noqa: S102 - the project's own examples
    return namespace


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_examples_run(path: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run(text, str(path), site)
    asks = any(block.is_run and ADDRESS in block.source for block in blocks(text))
    assert bool(site.log) is asks


def test_readme_has_examples() -> None:
    assert [block for block in blocks(FILES[0].read_text(encoding="utf-8")) if block.is_run]


def test_fences_are_found_with_their_lines_and_marks() -> None:
    text = "a\n```python\nx = 1\n```\n```sh\nls\n```\n- b\n\n  ```python no-run\n  y\n  ```\n"
    assert blocks(text) == [Block(3, "x = 1\n", is_run=True), Block(11, "  y\n", is_run=False)]


def test_failing_example_fails_with_its_line(site: Site) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run("text\n\n```python\nx = 0\n```\n```python\n1 / x\n```\n", "some.md", site)
    assert (caught.traceback[-1].path, caught.traceback[-1].lineno + 1) == ("some.md", 7)


def test_example_that_is_not_run_must_compile(site: Site) -> None:
    assert "x" not in run("```python no-run\nx = 1\n```\n", "some.md", site)
    with pytest.raises(SyntaxError):
        run("```python no-run\nx = = 1\n```\n", "some.md", site)
