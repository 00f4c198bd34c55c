"""Videos whose headers lie, in the parts of which containers are made: sizes, counts, times, rates and shapes."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mutation import NUMBERS

ISO_PARENTS = b"moov trak mdia minf stbl edts dinf udta mvex moof traf".split()
EBML_PARENTS = {
    0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0x1F43B675, 0x1C53BB6B, 0x114D9B74, 0x1254C367,
}  # fmt: skip
PICTURES = 2000
"""Bytes: larger parts hold pictures rather than numbers about them."""
Part = tuple[int, int, int]
"""Where a part, its content, and what follows it begin."""


def lying_video(file: Path, chance: random.Random) -> bytes:
    """The file with lies in one to four of its parts."""
    data, parts = bytearray(file.read_bytes()), _parts(file)
    for begin, content, end in sorted(chance.sample(parts, min(len(parts), chance.randint(1, 4))), reverse=True):
        _lie(data, begin, content, end, chance)
    return bytes(data)


def _lie(data: bytearray, begin: int, content: int, end: int, chance: random.Random) -> None:
    kind = chance.randrange(10)
    if kind < 6 and end - content >= 4:  # a number, most of which lie at even places
        place = chance.randrange(content, end - 3, chance.choice((1, 2, 4)))
        size, order = chance.choice((2, 4, 4)), chance.choice(("little", "big"))
        data[place : place + size] = (chance.choice(NUMBERS) & (1 << 8 * size) - 1).to_bytes(size, order)
    elif kind == 6:  # its name or size
        place = chance.randrange(begin, content)
        data[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, data[place] ^ 1))
    elif kind == 7:
        data[content:end] = chance.choice((b"", b"\0", b"\xff")) * (end - content)
    elif kind == 8:
        del data[begin:end]
    else:
        data[begin:begin] = data[begin:end] * chance.choice((1, 2, 50))


@cache
def _parts(file: Path) -> list[Part]:
    """Every part of a good file that is not all pictures, those within others included."""
    data = file.read_bytes()
    reader = {b"RIFF": _riff, b"\x1aE\xdf\xa3": _ebml, b"\0\0\1\xba": _mpeg}.get(data[:4], _iso)
    return [part for part in reader(data, 0, len(data)) if part[2] - part[1] < PICTURES]


def _iso(data: bytes, at: int, end: int) -> Iterator[Part]:
    """MP4 and MOV: size, name, content."""
    while at + 8 <= end:
        after = at + max(8, struct.unpack_from(">I", data, at)[0])
        yield at, at + 8, after
        if data[at + 4 : at + 8] in ISO_PARENTS:
            yield from _iso(data, at + 8, after)
        at = after


def _riff(data: bytes, at: int, end: int) -> Iterator[Part]:
    """AVI: name, size, content, which is padded to an even size."""
    while at + 8 <= end:
        after = at + 8 + struct.unpack_from("<I", data, at + 4)[0]
        yield at, at + 8, min(after, end)
        if data[at : at + 4] in (b"RIFF", b"LIST"):
            yield from _riff(data, at + 12, min(after, end))
        at = after + after % 2


def _ebml(data: bytes, at: int, end: int) -> Iterator[Part]:
    """MKV and WebM: name and size, whose first bits say how long each is, and content."""
    while at < end and data[at]:
        place = at + 9 - data[at].bit_length()
        name = int.from_bytes(data[at:place], "big")
        length = 9 - data[place].bit_length()
        size = int.from_bytes(data[place : place + length], "big") & (1 << 7 * length) - 1
        content = place + length
        after = min(end, content + size)
        yield at, content, after
        if name in EBML_PARENTS:
            yield from _ebml(data, content, after)
        at = after


def _mpeg(data: bytes, at: int, end: int) -> Iterator[Part]:
    """MPEG: codes that begin with 0, 0, 1, and what follows each."""
    places = [found.start() for found in re.finditer(rb"\0\0\x01", data)]
    yield from ((begin, begin + 4, after) for begin, after in zip(places, [*places[1:], end], strict=True))
