"""GIF 87a and 89a: the screen, and the first image, which lies within it."""

from __future__ import annotations

from handos_model.io.headers.promise import Promise, number

_TRAILER = 0x3B


def read(data: memoryview) -> Promise:
    """The size of the screen; ValueError if the file has no end marker."""
    tail = bytes(data[-64:]).rstrip(b"\0")
    if len(data) < 14 or not tail or tail[-1] != _TRAILER:
        raise ValueError("its GIF has no end: it is truncated")
    return Promise(number(data, 6, 2, "little"), number(data, 8, 2, "little"))
