"""The topics that docs/ros.md lists are those of the nodes, with their types and directions."""

from __future__ import annotations

import re
from typing import Any

from node_process import ROOT
from rclpy.parameter import Parameter

from handos_ros.camera_node import CameraNode
from handos_ros.fusion_node import FusionNode
from handos_ros.hands_node import HandsNode
from handos_ros.process.guarded_node import GuardedNode

ROWS = re.findall(
    r"^\| (`[\w/]+`(?:, `[\w/]+`)*) \| (\w+/\w+) \| (in|out) \|", (ROOT / "docs" / "ros.md").read_text(), re.M
)
LISTED = {(topic, kind, way) for topics, kind, way in ROWS for topic in re.findall(r"[\w/]+", topics)}
OF_EVERY_NODE = ("rcl_interfaces", "rosgraph_msgs")  # parameters, log and clock


def topics(kind: type[GuardedNode], **settings: Any) -> set[tuple[str, str, str]]:
    """Topic, type and direction of whatever a node of this process publishes and subscribes to."""
    node = kind(namespace="one", parameter_overrides=[Parameter(name, value=value) for name, value in settings.items()])
    try:
        ends = [(end, "out") for end in node.publishers] + [(end, "in") for end in node.subscriptions]
        found = [(end.topic_name.removeprefix("/one/"), end.msg_type, way) for end, way in ends]
        packages = [of.__module__.partition(".")[0] for _, of, _ in found]
        named = zip(found, packages, strict=True)
        return {(name, f"{by}/{of.__name__}", way) for (name, of, way), by in named if by not in OF_EVERY_NODE}
    finally:
        node.destroy_node()


def test_hands_node() -> None:
    plain = topics(HandsNode, threads=1, use_depth=True)
    assert plain | topics(HandsNode, threads=1, compressed=True) == LISTED


def test_camera_node() -> None:
    """It publishes what hands_node subscribes to."""
    sent = {(name, kind) for name, kind, _ in topics(CameraNode, source=str(ROOT / "docs" / "demo.mp4"))}
    assert sent == {(name, kind) for name, kind, _ in LISTED if name in ("image", "camera_info")}


def test_fusion_node() -> None:
    """docs/cameras.md: what comes out is what comes out of hands_node, but for what shows one image or the mesh."""
    of_one_image = {"hands/debug_image", "hands/points", "hands/mesh"}
    sent = {row for row in topics(FusionNode, frame="world") if row[2] == "out"}
    assert sent == {row for row in LISTED if row[2] == "out" and row[0] not in of_one_image}
