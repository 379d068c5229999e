"""Header fields: several lines of one name, any case, every byte.

Text is latin-1, in which every byte has a character: what an origin sent is what comes back when it is encoded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import Self

Text: TypeAlias = str | bytes
HeadersLike: TypeAlias = (
    Mapping[str, Text | Sequence[Text]] | Mapping[bytes, Text | Sequence[Text]] | Iterable[tuple[Text, Text]]
)
"""What may be given for header fields: a mapping of names to values or lists of values, or pairs."""


class Headers(Mapping[str, str]):
    """A field section (RFC 9110 §5).

    A mapping by name, whatever its case; several lines of one name read as one, joined by ``", "`` (RFC 9110 §5.3).
    ``get_all`` keeps them apart, which Set-Cookie needs. Iteration gives each name once, in lower case.
    """

    __slots__ = ("raw",)

    raw: tuple[tuple[bytes, bytes], ...]
    """Every line, in order, as the bytes that it was."""

    def __init__(self, fields: HeadersLike = ()) -> None:
        """Take `fields`. Raises UnicodeEncodeError for characters beyond latin-1: only the caller knows their bytes."""
        raw = getattr(fields, "raw", None)
        pairs = raw if raw is not None else fields.items() if isinstance(fields, Mapping) else fields
        self.raw = tuple((_encoded(name), _encoded(one)) for name, value in pairs for one in _lines(value))

    @classmethod
    def of_raw(cls, raw: tuple[tuple[bytes, bytes], ...]) -> Self:
        """Make a section of its ``raw`` lines, which are bytes already."""
        headers = cls.__new__(cls)
        headers.raw = raw
        return headers

    def get_all(self, name: str) -> list[str]:
        """Each line of that name, in order; an empty list where there is none."""
        # Names have the case of ASCII and no other: the bytes are compared, and so they are what is lowered.
        wanted = name.encode("latin-1", "replace").lower()
        return [value.decode("latin-1") for have, value in self.raw if have.lower() == wanted]

    def __getitem__(self, name: str) -> str:
        lines = self.get_all(name)
        if not lines:
            raise KeyError(name)
        return ", ".join(lines)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower().decode("latin-1") for name, _ in self.raw))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.raw})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        theirs = other if isinstance(other, Headers) else Headers(other)
        return _lowered(self.raw) == _lowered(theirs.raw)

    def __hash__(self) -> int:
        return hash(_lowered(self.raw))

    def __repr__(self) -> str:
        shown = ((name, "…" if name in _SECRET else self[name]) for name in self)
        return f"Headers({dict(shown)!r})"


_SECRET = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})


def _lines(value: Text | Sequence[Text]) -> Sequence[Text]:
    return (value,) if isinstance(value, (str, bytes)) else value


def _encoded(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _lowered(raw: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower(), value) for name, value in raw)
