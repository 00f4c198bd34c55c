"""Known images into real nodes: what comes out is what HandPredictor says of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import count
from typing import Any

import cv2
import numpy as np
import pytest
from node_process import NodeProcess, parameters
from rcl_interfaces.srv import DescribeParameters
from robot import Robot, diagnostics, image_message, info_message, stamped
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from handos_model import Camera, Hand, HandPredictor, load_template
from handos_model.tracking.follower import SETTLING
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray

SIDES = {"unknown": HandMessage.UNKNOWN, "left": HandMessage.LEFT, "right": HandMessage.RIGHT}


@pytest.fixture(scope="module")
def camera(image: np.ndarray) -> Camera:
    return Camera.from_intrinsics(560.0, 540.0, 300.0, 250.0, image.shape[1], image.shape[0])


@pytest.fixture(scope="module")
def expected(image: np.ndarray, camera: Camera) -> list[Hand]:
    hands = HandPredictor(threads=1, passes=SETTLING).predict(image, camera)
    assert len(hands) >= 1
    return hands


@pytest.fixture(scope="module")
def robots() -> Iterator[tuple[Robot, Robot]]:
    """One camera that sends raw images and has a calibration, and another one of compressed images without."""
    first = parameters(threads=1, frame_prefix="robot1/")
    second = parameters(threads=1, compressed=True, assumed_fov=70, use_depth=True)
    with (
        NodeProcess("hands_node", "-r", "__ns:=/first", *first) as one,
        NodeProcess("hands_node", "-r", "__ns:=/second", *second) as two,
    ):
        pair = Robot("first", shown=True), Robot("second")
        for robot in pair:
            robot.meet()
        yield pair
        for node in (one, two):
            node.end()


@pytest.fixture(scope="module")
def answer(robots: tuple[Robot, Robot], image: np.ndarray, camera: Camera) -> HandArray:
    """The first node's message about the image."""
    robot, earlier, grey = robots[0], count(-100), np.full_like(image, 90)

    def heard() -> bool:  # best effort promises no delivery
        robot.camera_info.publish(info_message(camera))
        empty = robot.hands_of(image_message(grey, stamped(next(earlier))))
        return empty.intrinsics_source == HandArray.INTRINSICS_CAMERA_INFO

    robot.until(heard)
    return robot.hands_of(image_message(image, stamped(0)))


def test_header_and_camera_are_those_of_the_image(answer: HandArray, camera: Camera) -> None:
    assert answer.header == stamped(0)
    assert (answer.width, answer.height) == (camera.width, camera.height)
    assert [answer.fx, answer.fy, answer.cx, answer.cy] == [560.0, 540.0, 300.0, 250.0]
    assert answer.intrinsics_source == HandArray.INTRINSICS_CAMERA_INFO
    assert answer.scale_source == HandArray.SCALE_PRIOR
    assert answer.model.startswith("handos_small ")


def test_hands_are_those_of_the_predictor(answer: HandArray, expected: list[Hand]) -> None:
    assert len(answer.hands) == len(expected)
    for message, hand in zip(answer.hands, expected, strict=True):
        joints_2d = np.array([[point.x, point.y] for point in message.joints_2d])
        joints_3d = np.array([[point.x, point.y, point.z] for point in message.joints_3d])
        assert np.abs(joints_2d - hand.joints_2d).max() < 1.0
        assert np.abs(joints_3d - hand.joints_3d).max() < 1e-3
        assert np.abs(np.reshape(message.vertices, (778, 3)) - hand.vertices).max() < 1e-3
        assert message.side == SIDES[hand.side]
        assert message.score == pytest.approx(hand.score, abs=1e-4)
        assert message.id >= 0 and message.wrist_valid and message.scale_source == HandMessage.SCALE_PRIOR


def test_tf_is_the_message(robots: tuple[Robot, Robot], answer: HandArray) -> None:
    robot = robots[0]

    def found() -> list:
        sent = [transform for message in robot.got["/tf"] for transform in message.transforms]
        return [transform for transform in sent if transform.header == answer.header]

    transforms = {transform.child_frame_id: transform.transform for transform in robot.until(found)}
    names = {HandMessage.LEFT: "robot1/left_hand", HandMessage.RIGHT: "robot1/right_hand"}
    best = {names[hand.side]: hand for hand in reversed(answer.hands) if hand.side in names}  # the first of each side
    assert set(transforms) == set(best) != set()
    for name, hand in best.items():
        sent, pose = transforms[name], hand.wrist.pose
        for axis in "xyz":
            assert getattr(sent.translation, axis) == getattr(pose.position, axis) == getattr(hand.translation, axis)
        assert sent.rotation == pose.orientation


