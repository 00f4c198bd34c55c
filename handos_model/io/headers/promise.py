"""Promise: what the header of a compressed image says of it; and whole numbers out of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["little", "big"]


@dataclass(frozen=True)
class Promise:
    """Size in px, and what the file must be like to keep it."""

    width: int
    height: int
    least_bytes: int = 0
    """Fewer than these cannot hold as many pixels, however well they are compressed."""
    ended: bool = True
    """Whether the file has its end marker, which some cameras leave out; without one the pixels must tell."""


def number(data: memoryview, at: int, size: int, order: Order, signed: bool = False) -> int:
    """The number of `size` bytes at `at`; ValueError beyond the file's end."""
    raw = data[at : at + size]
    if at < 0 or len(raw) < size:
        raise ValueError("its header extends beyond the end of the file")
    return int.from_bytes(raw, order, signed=signed)
