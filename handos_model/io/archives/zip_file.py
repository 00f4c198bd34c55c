"""A zip archive whose list of members is bounded, and whose members are checked before any of them is unpacked."""

from __future__ import annotations

import struct
import zipfile
from typing import BinaryIO

MAX_DIRECTORY = 2**20
"""Bytes of the list of members, enough for some ten thousand of them."""
_END, _END_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q")
_LOCATOR = 20  # bytes between the 64-bit end record and the ordinary one
_ELSEWHERE = 0xFFFFFFFF  # value in the ordinary end record if the 64-bit one holds the size


def open_zip(file: BinaryIO, compressed: bool) -> zipfile.ZipFile:
    """The archive in an open file; ValueError or zipfile's errors if it is damaged or of another kind.

    compressed: members may be deflated; otherwise all must be stored uncompressed, so that together they are no larger
    than the file. Archives with a comment are refused: Python and PyTorch write none.
    """
    size = file.seek(0, 2)
    if _directory_size(file, size) > MAX_DIRECTORY:
        raise ValueError(f"its list of members is larger than {MAX_DIRECTORY} bytes")
    archive = zipfile.ZipFile(file)
    for member in archive.infolist():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise ValueError("a member has an unknown compression")
        if not compressed and (member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size):
            raise ValueError("a member is compressed, unlike those of a checkpoint")
    if not compressed and sum(member.file_size for member in archive.infolist()) > size:
        raise ValueError("its members are larger than the file")
    return archive


def _directory_size(file: BinaryIO, size: int) -> int:
    """Size in bytes of the list of members, according to the end of the archive."""
    fields = _read(file, size - _END.size, _END)
    if fields[0] != b"PK\5\6" or fields[-1] != 0:
        raise ValueError("it is truncated or not a zip archive")
    if fields[5] != _ELSEWHERE:
        return fields[5]
    return _read(file, size - _END.size - _LOCATOR - _END_64.size, _END_64)[8]


def _read(file: BinaryIO, at: int, form: struct.Struct) -> tuple:
    if at < 0:
        raise ValueError("it is truncated or not a zip archive")
    file.seek(at)
    return form.unpack(file.read(form.size))
