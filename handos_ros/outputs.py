"""Publishers of the nodes: some always publish, others only while somebody subscribes."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2
from shape_msgs.msg import Mesh
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from handos_model.camera import Camera
from handos_model.drawing.debug_image import debug_image
from handos_model.hand import Hand
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.tracking.side_frames import SideFrames
from handos_ros.conversions.hands import hand_transforms
from handos_ros.conversions.images import rgb_message
from handos_ros.conversions.markers import MarkerBoard
from handos_ros.conversions.shapes import hand_points, template_mesh
from handos_ros.conversions.transform_filter import TransformFilter
from handos_ros.input.subscriptions import LATCHED
from handos_ros.msg import HandArray
from handos_ros.settings import OutputSettings
from handos_ros.side_outputs import SideOutputs


class HandOutputs:
    """Publishers of every node that publishes hands: HandArray, /tf, markers, and the outputs of each side.

    They are reliable, which matches both reliable and best-effort subscribers.
    """

    def __init__(self, node: Node, skeleton: HandSkeleton) -> None:
        """skeleton: that of the hands' template."""
        self._node, self._hands = node, node.create_publisher(HandArray, "hands", 5)
        self._tf = node.create_publisher(TFMessage, "/tf", 100)  # the depth that tf2_ros uses
        self._markers = node.create_publisher(MarkerArray, "hands/markers", 1)
        self._of_sides = SideOutputs(node, skeleton)
        self._board = MarkerBoard(skeleton.template.faces)
        self._sides = SideFrames()
        self._shown: list[Hand] = []  # those of this frame that have the TF frame of their side
        self.transforms = TransformFilter(node.get_clock())
        """Decides which transforms are sent on /tf, and which are withheld."""

    def doubt(self) -> str:
        """A sentence if another node sends HandArrays on the same topic; else empty."""
        topic = self._hands.topic_name
        nodes = self._node.count_publishers(topic)
        return f"{nodes} nodes send {topic}: give each node its own namespace" if nodes > 1 else ""

    def publish_frames(
        self,
        hands: list[Hand],
        header: Header,
        settings: OutputSettings,
        followed: Container[int],
        jumps: int | None = None,
    ) -> None:
        """Publishes wrist frames, and finger frames if enabled, on /tf.

        Call it before `publish`, so that tf2 has the frames when the HandArray arrives.

        followed: as for SideFrames.chosen; jumps: as for TransformFilter.taken.
        """
        self._shown = self._sides.chosen(hands, followed)
        if not settings.publish_tf:
            return
        hands = self._shown if settings.tf_names == "side" else hands
        fingers, prefix = settings.tf_fingers, settings.frame_prefix
        transforms = hand_transforms(hands, header, settings.tf_names, fingers, prefix)
        if transforms := self.transforms.taken(transforms, jumps):
            self._tf.publish(TFMessage(transforms=transforms))

    def publish(self, message: HandArray) -> None:
        """Publishes the hands of a frame."""
        self._hands.publish(message)

    def publish_rest(self, hands: list[Hand], header: Header, lifetime: float) -> bool:
        """Publishes everything else of this frame to its subscribers; returns False if there are none.

        lifetime: of markers, in seconds.
        """
        of_sides = self._of_sides.publish(self._shown, header)
        if markers := self._markers.get_subscription_count() > 0:
            self._markers.publish(self._board.markers(hands, header, lifetime))
        return of_sides or markers


class CameraOutputs(HandOutputs):
    """Publishers of hands_node, which also shows the image and the vertices of its camera's hands."""

    def __init__(self, node: Node, skeleton: HandSkeleton) -> None:
        super().__init__(node, skeleton)
        self._debug_image = node.create_publisher(Image, "hands/debug_image", 1)
        self._points = node.create_publisher(PointCloud2, "hands/points", 1)
        self._mesh = node.create_publisher(Mesh, "hands/mesh", LATCHED)
        self._mesh.publish(template_mesh(skeleton.template))
        self._faces = skeleton.template.faces

    def publish_seen(
        self, image: np.ndarray, camera: Camera, hands: list[Hand], header: Header, caption: str, mirrored: bool
    ) -> bool:
        """Publishes points and debug image of this frame to their subscribers; returns False if there are none.

        image (H, W, 3) uint8 RGB; caption: a line for the debug image; mirrored: as for HandFollower.
        """
        points, picture = (publisher.get_subscription_count() > 0 for publisher in (self._points, self._debug_image))
        if points:
            self._points.publish(hand_points(hands, header))
        if picture:
            self._debug_image.publish(
                rgb_message(debug_image(image, hands, camera, caption, self._faces, mirrored), header)
            )
        return points or picture
