"""Transform: one of those in a message on /tf or /tf_static, recorded or live."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from handos_model.io.recording import decoding
from handos_model.io.recording.parts import Message

_COUNT, _POSE = struct.Struct("<I"), struct.Struct("<3d4d")
_HEAD = struct.Struct("<iII")
"""Seconds and nanoseconds of a stamp, and the length of the text that follows."""
_SEQUENCE = 4  # bytes of the number that begins a header of ROS 1


class Transform(NamedTuple):
    """Where a frame is in its parent, as it was sent: nothing is checked."""

    parent: str
    child: str
    stamp: float
    """s"""
    position: tuple[float, float, float]
    """m"""
    rotation: tuple[float, float, float, float]
    """x, y, z, w"""


def transforms_of(message: Any) -> list[Transform]:
    """Those of a TFMessage of ROS, or of rosbags, which has the same fields."""
    found = []
    for one in message.transforms:
        t, q, stamp = one.transform.translation, one.transform.rotation, one.header.stamp
        time = stamp.sec + stamp.nanosec * 1e-9
        pose = (t.x, t.y, t.z), (q.x, q.y, q.z, q.w)
        found.append(Transform(one.header.frame_id, one.child_frame_id, time, *pose))
    return found


def recorded_transforms(message: Message) -> list[Transform]:
    """Those of a recorded message; ValueError as by decoding.decoded.

    They are taken from the bytes, since robots send thousands per second and rosbags makes nine objects of each. It
    reads what is not exactly as expected, and says what is wrong.
    """
    if message.kind in decoding.TRANSFORMS:
        try:
            if message.encoding == "ros1":
                return _taken(message.data, header=_SEQUENCE, terminator=0, word=1, double=1)
            if message.data[:2] == b"\0\1":  # little endian
                return _taken(message.data[4:], header=0, terminator=1, word=4, double=8)
        except (struct.error, IndexError, ValueError):
            pass
    return transforms_of(decoding.decoded(message, decoding.TRANSFORMS))


def _taken(data: bytes, header: int, terminator: int, word: int, double: int) -> list[Transform]:
    """The transforms in a message; ValueError, IndexError or struct.error if it is not exactly as expected.

    header: bytes before a stamp; terminator: zeros at the end of a text; word, double: bytes to which numbers of 4 and
    of 8 bytes are aligned.
    """
    (count,), place = _COUNT.unpack_from(data), 4
    found = []
    for _ in range(count):
        place = ((place + word - 1) & -word) + header
        sec, nanosec, length = _HEAD.unpack_from(data, place)
        parent, place = _text(data, place + 12, length, terminator)
        place = (place + word - 1) & -word
        (length,) = _COUNT.unpack_from(data, place)
        child, place = _text(data, place + 4, length, terminator)
        place = (place + double - 1) & -double
        x, y, z, qx, qy, qz, qw = _POSE.unpack_from(data, place)
        place += 56
        found.append(Transform(parent, child, sec + nanosec * 1e-9, (x, y, z), (qx, qy, qz, qw)))
    if not 0 <= len(data) - place < word:
        raise ValueError(f"{len(data) - place} bytes are left")
    return found


def _text(data: bytes, start: int, length: int, terminator: int) -> tuple[str, int]:
    """A text of that many bytes, and where it ends."""
    end = start + length
    if length < terminator or end > len(data) or (terminator and data[end - 1]):
        raise ValueError("a text is damaged")
    return data[start : end - terminator].decode(), end
