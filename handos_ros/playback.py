"""Sources of camera_node: videos and recordings at their own times, images at a rate, webcams as frames arrive."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import cv2

from handos_model.io.frame import MIN_RATE, Frame
from handos_model.io.inputs import frames_until_error, open_inputs

PICTURES_RATE = 10.0
"""Rate in Hz of sources without times, if none is set."""


class Webcam:
    """Frames of the webcam with this number; ValueError if there is none, or when it stops."""

    fps: float | None = None

    def __init__(self, number: str, rate: float) -> None:
        self.name = f"webcam {number}"
        self._capture = cv2.VideoCapture(int(number))
        if not self._capture.isOpened():
            raise ValueError(f"{self.name} cannot be opened: it does not exist, is in use, or is not permitted")
        if rate:
            self._capture.set(cv2.CAP_PROP_FPS, rate)

    def __iter__(self) -> Iterator[Frame]:
        while True:
            good, image = self._capture.read()
            if not good:
                raise ValueError(f"{self.name} delivers no more images")
            yield Frame(self.name, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


class Playback:
    """One pass through a source after another, each frame with the time at which it is due.

    Raises what open_inputs raises.
    """

    def __init__(self, source: str, rate: float, topic: str = "", use_camera_info: bool = True) -> None:
        """source and topic: as in camera_node's parameters; rate: Hz, 0 for the source's own times.

        use_camera_info: False if the camera is known from elsewhere, so that a recording's camera_info is not read.
        """
        if 0 < rate < MIN_RATE:
            raise ValueError(f"rate is {rate:g}, must be 0 or at least {MIN_RATE:g}")
        if not source:
            kinds = "a video, an image, a folder of images, a ROS recording or a webcam number"
            raise ValueError(f"source is not set, must be {kinds}")
        self.is_live = source.isdigit() or "://" in source
        """Whether reading waits for the next frame, so that the source sets the pace."""
        self._rate = rate
        self.pause = 0.0
        """s from the last frame of a pass to the first of the next; known after the first pass."""
        self._parts = (
            [Webcam(source, rate)]
            if source.isdigit()
            else open_inputs([source], topic or None, use_camera_info=use_camera_info)
        )

    def frames(self) -> Iterator[tuple[float, Frame]]:
        """Frames of one pass, each with the seconds after its start at which it is due; no pause follows the last."""
        begin = 0.0
        for part in self._parts:
            end, rate = begin, self._rate or part.fps or PICTURES_RATE
            frames = part if self.is_live else frames_until_error(part, part.name)
            for due, frame in _timed(frames, rate, bool(self._rate)):
                end = max(end, begin + due)
                yield end, frame
            self.pause = 1 / rate
            begin = end + self.pause


class Metronome:
    """Waits until frames are due. Time in which nothing is played does not count: call `restart` to continue."""

    def __init__(self) -> None:
        self._begun = 0.0  # of time.monotonic(), at which a frame that is due at 0 s would have been
        self._going = False

    def restart(self) -> None:
        """Makes the next frame due immediately."""
        self._going = False

    def delay(self, seconds: float) -> None:
        """Makes all further frames due later by this much."""
        self._begun += seconds

    def remaining(self, due: float) -> float:
        """Seconds until a frame that is due at `due` s; 0 or less if it is late."""
        if not self._going:
            self._going, self._begun = True, time.monotonic() - due
        return self._begun + due - time.monotonic()


def _timed(frames: Iterable[Frame], rate: float, even: bool) -> Iterator[tuple[float, Frame]]:
    """Frames with seconds since the first one; even: at the given rate, whatever their own times are."""
    due, first = -1 / rate, None
    for frame in frames:
        if even or frame.stamp_ns is None:
            due += 1 / rate
        else:
            first = frame.stamp_ns if first is None else first
            due = max(due, (frame.stamp_ns - first) * 1e-9)
        yield max(due, 0.0), frame
