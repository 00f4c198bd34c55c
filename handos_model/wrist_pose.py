"""The pose of a hand's wrist, and its covariance: a simple model of known causes, for filters that fuse the pose."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand
from handos_model.kinematics.frames import wrist_frame

# Measured for the embedded weights, on other renders than those that benchmarks/covariance.py reports on.
JOINT_DEVIATION = 0.05
"""Standard deviation of a joint at full confidence, as a fraction of the box's long edge."""
SHAPE_DEVIATION = 0.07
"""Relative standard deviation of distance at full confidence from errors of shape: fingers that are estimated too
straight make the hand too large for its image, and so too far away."""
TURN_DEVIATION = 0.17
"""Standard deviation of a rotation at full confidence, in rad."""
WRONG_SIDE_TURN = 0.9
"""Standard deviation of the rotation of a hand that is taken for one of the other side, in rad."""

WRIST_DEVIATION = 0.01
"""Standard deviation of the wrist's distance from the measured surface at full confidence, in m."""

# Estimated.
SCALE_DEVIATION = {"prior": 0.07, "user": 0.03, "depth": 0.01, "remembered": 0.02, "triangulated": 0.02}
"""Relative standard deviation of the hand's size, and so of distance, by hand.SCALE_SOURCES: adults differ by 6 to
7 %; a measured hand with a template of other proportions leaves 3 %, a depth camera is off by 1 % of the distance."""
FOCAL_DEVIATION = 0.2
"""Relative standard deviation of an assumed focal length: lenses have 45 to 80 degrees."""
UNKNOWN_TURN = np.pi**2
"""Variance of an unknown rotation, in rad^2."""
MIN_CONFIDENCE = 0.1
"""Joints of lower confidence count as if they had this one: no deviation grows without limit."""


@lru_cache(maxsize=32)  # a frame's messages and transforms each ask for it
def wrist_rotation(hand: Hand) -> np.ndarray | None:
    """Rotation (3, 3) from the wrist's frame to the camera's; None if the joints or the side do not define one."""
    if hand.side == "unknown":
        return None
    try:
        return wrist_frame(hand.joints_3d, hand.side)[1]
    except ValueError:
        return None


def wrist_covariance(hand: Hand, camera: Camera, turn_known: bool) -> np.ndarray:
    """Covariance (36,) of a hand's wrist: 6x6 row-major over x, y, z (m) and rotations about x, y, z (rad), in the
    axes of the camera frame, as geometry_msgs/PoseWithCovariance has it.

    The position's covariance is an ellipsoid along the ray to the wrist. Across the ray, the deviation is
    JOINT_DEVIATION of the hand's size in the image, over the wrist's confidence, at the wrist's distance. Along it, the
    causes of a wrong distance add up as variances. Where depth was measured, these are the camera's error
    (SCALE_DEVIATION) and the wrist's place behind the surface (WRIST_DEVIATION over the mean confidence). Elsewhere
    they are the hand's size (SCALE_DEVIATION); noise of the joints, which counts less the more joints are seen and the
    wider they spread; the hand's shape (SHAPE_DEVIATION over the mean confidence); and the focal length, if it is
    assumed. The rotation's covariance is the same about every axis: TURN_DEVIATION over the mean confidence, plus
    WRONG_SIDE_TURN weighted by the probability of a wrong side; UNKNOWN_TURN if the pose has no rotation. Position and
    rotation count as independent. Every figure is an average over poses and views.
    """
    confidence = [min(max(share, MIN_CONFIDENCE), 1.0) for share in hand.joint_confidence.tolist()]
    doubt = len(confidence) / sum(confidence)
    x0, y0, x1, y1 = hand.box.tolist()
    joint = JOINT_DEVIATION * max(x1 - x0, y1 - y0)  # px
    distance = math.hypot(*hand.translation.tolist())
    along = (SCALE_DEVIATION[hand.scale_source] * distance) ** 2
    if hand.scale_source == "depth":
        along += (WRIST_DEVIATION * doubt) ** 2
    else:
        spread = math.sqrt(sum(map(_variance, hand.joints_2d.T.tolist())))  # px
        fit = joint / (max(spread, 1.0) * math.sqrt(sum(confidence)))
        focal = FOCAL_DEVIATION if camera.assumed else 0.0
        along += (fit**2 + (SHAPE_DEVIATION * doubt) ** 2 + focal**2) * distance**2
    across = (joint / confidence[0] / camera.focal * distance) ** 2
    ray = hand.translation / max(distance, 1e-9)
    wrong = (1 - hand.side_confidence) / 2  # probability of the other side: that fraction of such sides is wrong
    turn = (TURN_DEVIATION * doubt) ** 2 + wrong * WRONG_SIDE_TURN**2 if turn_known else UNKNOWN_TURN
    covariance = np.diag([across] * 3 + [min(turn, UNKNOWN_TURN)] * 3)
    covariance[:3, :3] += (along - across) * np.outer(ray, ray)
    return covariance.ravel()


def _variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)
