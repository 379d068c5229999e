"""A middleware of somebody else's that spoils bodies on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response


class Truncating:
    """Cuts a body, and says nothing of it."""

    async def process_response(self, request: Request, response: Response, spider: object = None) -> Response:  # noqa: ARG002
        """Hand on half of it."""
        return response.replace(body=response.body[: len(response.body) // 2])
