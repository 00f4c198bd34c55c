"""Recorded messages to images, depth and cameras, by the same functions that the node uses."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from handos_model.io.depth_encodings import COMPRESSED, DEPTH_ENCODINGS, decode_compressed_depth, decode_depth
from handos_model.io.files import one_line
from handos_model.io.image_encodings import decode_raw, decode_transported
from handos_model.io.recording.parts import Message

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
LATEST_NS = 2**63


@cache
def _types(encoding: str) -> Any:
    from rosbags.typesys import Stores, get_typestore

    # The types read here are the same on every distribution, so no definition in a file has to be trusted.
    return get_typestore(Stores.ROS1_NOETIC if encoding == "ros1" else Stores.ROS2_HUMBLE)


def decoded(message: Message) -> Any:
    """The message with its fields as attributes; ValueError for damaged bytes."""
    types = _types(message.encoding)
    decode = types.deserialize_ros1 if message.encoding == "ros1" else types.deserialize_cdr
    try:
        return decode(message.data, message.kind)
    except Exception as error:  # damaged bytes can make it raise anything
        raise ValueError(f"the {len(message.data)} bytes of a {message.kind} are damaged: {one_line(error)}") from error


def stamp_ns(message: Message, content: Any) -> int | None:
    """Stamp in ns of a message's header; the time of recording if that is empty or not a time; or None."""
    stamp = int(content.header.stamp.sec) * 10**9 + int(content.header.stamp.nanosec)
    return next((time for time in (stamp, message.recorded_ns) if 0 < time < LATEST_NS), 0 if stamp == 0 else None)


def encoding_of(content: Any) -> str:
    """The encoding of an image; of a compressed one, the encoding before compression if given, else the compression."""
    return str(content.encoding if hasattr(content, "encoding") else content.format.partition(";")[0].strip())


def is_depth(content: Any) -> bool:
    """Whether an image contains depth, judging by its encoding."""
    if hasattr(content, "encoding"):
        return content.encoding in DEPTH_ENCODINGS
    return COMPRESSED in content.format


def rgb(content: Any) -> np.ndarray:
    """RGB (H, W, 3) uint8 of an Image or CompressedImage; raises ValueError as image_encodings does."""
    data = np.frombuffer(content.data, np.uint8)
    if hasattr(content, "encoding"):
        return decode_raw(data, content.encoding, content.width, content.height, content.step, _big_endian(content))
    return decode_transported(data, content.format)


def metres(content: Any) -> np.ndarray:
    """Depth (H, W) float32 m of an Image or CompressedImage, NaN where nothing was measured; ValueError if unusable."""
    data = np.frombuffer(content.data, np.uint8)
    if hasattr(content, "encoding"):
        return decode_depth(data, content.encoding, content.width, content.height, content.step, _big_endian(content))
    return decode_compressed_depth(data, encoding_of(content))


def depth_picture(data: np.ndarray) -> np.ndarray:
    """The PNG in the data of a compressed depth image."""
    return data if bytes(data[:4]) == b"\x89PNG" else data[12:]


def _big_endian(content: Any) -> bool:
    return bool(content.is_bigendian)
