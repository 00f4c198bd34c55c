"""PNM of netpbm: PBM, PGM and PPM, in text and binary."""

from __future__ import annotations

from handos_model.io.headers.promise import Promise

LONGEST = 4096
"""Maximum number of bytes of a header, including comments."""
SAMPLES = {b"1": 1, b"2": 1, b"3": 3, b"4": 1, b"5": 1, b"6": 3}
"""Samples per pixel, by the digit that follows the P."""
_SPACE = b" \t\n\v\f\r"


def read(data: memoryview) -> Promise:
    """The size; ValueError if the header does not hold three numbers, or two for a bitmap."""
    head = bytes(data[:LONGEST])
    digit = head[1:2]
    bitmap = digit in b"14"
    numbers, end = _numbers(head, 2 if bitmap else 3)
    width, height = numbers[:2]
    most = 1 if bitmap else numbers[2]
    if not 1 <= most <= 65535:
        raise ValueError(f"its PNM declares {most} as its largest value")
    if digit == b"4":
        size = (width + 7) // 8 * height
    else:
        size = width * height * SAMPLES[digit] * (2 if most > 255 and digit in b"56" else 1)
    after = bytes(data[end + 1 + size : end + 3 + size])
    return Promise(width, height, size, more=digit in b"456" and after[:1] == b"P" and after[1:] in SAMPLES)


def _numbers(head: bytes, count: int) -> tuple[list[int], int]:
    """The first `count` numbers after the kind, without comments, in one pass over at most LONGEST bytes; their end."""
    found: list[int] = []
    at = 2
    while len(found) < count:
        if head[at : at + 1] == b"#":
            at = head.find(b"\n", at)
            if at < 0:
                break
        elif head[at : at + 1].isdigit():
            end = at
            while head[end : end + 1].isdigit():
                end += 1
            if end - at > 9:
                break
            found.append(int(head[at:end]))
            at = end
        elif head[at : at + 1] and head[at] in _SPACE:
            at += 1
        else:
            break
    if len(found) < count:
        raise ValueError("its PNM has no header")
    return found, at
