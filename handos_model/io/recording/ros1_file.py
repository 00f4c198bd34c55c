"""ROS 1 bags, read from front to back: no index is needed, and after damage, reading resumes at the next whole record.

Format: https://wiki.ros.org/Bags/Format/2.0. A record is the length of its header, a header of name=value fields, the
length of its data, and its data.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from handos_model.io.files import one_line
from handos_model.io.recording.file_bytes import FileBytes, places
from handos_model.io.recording.parts import LARGEST_PIECE, Message, Topic, ros2_kind, unpacked

MAGIC = b"#ROSBAG V2.0\n"
MESSAGE, BAG, CHUNK, CHUNK_INFO, CONNECTION = 0x02, 0x03, 0x05, 0x06, 0x07
LONGEST_HEADER = 4096
_RECORD = re.compile(rb"(?=[\x10-\xff][\x00-\x0f]\x00\x00[\x04-\x40]\x00\x00\x00[a-z])")


class _Record(NamedTuple):
    op: int
    fields: dict[bytes, bytes]
    data: bytes
    after: int


class Ros1File:
    """Storage of .bag files."""

    def __init__(self, path: Path) -> None:
        self._file = FileBytes(path)
        if self._file[: len(MAGIC)] != MAGIC:
            self._file.close()
            raise ValueError("it is not a ROS 1 bag of format 2.0")
        self._connections: dict[int, tuple[str, str]] = {}
        self._counts: dict[int, int] = {}
        self._read_index()
        self.topics = [
            Topic(topic, kind, self._counts.get(number, 0)) for number, (topic, kind) in self._connections.items()
        ]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def messages(self, topics: set[str]) -> Iterator[Message | ValueError]:
        """See Storage."""
        for record in self._messages(len(MAGIC), len(self._file)):
            if isinstance(record, ValueError):
                yield record
                continue
            try:
                topic, kind = self._connections[_number(record.fields, b"conn")]
                seconds, nanoseconds = struct.unpack("<II", record.fields[b"time"])
            except (KeyError, struct.error):
                yield ValueError("a damaged message has no topic or no time")
                continue
            if topic in topics:
                yield Message(topic, kind, seconds * 10**9 + nanoseconds, record.data, "ros1")

    def _read_index(self) -> None:
        """Reads topics and counts from the index at the end; from the whole file if that is damaged or missing."""
        data = self._file
        head = _record(data, len(MAGIC), len(data))
        if head is not None and head.op == BAG:
            try:
                start = struct.unpack("<Q", head.fields[b"index_pos"])[0]
            except (KeyError, struct.error):
                start = 0
            if head.after <= start < len(data):
                damaged = any(isinstance(record, ValueError) for record in self._messages(start, len(data)))
                if not damaged and self._connections:
                    return
        for _ in self._messages(len(MAGIC), len(data)):
            pass  # _messages notes connections

    def _messages(self, at: int, end: int) -> Iterator[_Record | ValueError]:
        """Message records; connections and counts are noted on the way."""
        for record in _records(self._file, at, end):
            if isinstance(record, ValueError) or record.op != CHUNK:
                yield from self._noted(record)
                continue
            try:
                compression = record.fields.get(b"compression", b"none").decode(errors="replace")
                raw = unpacked(record.data, compression, _number(record.fields, b"size"))
            except (KeyError, struct.error, ValueError) as error:
                yield ValueError(f"a chunk cannot be read: {error}")
                continue
            for inner in _records(raw, 0, len(raw)):
                yield from self._noted(inner)

    def _noted(self, record: _Record | ValueError) -> Iterator[_Record | ValueError]:
        if isinstance(record, ValueError) or record.op == MESSAGE:
            yield record
            return
        try:
            if record.op == CONNECTION:
                kind = _fields(record.data)[b"type"].decode(errors="replace")
                topic = record.fields[b"topic"].decode(errors="replace")
                self._connections[_number(record.fields, b"conn")] = topic, ros2_kind(kind)
            elif record.op == CHUNK_INFO:
                for number, count in struct.iter_unpack("<II", record.data):
                    self._counts[number] = self._counts.get(number, 0) + count
        except (KeyError, struct.error, ValueError) as error:
            yield ValueError(f"a record of kind {record.op} is damaged: {one_line(error)}")


def _records(data: FileBytes | bytes, at: int, end: int) -> Iterator[_Record | ValueError]:
    """Records, and an error for each stretch without a whole record."""
    while at < end:
        record = _record(data, at, end)
        if record is None:
            found = places(_RECORD, data, at + 1, end)
            after = next((place for place in found if _record(data, place, end) is not None), end)
            lost = f"bytes {at} to {after} are damaged" if after < end else f"it is truncated or damaged at byte {at}"
            yield ValueError(lost)
            at = after
        else:
            yield record
            at = record.after


def _record(data: FileBytes | bytes, at: int, end: int) -> _Record | None:
    """The record at a position; None if there is no whole record."""
    try:
        header = struct.unpack("<I", data[at : at + 4])[0]
        if header > min(LONGEST_HEADER, end - at - 8):
            return None
        length = struct.unpack("<I", data[at + 4 + header : at + 8 + header])[0]
        fields = _fields(data[at + 4 : at + 4 + header])
        op = fields[b"op"][0]
    except (struct.error, ValueError, KeyError, IndexError):
        return None
    begin = at + 8 + header
    if length > end - begin or length > LARGEST_PIECE:
        return None
    return _Record(op, fields, data[begin : begin + length], begin + length)


def _fields(header: bytes) -> dict[bytes, bytes]:
    fields, at = {}, 0
    while at < len(header):
        length = struct.unpack_from("<I", header, at)[0]
        name, equals, value = header[at + 4 : at + 4 + length].partition(b"=")
        if not equals or length > len(header) - at - 4:
            raise ValueError("a field of a header is damaged")
        fields[name] = value
        at += 4 + length
    return fields


def _number(fields: dict[bytes, bytes], name: bytes) -> int:
    return int(struct.unpack("<I", fields[name])[0])
