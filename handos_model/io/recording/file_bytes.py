"""The bytes of a recording's file, read on demand: with a mapped file, a disk error would kill the process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from handos_model.io.files import MB, RECORDING, open_file

BLOCK = MB
LONGEST_MATCH = 64
"""Maximum number of bytes that a pattern for `places` looks at."""
MAX_PLACES = 100_000


class FileBytes:
    """A regular file that is sliced like bytes. Raises ValueError for any other, and for one that cannot be read."""

    def __init__(self, path: Path) -> None:
        self._file = open_file(path, RECORDING)
        self._size = os.fstat(self._file.fileno()).st_size
        self._begin, self._block = 0, b""

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, piece: slice) -> bytes:
        begin, end, _ = piece.indices(self._size)
        if end - begin > BLOCK:
            return self._read(begin, end - begin)
        if not self._begin <= begin <= end <= self._begin + len(self._block):
            self._begin, self._block = begin, self._read(begin, min(BLOCK, self._size - begin))
        return self._block[begin - self._begin : end - self._begin]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self, begin: int, count: int) -> bytes:
        try:
            self._file.seek(begin)
            data = self._file.read(max(count, 0))
        except OSError as error:
            raise ValueError(f"it cannot be read at byte {begin}: {error.strerror}") from error
        if len(data) < count:
            raise ValueError(f"it shrank below {self._size} bytes while it was read")
        return data


def places(pattern: re.Pattern[bytes], data: FileBytes | bytes, at: int, end: int) -> Iterator[int]:
    """Positions at which a pattern matches, from `at` on, at most MAX_PLACES of them."""
    count = 0
    for begin in range(at, end, BLOCK):
        for match in pattern.finditer(data[begin : min(end, begin + BLOCK + LONGEST_MATCH)]):
            if match.start() >= BLOCK or count == MAX_PLACES:
                break
            count += 1
            yield begin + match.start()
