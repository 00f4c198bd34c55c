"""Quantities computed from a hand: wrist and finger frames, OpenXR joints, grasps, angles, the nearest possible hand.

Frames and rotations in frames.py take bare joints, which may come from elsewhere; everything else takes a Hand.
"""

from handos_model.kinematics.frames import (
    finger_frames,
    joint_rotations,
    quaternion,
    retargeting_joints,
    wrist_frame,
)
from handos_model.kinematics.grasping import Grasp, grasp
from handos_model.kinematics.inverse import HandFit, anatomical, fit_hand, joint_angles
from handos_model.kinematics.mano_parameters import ManoParameters, mano_parameters
from handos_model.kinematics.openxr_joints import OPENXR_JOINTS, OPENXR_RADII, OpenXRJoints, openxr
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.template.anatomy import ANGLE_NAMES, HIGHEST, LOWEST

__all__ = [
    "ANGLE_NAMES",
    "HIGHEST",
    "LOWEST",
    "OPENXR_JOINTS",
    "OPENXR_RADII",
    "Grasp",
    "HandFit",
    "HandSkeleton",
    "ManoParameters",
    "OpenXRJoints",
    "anatomical",
    "finger_frames",
    "fit_hand",
    "grasp",
    "joint_angles",
    "joint_rotations",
    "mano_parameters",
    "openxr",
    "quaternion",
    "retargeting_joints",
    "wrist_frame",
]
