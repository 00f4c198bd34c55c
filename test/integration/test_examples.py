"""examples/: what they make of hands that somebody publishes."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped, TransformStamped
from made_hand import CAMERA, make_hand
from node_process import ROOT
from rclpy.node import Node
from rclpy.publisher import Publisher
from robot import LATCHED, image_message, stamped
from seen_hand import seen_hand
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool, Header, UInt8
from tf2_msgs.msg import TFMessage

from handos_model.kinematics import ANGLE_NAMES, retargeting_joints
from handos_ros.conversions.hands import hand_array
from handos_ros.msg import Grasp, Hand, HandArray

needs_retargeting = pytest.mark.skipif(
    importlib.util.find_spec("dex_retargeting") is None or importlib.util.find_spec("torch") is None,
    reason="no dex-retargeting: pip install dex_retargeting torch",
)


@contextmanager
def running(example: str, *arguments: str) -> Iterator[subprocess.Popen]:
    """An example in a process of its own, in the namespace /example, which Ctrl-C ends quietly.

    SIGTERM alone does not always end `rclpy.spin`: rclpy may wait once more before its context is shut down.
    """
    command = [sys.executable, str(ROOT / "examples" / example), *arguments, "--ros-args", "-r", "__ns:=/example"]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            yield process
            process.send_signal(signal.SIGINT)
            code = process.wait(180)
            said.seek(0)
            # If Ctrl-C comes while rclpy is making a Task, Python ignores, but prints, what goes wrong in Task.__del__.
            printed = said.read().split("Exception ignored in: <function Task.__del__")[0]
            # If it comes while rclpy hands over a message, pybind11 or rcl refuses what has been shut down.
            last = (printed.splitlines() or [""])[-1]
            late = "RCLError: " in last or last.endswith("compile in debug mode for details)")
            assert late or "Traceback" not in printed
            assert late or code in (0, -signal.SIGINT)  # on a busy machine rclpy sometimes leaves the end to the signal
        finally:
            process.kill()


class Other:
    """A node on the other side of an example's topics."""

    def __init__(self) -> None:
        self.node = Node("other_side", namespace="example")
        self.executor = rclpy.executors.SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.got: list[Any] = []

    def until(self, done: Callable[[], Any], timeout: float = 180.0) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            assert time.monotonic() < deadline, f"nothing after {timeout} s"
            self.executor.spin_once(timeout_sec=0.02)


@pytest.fixture
def other() -> Iterator[Other]:
    side = Other()
    yield side
    side.executor.shutdown()
    side.node.destroy_node()


def test_the_subscriber_of_the_readme_prints_fingertips(other: Other) -> None:
    publisher = other.node.create_publisher(HandArray, "hands", 10)
    with running("index_fingertips.py") as example:
        other.until(publisher.get_subscription_count)
        message = HandArray(hands=[Hand(id=3)])
        message.header.frame_id = "camera"
        tip = message.hands[0].joints_3d[Hand.INDEX_TIP]
        tip.x, tip.y, tip.z = 0.1, -0.2, 0.6
        publisher.publish(HandArray())
        publisher.publish(message)
        assert example.stdout is not None
        assert example.stdout.readline() == "hand 3: (0.100, -0.200, 0.600) m in camera\n"


def test_a_pinch_triggers_once(other: Other) -> None:
    publisher = other.node.create_publisher(Grasp, "hands/right/grasp", 10)
    other.node.create_subscription(Bool, "pinched", lambda message: other.got.append(message.data), LATCHED)
    with running("gesture_trigger.py"):
        other.until(lambda: publisher.get_subscription_count() and other.node.count_publishers("pinched"))
        for aperture, confidence in ((0.09, 0.9), (0.02, 0.1), (0.02, 0.9), (0.03, 0.9), (0.02, 0.9)):
            publisher.publish(Grasp(aperture=aperture, confidence=confidence))
        other.until(lambda: other.got)
        publisher.publish(Grasp(aperture=0.06, confidence=0.9))
        other.until(lambda: len(other.got) >= 2)
    assert other.got == [True, False]


