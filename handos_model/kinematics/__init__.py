"""What follows from a hand: frames of wrist and fingers, OpenXR's joints, grasps.

Frames and rotations of bare joints, in frames.py, are for joints from elsewhere too; the rest takes a Hand.
"""

from handos_model.kinematics.frames import (
    finger_frames,
    joint_rotations,
    quaternion,
    retargeting_joints,
    wrist_frame,
)
from handos_model.kinematics.grasping import Grasp, grasp
from handos_model.kinematics.openxr_joints import OPENXR_JOINTS, OPENXR_RADII, OpenXRJoints, openxr
from handos_model.kinematics.skeleton import HandSkeleton

__all__ = [
    "OPENXR_JOINTS",
    "OPENXR_RADII",
    "Grasp",
    "HandSkeleton",
    "OpenXRJoints",
    "finger_frames",
    "grasp",
    "joint_rotations",
    "openxr",
    "quaternion",
    "retargeting_joints",
    "wrist_frame",
]
