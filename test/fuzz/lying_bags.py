"""Recordings put together of parts that lie: topics, types, times, counts, sizes, tables and messages."""

from __future__ import annotations

import bz2
import random
import sqlite3
import struct
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

from file_inputs import FOLDER
from lies import TEXTS
from mutation import NUMBERS

from handos_model.io.recording.parts import Message, zstd
from handos_model.io.recording.recording import Recording

IMAGE, INFO = "/cam/image_raw", "/cam/camera_info"
NAMES = (IMAGE, INFO, f"{IMAGE}/compressed", "/cam/depth", "", "/täst\n", "x" * 5_000)
TYPES = tuple(f"sensor_msgs/msg/{kind}" for kind in ("Image", "CompressedImage", "CameraInfo", "PointCloud2")) + (
    "std_msgs/msg/String", "sensor_msgs/Image", "Image", "", "a/b/c/d", "x" * 5_000,
)  # fmt: skip
TIMES = (0, -1, 1, 10**9, 10**18, 2**31, 2**62, 2**63 - 1, -(2**63))
COUNTS = (0, 1, 2, 255, 2**16, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
VALUES = (*TIMES, None, 1.5, float("nan"), "1", "cdr", "x" * 5_000, b"", b"\0" * 16)
TABLES = {
    "topics": (
        "TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)",
        "TABLE topics(id, name, type, serialization_format)",
        "TABLE topics(id PRIMARY KEY, name, type, serialization_format) WITHOUT ROWID",
        "TABLE topics(id, name AS (printf('%.*c', 900000000, 'x')), type, serialization_format)",
        "TABLE topics(id, name, type AS (hex(zeroblob(400000000))), serialization_format)",
        "VIEW topics AS SELECT 1 AS id, 2 AS name, 3 AS type, 4 AS serialization_format",
    ),
    "messages": (
        "TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)",
        "TABLE messages(id, topic_id, timestamp, data)",
        "TABLE messages(rowid, topic_id, timestamp, data)",
        "TABLE messages(rowid TEXT, topic_id, timestamp, data, oid, _rowid_)",
        "TABLE messages(id PRIMARY KEY, topic_id, timestamp, data) WITHOUT ROWID",
        "TABLE messages(id, topic_id, timestamp, data AS (zeroblob(250000000)))",
        "TABLE messages(id, topic_id, timestamp AS (hex(zeroblob(400000000))), data)",
        "TABLE messages(id, topic_id AS (1), timestamp, data)",
        "VIRTUAL TABLE messages USING fts5(topic_id, timestamp, data)",
        "VIEW messages AS SELECT 1 AS topic_id, 2 AS timestamp, 3 AS data",
    ),
}  # fmt: skip


@dataclass
class _Bag:
    """Topics with their types, and messages: number of the topic, time in ns, bytes."""

    topics: list[tuple[str, str]]
    messages: list[tuple[int, int, bytes]]


@cache
def _messages(file: Path) -> list[Message]:
    recording = Recording(file)
    found = recording.messages({topic.name for topic in recording.topics})
    return [message for message in found if isinstance(message, Message)]


def _bag(file: Path, chance: random.Random) -> _Bag:
    """The topics and messages of a good recording, and lies about some things in it."""
    good = _messages(file)
    kinds = dict.fromkeys((message.topic, message.kind) for message in good)
    topics, numbers = list(kinds), {topic: number for number, topic in enumerate(kinds)}
    messages = [(numbers[one.topic, one.kind], one.recorded_ns, one.data) for one in good]
    for _ in range(chance.randint(1, 4)):
        place, number = chance.randrange(len(messages)), chance.randrange(len(topics))
        topic, time, data = messages[place]
        name, kind = topics[number]
        lie = chance.randrange(7)
        if lie == 0:
            topics[number] = name, chance.choice(TYPES)
        elif lie == 1:
            topics[number] = chance.choice(NAMES), kind
        elif lie == 2:  # another topic, of the same name or type or both
            topics.append((chance.choice((name, *NAMES)), chance.choice((kind, *TYPES))))
        elif lie == 3:
            messages[place] = chance.choice((len(topics) - 1, 0, 77)), time, data
        elif lie == 4:
            messages[place] = topic, chance.choice((*TIMES, time - 10**9, time + 10**10)), data
        elif lie == 5 and len(data) > 16:
            at = chance.randrange(0, min(len(data) - 4, 400), 4)
            lying = struct.pack("<I", chance.choice(NUMBERS) & 0xFFFFFFFF)
            messages[place] = topic, time, data[:at] + lying + data[at + 4 :]
        else:
            messages[place] = topic, time, chance.choice((b"", data[: len(data) // 2], data * 2, b"\0" * 4))
    return _Bag(topics, messages)


def _size(true: int, chance: random.Random) -> int:
    """A size of 32 bits, which lies at times."""
    return true if chance.random() < 0.99 else chance.choice(NUMBERS)


def _text(text: str | bytes, chance: random.Random) -> bytes:
    """With its size in front."""
    data = text if isinstance(text, bytes) else text.encode(errors="replace")
    return struct.pack("<I", _size(len(data), chance)) + data


def lying_mcap(file: Path, chance: random.Random) -> bytes:
    """An MCAP file, chunked or not, with or without a summary."""
    bag = _bag(file, chance)

    def record(op: int, content: bytes) -> bytes:
        length = len(content) if chance.random() < 0.99 else chance.choice(COUNTS)
        return struct.pack("<BQ", op, length) + content

    def texts(*all_of_them: str) -> bytes:
        return b"".join(_text(text, chance) for text in all_of_them)

    about = b""
    for number, (name, kind) in enumerate(bag.topics):
        encoding = "cdr" if chance.random() < 0.95 else chance.choice(("ros1", "json", ""))
        about += record(3, struct.pack("<H", number + 1) + texts(kind, "ros2msg", ""))
        about += record(4, struct.pack("<HH", number, number + 1) + texts(name, encoding) + bytes(4))
    inside = about + b"".join(
        record(5, struct.pack("<HIqq", number, 0, time, time) + data) for number, time, data in bag.messages
    )
    if chance.random() < 0.5:
        packing = chance.choice(("", "zstd", "lz4", "none", "x" * 99))
        packed = zstd().compress(inside) if packing == "zstd" else inside
        size = len(inside) if chance.random() < 0.9 else chance.choice(COUNTS)
        check = crc32(inside) if chance.random() < 0.5 else chance.choice((0, 1))
        head = struct.pack("<QQQI", 0, 0, size, check) + _text(packing, chance)
        inside = record(6, head + struct.pack("<Q", len(packed)) + packed)
    front = b"\x89MCAP0\r\n" + record(1, texts("ros2", "")) + inside
    counts = b"".join(struct.pack("<HQ", number, chance.choice(COUNTS)) for number in range(len(bag.topics)))
    listed = _size(len(counts), chance)
    summary = about + record(11, bytes(42) + struct.pack("<I", listed) + counts)
    start = len(front) if chance.random() < 0.8 else chance.choice((*COUNTS, 8, len(front) - 1))
    return front + summary + record(2, struct.pack("<QQI", start, 0, 0)) + b"\x89MCAP0\r\n"


def lying_ros1(file: Path, chance: random.Random) -> bytes:
    """A ROS 1 bag, chunked or not, with or without an index."""
    bag = _bag(file, chance)

    def record(data: bytes, **fields: bytes) -> bytes:
        header = b"".join(_text(name.encode() + b"=" + value, chance) for name, value in fields.items())
        length = _size(len(data), chance)
        return struct.pack("<I", len(header)) + header + struct.pack("<I", length) + data

    def number(value: int) -> bytes:
        return struct.pack("<I", value & 0xFFFFFFFF)

    about = b""
    for place, (name, kind) in enumerate(bag.topics):
        kind = kind.replace("/msg/", "/").encode()
        data = struct.pack("<I", len(kind) + 5) + b"type=" + kind
        about += record(data, op=b"\7", conn=number(place), topic=name.encode())
    inside = about + b"".join(
        record(data, op=b"\2", conn=number(place), time=number(time // 10**9) + number(time % 10**9))
        for place, time, data in bag.messages
    )
    if chance.random() < 0.5:
        packing = chance.choice((b"none", b"bz2", b"lz4", b"\xff", b""))
        size = len(inside) if chance.random() < 0.9 else chance.choice(NUMBERS)
        packed = bz2.compress(inside) if packing == b"bz2" else inside
        inside = record(packed, op=b"\5", compression=packing, size=number(size))
    counts = b"".join(number(place) + number(chance.choice(COUNTS)) for place in range(len(bag.topics)))
    index = about + record(counts, op=b"\6", ver=number(1), chunk_pos=bytes(8), count=number(len(bag.topics)))
    start = 13 + 4096 + len(inside) if chance.random() < 0.8 else chance.choice(COUNTS)
    head = record(
        b" " * 4027, op=b"\3", index_pos=struct.pack("<Q", start), conn_count=number(2), chunk_count=number(1)
    )
    return b"#ROSBAG V2.0\n" + head + inside + index


def lying_sqlite(file: Path, chance: random.Random) -> bytes:
    """An SQLite file of rosbag2, whose tables may hold anything."""
    bag, path = _bag(file, chance), FOLDER / "lying.db3"
    path.unlink(missing_ok=True)

    def value(true: object) -> object:
        return true if chance.random() < 0.95 else chance.choice((*VALUES, *TEXTS[:5]))

    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode = OFF")
        claimed = {}
        for name, variants in TABLES.items():
            statement = f"CREATE {variants[0] if chance.random() < 0.6 else chance.choice(variants)}"
            if " AS (" in statement:  # computing would take long
                claimed[name], statement = statement, f"CREATE {variants[0]}"
            with suppress(sqlite3.Error):
                base.execute(statement)
        rows = [
            ("topics", {"id": place + 1, "name": name, "type": kind, "serialization_format": "cdr"})
            for place, (name, kind) in enumerate(bag.topics)
        ]
        rows += [
            ("messages", {"id": place + 1, "topic_id": topic + 1, "timestamp": time, "data": data})
            for place, (topic, time, data) in enumerate(bag.messages)
        ]
        for table, good in rows:
            with suppress(sqlite3.Error, OverflowError, UnicodeError):
                names = [column[1] for column in base.execute(f"PRAGMA table_info({table})")]  # not computed ones
                marks = ", ".join("?" * len(names))
                given = [value(good.get(name, good["id"])) for name in names]
                base.execute(f"INSERT INTO {table}({', '.join(names)}) VALUES ({marks})", given)
        base.execute("PRAGMA writable_schema = ON")
        for name, statement in claimed.items():
            base.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (statement, name))
        base.commit()
    return path.read_bytes()


LYING = {"sqlite": lying_sqlite, "mcap": lying_mcap, "ros1": lying_ros1}
"""Functions that make one of a good one, by its kind."""
