"""A recording's file as bytes that the operating system reads when they are asked for."""

from __future__ import annotations

import mmap
from pathlib import Path

from handos_model.io.files import RECORDING, open_file


class MappedFile:
    """`data` are the bytes of a regular file. Raises ValueError for any other, and for an empty one."""

    def __init__(self, path: Path) -> None:
        with open_file(path, RECORDING) as file:
            try:
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (ValueError, OSError) as error:
                raise ValueError(f"it is empty, or cannot be mapped: {error}") from error

    def close(self) -> None:
        """Closes the file, as soon as nothing uses its bytes any more."""
        try:
            self.data.close()
        except BufferError:
            pass  # views of it are still used: it is closed with the last of them
