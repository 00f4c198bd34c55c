"""The file through which a class of inputs is fed: one of its own, rewritten for every input."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))  # in a folder that the campaign removes


def through_a_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A feed that writes each input to a file of this name and reads that."""
    path = FOLDER / name

    def feed(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return feed
