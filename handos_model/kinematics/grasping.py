"""The grasp of thumb and index finger, described like that of a parallel gripper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.hand import JOINT_NAMES, Hand
from handos_model.kinematics.frames import wrist_frame

_MCP, _IP, _TIP = (JOINT_NAMES.index(f"thumb_{joint}") for joint in ("mcp", "ip", "tip"))
_INDEX_MCP, _INDEX_DIP, _INDEX_TIP = (JOINT_NAMES.index(f"index_{joint}") for joint in ("mcp", "dip", "tip"))


@dataclass(frozen=True, eq=False)
class Grasp:
    """Thumb and index finger as a gripper, in the camera's frame."""

    aperture: float
    """Distance in m between the tips of thumb and index finger."""
    pinch_point: np.ndarray
    """(3,) m, halfway between the tips: the origin of the grasp's frame."""
    rotation: np.ndarray
    """(3, 3), with the axes of REP 120's grippers in columns: x towards the object, y along the motion of the fingers,
    from the thumb to the index finger, and z completing."""
    palm_normal: np.ndarray
    """(3,) unit vector out of the palm."""
    confidence: float
    """0 to 1: the score of the hand times the lowest confidence of the joints that the grasp is computed from."""

    @property
    def approach(self) -> np.ndarray:
        """(3,) unit vector towards the object: x of the grasp's frame."""
        return self.rotation[:, 0]


def grasp(hand: Hand) -> Grasp:
    """The grasp of a hand of either side, whether it holds something or is open.

    The motion of the fingers is the direction between their last bones, which stay apart even if the tips touch. The
    object lies away from the knuckles of thumb and index finger, at a right angle to that. Raises ValueError as
    wrist_frame does, and for fingers that define no direction.
    """
    joints = hand.joints_3d.astype(np.float64)
    palm_normal = -wrist_frame(joints, hand.side)[1][:, 2]
    thumb, index = joints[_TIP], joints[_INDEX_TIP]
    pinch_point = (thumb + index) / 2
    y = index - thumb + joints[_INDEX_DIP] - joints[_IP]
    towards = pinch_point - (joints[_MCP] + joints[_INDEX_MCP]) / 2
    z = np.cross(towards, y)
    area, length = np.linalg.norm(z), np.linalg.norm(y)
    if area <= 1e-3 * np.ptp(joints, axis=0).max() ** 2:
        raise ValueError("joints_3d gives no grasp: thumb and index finger lie on one line with their knuckles")
    y, z = y / length, z / area
    confidence = float(hand.score) * float(hand.joint_confidence[[_IP, _TIP, _INDEX_DIP, _INDEX_TIP]].min())
    rotation = np.stack([np.cross(y, z), y, z], axis=1)
    return Grasp(float(np.linalg.norm(index - thumb)), pinch_point, rotation, palm_normal, confidence)
