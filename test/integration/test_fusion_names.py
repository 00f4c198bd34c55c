"""fusion_node: names of topics and frames mean what they mean in ROS, however they are written."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from geometry_msgs.msg import TransformStamped
from node_process import NodeProcess, parameters
from robot import Robot, stamped
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from watched_hand import CAMERA, found_by, standing

from handos_ros.conversions.hands import hand_array
from handos_ros.msg import HandArray


@pytest.mark.parametrize(
    ("topics", "remapped", "said"),
    [
        ("left/hands left/hands", "", "left/hands and left/hands, which are one topic, /named/left/hands"),
        ("left/hands /named/left/hands", "", "left/hands and /named/left/hands, which are one topic"),
        ("left/hands right/hands", "right/hands:=left/hands", "left/hands and right/hands, which are one topic"),
        ("left/hands hands", "", "hands, which the node itself publishes"),
        ("/named/hands", "", "/named/hands, which the node itself publishes"),
        ("fused", "hands:=fused", "fused, which the node itself publishes"),
        ("left/hands right!", "", "right!"),
        ("left/hands, right/hands", "", "'left/hands, right/hands', must name 1 to 16 topics, separated by spaces"),
    ],
)
def test_a_topic_that_cannot_be_an_input_is_refused_at_start(topics: str, remapped: str, said: str) -> None:
    remapping = ["-r", remapped] if remapped else []
    with NodeProcess("fusion_node", "-r", "__ns:=/named", *remapping, *parameters(frame="w", topics=topics)) as node:
        code, printed = node.wait()
    assert code == 1 and said in printed and "Traceback" not in printed
    assert len(printed.strip().splitlines()) == 1


@pytest.mark.parametrize("written", ["named_left", "/named_left"])
def test_frames_with_and_without_a_slash_are_one(tmp_path: Path, written: str) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(f"frame: /table\ncameras: {{{written}: {{translation: [0, 0, 0], rotation: [0, 0, 0, 1]}}}}\n")
    given = parameters(topics="left/hands", extrinsics=path, frame="table")
    with NodeProcess("fusion_node", "-r", "__ns:=/slash", *given) as node:
        robot, later = Robot("slash"), count()
        camera = robot.create_publisher(HandArray, "left/hands", 5)

        def placed(frame: str) -> HandArray | None:
            hand = found_by(standing(0.0), number=3)
            camera.publish(hand_array([hand], stamped(next(later), frame), CAMERA, HandArray.SCALE_PRIOR))
            robot.spin(0.05)
            return next(iter(robot.got["hands"]), None)

        for frame in ("/named_left", "named_left"):
            robot.got["hands"].clear()
            assert robot.until(lambda frame=frame: placed(frame), 30.0).header.frame_id == "table"
        node.stop()
        robot.destroy_node()


def test_a_rival_is_said_while_it_publishes_and_not_for_ever() -> None:
    with (
        NodeProcess("fusion_node", "-r", "__ns:=/rival", *parameters(frame="world")) as node,
        NodeProcess("fusion_node", "-r", "__ns:=/numbered", *parameters(frame="world", tf_names="id")) as numbered,
    ):
        robot = Robot("rival")
        frames = robot.create_publisher(TFMessage, "/tf", 100)
        rival = TransformStamped(header=Header(frame_id="/lens"), child_frame_id="/left_hand")

        def status() -> str:
            mine = [m.status[0] for m in robot.got["/diagnostics"] if m.status[0].name.startswith("rival/")]
            return mine[-1].message if mine else ""

        robot.until(lambda: frames.get_subscription_count() > 1, 60.0)
        robot.until(lambda: frames.publish(TFMessage(transforms=[rival])) or "also published by lens" in status(), 60.0)
        robot.until(lambda: status() and "also published" not in status(), 30.0)
        printed, others = node.stop()[1], numbered.stop()[1]
        robot.destroy_node()
    assert printed.count("also published by lens") == others.count("nothing comes on left/hands") == 1
    assert printed.count("nothing comes on left/hands") == 1, "what is still so is not said again"
    assert "also published" not in others, "its frames are hand_0, hand_1, ..."
