"""CameraInput: what comes from one camera's hands_node, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable

from handos_model.fusion.extrinsics import Extrinsics
from handos_model.fusion.results_files import MAX_CAMERA_HANDS
from handos_model.fusion.sighting import View
from handos_model.io.files import one_line
from handos_ros.conversions import camera_from, hands_from
from handos_ros.msg import HandArray

LONGEST_NAME = 255


class CameraInput:
    """One topic of HandArrays."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.frame = ""
        """Of its last message."""
        self.received = 0
        self.used = 0
        """Messages whose hands were fused."""
        self.problem = ""
        """Why its last message could not be used; empty if it could."""
        self.assumed = False
        """Whether the intrinsics of its last message are a guess."""
        self.model = ""

    def view(self, message: HandArray, pose: Callable[[str, float], Extrinsics]) -> View | None:
        """What it sees; None, with the problem kept, for a message that cannot be used.

        pose: of a frame at a time in s, in the common frame; ValueError where it is not known.
        """
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        try:
            if not 0 < len(message.header.frame_id) <= LONGEST_NAME or len(message.hands) > MAX_CAMERA_HANDS:
                raise ValueError(
                    f"frame_id has {len(message.header.frame_id)} characters, must have 1 to {LONGEST_NAME}; "
                    f"{len(message.hands)} hands, at most {MAX_CAMERA_HANDS}"
                )
            view = View(self.topic, hands_from(message), camera_from(message), pose(message.header.frame_id, stamp))
        except ValueError as error:
            self.problem = one_line(error)
            return None
        self.used, self.problem = self.used + 1, ""
        self.frame, self.assumed, self.model = message.header.frame_id, view.camera.assumed, message.model
        return view


def same_place(views: list[View]) -> str:
    """Says so where two cameras stand in one place, from which nothing can be triangulated; else empty."""
    for index, one in enumerate(views):
        for other in views[:index]:
            apart = math.dist(one.extrinsics.position, other.extrinsics.position)
            if apart < 0.01:
                return f"{other.name} and {one.name} stand in one place: does each camera have a frame_id of its own?"
    return ""
