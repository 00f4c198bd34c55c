"""camera_node: publishes a video, a folder of images, a recording or a webcam like a ROS camera driver."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.duration import Duration
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from handos_model.io.files import one_line
from handos_model.io.frame import Frame
from handos_ros.calibration import calibrated_info, field_of_view, info_of
from handos_ros.conversions.images import rgb_message
from handos_ros.parameters import declare, parameter, refuse_undeclared, take_overrides
from handos_ros.playback import Metronome, Playback
from handos_ros.process.executable import run
from handos_ros.process.guarded_node import WARN_EVERY, GuardedNode

AT_ONCE = Duration(nanoseconds=1)  # rclpy waits without letting other threads run
LOOK_EVERY = 0.02
"""Interval in seconds at which the node looks for subscribers while there are none."""
SETTLED = 0.5
"""Seconds without a new subscriber before a source that is played once begins: a node's are found one by one."""
HEARD = 5.0
"""Seconds that a frame of a source that is played once may take to reach reliable subscribers."""
LEAST_FOV = 10.0
"""Smallest field of view in degrees: smaller numbers are those of people who mean radians."""
FRAME = "camera_optical_frame"
"""Frame of images for which neither the user nor the source names one."""
JOIN = 1.0
"""Maximum time in seconds that a source may take for a frame while the node shuts down."""


@dataclass(frozen=True)
class CameraSettings:
    """Parameters of camera_node."""

    source: str = parameter(
        "", "Video, image, folder of images, ROS recording, stream address, or webcam number", read_only=True
    )
    topic: str = parameter("", "Image topic of a recording that has several", read_only=True)
    rate: float = parameter(
        0.0, "Frames per second; 0 uses the times of the source, or 10 for images", 0.0, 1000.0, read_only=True
    )
    loop: bool = parameter(
        True, "Loop; if false, play once, starting when image gets its first subscriber", read_only=True
    )
    frame_id: str = parameter(
        "",
        "Frame of the images: x right, y down, z forward; empty uses that of a recording, or camera_optical_frame",
        read_only=True,
    )
    fov: float = parameter(
        0.0,
        "Field of view in degrees along the long edge, at least 10; 0 uses the camera_info of a recording, else it is "
        "unknown",
        0.0,
        170.0,
        read_only=True,
    )
    calibration: str = parameter(
        "", "YAML file of camera_calibration or Kalibr; takes precedence over fov and over a recording", read_only=True
    )

    def __post_init__(self) -> None:
        if 0 < self.fov < LEAST_FOV:
            raise ValueError(f"fov is {self.fov:g}, must be 0 or at least {LEAST_FOV:g} degrees")


