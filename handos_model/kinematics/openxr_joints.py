"""The 26 hand joints of OpenXR (XR_EXT_hand_tracking), as headsets provide them and their users expect them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.hand import FINGERS, KNUCKLES, Hand
from handos_model.kinematics.frames import finger_frames, wrist_frame
from handos_model.kinematics.skeleton import HandSkeleton, skeleton_of

OPENXR_JOINTS = (
    "palm", "wrist", "thumb_metacarpal", "thumb_proximal", "thumb_distal", "thumb_tip",
    *(f"{finger}_{joint}" for finger in FINGERS[1:]
      for joint in ("metacarpal", "proximal", "intermediate", "distal", "tip")),
)  # fmt: skip
"""Names of the joints in the order of XrHandJointEXT, without XR_HAND_JOINT_ and _EXT."""

OPENXR_RADII = (
    0.0152, 0.0152, 0.0109, 0.0101, 0.0063, 0.0075,
    0.0182, 0.0096, 0.0070, 0.0062, 0.0057,
    0.0202, 0.0103, 0.0074, 0.0064, 0.0064,
    0.0188, 0.0098, 0.0062, 0.0060, 0.0070,
    0.0130, 0.0071, 0.0059, 0.0053, 0.0058,
)  # fmt: skip
"""m, from each joint to the skin of the embedded template; for a fingertip, which lies on the skin, it is half the
thickness of the finger 8 mm before the tip."""

_PALM, _WRIST = 0, 1
_METACARPALS = (6, 11, 16, 21)
_MIDDLE = 1  # index of the middle finger in _METACARPALS
_SEEN = tuple(joint for joint in range(2, 26) if joint not in _METACARPALS)
"""OpenXR joints that are joints 1 to 20 of Hand."""


@dataclass(frozen=True, eq=False)
class OpenXRJoints:
    """Poses of OPENXR_JOINTS in the camera's frame."""

    positions: np.ndarray
    """(26, 3) m."""
    rotations: np.ndarray
    """(26, 3, 3), axes in columns: -z along the bone towards the fingertip, y out of the back, x to the right."""
    valid: np.ndarray
    """(26,) bool. Palm and metacarpals need a mesh whose template has such bones, and are invalid otherwise."""


def openxr(hand: Hand, skeleton: HandSkeleton | None = None) -> OpenXRJoints:
    """The hand as OpenXR describes it, with the axes of the specification, which are the same for both hands.

    skeleton: that of the template of the hand's mesh; the embedded one's when None. Invalid positions are zero, invalid
    rotations the identity. Raises ValueError as wrist_frame and finger_frames do (for an unknown side, and for joints
    that span no palm), and for a mesh that is not finite or of another template.
    """
    joints = hand.joints_3d.astype(np.float64)
    back = wrist_frame(joints, hand.side)[1][:, 2]
    positions, rotations, valid = np.zeros((26, 3)), np.tile(np.eye(3), (26, 1, 1)), np.ones(26, bool)
    x, y, z = np.moveaxis(finger_frames(joints, hand.side), 2, 0)
    positions[list(_SEEN)] = joints[1:]
    rotations[list(_SEEN)] = np.stack([-y, z, -x], axis=2)
    positions[_WRIST] = joints[0]
    starts = None
    if len(hand.vertices):
        skeleton = skeleton_of(hand, skeleton)
        starts = skeleton.metacarpals(skeleton.mesh_of(hand))
    if starts is None:
        valid[[_PALM, *_METACARPALS]] = False
        rotations[_WRIST] = _along(joints[9] - joints[0], back)
        return OpenXRJoints(positions, rotations, valid)
    knuckles = joints[list(KNUCKLES)]
    positions[list(_METACARPALS)] = starts
    rotations[list(_METACARPALS)] = [_along(bone, back) for bone in knuckles - starts]
    positions[_PALM] = (starts[_MIDDLE] + knuckles[_MIDDLE]) / 2
    rotations[_PALM] = rotations[_METACARPALS[_MIDDLE]]
    rotations[_WRIST] = _along(starts[_MIDDLE] - joints[0], back)
    return OpenXRJoints(positions, rotations, valid)


def _along(bone: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) with -z along the bone and y as near as possible to the direction `back`."""
    z = -bone / np.linalg.norm(bone)
    x = np.cross(back, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)
