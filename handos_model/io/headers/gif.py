"""GIF 87a and 89a: the screen, and the images, which lie within it."""

from __future__ import annotations

from handos_model.io.headers.promise import Promise, number

MAX_BLOCKS = 1_000_000
"""Maximum number of data blocks up to the second image; 256 MB hold as many full ones."""
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B


def read(data: memoryview) -> Promise:
    """The size of the screen; ValueError if the file has no end marker, or more than MAX_BLOCKS."""
    tail = bytes(data[-64:]).rstrip(b"\0")
    if len(data) < 14 or not tail or tail[-1] != _TRAILER:
        raise ValueError("its GIF has no end: it is truncated")
    return Promise(number(data, 6, 2, "little"), number(data, 8, 2, "little"), more=_holds_two(data))


def _holds_two(data: memoryview) -> bool:
    """Whether there is a second image. What is damaged on the way there is the decoder's to judge."""
    at, images, inside = 13 + _colours(data[10]), 0, False  # inside: in the data of a block, which an empty one ends
    for _ in range(MAX_BLOCKS):
        if at + 10 > len(data):
            return False
        first = data[at]
        if inside:
            at, inside = at + 1 + first, first > 0
        elif first == _EXTENSION:
            at, inside = at + 2, True
        elif first == _IMAGE and not images:
            at, inside, images = at + 11 + _colours(data[at + 9]), True, 1
        else:
            return first == _IMAGE
    raise ValueError(f"its GIF has more than {MAX_BLOCKS} blocks")


def _colours(flags: int) -> int:
    """Bytes of the table of colours that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
