"""camera_node: a video, a folder of pictures or a webcam as a ROS camera."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from handos_model.io.frame import Frame
from handos_model.io.inputs import open_inputs
from handos_ros.calibration import field_of_view, read_calibration
from handos_ros.conversions.images import rgb_message
from handos_ros.parameters import declare, parameter, refuse_undeclared, take_overrides
from handos_ros.process.executable import run
from handos_ros.process.guarded_node import WARN_EVERY, GuardedNode

PICTURES_RATE = 10.0
"""Hz of sources without a rate of their own."""
WEBCAM_POLL = 0.001
"""Seconds between two frames of a webcam: reading one waits for it, and sets the pace."""


@dataclass(frozen=True)
class CameraSettings:
    """Parameters of camera_node."""

    source: str = parameter("", "Video, image, folder of images, or number of a webcam", read_only=True)
    rate: float = parameter(
        0.0, "Frames per second; 0 uses the rate of the source, or 10 for images", 0.0, 1000.0, read_only=True
    )
    loop: bool = parameter(
        True, "Loop; if false, play once, starting when image gets its first subscriber", read_only=True
    )
    frame_id: str = parameter("camera_optical_frame", "Frame of the images: x right, y down, z forward", read_only=True)
    fov: float = parameter(
        0.0, "Field of view in degrees along the long edge; 0 if unknown", 0.0, 170.0, read_only=True
    )
    calibration: str = parameter("", "YAML file of camera_calibration; takes precedence over fov", read_only=True)


class CameraNode(GuardedNode):
    """Publishes `image` (rgb8) and `camera_info` from a source, while somebody subscribes to one of them.

    What is played only once begins when somebody subscribes to `image`, so that its first images are not lost.
    Stamps are those of the clock. With neither calibration nor field of view, camera_info says that the camera is not
    calibrated: its K is zero. Raises executable.START_ERRORS for what the user set wrong.
    """

    def __init__(self, **options: Any) -> None:
        """options: of rclpy.node.Node."""
        super().__init__("camera_node", **options)
        given = take_overrides(self)
        self._settings = settings = declare(self, CameraSettings(), given)
        reliable = QoSProfile(depth=1)  # fits every subscriber: a best-effort one gets best effort
        self._image = self.create_publisher(Image, "image", reliable)
        self._camera_info = self.create_publisher(CameraInfo, "camera_info", reliable)
        refuse_undeclared(self, given)
        self._calibration = read_calibration(Path(settings.calibration)) if settings.calibration else None
        self._source = Webcam(settings.source, settings.rate) if settings.source.isdigit() else _files(settings.source)
        self._frames = iter(self._source)
        self._begun = settings.loop
        self._next = self._read()
        if self._next is None or self._next.image is None:
            raise ValueError(self._next.problem if self._next else f"{settings.source} holds no frame")
        self._info = self._camera_info_of(self._next.name, self._next.image)
        if isinstance(self._source, Webcam):
            period = WEBCAM_POLL
        else:
            period = 1 / (settings.rate or self._source.fps or PICTURES_RATE)
        self.create_timer(period, self._publish)

    def _publish(self) -> None:
        if not self._wanted():
            return
        frame = self._next
        if frame is None:
            self.get_logger().info(f"{self._settings.source} is at its end")
            self.context.try_shutdown()
            return
        if frame.image is None:
            self.get_logger().warning(frame.problem, throttle_duration_sec=WARN_EVERY)
        else:
            self._send(frame.name, frame.image)
        self._next = self._read()

    def _wanted(self) -> bool:
        """True when somebody would see it; until then, a source that is played once stays at its first frame."""
        watched = self._image.get_subscription_count() > 0
        self._begun = self._begun or watched
        return watched or (self._begun and self._camera_info.get_subscription_count() > 0)

    def _send(self, name: str, image: np.ndarray) -> None:
        if image.shape[:2] != (self._info.height, self._info.width):
            try:
                self._info = self._camera_info_of(name, image)
            except ValueError as error:
                self.get_logger().warning(str(error), throttle_duration_sec=WARN_EVERY)
                return
        self._info.header.stamp = self.get_clock().now().to_msg()
        self._info.header.frame_id = self._settings.frame_id
        self._camera_info.publish(self._info)
        self._image.publish(rgb_message(image, self._info.header))

    def _read(self) -> Frame | None:
        """The next frame; None at the end."""
        frame = next(self._frames, None)
        if frame is None and self._settings.loop:
            self._frames = iter(self._source)
            frame = next(self._frames, None)
        return frame

    def _camera_info_of(self, name: str, image: np.ndarray) -> CameraInfo:
        height, width = image.shape[:2]
        if self._calibration is None:
            return field_of_view(width, height, self._settings.fov)
        if (self._calibration.width, self._calibration.height) != (width, height):
            calibrated = f"{self._calibration.width}x{self._calibration.height}"
            raise ValueError(f"{name} has {width}x{height} px, the calibration {calibrated}")
        return self._calibration


class Webcam:
    """Frames of a webcam, by its number; ValueError when there is none, or when it stops."""

    def __init__(self, number: str, rate: float) -> None:
        self._name = f"webcam {number}"
        self._capture = cv2.VideoCapture(int(number))
        if not self._capture.isOpened():
            raise ValueError(f"{self._name} cannot be opened: it is not there, or in use, or not permitted")
        if rate:
            self._capture.set(cv2.CAP_PROP_FPS, rate)

    def __iter__(self) -> Iterator[Frame]:
        while True:
            good, image = self._capture.read()
            if not good:
                raise ValueError(f"{self._name} gives no more images")
            yield Frame(self._name, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _files(source: str) -> Any:
    if not source:
        raise ValueError("source is not set, must be a video, a picture, a folder of pictures or a webcam's number")
    return open_inputs([source])[0]


def main() -> None:
    """Runs the node until it is stopped, or its source is at its end."""
    sys.exit(run("camera_node", CameraNode))
