"""TIFF 6.0: the first directory, which may lie anywhere in the file, and the places where it says the pixels are."""

from __future__ import annotations

import math

import numpy as np

from handos_model.io.headers.promise import Order, Promise, number

MAX_TAGS = 1000
MAX_PARTS = 2**20
"""Maximum number of strips or tiles."""
MAX_DECODED = 2**29
"""Maximum bytes of the samples: 64 million pixels with four colours of 16 bits."""
MAX_DIRECTORIES = 100
"""Maximum number of directories among which a second page is looked for."""
LARGEST_TILE = 2**20
"""Maximum px of a tile; an image may be smaller than its only tile."""
COMPRESSIONS = {
    1: "none", 2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 7: "JPEG", 8: "deflate", 32773: "PackBits",
    32946: "deflate",
}  # fmt: skip
_CODES = {1: "u1", 3: "u2", 4: "u4"}  # of the types BYTE, SHORT, LONG
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 259, 277, 322, 323
_KIND, _OLD_KIND = 254, 255  # of what a directory describes: a page, a smaller version of one (1), a mask (4)
_PARTS = ((273, 279), (324, 325))  # where strips and tiles begin, and how many bytes each has
_USED = {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, *(tag for p in _PARTS for tag in p)}


def read(data: memoryview) -> Promise:
    """The size in the tags; ValueError for parts beyond the end of the file, and for oversized tiles and pixels."""
    order: Order = "little" if bytes(data[:2]) == b"II" else "big"
    tags = _tags(data, order)
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise ValueError("its TIFF has no size")
    width, height = int(tags[_WIDTH][0]), int(tags[_HEIGHT][0])
    compression, samples = (int(tags[tag][0]) if tag in tags else 1 for tag in (_COMPRESSION, _SAMPLES))
    bits = int(tags[_BITS].max()) if _BITS in tags else 1
    if compression not in COMPRESSIONS or not 1 <= samples <= 8 or not 1 <= bits <= 64:
        raise ValueError(
            f"its TIFF has {samples} samples of {bits} bits with compression {compression}, which is not supported"
        )
    tile = math.prod(int(tags[tag][0]) if tag in tags else 1 for tag in (_TILE_WIDTH, _TILE_HEIGHT))
    if tile > max(LARGEST_TILE, 4 * width * height):
        raise ValueError(f"its TIFF has tiles of {tile} pixels")
    for starts, counts in _PARTS:
        if starts in tags and counts in tags:
            _check_parts(tags[starts], tags[counts], len(data))
    size = width * height * samples * bits // 8
    if bits > 16 and size > MAX_DECODED:
        raise ValueError(f"its TIFF has {width}x{height} px of {samples} samples of {bits} bits")
    return Promise(width, height, size if compression == 1 else 0, more=_has_pages(data, order))


def _has_pages(data: memoryview, order: Order) -> bool:
    """Whether another page follows the first one. What is damaged on the way there does not concern the first."""
    at, seen = number(data, 4, 4, order), {0}  # 0 ends the list
    try:
        while len(seen) <= MAX_DIRECTORIES:
            seen.add(at)
            at = number(data, at + 2 + 12 * number(data, at, 2, order), 4, order)
            if at in seen:
                return False
            first = number(data, at + 2, 2, order)  # tags are in order
            if first in (_OLD_KIND, _WIDTH) or (first == _KIND and not number(data, at + 10, 4, order) & 5):
                return True
    except ValueError:
        pass
    return False


def _tags(data: memoryview, order: Order) -> dict[int, np.ndarray]:
    """The numbers of each tag that is used here."""
    at = number(data, 4, 4, order)
    count = number(data, at, 2, order)
    if count > MAX_TAGS:
        raise ValueError(f"its TIFF has {count} tags")
    found: dict[int, np.ndarray] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = number(data, entry, 2, order), number(data, entry + 2, 2, order)
        values = number(data, entry + 4, 4, order)
        if tag in _USED and kind in _CODES and values:
            if values > MAX_PARTS:
                raise ValueError(f"a tag of its TIFF has {values} values")
            dtype = np.dtype(_CODES[kind]).newbyteorder("<" if order == "little" else ">")
            size = values * dtype.itemsize
            start = entry + 8 if size <= 4 else number(data, entry + 8, 4, order)
            if start + size > len(data):
                raise ValueError("a tag of its TIFF extends beyond the end of the file")
            found[tag] = np.frombuffer(data, dtype, values, start).astype(np.int64)
    return found


def _check_parts(starts: np.ndarray, counts: np.ndarray, size: int) -> None:
    if len(starts) != len(counts) or (starts + counts > size).any():
        raise ValueError("a strip or tile of its TIFF extends beyond the end of the file: it is truncated")
