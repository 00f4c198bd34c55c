"""Frames of rosbag2 and MCAP recordings, read without ROS by the pure-Python rosbags package (extra [bags])."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.camera import Camera
from handos_model.io.camera_info import camera_of_info, is_calibrated
from handos_model.io.frame import Frame
from handos_model.io.image_encodings import decode_compressed, decode_raw

RECORDING_SUFFIXES = (".mcap", ".db3")
IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO_TYPE = "sensor_msgs/msg/CameraInfo"


def is_recording(path: Path) -> bool:
    """Whether a path is a rosbag2 folder or one file of such a recording."""
    return path.suffix.lower() in RECORDING_SUFFIXES or (path / "metadata.yaml").is_file()


class BagSource:
    """Images of one topic, each with the camera of the latest CameraInfo in the same namespace.

    topic None: the only image topic of the bag. Raises ModuleNotFoundError without the rosbags package, ValueError for
    a damaged bag and for a topic that it does not have.
    """

    fps: float | None = None

    def __init__(self, path: Path, topic: str | None = None, depth: str = "none", rectified: bool = False) -> None:
        self.name, self.path = str(path), path
        self.notes: tuple[str, ...] = ()
        with _open_reader(path) as reader:
            self.topic = _image_topic(reader, path, topic)
            counts = {connection.topic: connection.msgcount for connection in reader.connections}
            seconds = (reader.end_time - reader.start_time) / 1e9
        self._count = counts[self.topic]
        if self._count > 1 and seconds > 0:
            self.fps = round(self._count / seconds, 2)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        info_topic = _info_topic(self.topic)
        camera, index = self._first_camera(info_topic), 0
        with _open_reader(self.path) as reader:
            used = [c for c in reader.connections if c.topic in (self.topic, info_topic)]
            for connection, recorded, raw in reader.messages(used):
                name = f"{self.path}#{index}"
                index += connection.topic == self.topic
                try:
                    message = reader.deserialize(raw, connection.msgtype)
                    if connection.msgtype == INFO_TYPE:
                        camera = camera_of_info(message) if is_calibrated(message) else None
                    elif connection.topic == self.topic:
                        image, stamp = _decode(message, connection.msgtype), _stamp_ns(message) or recorded
                        frame_id = message.header.frame_id
                        yield Frame(name, image, camera, info_topic if camera else "", stamp, frame_id, self.topic)
                except ValueError as error:
                    problem = f"cannot use a message of {connection.topic} in {name}: {error}"
                    yield Frame(name, None, topic=connection.topic, problem=problem)

    def _first_camera(self, topic: str) -> Camera | None:
        """Returns the camera of the first CameraInfo: it often follows the first image, which shows the same camera."""
        with _open_reader(self.path) as reader:
            used = [c for c in reader.connections if c.topic == topic and c.msgtype == INFO_TYPE]
            for connection, _, raw in reader.messages(used) if used else ():
                try:
                    message = reader.deserialize(raw, connection.msgtype)
                    return camera_of_info(message) if is_calibrated(message) else None
                except ValueError:
                    return None  # reported when its turn comes
        return None


def _stamp_ns(message: Any) -> int:
    """Nanoseconds of a message's header; 0 when it was left empty."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def _decode(message: Any, kind: str) -> np.ndarray:
    data = np.frombuffer(message.data, np.uint8)
    if kind == "sensor_msgs/msg/CompressedImage":
        return decode_compressed(data, upright=False)
    return decode_raw(data, message.encoding, message.width, message.height, message.step, bool(message.is_bigendian))


def _info_topic(topic: str) -> str:
    """Where image_transport puts the CameraInfo of an image topic, plain or /compressed."""
    return f"{topic.removesuffix('/compressed').rpartition('/')[0]}/camera_info"


def _open_reader(path: Path) -> Any:
    try:
        from rosbags.highlevel import AnyReader, AnyReaderError
        from rosbags.typesys import Stores, get_typestore
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} is a ROS recording, and reading one needs the rosbags package: pip install rosbags"
        ) from error
    reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
    try:
        reader.open()
    except (AnyReaderError, OSError, ValueError) as error:
        raise ValueError(f"cannot read recording {path}: {error}") from error
    return _Closing(reader)


class _Closing:
    """An open reader as a context: AnyReader's own would open it a second time."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader

    def __enter__(self) -> Any:
        return self.reader

    def __exit__(self, *error: object) -> None:
        self.reader.close()


def _image_topic(reader: Any, path: Path, topic: str | None) -> str:
    topics = sorted({c.topic for c in reader.connections if c.msgtype in IMAGE_TYPES and c.msgcount})
    if not topics:
        raise ValueError(f"recording {path} holds no image: none of its topics is an Image or CompressedImage")
    if topic is None and len(topics) > 1:
        raise ValueError(f"recording {path} has several image topics, choose one with --topic: {', '.join(topics)}")
    if topic is not None and topic not in topics:
        raise ValueError(f"recording {path} has no image topic {topic}; it has {', '.join(topics)}")
    return topics[0] if topic is None else topic
