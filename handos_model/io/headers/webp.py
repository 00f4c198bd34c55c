"""WebP (RFC 9649): chunks up to the first image, whose size counts as well as that of the canvas."""

from __future__ import annotations

from handos_model.io.headers.promise import Promise, number

MAX_CHUNKS = 1000  # before the image, and before the second one: metadata


def read(data: memoryview) -> Promise:
    """The larger of canvas and image; ValueError if a chunk is longer than the file or there is no image."""
    if number(data, 4, 4, "little") + 8 > len(data):
        raise ValueError("its WebP declares more bytes than the file has: it is truncated")
    width = height = 0
    at = 12
    for _ in range(MAX_CHUNKS):
        kind, length = bytes(data[at : at + 4]), number(data, at + 4, 4, "little")
        if at + 8 + length > len(data):
            raise ValueError("a chunk of its WebP extends beyond the end of the file")
        size = _size(kind, data, at + 8)
        width, height = max(width, size[0]), max(height, size[1])
        at += 8 + length + length % 2
        if kind in (b"VP8 ", b"VP8L", b"ANMF"):
            return Promise(width, height, more=kind == b"ANMF" and _another(data, at))
    raise ValueError(f"its WebP has more than {MAX_CHUNKS} chunks before the image")


def _another(data: memoryview, at: int) -> bool:
    """Whether one more frame of an animation follows."""
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return False
        if bytes(data[at : at + 4]) == b"ANMF":
            return True
        length = number(data, at + 4, 4, "little")
        at += 8 + length + length % 2
    return False


def _size(kind: bytes, data: memoryview, at: int) -> tuple[int, int]:
    if kind == b"VP8X":
        return 1 + number(data, at + 4, 3, "little"), 1 + number(data, at + 7, 3, "little")
    if kind == b"ANMF":
        return 1 + number(data, at + 6, 3, "little"), 1 + number(data, at + 9, 3, "little")
    if kind == b"VP8L":
        bits = number(data, at + 1, 4, "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return number(data, at + 6, 2, "little") & 0x3FFF, number(data, at + 8, 2, "little") & 0x3FFF
    return 0, 0
