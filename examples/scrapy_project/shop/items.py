"""What the spider finds: a product, whose pictures and data sheets the media pipelines fill in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from scrapy.pipelines.media import FileInfo


@dataclass
class Product:
    """One product, as its page has it."""

    url: str
    name: str
    # As text from the page, as a number from the first pipeline on.
    price: str | Decimal | None
    # Whether the page differs from what was last processed.
    changed: bool
    image_urls: list[str]
    file_urls: list[str]
    images: list[FileInfo] = field(default_factory=list)
    files: list[FileInfo] = field(default_factory=list)
