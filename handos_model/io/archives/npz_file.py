"""Arrays of an .npz file: names, shapes and types are read from headers first, numbers only once these are accepted."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handos_model.io.archives.zip_file import open_zip
from handos_model.io.files import Kind, one_line, open_file, shown

MAX_RATIO = 16
"""Largest compression ratio of an array: numbers that were learnt or measured are never compressed further."""


@dataclass(frozen=True)
class Header:
    """The declarations in the header of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npz(
    path: Path, kind: Kind, check: Callable[[dict[str, Header]], None] | None = None, only: Container[str] | None = None
) -> dict[str, np.ndarray]:
    """The arrays of numbers and texts in an .npz file, by name; none is unpickled.

    check: raises ValueError for unwanted names, shapes or types, before anything is unpacked. only: names of the arrays
    to read; anything else in the file is neither unpacked nor checked. Raises what open_file raises, and ValueError for
    a file that is damaged, holds something else, or would unpack to more than MAX_RATIO times its size.
    """
    with open_file(path, kind) as file:
        try:
            archive = open_zip(file, compressed=True)
            named = [(member.filename.removesuffix(".npy"), member) for member in archive.infolist()]
            wanted = [(name, member) for name, member in named if only is None or name in only]
            members = dict(wanted)
            headers = {name: _header(archive, member) for name, member in members.items()}
            most = MAX_RATIO * file.seek(0, 2)
            if len(members) < len(wanted) or sum(header.size for header in headers.values()) > most:
                raise ValueError("it declares more than it can hold")
        except Exception as error:  # damaged archives, streams and headers share no base class
            raise _unreadable(path, kind, error) from error
        if check is not None:
            check(headers)
        try:
            return {name: _array(archive, members[name], header) for name, header in headers.items()}
        except Exception as error:
            raise _unreadable(path, kind, error) from error


def _unreadable(path: Path, kind: Kind, error: Exception) -> ValueError:
    return ValueError(f"{kind.name} {shown(path)} is damaged or not an .npz of plain arrays: {one_line(error)}")


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header:
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{one_line(member.filename, 40)} is not of version 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        header = Header(shape, dtype)
        if dtype.kind not in "biufU" or dtype.hasobject or dtype.fields is not None:
            raise ValueError(f"{one_line(member.filename, 40)} holds {one_line(dtype.str, 20)}, must hold numbers")
        if min(shape, default=0) < 0 or header.size != member.file_size - file.tell():
            raise ValueError(f"{one_line(member.filename, 40)} has fewer numbers than it declares")
    return header


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, header: Header) -> np.ndarray:
    with archive.open(member) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1) or array.shape != header.shape:  # reading to the end also compares the checksum
            raise ValueError(f"{one_line(member.filename, 40)} continues after its array")
    return array
