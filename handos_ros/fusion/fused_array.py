"""Converts fused hands to a HandArray."""

from __future__ import annotations

import numpy as np
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.fusion.hand_fusion import FusedHand
from handos_model.hand import Hand
from handos_ros.conversions.hands import SCALE_VALUES, hand_array
from handos_ros.fusion.settings import FusionSettings
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray

NO_CAMERA = Camera.from_fov(1, 1)  # fused hands belong to no single image


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
