"""Promise: what the header of a compressed image says about it; and whole numbers read from bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["little", "big"]


@dataclass(frozen=True)
class Promise:
    """Size in px, and what the file must contain to keep the promise."""

    width: int
    height: int
    min_bytes: int = 0
    """A file with fewer bytes cannot hold that many pixels, however well they are compressed."""
    ended: bool = True
    """Whether the file has its end marker, which some cameras omit; without it, only the pixels show if it is whole."""
    more: bool = False
    """Whether further images of their own follow the first, as in animations; previews and masks are none."""


def number(data: memoryview, at: int, size: int, order: Order, signed: bool = False) -> int:
    """The number in the `size` bytes at `at`; ValueError beyond the end of the file."""
    raw = data[at : at + size]
    if at < 0 or len(raw) < size:
        raise ValueError("its header extends beyond the end of the file")
    return int.from_bytes(raw, order, signed=signed)
