"""The order of names that people expect."""

from __future__ import annotations

import re
from pathlib import Path


def natural_order(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key by which frame_2 comes before frame_10; 01 and 1 always have the same order."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(int(part), "") if part.isdecimal() and len(part) < 4000 else (-1, part) for part in parts], str(path)
