"""Converts fused hands to a HandArray."""

from __future__ import annotations

import numpy as np
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.fusion.hand_fusion import FusedHand
from handos_model.hand import frame_scale
from handos_ros.conversions.hands import SCALE_VALUES, hand_array
from handos_ros.fusion.fusion_settings import FusionSettings
from handos_ros.msg import HandArray

NO_CAMERA = Camera.from_fov(1, 1)  # fused hands belong to no single image


def fused_array(
    fused: list[FusedHand], header: Header, assumed: bool, model: str, settings: FusionSettings
) -> HandArray:
    """Makes the message of one stamp: without image size and intrinsics, and with NaN for pixel coordinates."""
    hands = [one.hand for one in fused]
    # A camera alone can have measured a size that is remembered only in a depth image.
    measured = "depth" if len(settings.topics.split()) == 1 else "triangulated"
    source = SCALE_VALUES[frame_scale((hand.scale_source for hand in hands), measured=measured)]
    message = hand_array(hands, header, NO_CAMERA, source, model, settings.vertices)
    for sent, one in zip(message.hands, fused, strict=True):
        sent.wrist.covariance = np.ascontiguousarray(one.wrist_covariance).ravel()
    message.intrinsics_source = HandArray.INTRINSICS_ASSUMED if assumed else HandArray.INTRINSICS_CAMERA_INFO
    message.width = message.height = 0
    message.fx = message.fy = message.cx = message.cy = 0.0
    return message
