"""CameraInput: messages of one camera of fusion_node."""

from __future__ import annotations

import pytest
from watched_hand import CAMERA, found_by, standing

pytest.importorskip("rclpy", reason="needs ROS 2")
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from handos_ros.conversions.hands import hand_array
from handos_ros.fusion.cameras import CameraInput
from handos_ros.msg import HandArray


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"frame_id": ""}, "frame_id has 0 characters, must have 1 to 255"),
        ({"frame_id": "x" * 256}, "frame_id has 256 characters, must have 1 to 255"),
        ({"stamp": Time(nanosec=10**9)}, "nanosec of the stamp is 1000000000, must be less than 1000000000"),
    ],
)
def test_what_a_message_must_be(changes: dict, problem: str) -> None:
    header = Header(**{"frame_id": "lens", "stamp": Time(sec=7)} | changes)
    camera = CameraInput("left/hands")
    message = hand_array([found_by(standing(0.0))], header, CAMERA, HandArray.SCALE_PRIOR)
    view = camera.view(message, lambda frame, stamp: standing(0.0))
    assert (view is None, camera.used, camera.problem) == (bool(problem), int(not problem), problem)
