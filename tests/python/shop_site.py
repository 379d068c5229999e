"""A shop for the example project to crawl: a front page, categories of several pages, products with media, robots.txt.

It is written into the directory of a real nginx; `Shop` knows every URL that a crawl of it has to ask for.
"""

from __future__ import annotations

import contextlib
import struct
import time
import urllib.request
import zlib
from typing import TYPE_CHECKING
from urllib.error import HTTPError

if TYPE_CHECKING:
    from pathlib import Path

    from nginx import Access, Nginx

CATEGORIES = ("books", "maps", "prints")
LISTINGS_PER_CATEGORY = 2


class Shop:
    """Writes the site, and changes it."""

    def __init__(self, nginx: Nginx, *, products_per_listing: int = 4, with_media: bool = True) -> None:
        self.nginx = nginx
        self._products_per_listing = products_per_listing
        self._with_media = with_media
        self._seen = 0
        self.products: list[str] = []
        self.media: list[str] = []
        self.listings: list[str] = []
        self.robots = nginx.write("robots.txt", "User-agent: *\nDisallow: /basket\n")
        for category in CATEGORIES:
            self._write_category(category)
        menu = "".join(f'<a href="/{category}/1.html">{category}</a>' for category in CATEGORIES)
        self.front = nginx.write("index.html", page("front", f'<nav>{menu}</nav><a href="/basket">basket</a>'))

    @property
    def urls(self) -> list[str]:
        """Everything that one crawl asks for."""
        return sorted([self.robots, self.front, *self.listings, *self.products, *self.media])

    def visits(self) -> list[Access]:
        """What was asked since this was called last."""
        # A line of our own after all others: nginx logs a request after it has answered it.
        end = f"/end-{self._seen}"
        with contextlib.suppress(HTTPError):
            urllib.request.urlopen(self.nginx.url + end)  # noqa: S310
        while end not in (targets := [access.target for access in self.nginx.log()]):
            time.sleep(0.01)
        visits = self.nginx.log()[self._seen : targets.index(end)]
        self._seen = targets.index(end) + 1
        return visits

    def write_product(self, url: str, price: str) -> None:
        """Write a product page, new or changed."""
        name = url.rpartition("/")[2].removesuffix(".html")
        media = f'<img src="/media/{name}.png"><a class="sheet" href="/media/{name}.pdf">data sheet</a>'
        body = (
            f'<h1>{name}</h1><b class="price">EUR {price}</b>{media if self._with_media else ""}'
            f"<p>{'A fine thing. ' * 200}</p>"
        )
        self.nginx.write(f"product/{name}.html", page(name, body))

    def write_medium(self, url: str, content: bytes) -> None:
        """Change a picture or a data sheet."""
        self.file(url).write_bytes(content)

    def file(self, url: str) -> Path:
        """Where the content of a URL lies."""
        return self.nginx.directory / url.removeprefix(self.nginx.url + "/")

    def _write_category(self, category: str) -> None:
        for number in range(1, LISTINGS_PER_CATEGORY + 1):
            names = [f"{category}-{number}-{place}" for place in range(self._products_per_listing)]
            for name in names:
                self._write_new_product(name)
            links = "".join(f'<li><a href="/product/{name}.html">{name}</a></li>' for name in names)
            further = f'<a class="next" href="{number + 1}.html">next</a>' if number < LISTINGS_PER_CATEGORY else ""
            content = page(category, f'<ul class="products">{links}</ul>{further}')
            self.listings.append(self.nginx.write(f"{category}/{number}.html", content))

    def _write_new_product(self, name: str) -> None:
        url = f"{self.nginx.url}/product/{name}.html"
        self.write_product(url, "9.50")
        self.products.append(url)
        if not self._with_media:
            return
        self.media.append(self.nginx.write(f"media/{name}.png", picture(len(self.products) % 256)))
        self.media.append(self.nginx.write(f"media/{name}.pdf", f"%PDF-1.4 {name} " * 500))


def page(title: str, body: str) -> str:
    """Write a page."""
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>"


def picture(shade: int, size: int = 32) -> bytes:
    """Draw a PNG in one shade of grey."""
    rows = (b"\0" + bytes([shade]) * size) * size
    chunks = (b"IHDR", struct.pack(">2I5B", size, size, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
