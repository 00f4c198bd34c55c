"""Arrays of an .npz file: names, shapes and types out of headers alone, numbers once these are known to be wanted."""

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
"""An array of numbers that were learnt or measured is not compressed further than that."""


@dataclass(frozen=True)
class Header:
    """What an array's header promises."""

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

    check: raises ValueError where names, shapes or types are not those wanted, before anything is unpacked. only: names
    of the arrays that are read; what else the file holds stays packed and is not judged. Raises as open_file, and
    ValueError for a file that is damaged, holds something else, or would unpack to more than MAX_RATIO times its size.
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
        if file.read(1) or array.shape != header.shape:  # at its end the checksum is compared as well
            raise ValueError(f"{one_line(member.filename, 40)} continues after its array")
    return array
