"""Arrays that are filled on the disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.output.output_file import named


def array_file(path: Path, kind: Any, shape: tuple[int, ...]) -> np.memmap:
    """A new .npy file of zeros of the type `kind`, mapped to be filled; OSError if the disk has no room for all of it.

    Its room is taken at once: where a mapped file finds none, the process dies.
    """
    with named(path):
        try:
            array = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
            with path.open("rb+") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    return array
