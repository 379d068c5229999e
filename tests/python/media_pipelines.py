"""Item pipelines of the media tests: every link of a page is a file, or a picture."""

from __future__ import annotations

import re
from typing import Any

LINK = re.compile(r'href="([^"]+)"')


class Files:
    """Hands the links to FilesPipeline."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Name the files."""
        item["file_urls"] = LINK.findall(item["body"])
        return item


class Images:
    """Hands the links to ImagesPipeline."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Name the pictures."""
        item["image_urls"] = LINK.findall(item["body"])
        return item


class Failing:
    """Fails after the media are there."""

    def process_item(self, item: dict[str, Any], spider: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Raise."""
        raise ValueError(f"cannot be processed: {item['url']}")
