"""Messages of the hand of each side, as a subscriber gets them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_hand import make_hand

pytest.importorskip("rclpy", reason="needs ROS 2")
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from handos_model.kinematics import ANGLE_NAMES, OPENXR_JOINTS, grasp, joint_angles, openxr, quaternion
from handos_model.kinematics.skeleton import embedded_skeleton
from handos_model.tracking.side_frames import SideFrames
from handos_ros.conversions.sides import grasp_message, joint_state, openxr_poses
from handos_ros.msg import Grasp, NamedPoseArray

HEADER = Header(frame_id="lens")


def numbers(pose) -> list[float]:
    place, turn = pose.position, pose.orientation
    return [place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w]


@pytest.mark.parametrize("side", ["left", "right"])
def test_poses_are_openxr_s(side: str) -> None:
    hand = make_hand(side, shape=side)
    sent = openxr_poses(hand, HEADER, embedded_skeleton())
    message = deserialize_message(serialize_message(sent), NamedPoseArray)
    expected = openxr(hand)
    assert message.header == HEADER and tuple(message.name) == OPENXR_JOINTS
    assert message.is_valid == [True] * 26
    poses = np.array([numbers(pose) for pose in message.pose])
    np.testing.assert_allclose(poses[:, :3], expected.positions)
    np.testing.assert_allclose(poses[:, 3:], quaternion(expected.rotations))


def test_poses_of_no_hand_and_of_joints_in_one_point_are_invalid() -> None:
    flat = replace(make_hand(), joints_3d=np.zeros((21, 3), np.float32))
    for hand in (None, flat):
        message = openxr_poses(hand, HEADER, embedded_skeleton())
        assert len(message.pose) == 26 and message.is_valid == [False] * 26
        assert numbers(message.pose[3]) == [0, 0, 0, 0, 0, 0, 1]
    assert grasp_message(flat, HEADER) is None


def test_poses_without_a_mesh_are_those_of_the_joints() -> None:
    bare = replace(make_hand(), vertices=np.zeros((0, 3), np.float32))
    message = openxr_poses(bare, HEADER, embedded_skeleton())
    invalid = {name for name, valid in zip(message.name, message.is_valid, strict=True) if not valid}
    assert invalid == {"palm", *(f"{finger}_metacarpal" for finger in ("index", "middle", "ring", "little"))}
    assert grasp_message(bare, HEADER) == grasp_message(make_hand(), HEADER)


def test_a_grasp() -> None:
    hand = make_hand("left", shape="left", number=6)
    message = deserialize_message(serialize_message(grasp_message(hand, HEADER)), Grasp)
    expected = grasp(hand)
    assert (message.header, message.hand_id) == (HEADER, 6)
    assert (message.aperture, message.confidence) == pytest.approx((expected.aperture, expected.confidence))
    assert message.pose.position == message.pinch_point
    np.testing.assert_allclose(numbers(message.pose), [*expected.pinch_point, *quaternion(expected.rotation)])
    for said, axis in ((message.palm_normal, expected.palm_normal), (message.approach_axis, expected.approach)):
        np.testing.assert_allclose([said.x, said.y, said.z], axis)


def test_joint_states_are_the_angles_of_both_hands() -> None:
    left, right = make_hand("left", shape="left"), make_hand("right")
    message = joint_state([right, left], HEADER, embedded_skeleton())
    assert message.header == HEADER and len(message.name) == len(set(message.name)) == len(message.position) == 50
    found = dict(zip(message.name, message.position, strict=True))
    for side, hand in (("left", left), ("right", right)):
        expected = joint_angles(hand)
        for finger, names in enumerate(ANGLE_NAMES):
            assert [found[f"{side}_{name}"] for name in names] == expected[finger].tolist()
    assert found["right_index_pip_flexion"] == pytest.approx(0.4, abs=0.02)  # what make_hand's joints flex by
    assert joint_state([], HEADER, embedded_skeleton()).name == []
    bare = replace(right, vertices=np.zeros((0, 3), np.float32))
    assert len(joint_state([bare, left], HEADER, embedded_skeleton()).name) == 25
    broken = replace(right, vertices=np.full((778, 3), np.nan))
    assert len(joint_state([broken, left], HEADER, embedded_skeleton()).name) == 25


def test_one_hand_of_each_side() -> None:
    left, right = make_hand("left", 0.6, shape="left"), make_hand("right", 0.7)
    palmless = replace(right, score=0.9, joints_3d=np.zeros((21, 3), np.float32))
    hands = [make_hand("left", 0.5, shape="left"), left, make_hand("unknown", 0.99), right, palmless]
    assert SideFrames().chosen(hands, set()) == [left, right]
    assert SideFrames().chosen([], set()) == []
