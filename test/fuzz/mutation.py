"""Bytes of good inputs, changed in ways that parsers trip over."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE)
LENGTHS = (1, 2, 4, 8, 64, 1024)
CHANGES = (1, 1, 1, 2, 2, 3, 5, 8, 20)
"""How many, each as likely."""


def change(seeds: Sequence[bytes], first: bytes, chance: random.Random) -> bytes:
    """`first` after some changes; parts of the seeds may be put in."""
    data = bytearray(first)
    for _ in range(chance.choice(CHANGES)):
        _change_once(data, chance, seeds)
    return bytes(data)


def _change_once(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    if chance.random() < 0.5:  # headers are near the start
        at = min(at, chance.randrange(128))
    length = chance.choice(LENGTHS) if chance.random() < 0.9 else 1 + len(data) // 4
    length = min(length, len(data) - at)
    kind = chance.randrange(8)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        data[at : at + 1] = bytes([chance.randrange(256)])
    elif kind == 2:
        form = chance.choice(("<H", ">H", "<I", ">I"))
        value = chance.choice(NUMBERS) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
        data[at : at + struct.calcsize(form)] = struct.pack(form, value)
    elif kind == 3:
        del data[at : at + length]
    elif kind == 4:
        data[at:at] = bytes(data[at : at + length]) * chance.randint(1, 4)
    elif kind == 5:
        other = chance.choice(seeds)
        start = chance.randrange(len(other) + 1)
        data[at : at + length] = other[start : start + length]
    elif kind == 6:
        data[at : at + length] = bytes(length)
    elif chance.random() < 0.2:
        del data[at:]
