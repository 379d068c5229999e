"""A site of files: its pages, where each of them lies, and the ways in which one changes."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

TITLE = re.compile(rb"(?<=<title>)[^<]*[A-Za-z][^<]*(?=</title>)")
END = b"</body>"
NEWS = b"<p>This paragraph was added.</p>\n"


@dataclass(frozen=True)
class Site:
    """The pages below a directory; `start` is the one from which links lead to the others."""

    name: str
    directory: Path
    start: str

    @cached_property
    def pages(self) -> list[str]:
        """What each page is called in a URL."""
        return sorted(quote(path.relative_to(self.directory).as_posix()) for path in self.directory.rglob("*.html"))

    def path(self, url: str) -> Path:
        """The file behind a URL."""
        path = unquote(urlsplit(url).path).lstrip("/")
        return self.directory / (f"{path}index.html" if path.endswith("/") or not path else path)

    def digest(self, url: str) -> str:
        """What the content of a page comes to; empty where there is no such page."""
        path = self.path(url)
        return digest(path.read_bytes()) if path.is_file() else ""

    def is_editable(self, url: str) -> bool:
        """Whether the page has what the edits look for."""
        content = self.path(url).read_bytes()
        return END in content and TITLE.search(content) is not None

    def add_paragraph(self, url: str) -> None:
        """Change the content, and so its size."""
        path = self.path(url)
        _write(path, path.read_bytes().replace(END, NEWS + END, 1))

    def swap_case_of_title(self, url: str) -> None:
        """Change the content, but not its size."""
        path = self.path(url)
        _write(path, TITLE.sub(lambda title: title[0].swapcase(), path.read_bytes(), count=1))

    def touch(self, url: str) -> None:
        """Write the page anew as it is: new validators for the same content."""
        path = self.path(url)
        _write(path, path.read_bytes())


def digest(content: bytes) -> str:
    """What content comes to."""
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    # nginx makes its validators of the size and of the time in whole seconds. An edit that keeps both is invisible
    # to it, and so to everyone who asks it: that is the origin's doing. Here each edit comes a second after the last.
    modified = path.stat().st_mtime + 1
    path.write_bytes(content)
    os.utime(path, (modified, modified))
