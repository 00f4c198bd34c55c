"""MCAP files, read from front to back: no index is needed, and after damage, reading resumes at the next whole record.

Format: https://mcap.dev/spec. A record is an opcode, the length of its content in 8 bytes, and its content.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from handos_model.io.recording.file_bytes import FileBytes, places
from handos_model.io.recording.parts import LARGEST_PIECE, Message, Topic, ros2_kind, unpacked

MAGIC = b"\x89MCAP0\r\n"
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, STATISTICS = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0B
KNOWN = range(0x01, 0x10)
"""Opcodes of the format; future files may have others, but damage may look like those too."""
USED = {SCHEMA, CHANNEL, MESSAGE, CHUNK, STATISTICS}
HEAD = 9  # bytes of opcode and length
_RECORD = re.compile(rb"(?=[\x01-\x0f].{4}\x00{4})", re.DOTALL)  # no record is as large as 4 GiB
_ENCODINGS = ("cdr", "ros1")


class _Channel(NamedTuple):
    topic: str
    schema: int
    encoding: str


class McapFile:
    """Storage of MCAP files; channels with other encodings than ROS's are skipped."""

    def __init__(self, path: Path) -> None:
        self._file = data = FileBytes(path)
        if data[: len(MAGIC)] != MAGIC:
            self._file.close()
            raise ValueError("it does not have the header of an MCAP file")
        self._end = len(data) - (len(MAGIC) if data[-len(MAGIC) :] == MAGIC else 0)
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, _Channel] = {}
        self._counts: dict[int, int] = {}
        self._read_summary()
        self.topics = self._topics()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def messages(self, topics: set[str]) -> Iterator[Message | ValueError]:
        """See Storage."""
        for content in self._contents(len(MAGIC), self._end):
            if isinstance(content, ValueError):
                yield content
                continue
            channel_id, _, recorded, _ = struct.unpack_from("<HIQQ", content)
            channel = self._channels.get(channel_id)
            if channel is None or channel.topic not in topics or channel.encoding not in _ENCODINGS:
                continue
            kind = ros2_kind(self._schemas.get(channel.schema, ""))
            yield Message(channel.topic, kind, recorded, content[22:], channel.encoding)

    def _topics(self) -> list[Topic]:
        return [
            Topic(channel.topic, ros2_kind(self._schemas.get(channel.schema, "")), self._counts.get(number, 0))
            for number, channel in self._channels.items()
            if channel.encoding in _ENCODINGS
        ]

    def _read_summary(self) -> None:
        """Reads schemas, channels and counts from the end of the file; from all of it if that is damaged or absent."""
        data, footer = self._file, self._end - HEAD - 20
        if footer > 0 and data[footer : footer + 1] == bytes([FOOTER]):
            start, _, crc = struct.unpack("<QQI", data[footer + HEAD : self._end])
            whole = len(MAGIC) <= start < footer and (not crc or crc == crc32(data[start : self._end - 4]))
            if whole and not any(isinstance(content, ValueError) for content in self._contents(start, footer)):
                if self._channels:
                    return
        self._schemas.clear()
        self._channels.clear()
        for _ in self._contents(len(MAGIC), self._end):
            pass  # _contents notes schemas and channels

    def _contents(self, at: int, end: int) -> Iterator[bytes | ValueError]:
        """Contents of the message records; schemas, channels and counts are noted on the way."""
        for op, content in _records(self._file, at, end):
            if op == CHUNK and not isinstance(content, ValueError):
                yield from self._chunk(content)
            else:
                yield from self._noted(op, content)

    def _chunk(self, content: bytes) -> Iterator[bytes | ValueError]:
        try:
            _, _, size, crc = struct.unpack_from("<QQQI", content)
            compression, at = _text(content, 28)
            raw = unpacked(content[at + 8 :], compression, size)
        except (struct.error, ValueError) as error:
            yield ValueError(f"a chunk cannot be read: {error}")
            return
        if crc and crc32(raw) != crc:
            yield ValueError("the checksum of a chunk is wrong: something in it is damaged")
        for op, inner in _records(raw, 0, len(raw)):
            yield from self._noted(op, inner)

    def _noted(self, op: int, content: bytes | ValueError) -> Iterator[bytes | ValueError]:
        if isinstance(content, ValueError):
            yield content
            return
        try:
            if op == MESSAGE and len(content) >= 22:
                yield content
            elif op == SCHEMA:
                self._schemas.setdefault(struct.unpack_from("<H", content)[0], _text(content, 2)[0])
            elif op == CHANNEL:
                number, schema = struct.unpack_from("<HH", content)
                topic, at = _text(content, 4)
                self._channels.setdefault(number, _Channel(topic, schema, _text(content, at)[0]))
            elif op == STATISTICS:
                pairs = content[46 : 46 + struct.unpack_from("<I", content, 42)[0]]
                self._counts = dict(struct.iter_unpack("<HQ", pairs))
        except (struct.error, ValueError) as error:
            yield ValueError(f"a record of kind {op} is damaged: {error}")


def _records(data: FileBytes | bytes, at: int, end: int) -> Iterator[tuple[int, bytes | ValueError]]:
    """Opcode and content of each record, and an error with opcode 0 for each stretch without a whole record."""
    while at < end:
        after = _end_of_record(data, at, end)
        if after is None:
            found = places(_RECORD, data, at + 1, end)
            after = next((place for place in found if _chained(data, place, end)), end)
            lost = f"bytes {at} to {after} are damaged" if after < end else f"it is truncated or damaged at byte {at}"
            yield 0, ValueError(lost)
        else:
            op = data[at : at + 1][0]
            yield op, data[at + HEAD : after] if op in USED else b""
        at = after


def _end_of_record(data: FileBytes | bytes, at: int, end: int) -> int | None:
    if at + HEAD > end:
        return None
    op, length = struct.unpack("<BQ", data[at : at + HEAD])
    if op not in KNOWN or (op in USED and length > LARGEST_PIECE):
        return None
    return at + HEAD + length if length <= end - at - HEAD else None


def _chained(data: FileBytes | bytes, at: int, end: int) -> bool:
    """Whether several whole records follow each other there, too many to be chance."""
    for _ in range(3):
        after = _end_of_record(data, at, end)
        if after is None:
            return False
        if after == end:
            return True
        at = after
    return True


def _text(content: bytes, at: int) -> tuple[str, int]:
    """A string and the position after it; ValueError if it is longer than the content."""
    length = struct.unpack_from("<I", content, at)[0]
    if length > len(content) - at - 4:
        raise ValueError("a text in it is longer than the record")
    return content[at + 4 : at + 4 + length].decode(errors="replace"), at + 4 + length
