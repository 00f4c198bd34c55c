"""Parts of a recording that every storage provides: its topics, its messages, and errors for damage between them."""

from __future__ import annotations

import bz2
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

LARGEST_PIECE = 256 * 2**20
"""Bytes of the largest message, and of the largest compressed chunk once it is unpacked."""
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Topic:
    """A topic of a recording."""

    name: str
    kind: str
    """Message type in the form of ROS 2: sensor_msgs/msg/Image."""
    count: int
    """Number of messages; 0 where the recording does not say."""


@dataclass(frozen=True, eq=False)
class Message:
    """A recorded message, not yet decoded."""

    topic: str
    kind: str
    recorded_ns: int
    """When it was recorded."""
    data: bytes
    encoding: str
    """cdr (ROS 2) or ros1."""


class Storage(Protocol):
    """One open file of a recording. Opening raises ValueError for a file of another kind."""

    @property
    def topics(self) -> list[Topic]:
        """The recorded topics whose encoding is one of ROS."""

    def messages(self, topics: set[str]) -> Iterator[Message | ValueError]:
        """Messages of some topics in the order of the file, and an error in place of what is damaged."""

    def close(self) -> None:
        """Closes the file."""


def ros2_kind(kind: str) -> str:
    """The ROS 2 form of a message type: sensor_msgs/Image of ROS 1 becomes sensor_msgs/msg/Image."""
    package, _, name = kind.rpartition("/")
    return kind if "/" in package or not package else f"{package}/msg/{name}"


def unpacked(data: bytes, compression: str, size: int | None = None) -> bytes:
    """The bytes of a chunk or message, at most LARGEST_PIECE.

    compression: empty or "none", zstd, lz4 or bz2; size: as the recording declares it. Raises ValueError for damaged
    data, another size than declared, and another compression.
    """
    if size is not None and size > LARGEST_PIECE:
        raise ValueError(f"a chunk declares {size} bytes, the limit is {LARGEST_PIECE}")
    if compression in ("", "none"):
        raw = data
    else:
        most = LARGEST_PIECE if size is None else size
        try:
            raw = _decompressor(compression).decompress(data, most + 1)
        except Exception as error:  # each library raises its own errors, which all mean the same
            raise ValueError(f"data compressed with {compression} is damaged: {error}") from error
        if len(raw) > most:
            raise ValueError(f"data compressed with {compression} is larger than the limit of {most} bytes")
    if size is not None and len(raw) != size:
        raise ValueError(f"a chunk declares {size} bytes and has {len(raw)}")
    return raw


def _decompressor(compression: str) -> Any:
    if compression == "zstd":
        return zstd().ZstdDecompressor()
    if compression == "lz4":
        from lz4.frame import LZ4FrameDecompressor

        return LZ4FrameDecompressor()
    if compression == "bz2":
        return bz2.BZ2Decompressor()
    raise ValueError(f"compression is {compression!r}, must be zstd, lz4 or bz2")


def zstd() -> Any:
    """The module that handles Zstandard: Python's own from 3.14 on."""
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