def test_what_is_shown(robots: tuple[Robot, Robot], answer: HandArray, image: np.ndarray) -> None:
    robot, faces, hands = robots[0], load_template().faces, len(answer.hands)

    def shown(topic: str) -> list[Any]:
        """Parts of the messages of a topic that are of the answer's image, once they came."""
        parts = [part for message in robot.got[topic] for part in getattr(message, "markers", [message])]
        return [part for part in parts if part.header == answer.header]

    meshes = [marker for marker in robot.until(lambda: shown("hands/markers")) if marker.ns == "mesh"]
    assert [len(marker.points) for marker in meshes] == [3 * len(faces)] * hands
    (cloud,) = robot.until(lambda: shown("hands/points"))
    assert cloud.width * cloud.height == 778 * hands
    (picture,) = robot.until(lambda: shown("hands/debug_image"))
    drawn = np.reshape(picture.data, image.shape)
    assert 0.01 < (drawn != image).any(axis=-1).mean() < 0.9
    mesh = robot.until(lambda: robot.got["hands/mesh"])[0]
    assert [list(triangle.vertex_indices) for triangle in mesh.triangles] == faces.tolist()


def test_an_image_without_hands_gives_an_empty_array(robots: tuple[Robot, Robot], image: np.ndarray) -> None:
    robot = robots[0]
    empty = robot.hands_of(image_message(np.full_like(image, 90), stamped(1)))
    assert list(empty.hands) == []
    assert empty.header == stamped(1) and empty.width == image.shape[1]


def test_compressed_images_in_another_namespace_without_camera_info(
    robots: tuple[Robot, Robot], answer: HandArray, image: np.ndarray
) -> None:
    robot = robots[1]
    assert robot.got["hands"] == []  # what the first node was sent is not for this one
    png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    message = robot.hands_of(CompressedImage(header=stamped(0), format="rgb8; png compressed bgr8", data=png))
    assert message.intrinsics_source == HandArray.INTRINSICS_ASSUMED
    assert message.fx == pytest.approx(image.shape[1] / 2 / np.tan(np.radians(35)))
    assert len(message.hands) == len(answer.hands)
    for hand, other in zip(message.hands, answer.hands, strict=True):
        pairs = zip(hand.joints_2d, other.joints_2d, strict=True)
        assert max(max(abs(a.x - b.x), abs(a.y - b.y)) for a, b in pairs) < 1.0
    values = diagnostics(robot.until(lambda: robot.got["/diagnostics"])[-1])
    assert {"device", "rate (Hz)", "dropped: late"} <= set(values)
    missing = f"no calibrated camera_info on {robot.resolve_topic_name('camera_info')}: a view of 70 degrees is assumed"
    robot.until(lambda: any(missing in message.status[0].message for message in robot.got["/diagnostics"]), 30.0)


def depth_message(header: Header, shape: tuple[int, ...], metres: float) -> Image:
    """A wall at that distance, in millimetres."""
    data = np.full(shape[:2], metres * 1000, "<u2").tobytes()
    return Image(
        header=header, height=shape[0], width=shape[1], encoding="16UC1", step=2 * shape[1], data=array("B", data)
    )


@pytest.mark.parametrize("metres", [0.4, 0.6])
def test_depth_of_the_same_stamp_scales_the_hands(
    robots: tuple[Robot, Robot], answer: HandArray, image: np.ndarray, metres: float
) -> None:
    robot, index = robots[1], round(metres * 1000)  # tenths of a second: far enough apart to be forgotten
    png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    prior = robot.hands_of(CompressedImage(header=stamped(index), format="png", data=png))
    assert prior.scale_source == HandArray.SCALE_PRIOR
    indices = count(index + 1)

    def with_depth() -> HandArray | None:
        """The answer to an image whose depth came before it."""
        now = stamped(next(indices))
        robot.depth.publish(depth_message(now, image.shape, metres))
        robot.spin(0.3)
        answer = robot.hands_of(CompressedImage(header=now, format="png", data=png))
        return answer if answer.scale_source == HandArray.SCALE_DEPTH else None

    measured = robot.until(with_depth)
    for hand in measured.hands:
        depths = np.array(hand.vertices)[2::3]
        assert depths.min() < metres < np.median(depths) + 0.02
    assert {hand.scale_source for hand in measured.hands} == {HandMessage.SCALE_DEPTH}
    remembered = robot.hands_of(CompressedImage(header=stamped(next(indices)), format="png", data=png))
    assert {hand.scale_source for hand in remembered.hands} == {HandMessage.SCALE_REMEMBERED}
    assert remembered.scale_source == HandArray.SCALE_DEPTH
    for before, after in zip(measured.hands, remembered.hands, strict=True):
        assert after.translation.z == pytest.approx(before.translation.z, rel=0.05)


