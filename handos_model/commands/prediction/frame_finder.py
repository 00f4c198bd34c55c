"""FrameFinder: the hands of single frames with the options of a run of `handos predict`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handos_model.camera import Camera
from handos_model.commands.prediction.user_camera import UserCamera
from handos_model.drawing.hand_drawing import draw_hands
from handos_model.hand import Hand, assumed_scale, turned_over
from handos_model.io.frame import Frame
from handos_model.kinematics.inverse import anatomical
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.prediction.predictor import HandPredictor
from handos_model.tracking.follower import HandFollower


class FrameFinder:
    """Finds hands in single frames, or follows them if frames have times."""

    def __init__(
        self, predictor: HandPredictor, camera: UserCamera | None, track: bool, mirrored: bool, anatomical: bool
    ) -> None:
        """camera: the user's; mirrored: images are flipped left to right."""
        self.model = {"name": predictor.name, "version": predictor.version}
        self.faces, self.scale = predictor.template.faces, assumed_scale(predictor.hand_scale)
        self.track, self.mirrored = track, mirrored
        self.depth_problem = ""
        """Why the last depth image could not be used."""
        self.user_camera, self._predictor = camera, predictor
        self._skeleton = HandSkeleton(predictor.template) if anatomical else None
        self.begin_input()

    def begin_input(self) -> None:
        """Starts a new input that is unrelated to the one before: its ids start at 0."""
        self._follower = HandFollower(self._predictor, mirrored=self.mirrored)

    def camera(self, frame: Frame) -> tuple[Camera, str]:
        """The camera of a frame and its source; ValueError if it cannot be the user's."""
        assert frame.image is not None
        height, width = frame.image.shape[:2]
        if self.user_camera:
            return self.user_camera(width, height), "user"
        return (frame.camera, "camera") if frame.camera else (Camera.from_fov(width, height), "assumed")

    def find(self, frame: Frame, camera: Camera) -> list[Hand]:
        """The hands of a frame, in pixels of its image and metres in the camera's frame."""
        assert frame.image is not None
        depth = frame.depth
        self._follower.tracking = self.track and frame.stamp_ns is not None
        stamp = (frame.stamp_ns or 0) / 1e9
        hands = self._follower.follow(frame.image, stamp, camera, None if depth is None else lambda: depth)
        self.depth_problem = self._follower.problem
        return hands if self._skeleton is None else anatomical(hands, self._skeleton)

    def unmirrored(self, frame: Frame, camera: Camera, hands: list[Hand]) -> tuple[Frame, Camera, list[Hand]]:
        """Frame, camera and hands, all of them unmirrored if the images are mirrored."""
        if not self.mirrored:
            return frame, camera, hands
        assert frame.image is not None
        image = np.ascontiguousarray(frame.image[:, ::-1])
        hands, camera = turned_over(hands, camera)
        return replace(frame, image=image), camera, hands

    def draw(self, frame: Frame, camera: Camera, hands: list[Hand]) -> np.ndarray:
        """The frame's image with its hands drawn on it."""
        assert frame.image is not None
        return draw_hands(frame.image, hands, camera, faces=self.faces, mirrored=self.mirrored)
