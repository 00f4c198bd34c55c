"""fusion_node: what its parameters make of the hands."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from node_process import NodeProcess, parameters
from posed_hand import posed_hand, rotation
from robot import Robot, stamped
from watched_hand import CAMERA, PLACE, found_by, standing

from handos_model.kinematics import anatomical
from handos_ros.conversions import hands_from
from handos_ros.conversions.hands import hand_array
from handos_ros.msg import HandArray


@pytest.fixture
def cameras(tmp_path: Path) -> Path:
    path = tmp_path / "cameras.yaml"
    path.write_text("frame: table\ncameras: {lens: {translation: [0, 0, 0], rotation: [0, 0, 0, 1]}}\n")
    return path


def test_anatomical_hands_are_possible_after_fusion(cameras: Path) -> None:
    mesh, joints = posed_hand(-0.7, turn=rotation((1, 2, 0), 0.5))  # all fingers bend backwards
    hand = found_by(standing(0.0), (mesh + PLACE, joints + PLACE), number=3)
    with NodeProcess("fusion_node", "-r", "__ns:=/possible", *parameters(topics="c", extrinsics=cameras)) as node:
        robot, later = Robot("possible"), count()
        camera = robot.create_publisher(HandArray, "c", 5)

        def off() -> float:
            """How far the mesh that is published is from the nearest possible one, in m."""
            sent = []

            def published() -> HandArray | None:
                sent.append(stamped(next(later), "lens"))
                camera.publish(hand_array([hand], sent[-1], CAMERA, HandArray.SCALE_PRIOR))
                robot.spin(0.05)
                stamps = [header.stamp for header in sent]
                return next((message for message in robot.got["hands"] if message.header.stamp in stamps), None)

            (found,) = hands_from(robot.until(published, 30.0))
            return float(np.abs(found.vertices - anatomical([found])[0].vertices).max())

        assert off() > 0.02
        assert robot.set_parameter("fusion_node", "anatomical", True).successful
        assert off() < 1e-3
        node.stop()
        robot.destroy_node()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "frame is not set"),
        ({"frame": "world", "topics": "''"}, "topics is"),
        ({"frame": "world", "topics": " ".join(map("c{}".format, range(17)))}, "must name 1 to 16 topics"),
        ({"frame": "world", "template": "/nowhere.pkl"}, "there is no hand template /nowhere.pkl"),
        ({"extrinsics": "/nowhere.yaml"}, "there is no extrinsics file /nowhere.yaml"),
        ({"frame": "world", "slop": -1.0}, "slop is -1"),
        ({"frame": "world", "sloop": 1.0}, "did you mean slop"),
    ],
)
def test_what_is_wrong_at_start(given: dict, said: str) -> None:
    with NodeProcess("fusion_node", *parameters(**given)) as node:
        code, printed = node.wait()
    assert code == 1 and said in printed and "Traceback" not in printed


def test_a_file_and_another_frame(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text("frame: a\ncameras: {c: {translation: [0, 0, 0], rotation: [0, 0, 0, 1]}}\n")
    with NodeProcess("fusion_node", *parameters(frame="b", extrinsics=path)) as node:
        code, printed = node.wait()
    assert code == 1 and "they must agree" in printed
