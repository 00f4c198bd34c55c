"""Size of a compressed image from its first bytes, so that it can be judged before memory is spent on its pixels."""

from __future__ import annotations

import re
from typing import Literal, cast

import numpy as np

KINDS = "JPEG, PNG, WebP, TIFF, BMP, PNM"
"""Kinds of files that image_size knows."""

_NO_FRAME = {0xC4, 0xC8, 0xCC}  # markers among 0xC0 to 0xCF that are not a JPEG's start of frame
_PNM = re.compile(rb"P[1-6](?:\s+|#[^\n]*\n)+(\d{1,9})(?:\s+|#[^\n]*\n)+(\d{1,9})\s")


def image_size(data: bytes | np.ndarray) -> tuple[int, int]:
    """Width and height in px as a compressed image declares them, its EXIF orientation left aside.

    data: the whole file. Raises ValueError for a file of another kind than KINDS, and for a damaged one: no size, or a
    JPEG or PNG without its end.
    """
    file = memoryview(cast(bytes, data))  # an array is a buffer, too
    head = bytes(file[:4096])
    size = None
    if head[:2] == b"\xff\xd8":
        size = _jpeg_size(file)
    elif head[:8] == b"\x89PNG\r\n\x1a\n" and bytes(file[-64:]).find(b"IEND") >= 0:
        size = _number(head[16:20], "big"), _number(head[20:24], "big")
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        size = _webp_size(head)
    elif head[:4] in (b"II*\0", b"MM\0*"):
        size = _tiff_size(file, "little" if head[:2] == b"II" else "big")
    elif head[:2] == b"BM":
        size = _bmp_size(head)
    elif match := _PNM.match(head):
        size = int(match[1]), int(match[2])
    if size is None or min(size) < 1:
        raise ValueError(f"no image can be decoded from these {len(data)} bytes: damaged, or none of {KINDS}")
    return size


def _number(data: bytes | memoryview, order: Literal["little", "big"], signed: bool = False) -> int:
    return int.from_bytes(data, order, signed=signed)


def _jpeg_size(data: memoryview) -> tuple[int, int] | None:
    """Returns the size of the first frame, passing over thumbnails inside segments; None if the image has no end."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD7:  # fill, and markers that stand alone
            at += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            # Decoders fill up a truncated file with grey. Its coded data cannot hold the end marker by chance.
            ended = bytes(data[at:]).rfind(b"\xff\xd9") >= 0
            height, width = _number(data[at + 5 : at + 7], "big"), _number(data[at + 7 : at + 9], "big")
            return (width, height) if ended else None
        at += 2 + _number(data[at + 2 : at + 4], "big")
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + _number(head[24:27], "little"), 1 + _number(head[27:30], "little")
    if kind == b"VP8L":
        bits = _number(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return _number(head[26:28], "little") & 0x3FFF, _number(head[28:30], "little") & 0x3FFF
    return None


def _tiff_size(data: memoryview, order: Literal["little", "big"]) -> tuple[int, int] | None:
    """From the tags 256 and 257 of the first directory, which may lie anywhere in the file."""
    at = _number(data[4:8], order)
    found: dict[int, int] = {}
    for entry in range(_number(data[at : at + 2], order)):
        field = data[at + 2 + 12 * entry : at + 14 + 12 * entry]
        if len(field) < 12:
            break
        short = _number(field[2:4], order) == 3
        found[_number(field[:2], order)] = _number(field[8:10] if short else field[8:12], order)
    return (found[256], found[257]) if 256 in found and 257 in found else None


def _bmp_size(head: bytes) -> tuple[int, int]:
    if _number(head[14:18], "little") == 12:  # OS/2's
        return _number(head[18:20], "little"), _number(head[20:22], "little")
    # rows may run downwards: a negative height
    return _number(head[18:22], "little", signed=True), abs(_number(head[22:26], "little", signed=True))
