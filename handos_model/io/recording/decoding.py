"""Recorded messages: their fields, stamps and kinds of image."""

from __future__ import annotations

from functools import cache
from typing import Any

from handos_model.io.depth_encodings import COMPRESSED, DEPTH_ENCODINGS
from handos_model.io.files import one_line
from handos_model.io.frame import LATEST_NS
from handos_model.io.recording.parts import Message

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TF, TF_STATIC = "/tf", "/tf_static"
TRANSFORMS = ("tf2_msgs/msg/TFMessage", "tf/msg/tfMessage")
"""The types of messages on TF and TF_STATIC; the second is that of early ROS 1."""
IMAGES = (IMAGE, COMPRESSED_IMAGE)


@cache
def _types(encoding: str) -> Any:
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    # The types read here are the same on every distribution, so no definition in a file has to be trusted.
    types = get_typestore(Stores.ROS1_NOETIC if encoding == "ros1" else Stores.ROS2_HUMBLE)
    for kind in TRANSFORMS:
        if kind not in types.types:
            types.register(get_types_from_msg("geometry_msgs/TransformStamped[] transforms", kind))
    return types


def decoded(message: Message, kinds: tuple[str, ...]) -> Any:
    """The message with its fields as attributes; ValueError for damaged bytes, and for a type that is none of `kinds`.

    A recording may hold messages of several types under the name of one topic.
    """
    if message.kind not in kinds:
        raise ValueError(f"its type is {one_line(message.kind, 80)}, must be {' or '.join(kinds)}")
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


def is_depth(content: Any) -> bool:
    """Whether an image contains depth, judging by its encoding."""
    if hasattr(content, "encoding"):
        return content.encoding in DEPTH_ENCODINGS
    return COMPRESSED in content.format
