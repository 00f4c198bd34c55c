"""Frames of a recording: its colour images with camera and depth."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.camera import Camera
from handos_model.io.camera_info import (
    camera_of_info,
    fitted_to_image,
    is_calibrated,
    projection_of_info,
    rectification_of_info,
)
from handos_model.io.depth_encodings import decode_depth_image
from handos_model.io.depth_pairing import MAX_DIFFERENCE, closest
from handos_model.io.files import one_line
from handos_model.io.frame import LONGEST_NAME, MOST_FRAMES, Frame
from handos_model.io.image_encodings import decode_image
from handos_model.io.recording import decoding
from handos_model.io.recording.choice import choose
from handos_model.io.recording.parts import LARGEST_PIECE, Message
from handos_model.io.recording.recording import Recording

WAITING = 30
"""Maximum number of images that wait for their depth image, and of depth images kept for them: a second at 30 Hz."""
TIMED = 100
"""Number of images whose stamps determine the rate."""
LONGEST_REASON = 500
"""Maximum number of characters in the report on one message."""


class BagSource:
    """Images of one topic, each with the camera of the latest CameraInfo and the depth image of its time.

    A damaged part yields a frame with a problem in its place. Raises ModuleNotFoundError without the rosbags package,
    ValueError for a recording of which nothing can be read, and what choice.choose raises.
    """

    def __init__(
        self, path: Path, topic: str | None = None, depth: str = "none", rectified: bool = False,
        use_camera_info: bool = True,
    ) -> None:  # fmt: skip
        """topic: the image topic, None for the only one. depth: a depth topic, auto or none. rectified: the images are
        undistorted, so that P applies. use_camera_info: False to leave frames without a camera."""
        self.name, self.path, self._rectified = str(path), path, rectified
        self._recording = Recording(path)
        chosen = choose(self._recording, topic, depth)
        self.topic, self.depth_topic, self.notes = chosen.colour, chosen.depth, chosen.notes
        self._info_topic = chosen.camera_info if use_camera_info else None
        counts = (topic.count for topic in self._recording.topics if topic.name == self.topic)
        self._count = min(sum(counts), MOST_FRAMES)
        self.fps = self._rate()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        pairs = _Pairs(wait=self.depth_topic is not None)
        info, count = self._first_info(), 0
        used = {topic for topic in (self.topic, self._info_topic, self.depth_topic) if topic}
        for message in self._recording.messages(used):
            name = f"{self.name}#{count}"
            if isinstance(message, ValueError):
                yield Frame(name, None, topic=self.topic, problem=one_line(message, LONGEST_REASON))
                continue
            count += message.topic == self.topic
            try:
                is_info = message.topic == self._info_topic
                content = decoding.decoded(message, (decoding.CAMERA_INFO,) if is_info else decoding.IMAGES)
                if is_info:
                    info = content
                elif message.topic == self.depth_topic:
                    pairs.add_depth(decoding.stamp_ns(message, content), content)
                else:
                    stamp = decoding.stamp_ns(message, content)
                    pairs.add(_Waiting(name, content, stamp, message.recorded_ns, info))
            except ValueError as error:
                yield self._problem(name, message.topic, error)
            for waiting, depth in pairs.ready(message.recorded_ns):
                yield from self._frames(waiting, depth)
        for waiting, depth in pairs.rest():
            yield from self._frames(waiting, depth)
        if count < self._count:
            name = one_line(self.name)
            problem = (
                f"{self._count - count} of the {self._count} images of {one_line(self.topic)} in {name} are missing"
            )
            yield Frame(f"{self.name}#{count}", None, topic=self.topic, problem=problem)

    def _frames(self, waiting: _Waiting, depth: Any | None) -> Iterator[Frame]:
        """A frame with the image, or with why it cannot be used; and another if its depth image cannot be used."""
        content = waiting.content
        try:
            if len(content.header.frame_id) > LONGEST_NAME:
                raise ValueError(
                    f"its frame_id has {len(content.header.frame_id)} characters, must have at most {LONGEST_NAME}"
                )
            image = decode_image(content)
            camera = self._camera(waiting.info, image)
        except ValueError as error:
            yield self._problem(waiting.name, self.topic, error)
            return
        R, P = (rectification_of_info(waiting.info), projection_of_info(waiting.info)) if camera else (None, None)
        problem, measured = None, None
        try:
            measured = None if depth is None else decode_depth_image(depth)
        except ValueError as error:
            problem = self._problem(waiting.name, str(self.depth_topic), error)
        yield Frame(
            waiting.name, image, camera, waiting.stamp_ns, content.header.frame_id, self.topic, measured,
            rectification=R, projection=P,
        )  # fmt: skip
        if problem:
            yield problem

    def _camera(self, info: Any | None, image: np.ndarray) -> Camera | None:
        if info is None or not is_calibrated(info):
            return None
        height, width = image.shape[:2]
        return fitted_to_image(camera_of_info(info, self._rectified), width, height)

    def _problem(self, name: str, topic: str, error: ValueError) -> Frame:
        reason, where = one_line(error, LONGEST_REASON), f"{one_line(topic)} in {one_line(name)}"
        return Frame(name, None, topic=topic, problem=f"cannot use a message of {where}: {reason}")

    def _first_info(self) -> Any | None:
        """The first CameraInfo, which often comes after the first image although it belongs to it as well."""
        for message in self._recording.messages({self._info_topic}) if self._info_topic else ():
            try:
                return None if isinstance(message, ValueError) else decoding.decoded(message, (decoding.CAMERA_INFO,))
            except ValueError:
                return None  # reported when its turn comes
        return None

    def _rate(self) -> float | None:
        """Frames per second according to the images' own stamps, so that pauses in the recording do not count."""
        stamps = []
        for message in islice(self._recording.messages({self.topic}), TIMED):
            try:
                if isinstance(message, Message):
                    stamps.append(decoding.stamp_ns(message, decoding.decoded(message, decoding.IMAGES)))
            except ValueError:
                continue
        stamps = [stamp for stamp in stamps if stamp is not None]
        steps = np.diff(np.array(stamps, np.float64))
        step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
        return round(1e9 / step, 2) if step > 1e5 else None


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A colour image whose depth image may still come."""

    name: str
    content: Any
    stamp_ns: int | None
    recorded_ns: int
    info: Any | None


class _Pairs:
    """Pairs images with depth images, which drivers may publish slightly later."""

    def __init__(self, wait: bool) -> None:
        self._wait = wait
        self._images: deque[_Waiting] = deque()
        self._depths: deque[tuple[int, Any]] = deque(maxlen=WAITING)

    def add(self, image: _Waiting) -> None:
        """Adds a colour image."""
        self._images.append(image)

    def add_depth(self, stamp_ns: int | None, content: Any) -> None:
        """Adds a depth image; without a time it belongs to no image."""
        if stamp_ns is not None:
            self._depths.append((stamp_ns, content))
        while len(self._depths) > 1 and _size(depth for _, depth in self._depths) > LARGEST_PIECE:
            self._depths.popleft()

    def ready(self, now: int) -> Iterator[tuple[_Waiting, Any | None]]:
        """Images that need not wait any longer, with their depth; now: when the last message was recorded."""
        while self._images:
            first = self._images[0]
            came = first.stamp_ns is None or any(stamp >= first.stamp_ns for stamp, _ in self._depths)
            late = now - first.recorded_ns > 10**9
            many = len(self._images) > WAITING or _size(image.content for image in self._images) > LARGEST_PIECE
            if self._wait and not (came or late or many):
                return
            yield self._paired(self._images.popleft())

    def rest(self) -> Iterator[tuple[_Waiting, Any | None]]:
        """All images that are left at the end."""
        while self._images:
            yield self._paired(self._images.popleft())

    def _paired(self, image: _Waiting) -> tuple[_Waiting, Any | None]:
        try:
            return image, None if image.stamp_ns is None else closest(self._depths, image.stamp_ns, MAX_DIFFERENCE)
        except ValueError:
            return image, None


def _size(contents: Iterable[Any]) -> int:
    """Number of bytes of images."""
    return sum(len(content.data) for content in contents)
