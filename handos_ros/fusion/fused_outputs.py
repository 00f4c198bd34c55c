"""FusedOutputs: the publishers of fusion_node."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from handos_model.camera import Camera
from handos_model.fusion.hand_fusion import FusedHand
from handos_model.hand import Hand
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.template.hand_template import HandTemplate
from handos_ros.conversions.hands import SCALE_VALUES, hand_array, hand_transforms
from handos_ros.conversions.markers import MarkerBoard
from handos_ros.conversions.side_frames import SideFrames
from handos_ros.conversions.transform_filter import TransformFilter
from handos_ros.fusion.settings import FusionSettings
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray
from handos_ros.side_outputs import SideOutputs

NO_CAMERA = Camera.from_fov(1, 1)  # fused hands belong to no single image


class FusedOutputs:
    """Publishes hands, transforms, markers and the outputs of each side, all in the common frame."""

    def __init__(self, node: Node, template: HandTemplate) -> None:
        self._hands = node.create_publisher(HandArray, "hands", 5)
        self._tf = node.create_publisher(TFMessage, "/tf", 100)
        self._markers = node.create_publisher(MarkerArray, "hands/markers", 1)
        self._of_sides = SideOutputs(node, HandSkeleton(template))
        self._board = MarkerBoard(template.faces)
        self._sides = SideFrames()
        self.transforms = TransformFilter(node.get_clock())
        """What is sent on /tf, and what is withheld."""

    def publish(
        self, fused: list[FusedHand], header: Header, assumed: bool, model: str, settings: FusionSettings,
        followed: Container[int],
    ) -> None:  # fmt: skip
        """Publishes the hands of one time in the order of hands_node: transforms, the HandArray, everything else.

        assumed: whether a camera has assumed intrinsics; followed: ids of tracked hands.
        """
        hands = [one.hand for one in fused]
        of_sides = self._sides.chosen(hands, followed)
        if settings.publish_tf:
            framed = of_sides if settings.tf_names == "side" else hands
            named = hand_transforms(framed, header, settings.tf_names, settings.tf_fingers, settings.frame_prefix)
            if transforms := self.transforms.taken(named):
                self._tf.publish(TFMessage(transforms=transforms))
        self._hands.publish(fused_array(fused, header, assumed, model, settings))
        self._of_sides.publish(of_sides, header)
        if self._markers.get_subscription_count():
            self._markers.publish(self._board.markers(hands, header, settings.marker_lifetime))


def fused_array(
    fused: list[FusedHand], header: Header, assumed: bool, model: str, settings: FusionSettings
) -> HandArray:
    """Makes the message of one stamp: without image size and intrinsics, and with NaN for pixel coordinates."""
    hands = [one.hand for one in fused]
    source = _scale_source(hands, len(settings.topics.split()))
    message = hand_array(hands, header, NO_CAMERA, source, model, settings.vertices)
    for said, one in zip(message.hands, fused, strict=True):
        said.wrist.covariance = np.ascontiguousarray(one.wrist_covariance).ravel()
    message.intrinsics_source = HandArray.INTRINSICS_ASSUMED if assumed else HandArray.INTRINSICS_CAMERA_INFO
    message.width = message.height = 0
    message.fx = message.fy = message.cx = message.cy = 0.0
    return message


def _scale_source(hands: list[Hand], cameras: int) -> int:
    """The source of the scale of all hands, as a constant of HandArray: their lowest, as guesses have lower values."""
    least = min((SCALE_VALUES[hand.scale_source] for hand in hands), default=HandArray.SCALE_PRIOR)
    if least == HandMessage.SCALE_REMEMBERED:  # a camera alone can have measured it only in a depth image
        return HandArray.SCALE_DEPTH if cameras == 1 else HandArray.SCALE_TRIANGULATED
    return least