@pytest.mark.parametrize("unsure", [False, True], ids=["gone", "hardly seen"])
def test_a_pinch_ends_with_the_hand(other: Other, unsure: bool) -> None:
    publisher = other.node.create_publisher(Grasp, "hands/right/grasp", 10)
    other.node.create_subscription(Bool, "pinched", lambda message: other.got.append(message.data), LATCHED)
    with running("gesture_trigger.py"):
        other.until(lambda: publisher.get_subscription_count() and other.node.count_publishers("pinched"))
        closed, doubt = Grasp(aperture=0.01, confidence=0.9), Grasp(aperture=0.01, confidence=0.1)
        began = time.monotonic()
        while time.monotonic() < began + 2.5:
            publisher.publish(closed)
            other.executor.spin_once(timeout_sec=0.05)
        other.until(lambda: other.got)
        assert other.got[0] and other.got.count(False) < 3  # it holds while it is seen, but for a busy machine
        other.until(lambda: (unsure and publisher.publish(doubt)) or not other.got[-1], 30.0)
        other.until(lambda: publisher.publish(closed) or other.got[-1], 30.0)


def test_a_node_in_one_process_with_the_hands_node(other: Other) -> None:
    publisher = other.node.create_publisher(Image, "image", 1)
    other.node.create_subscription(UInt8, "hands/count", lambda message: other.got.append(message.data), 10)
    grey = image_message(np.full((48, 64, 3), 90, np.uint8), stamped(0))
    with running("one_process.py"):
        other.until(lambda: publisher.publish(grey) or other.got)
    assert set(other.got) == {0}


ROBOT = """<link name="base"/>
  <joint name="mount" type="fixed">
    <parent link="base"/><child link="right_hand"/><origin xyz="0 0 0" rpy="0 -1.5707963 0"/>
  </joint>
  <link name="right_hand" />"""
"""A robot hand for dex-retargeting: the hand of urdf/ as it wants it, x out of the palm and z to the fingers."""

FINGERS = ("thumb", "index", "middle", "ring", "little")
JOINTS = [f"right_{name}" for finger in ANGLE_NAMES for name in finger]
"""Those that move on their own: dex-retargeting asks for them if others mimic them."""
RETARGETING = f"""retargeting:
  type: vector
  urdf_path: made_hand.urdf
  target_origin_link_names: [base, base, base, base, base]
  target_task_link_names: [{", ".join(f"right_{finger}_tip" for finger in FINGERS)}]
  target_link_human_indices: [[0, 0, 0, 0, 0], [4, 8, 12, 16, 20]]
  target_joint_names: [{", ".join(JOINTS)}]
  scaling_factor: 1.0
  low_pass_alpha: 1
"""


def write_robot(folder: Path) -> None:
    """Writes made_hand.urdf and made_hand.yml, its retargeting."""
    text = (ROOT / "urdf" / "right_hand.urdf").read_text().replace('<link name="right_hand" />', ROBOT)
    (folder / "made_hand.urdf").write_text(text)
    (folder / "made_hand.yml").write_text(RETARGETING)


def operated(other: Other, folder: Path) -> Publisher:
    """Publisher of hands for the teleoperation of a robot like the hand of urdf/, whose commands are kept."""
    write_robot(folder)
    other.node.create_subscription(JointState, "joint_commands", other.got.append, 10)
    return other.node.create_publisher(HandArray, "hands", 10)


@needs_retargeting
def test_teleoperation_brings_a_robot_s_fingertips_to_the_hand_s(other: Other, tmp_path: Path) -> None:
    import yourdfpy

    publisher = operated(other, tmp_path)
    hand = make_hand(number=5)
    decoy = make_hand("left", 0.95, shape="left")
    message = hand_array([decoy, hand], Header(frame_id="camera"), CAMERA, HandArray.SCALE_PRIOR)
    with running("teleoperation.py", str(tmp_path / "made_hand.yml"), str(tmp_path)):
        other.until(lambda: publisher.get_subscription_count() and other.node.count_publishers("joint_commands"))
        publisher.publish(HandArray())
        for sent in range(1, 11):  # it starts from where the last frame ended
            message.header = stamped(sent, "camera")
            publisher.publish(message)
            other.until(lambda sent=sent: len(other.got) >= sent)
    command = other.got[-1]
    assert command.header == message.header and len(command.name) == len(command.position)
    assert {name for name in command.name if "_palm_" not in name} == set(JOINTS)
    robot = yourdfpy.URDF.load(str(tmp_path / "made_hand.urdf"))
    robot.update_cfg(dict(zip(command.name, command.position, strict=True)))
    points = retargeting_joints(hand.joints_3d, "right")
    for finger, tip in zip(FINGERS, (4, 8, 12, 16, 20), strict=True):
        place = robot.get_transform(f"right_{finger}_tip", "base")[:3, 3]
        assert np.linalg.norm(place - points[tip]) < 0.01, finger