class CameraNode(GuardedNode):
    """Publishes `image` (rgb8) and `camera_info` from a source while somebody subscribes to one of them.

    A separate thread reads and waits, so that no source delays parameters and signals. A source that is played only
    once begins when somebody subscribes to `image`, and each frame is sent once reliable subscribers have received the
    one before, so that none is lost. Stamps come from the clock. A recording keeps its camera_info and its frame_id,
    unless parameters say otherwise. If nothing describes the camera, camera_info says that it is not calibrated: K is
    zero. Raises executable.START_ERRORS for wrong settings.
    """

    def __init__(self, **options: Any) -> None:
        """options: those of rclpy.node.Node."""
        super().__init__("camera_node", **options)
        given = take_overrides(self)
        self._settings = settings = declare(self, CameraSettings(), given)
        reliable = QoSProfile(depth=1)  # matches every subscriber: a best-effort one gets best effort
        self._image = self.create_publisher(Image, "image", reliable)
        self._camera_info = self.create_publisher(CameraInfo, "camera_info", reliable)
        refuse_undeclared(self, given)
        self._calibration = calibrated_info(Path(settings.calibration)) if settings.calibration else None
        self.get_logger().info(f"opening {one_line(settings.source)}")
        known = bool(settings.calibration or settings.fov)
        self._playback = Playback(settings.source, settings.rate, settings.topic, use_camera_info=not known)
        self._pass = self._playback.frames()
        info = self._camera_info_of(*self._first_image())
        self.get_logger().info(f"playing {info.width}x{info.height} px on {self._image.topic_name}")
        self._begun = settings.loop
        self._ended = threading.Event()
        self._player = threading.Thread(target=self._play, name="player", daemon=True)  # the source may never answer
        self._player.start()

    def destroy_node(self) -> None:
        """Stops playing, then destroys the node."""
        if hasattr(self, "_player"):
            self._ended.set()
            self._player.join(JOIN)
        super().destroy_node()

    def _first_image(self) -> tuple[Frame, np.ndarray]:
        """The first readable frame and its image; logs those before it. ValueError if there is none."""
        problem = f"{self._settings.source} contains no frames"
        for number, (due, frame) in enumerate(self._pass):
            if frame.image is not None:
                self._pass = chain([(due, frame)], self._pass)
                return frame, frame.image
            problem = problem if number else frame.problem
            self._warn(frame.problem)
        raise ValueError(problem)

    def _play(self) -> None:
        """Publishes each frame when it is due, until the source or the node has ended."""
        metronome = Metronome()
        try:
            for due, frame in self._all_frames():
                while not self._wanted():
                    metronome.restart()
                    if self._ended.wait(LOOK_EVERY):
                        return
                if not self._begun:
                    self._begun = True
                    self._wait_until_settled()
                if self._ended.wait(0.0 if self._playback.is_live else max(metronome.remaining(due), 0.0)):
                    return
                if frame.image is None:
                    self._warn(frame.problem)
                    continue
                if not self._settings.loop:
                    metronome.delay(self._wait_until_heard())  # the next frame would replace one on its way
                self._send(frame, frame.image)
            if not self._settings.loop:
                self._wait_until_heard()
            self.get_logger().info(f"{one_line(self._settings.source)} has ended")
            self.finish()
        except Exception as error:  # a webcam was unplugged, or a disk failed
            if self.context.ok():
                self.finish(str(error) or type(error).__name__)

    def _all_frames(self) -> Iterator[tuple[float, Frame]]:
        """Frames, each with the seconds after the start of the first pass at which it is due."""
        begin = due = 0.0
        while True:
            empty = True
            for due, frame in self._pass:
                empty = False
                yield begin + due, frame
            if empty or not self._settings.loop:
                return
            begin += due + self._playback.pause
            self._pass = self._playback.frames()

    def _wanted(self) -> bool:
        """True if somebody would see the next frame; until then, a source that is played once waits at its first."""
        watched = self._image.get_subscription_count() > 0
        return watched or (self._begun and self._camera_info.get_subscription_count() > 0)

    def _wait_until_settled(self) -> None:
        """Waits until no more subscribers appear, such as one to camera_info after one to image."""
        found, changed = [0, 0], time.monotonic()
        while time.monotonic() < changed + SETTLED and not self._ended.wait(LOOK_EVERY):
            counts = [publisher.get_subscription_count() for publisher in (self._image, self._camera_info)]
            if counts != found:
                found, changed = counts, time.monotonic()

    def _wait_until_heard(self) -> float:
        """Waits until reliable subscribers have received what was sent; returns the seconds that this took."""
        begin = time.monotonic()
        for publisher in (self._camera_info, self._image):
            while not publisher.wait_for_all_acked(AT_ONCE) and time.monotonic() < begin + HEARD:
                if self._ended.wait(LOOK_EVERY):
                    break
        return time.monotonic() - begin

    def _send(self, frame: Frame, image: np.ndarray) -> None:
        try:
            info = self._camera_info_of(frame, image)
        except ValueError as error:
            self._warn(str(error))
            return
        info.header.stamp = self.get_clock().now().to_msg()
        info.header.frame_id = self._settings.frame_id or frame.frame_id or FRAME
        self._camera_info.publish(info)
        self._image.publish(rgb_message(image, info.header))

    def _warn(self, problem: str) -> None:
        self.get_logger().warning(one_line(problem, 500), throttle_duration_sec=WARN_EVERY)

    def _camera_info_of(self, frame: Frame, image: np.ndarray) -> CameraInfo:
        height, width = image.shape[:2]
        calibration = self._calibration
        if calibration is None and frame.camera is not None:
            return info_of(frame.camera, frame.rectification, frame.projection)
        if calibration is None:
            return field_of_view(width, height, self._settings.fov)
        if (calibration.width, calibration.height) != (width, height):
            calibrated = f"{calibration.width}x{calibration.height}"
            raise ValueError(f"{frame.name} has {width}x{height} px, the calibration {calibrated}: they must agree")
        return calibration


def main() -> None:
    """Runs the node until it is stopped or its source has ended."""
    sys.exit(run("camera_node", CameraNode))
