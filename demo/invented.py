"""A site that is written for the occasion, for machines where no real one can be downloaded."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from demo.website import Site

if TYPE_CHECKING:
    from pathlib import Path

PAGES = 400
PAGES_PER_CHAPTER = 20
PARAGRAPHS = (10, 60)
TEXT = (
    "a the one some no every page change answer question origin cache entity tag date byte header body store client "
    "server validator variant request response remembers asks sends keeps reads compares again once never always only"
)
WORDS = TEXT.split()
# Any time that has passed.
PUBLISHED = 1_700_000_000


def write_to(directory: Path, pages: int) -> Site:
    """Write so many pages: one of all chapters, each with its pages, which lead to the next."""
    chance = random.Random(pages)  # noqa: S311 - words are no secret
    chapters = range(0, pages - 1, PAGES_PER_CHAPTER)
    _write(directory / "index.html", "Contents", [_link(f"{first}/index.html") for first in chapters])
    for first in chapters:
        last = min(first + PAGES_PER_CHAPTER, pages - 1)
        names = ["index.html", *(f"page{number}.html" for number in range(first + 1, last))]
        for name, following in zip(names, [*names[1:], "../index.html"], strict=True):
            text = [_paragraph(chance) for _ in range(chance.randint(*PARAGRAPHS))]
            _write(directory / str(first) / name, f"Chapter {first}, {name}", [*text, _link(following)])
    return Site("a site written for the occasion", directory, "index.html")


def _write(path: Path, title: str, paragraphs: list[str]) -> None:
    text = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1>\n{text}\n</body></html>\n",
        encoding="utf-8",
    )
    os.utime(path, (PUBLISHED, PUBLISHED))


def _link(target: str) -> str:
    return f'<a href="{target}">{target}</a>'


def _paragraph(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(20, 120)))
