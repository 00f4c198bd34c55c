"""Topics of a real node for the hand of each side, next to its HandArray."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from node_process import NodeProcess, parameters
from robot import Robot, image_message, stamped

from handos_model.kinematics import ANGLE_NAMES, HIGHEST, LOWEST, anatomical
from handos_ros.conversions import hands_from
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    with NodeProcess("hands_node", "-r", "__ns:=/sides", *parameters(threads=1)) as node:
        robot = Robot("sides", shown=True)
        robot.meet()
        yield robot
        node.end()


@pytest.fixture(scope="module")
def answer(robot: Robot, image: np.ndarray) -> HandArray:
    message = robot.hands_of(image_message(image, stamped(0)))
    assert len(message.hands) >= 1
    return message


def test_poses_and_grasp_of_each_side_are_the_message_s(robot: Robot, answer: HandArray) -> None:
    best = {hand.side: hand for hand in reversed(answer.hands)}
    for side, number in (("left", HandMessage.LEFT), ("right", HandMessage.RIGHT)):
        poses = robot.until(lambda topic=f"hands/{side}/poses": robot.got[topic])[0]
        assert poses.header == answer.header and poses.is_valid == [number in best] * 26
        if number in best:
            index_tip, wrist = best[number].joints_3d[HandMessage.INDEX_TIP], best[number].wrist.pose.position
            assert poses.pose[poses.name.index("index_tip")].position == index_tip
            assert poses.pose[poses.name.index("wrist")].position == wrist
            grasp = robot.until(lambda topic=f"hands/{side}/grasp": robot.got[topic])[0]
            thumb_tip = best[number].joints_3d[HandMessage.THUMB_TIP]
            assert grasp.header == answer.header and grasp.hand_id == best[number].id
            assert grasp.aperture == pytest.approx(np.linalg.norm([getattr(index_tip, axis) - getattr(thumb_tip, axis)
                                                                   for axis in "xyz"]))  # fmt: skip


def test_joint_states_are_within_limits(robot: Robot, answer: HandArray) -> None:
    states = robot.until(lambda: robot.got["hands/joint_states"])[0]
    sides = {hand.side for hand in answer.hands}
    assert states.header == answer.header and len(states.name) == 25 * len(sides)
    names = np.array(ANGLE_NAMES).ravel()
    for first in range(0, len(states.name), 25):
        side = states.name[first].partition("_")[0]
        assert list(states.name[first : first + 25]) == [f"{side}_{name}" for name in names]
        degrees = np.degrees(states.position[first : first + 25])
        assert (degrees >= LOWEST.ravel() - 1e-6).all() and (degrees <= HIGHEST.ravel() + 1e-6).all()


def test_anatomical_hands_are_possible(robot: Robot, answer: HandArray, image: np.ndarray) -> None:
    assert robot.set_parameter("hands_node", "anatomical", True).successful
    message = robot.hands_of(image_message(image, stamped(25)))
    assert len(message.hands) == len(answer.hands)
    for hand, found in zip(hands_from(message), anatomical(hands_from(message)), strict=True):
        assert np.abs(hand.vertices - found.vertices).max() < 1e-3  # the nearest possible hand to one is itself
