"""A qos_overrides parameter changes the topic that it names, and no other one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from node_process import ROOT, NodeProcess, parameters
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from robot import Robot, image_message, stamped
from sensor_msgs.msg import Image

from handos_ros.camera_node import CameraNode
from handos_ros.fusion_node import FusionNode
from handos_ros.hands_node import HandsNode
from handos_ros.process.guarded_node import GuardedNode

SETTINGS: dict[type[GuardedNode], dict[str, Any]] = {
    HandsNode: {"threads": 1, "use_depth": True},
    CameraNode: {"source": str(ROOT / "docs/demo.mp4")},
    FusionNode: {"frame": "world"},
}


def policies(kind: type[GuardedNode], **overrides: object) -> dict[str, object]:
    """Every policy that a node of this process has for its topics."""
    given = {**SETTINGS[kind], **{f"qos_overrides.{name}": value for name, value in overrides.items()}}
    node = kind(namespace="one", parameter_overrides=[Parameter(name, value=value) for name, value in given.items()])
    try:
        return {name: found.value for name, found in node.get_parameters_by_prefix("qos_overrides").items()}
    finally:
        node.destroy_node()


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (HandsNode, "/one/camera_info.subscription.reliability", "reliable"),
        (HandsNode, "/one/depth.subscription.depth", 10),
        (HandsNode, "/one/hands/mesh.publisher.depth", 3),
        (CameraNode, "/one/image.publisher.reliability", "best_effort"),
        (FusionNode, "/tf_static.subscription.depth", 7),
    ],
)
def test_an_override_is_for_its_topic_and_its_node_alone(kind: type[GuardedNode], name: str, value: object) -> None:
    before = policies(kind)
    assert before[name] != value
    assert policies(kind, **{name: value}) == {**before, name: value}
    assert policies(kind) == before  # the next node of the process


def test_a_reliable_camera_info_leaves_images_best_effort(image: np.ndarray) -> None:
    override = parameters(**{"qos_overrides./deaf/camera_info.subscription.reliability": "reliable"})
    with NodeProcess("hands_node", "-r", "__ns:=/deaf", *parameters(threads=1), *override) as node:
        robot = Robot("deaf")
        robot.destroy_publisher(robot.image)
        robot.image = robot.create_publisher(Image, "image", qos_profile_sensor_data)  # as most drivers publish
        robot.until(lambda: robot.got["/diagnostics"])
        robot.until(lambda: robot.image.get_subscription_count(), timeout=20)
        assert robot.hands_of(image_message(image, stamped(0)), timeout=30).hands
        robot.destroy_node()
        code, printed = node.stop()
    assert code == 0 and "incompatible" not in printed
