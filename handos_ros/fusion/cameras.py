"""CameraInput: the hands of one camera, and problems with them."""

from __future__ import annotations

import math
from collections.abc import Callable

from rclpy.node import Node
from rclpy.validate_topic_name import validate_topic_name

from handos_model.fusion.extrinsics import Extrinsics
from handos_model.fusion.results_files import MAX_CAMERA_HANDS
from handos_model.fusion.sighting import View
from handos_model.hand import turned_over
from handos_model.io.files import one_line
from handos_model.io.frame import LONGEST_NAME, SECOND
from handos_ros.conversions import camera_from, hands_from
from handos_ros.conversions.stamps import seconds
from handos_ros.msg import HandArray


class CameraInput:
    """Converts the HandArrays of one topic."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.frame = ""
        """Frame of the last message."""
        self.received = 0
        self.used = 0
        """Number of messages whose hands were fused."""
        self.problem = ""
        """Why its last message could not be used; empty if it could."""
        self.assumed = False
        """Whether the intrinsics of its last message are a guess."""
        self.model = ""

    def view(self, message: HandArray, pose: Callable[[str, float], Extrinsics]) -> View | None:
        """The hands of a message as a View; None, with the problem stored, if the message cannot be used.

        pose: returns the pose of a frame in the common frame at a time in s; ValueError if it is unknown.
        """
        stamp = seconds(message.header.stamp)
        try:
            _check(message)
            hands, camera = hands_from(message), camera_from(message)
            if message.mirrored:
                hands, camera = turned_over(hands, camera)
            view = View(self.topic, hands, camera, pose(message.header.frame_id, stamp))
        except ValueError as error:
            self.problem = one_line(error)
            return None
        self.used, self.problem = self.used + 1, ""
        self.frame, self.assumed, self.model = message.header.frame_id, view.camera.assumed, message.model
        return view


def _check(message: HandArray) -> None:
    """Raises ValueError for a message without a frame or a time, and for one that no hands_node sends."""
    if not 0 < (length := len(message.header.frame_id)) <= LONGEST_NAME:
        raise ValueError(f"frame_id has {length} characters, must have 1 to {LONGEST_NAME}")
    if (rest := message.header.stamp.nanosec) >= SECOND:
        raise ValueError(f"nanosec of the stamp is {rest}, must be less than {SECOND}")
    if len(message.hands) > MAX_CAMERA_HANDS:
        raise ValueError(f"a message has {len(message.hands)} hands, must have at most {MAX_CAMERA_HANDS}")


def camera_inputs(node: Node, topics: list[str]) -> dict[str, CameraInput]:
    """An input for each topic; ValueError if two are one topic, or if the node itself publishes one.

    The names are resolved, as one topic can be written in several ways.
    """
    taken = {node.resolve_topic_name("hands"): ""}
    for topic in topics:
        validate_topic_name(topic)
        name = node.resolve_topic_name(topic)
        if other := taken.get(name):
            raise ValueError(f"topics has {other} and {topic}, which are one topic, {name}: leave one out")
        if other is not None:
            raise ValueError(f"topics has {topic}, which the node itself publishes: it must name hands of cameras")
        taken[name] = topic
    return {topic: CameraInput(topic) for topic in topics}


def same_place(views: list[View]) -> str:
    """A sentence if two cameras are in the same place, so that nothing can be triangulated; else empty."""
    for index, one in enumerate(views):
        for other in views[:index]:
            apart = math.dist(one.extrinsics.position, other.extrinsics.position)
            if apart < 0.01:
                return f"{other.name} and {one.name} are in the same place: does each camera have a unique frame_id?"
    return ""