@needs_retargeting
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "teleoperation.py: error: the following arguments are required: CONFIG.yml, URDF_FOLDER"),
        (["nowhere.yml", "nowhere"], "teleoperation.py: URDF dir nowhere not exists."),
        (["nowhere.yml", "."], "No such file or directory: '"),
        (
            ["made_hand.yml", ".", "--ros-args", "-p", "side:=Right"],
            "teleoperation.py: side is 'Right', must be one of left, right",
        ),
    ],
)
def test_teleoperation_says_what_is_wrong_with_its_start(tmp_path: Path, arguments: list[str], said: str) -> None:
    write_robot(tmp_path)
    command = [sys.executable, str(ROOT / "examples" / "teleoperation.py"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


@needs_retargeting
def test_teleoperation_stays_with_a_hand_until_it_is_long_gone(other: Other, tmp_path: Path) -> None:
    publisher = operated(other, tmp_path)
    mine, bystander = (replace(seen_hand(curl=curl, turn=np.eye(3)), id=id) for curl, id in ((0.1, 4), (0.9, 7)))
    index = count(1)

    def sent(seconds: float, *hands: Any, followed: bool = True) -> list[int]:
        """Numbers of messages with these hands, ten a second; `followed`: until the command for the last has come."""
        numbers = [next(index) for _ in range(round(10 * seconds))]
        for number in numbers:
            publisher.publish(hand_array(list(hands), stamped(number), CAMERA, HandArray.SCALE_PRIOR))
            other.executor.spin_once(timeout_sec=0.03)
            time.sleep(0.03)
        if followed:
            other.until(lambda: commands(numbers[-1:]))
        return numbers

    def commands(numbers: list[int]) -> list[np.ndarray]:
        stamps = [stamped(number).stamp for number in numbers]
        return [np.array(command.position) for command in other.got if command.header.stamp in stamps]

    with running("teleoperation.py", str(tmp_path / "made_hand.yml"), str(tmp_path)):
        other.until(lambda: publisher.get_subscription_count() and other.node.count_publishers("joint_commands"))
        other.until(lambda: commands(sent(0.1, mine, followed=False)))
        open_hand = commands(sent(1.0, mine, bystander))[-1]
        for others in ([bystander], []):
            without, back = sent(0.3, *others, followed=False), sent(0.5, *others, mine)
            assert commands(without) == []  # while the operator's hand is briefly missing
            assert np.abs(commands(back)[-1] - open_hand).max() < 0.05
        taken = commands(sent(3.0, bystander))
        moves = np.abs(np.diff([open_hand, *taken], axis=0)).max(axis=1)
        assert np.abs(taken[-1] - open_hand).max() > 0.5 and moves.max() < 0.35
        kept = commands(sent(0.5, mine, bystander))
        assert np.abs(kept[-1] - taken[-1]).max() < 0.05  # the operator's hand does not get the robot back at once


OF_A_ROS_INSTALLATION = ("tf2_ros", "tf2_geometry_msgs", "tf_transformations", "sensor_msgs_py", "cv_bridge")


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in OF_A_ROS_INSTALLATION),
    reason=f"no ROS installation: PyPI lacks some of {', '.join(OF_A_ROS_INSTALLATION)}",
)
def test_a_grasp_in_base_link(other: Other) -> None:
    frames = other.node.create_publisher(TFMessage, "/tf_static", LATCHED)
    mount = TransformStamped(header=Header(frame_id="base_link"), child_frame_id="camera")
    mount.transform.translation.z, mount.transform.rotation.w = 1.0, 1.0
    frames.publish(TFMessage(transforms=[mount]))
    publisher = other.node.create_publisher(Grasp, "hands/right/grasp", 10)
    other.node.create_subscription(PoseStamped, "pregrasp", other.got.append, 10)
    grasp = Grasp(header=Header(frame_id="camera"))
    grasp.pose.position.x, grasp.pose.orientation.w = 0.5, 1.0
    with running("grasp_planner.py"):
        other.until(lambda: publisher.get_subscription_count() and other.node.count_publishers("pregrasp"))
        other.until(lambda: publisher.publish(grasp) or other.got)
    found = other.got[0]
    place, turn = found.pose.position, found.pose.orientation
    assert found.header.frame_id == "base_link"
    assert (place.x, place.y, place.z) == pytest.approx((0.4, 0, 1))  # 10 cm before it, along x of the grasp
    assert (turn.x, turn.y, turn.z, turn.w) == pytest.approx((0, np.sqrt(0.5), 0, np.sqrt(0.5)))  # z to the old x
