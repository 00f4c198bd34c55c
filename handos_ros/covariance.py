"""How far the wrist's pose may be off: a plain model of known causes, for filters that fuse the pose."""

from __future__ import annotations

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand

from .msg import HandArray

SCALE_DEVIATION = {HandArray.SCALE_PRIOR: 0.07, HandArray.SCALE_USER: 0.03, HandArray.SCALE_DEPTH: 0.02}
"""Relative standard deviation of the hand's size, and so of distance. Estimates: adults differ by 6 to 7 %; a ruler
and a template of other proportions leave 3 %, a depth camera 2 %."""
FOCAL_DEVIATION = 0.2
"""Relative standard deviation of an assumed focal length: lenses of 45 to 80 degrees, taken for 60."""
JOINT_DEVIATION = 0.05
"""Standard deviation of a joint of full confidence, as a fraction of the box's long edge."""
TURN_DEVIATION = 0.2
"""rad, standard deviation of a rotation at full confidence: joints 17 mm off across a palm of 90 mm."""
UNKNOWN_TURN = np.pi**2
"""rad^2 of a rotation that is not known."""
_LEAST_CONFIDENCE = 0.1


def wrist_covariance(hand: Hand, camera: Camera, scale_source: int, turn_known: bool) -> np.ndarray:
    """Covariance (36,) of a hand's wrist: 6x6 row-major over x, y, z (m) and rotations about x, y, z (rad), in the
    axes of the camera frame, as geometry_msgs/PoseWithCovariance has it.

    Position is an ellipsoid along the ray to the wrist. Across the ray: JOINT_DEVIATION of the hand's size in the
    image, over the wrist's confidence, at the wrist's distance. Along it, the causes of a wrong distance add up as
    variances: the hand's size (SCALE_DEVIATION), the focal length where it is assumed, and noise of the joints, which
    counts less the more joints are seen and the wider they spread. Rotation is the same about every axis,
    TURN_DEVIATION over the mean confidence, and UNKNOWN_TURN when the pose has none. Position and rotation count as
    independent. Every figure is a rough average over poses and views, not a calibrated one.
    """
    confidence = np.clip(hand.joint_confidence, _LEAST_CONFIDENCE, 1.0)
    joint = JOINT_DEVIATION * float(np.max(hand.box[2:] - hand.box[:2]))  # px
    distance = float(np.linalg.norm(hand.translation))
    spread = float(np.sqrt(hand.joints_2d.var(axis=0).sum()))  # px
    fit = joint / (max(spread, 1.0) * np.sqrt(float(confidence.sum())))
    relative = SCALE_DEVIATION[scale_source] ** 2 + fit**2 + (FOCAL_DEVIATION**2 if camera.assumed else 0.0)
    along = relative * distance**2
    across = (joint / float(confidence[0]) / camera.focal * distance) ** 2
    ray = np.asarray(hand.translation, np.float64) / max(distance, 1e-9)
    turn = (TURN_DEVIATION / float(confidence.mean())) ** 2 if turn_known else UNKNOWN_TURN
    covariance = np.diag([across] * 3 + [min(turn, UNKNOWN_TURN)] * 3)
    covariance[:3, :3] += (along - across) * (ray[:, None] * ray)
    return covariance.reshape(-1)
