"""Converts the hand of each side to OpenXR joints, a grasp and joint angles."""

from __future__ import annotations

from geometry_msgs.msg import Pose
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from handos_model.hand import Hand
from handos_model.kinematics.frames import quaternion
from handos_model.kinematics.grasping import grasp
from handos_model.kinematics.inverse import joint_angles
from handos_model.kinematics.openxr_joints import OPENXR_JOINTS, openxr
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.template.anatomy import ANGLE_NAMES
from handos_ros.conversions.hands import pose, vector
from handos_ros.msg import Grasp, NamedPoseArray


def openxr_poses(hand: Hand | None, header: Header, skeleton: HandSkeleton) -> NamedPoseArray:
    """Makes the OpenXR joints of a hand in the header's frame; all invalid if None or if its joints span no palm."""
    message = NamedPoseArray(header=header, name=OPENXR_JOINTS)
    message.pose = [Pose() for _ in OPENXR_JOINTS]
    message.is_valid = [False] * len(OPENXR_JOINTS)
    if hand is None:
        return message
    try:
        joints = openxr(hand, skeleton)
    except ValueError:
        return message
    message.pose = [pose(*values) for values in zip(joints.positions, quaternion(joints.rotations), strict=True)]
    message.is_valid = joints.valid.tolist()
    return message


def grasp_message(hand: Hand, header: Header) -> Grasp | None:
    """Makes the grasp of a hand in the header's frame; None if its joints define none."""
    try:
        found = grasp(hand)
    except ValueError:
        return None
    pinch = pose(found.pinch_point, quaternion(found.rotation))
    return Grasp(
        header=header,
        hand_id=int(hand.id),
        aperture=found.aperture,
        pinch_point=pinch.position,
        pose=pinch,
        palm_normal=vector(found.palm_normal),
        approach_axis=vector(found.approach),
        confidence=found.confidence,
    )


def joint_state(hands: list[Hand], header: Header, skeleton: HandSkeleton) -> JointState:
    """Makes the joint angles of hands, named by side and ANGLE_NAMES.

    hands: at most one of each known side. A mesh that is not finite has no angles.
    """
    message = JointState(header=header)
    for hand in hands:
        try:
            angles = joint_angles(hand, skeleton)
        except ValueError:
            continue
        message.name.extend(f"{hand.side}_{name}" for names in ANGLE_NAMES for name in names)
        message.position.extend(angles.ravel().tolist())
    return message
