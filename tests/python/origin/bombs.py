"""Small bodies that unfold to a great many zero bytes, one for each content coding.

No encoder is asked for those of br and zstd: a stream of one byte repeated is written here bit by bit, and shows how
few of them it takes.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PIECE = 1 << 20
# The most that one meta-block of br, and one block of zstd, can hold.
META_BLOCK = 1 << 24
BLOCK = 128 * 1024
# An empty member of gzip: nothing, twenty bytes long.
EMPTY_MEMBER = bytes.fromhex("1f8b0800000000000003030000000000") + bytes(4)


def gzip_bomb(size: int) -> bytes:
    """Zeros in gzip: about a thousandth of them."""
    return _deflated(size, zlib.MAX_WBITS | 16)


def deflate_bomb(size: int) -> bytes:
    """Zeros in zlib's format."""
    return _deflated(size, zlib.MAX_WBITS)


def zstd_bomb(size: int) -> bytes:
    """Zeros in zstd (RFC 8878): four bytes for each 128 KiB; the size is rounded up to that."""
    # No content size, no checksum, a window of one block.
    head = bytes.fromhex("28b52ffd") + b"\x00\x38"
    blocks = -(-size // BLOCK)
    # A block of type RLE: is it the last one, the type 1, the size; then the byte.
    repeated = (BLOCK << 3 | 1 << 1).to_bytes(3, "little") + b"\x00"
    last = (BLOCK << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\x00"
    return head + repeated * (blocks - 1) + last


def brotli_bomb(size: int) -> bytes:
    """Zeros in br (RFC 7932): some twelve bytes for each 16 MiB; the size is rounded up to that."""
    window = [(0b1111, 4)]
    return _packed([*window, *(_META_BLOCK * -(-size // META_BLOCK)), *_LAST])


def wide_brotli_bomb(size: int) -> bytes:
    """The same in the extension of br that has windows of a gigabyte, and keeps so much back before the first byte."""
    window = [(0x11, 8), (30, 6)]
    # More distances than br has: the only one takes two bits more.
    meta_block = [*_META_BLOCK[:-1], (0, 2), _META_BLOCK[-1]]
    return _packed([*window, *(meta_block * -(-size // META_BLOCK)), *_LAST])


def nothing_in_gzip(size: int) -> bytes:
    """So many bytes of gzip members that hold nothing at all, in gzip."""
    coder = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    members = EMPTY_MEMBER * (PIECE // len(EMPTY_MEMBER))
    return b"".join(coder.compress(members) for _ in range(0, size, PIECE)) + coder.flush()


# Pairs of a value and its number of bits.
_META_BLOCK = [
    (0, 1),  # not the last one
    (2, 2),  # its length has six nibbles
    (META_BLOCK - 1, 24),
    (0, 1),  # compressed
    (0, 3),  # one type of block for literals, commands and distances
    (0, 6),  # no postfix, no direct distances
    (0, 2),  # a context mode, of no consequence
    (0, 2),  # one tree for literals, one for distances
    *((1, 2), (0, 2), (0, 8)),  # the only literal: 0
    *((1, 2), (0, 2), (504, 10)),  # the only command: insert as many as the extra bits say
    *((1, 2), (0, 2), (0, 6)),  # the only distance, never used
    (META_BLOCK - 22594, 24),  # those extra bits; literals with a tree of one leaf take none
]

_LAST = [(1, 1), (1, 1)]


def _deflated(size: int, wbits: int) -> bytes:
    coder = zlib.compressobj(9, wbits=wbits)
    pieces = [coder.compress(bytes(min(PIECE, size - start))) for start in range(0, size, PIECE)]
    return b"".join(pieces) + coder.flush()


def _packed(fields: Iterable[tuple[int, int]]) -> bytes:
    """Numbers one after the other, lowest bit first."""
    bits = length = 0
    for value, width in fields:
        bits |= value << length
        length += width
    return bits.to_bytes(-(-length // 8), "little")