def test_diagnostics_say_what_is_in_use(robots: tuple[Robot, Robot], answer: HandArray) -> None:
    robot = robots[0]

    def timed_reports() -> list[dict[str, str]]:
        reports = [message for message in robot.got["/diagnostics"] if "first" in message.status[0].name]
        return [values for values in map(diagnostics, reports) if "follow (ms)" in values]

    timed = robot.until(timed_reports)[-1]
    both = {"first/hands_node: hands", "second/hands_node: hands"}
    robot.until(lambda: both <= {message.status[0].name for message in robot.got["/diagnostics"]})
    assert timed["device"] == "cpu" and timed["intrinsics"].startswith("camera_info: fx 560.0, fy 540.0")
    stages = [float(timed[f"{stage} (ms)"]) for stage in ("decode", "follow", "publish")]
    assert min(stages) >= 0 and max(stages) <= float(timed["received to published, longest (ms)"])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("hand_scale", 7.5, "7.5"),
        ("tf_names", "finger", "tf_names is 'finger', must be one of side, id"),
        ("frame_prefix", "/robot/", "must not start with /"),
        ("max_hands", -1, "-1"),
        ("device", "cpu", "read-only"),
        ("score_threshold", float("nan"), "nan"),
        ("score_threshold", "high", "type"),
    ],
)
def test_a_refused_parameter_says_why(robots: tuple[Robot, Robot], name: str, value: object, reason: str) -> None:
    result = robots[0].set_parameter("hands_node", name, value)
    assert not result.successful and reason in result.reason


def test_parameters_describe_themselves(robots: tuple[Robot, Robot]) -> None:
    request = DescribeParameters.Request(names=["hand_scale", "weights", "tf_names"])
    scale, weights, names = robots[0].call(DescribeParameters, "hands_node/describe_parameters", request).descriptors
    assert (scale.floating_point_range[0].from_value, scale.floating_point_range[0].to_value) == (0.2, 5.0)
    assert weights.read_only and not scale.read_only
    assert names.additional_constraints == "one of side, id" and names.description


def test_a_parameter_takes_effect(robots: tuple[Robot, Robot], answer: HandArray, image: np.ndarray) -> None:
    robot = robots[0]
    for name, value in (("vertices", False), ("max_hands", 1), ("tracking", False), ("hand_scale", 1.1)):
        assert robot.set_parameter("hands_node", name, value).successful
    message = robot.hands_of(image_message(image, stamped(20)))
    assert [(len(hand.vertices), hand.id) for hand in message.hands] == [(0, -1)]
    assert message.scale_source == HandArray.SCALE_USER
    # Without tracking a hand may be seen in the finder's view, in which its depth is another by 2 %.
    assert message.hands[0].translation.z == pytest.approx(1.1 * answer.hands[0].translation.z, rel=0.03)
    for name, value in (("vertices", True), ("max_hands", 0), ("tracking", True), ("hand_scale", 1.0)):
        assert robot.set_parameter("hands_node", name, value).successful


def test_paused_and_running_again(robots: tuple[Robot, Robot], answer: HandArray, image: np.ndarray) -> None:
    robot = robots[0]
    paused = robot.call(SetBool, "hands_node/set_enabled", SetBool.Request(data=False))
    assert paused.success and paused.message == "paused"
    before = len(robot.got["hands"])
    robot.until(lambda: robot.image.get_subscription_count() == 0)  # a lazy camera rests as well
    robot.image.publish(image_message(image, stamped(30)))
    robot.spin(0.5)
    assert len(robot.got["hands"]) == before
    running = robot.call(SetBool, "hands_node/set_enabled", SetBool.Request(data=True))
    assert running.success and running.message == "running on cpu"
    robot.until(lambda: robot.image.get_subscription_count())
    assert len(robot.hands_of(image_message(image, stamped(40))).hands) == len(answer.hands)
