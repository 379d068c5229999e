"""From content to text: which encoding it is in."""

from __future__ import annotations

import codecs
from email.message import Message
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding(headers: Mapping[str, str], content: bytes) -> str:
    """The encoding of `content`: its byte order mark, else Content-Type's charset (RFC 9110 §8.3.2), else UTF-8."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    charset = message.get_content_charset()
    return (charset and _text_encoding(charset)) or "utf-8"


def _text_encoding(charset: str) -> str | None:
    """Look the encoding up. Codecs that make no text (base64), or none with replacements (idna), are no encodings."""
    try:
        b"?".decode(charset, "replace")
        return codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
