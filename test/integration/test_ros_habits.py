"""Habits of a node that drivers, launch files and tf2 expect."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from array import array
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import cv2
import numpy as np
import pytest
from node_process import ROOT, NodeProcess, parameters
from rcl_interfaces.srv import ListParameters
from robot import LATCHED, Robot, diagnostics, image_message, info_message, stamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage

from handos_model import Camera
from handos_model.io.inputs import open_inputs
from handos_ros.msg import HandArray

TOPICS = {
    "subscription": ("image", "camera_info", "depth"),
    "publisher": ("hands", "hands/markers", "hands/debug_image", "hands/points", "hands/mesh", "/tf", "/diagnostics"),
}


OPTIONAL = {"image/compressed", "/clock", "/parameter_events"}
"""Subscriptions that depend on parameters, and on the distribution."""


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return next(iter(open_inputs([str(ROOT / "docs/demo.mp4")])[0])).image


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    """The other side of a node with depth; its camera_info was latched long before it."""
    robot = Robot("habits")
    robot.destroy_publisher(robot.camera_info)
    latched = robot.create_publisher(CameraInfo, "camera_info", LATCHED)
    latched.publish(info_message(Camera.from_intrinsics(560.0, 540.0, 300.0, 250.0, 640, 480)))
    with NodeProcess("hands_node", "-r", "__ns:=/habits", *parameters(threads=1, use_depth=True)) as node:
        robot.meet()
        yield robot
        printed = node.end()
        robot.destroy_node()
    assert "no calibrated camera_info" not in printed and "incompatible" not in printed


def said(robot: Robot) -> tuple[str, dict[str, str]]:
    """Message and values of the next report."""
    robot.got["/diagnostics"].clear()
    message = robot.until(lambda: robot.got["/diagnostics"])[0]
    return message.status[0].message, diagnostics(message)


def test_a_camera_of_which_nothing_comes_is_said(robot: Robot) -> None:
    robot.until(lambda: "nothing comes on /habits/image (publishers: 1)" in said(robot)[0])


def test_a_latched_camera_info_is_seen(robot: Robot, image: np.ndarray) -> None:
    robot.until(lambda: said(robot) and robot.count_subscribers("/habits/camera_info") > 1)
    indices = count(1)

    def answer() -> HandArray | None:
        found = robot.hands_of(image_message(image, stamped(next(indices))))
        return found if found.intrinsics_source == HandArray.INTRINSICS_CAMERA_INFO else None

    assert robot.until(answer).fx == 560.0


def test_every_topic_takes_qos_overrides(robot: Robot) -> None:
    request = ListParameters.Request(prefixes=["qos_overrides"], depth=ListParameters.Request.DEPTH_RECURSIVE)
    names = set(robot.call(ListParameters, "hands_node/list_parameters", request).result.names)
    for kind, topics in TOPICS.items():
        for topic in topics:
            full = topic if topic.startswith("/") else f"/habits/{topic}"
            for policy in ("history", "depth", "reliability", "durability"):
                assert f"qos_overrides.{full}.{kind}.{policy}" in names


def test_the_policy_for_sros_2_allows_what_the_node_does_and_no_more(robot: Robot) -> None:
    profile = ElementTree.parse(ROOT / "config" / "sros2_policy.xml").getroot().find(".//profile")
    assert profile is not None and profile.get("node") == "hands_node"
    for kind, rule, names_and_types, optional in (
        ("topics", "subscribe", robot.get_subscriber_names_and_types_by_node, OPTIONAL),
        ("topics", "publish", robot.get_publisher_names_and_types_by_node, set()),
        ("services", "reply", robot.get_service_names_and_types_by_node, set()),
    ):
        allowed = {str(entry.text) for entry in profile.findall(f"{kind}[@{rule}='ALLOW']/*")}

        def named(names_and_types: Callable[[str, str], list[Any]] = names_and_types) -> set[str]:
            there = {name for name, _ in names_and_types("hands_node", "/habits")}
            return {name.replace("/habits/hands_node/", "~/").removeprefix("/habits/") for name in there}

        robot.until(lambda needed=allowed - optional, named=named: needed <= named())
        assert named() <= allowed


def test_transforms_come_before_the_hands_of_their_stamp_and_never_twice(robot: Robot, image: np.ndarray) -> None:
    order: list[tuple[str, int]] = []
    subscriptions = [
        robot.create_subscription(
            kind, topic, lambda message, topic=topic: order.append((topic, stamp_of(message))), 100
        )
        for kind, topic in ((TFMessage, "/tf"), (HandArray, "hands"))  # as a TransformListener that is made first
    ]
    indices = count(50)

    def both_are_heard() -> bool:
        robot.hands_of(image_message(image, stamped(next(indices))))
        return {"/tf", "hands"} <= {topic for topic, _ in order}

    robot.until(both_are_heard)
    for index in range(100, 110):
        robot.hands_of(image_message(image, stamped(index)))
    robot.image.publish(image_message(image, stamped(109)))
    last = ("hands", stamp_of_header(stamped(109)))
    robot.until(lambda: order.count(last) >= 2)  # both images have their message
    robot.spin(0.2)
    for subscription in subscriptions:
        robot.destroy_subscription(subscription)
    stamps = [stamp_of_header(stamped(index)) for index in range(100, 110)]
    for stamp in stamps:
        assert order.index(("/tf", stamp)) < order.index(("hands", stamp))
    sent = [transform for message in robot.got["/tf"] for transform in message.transforms]
    keys = [(transform.child_frame_id, stamp_of_header(transform.header)) for transform in sent]
    assert len(keys) == len(set(keys))
    assert sum(1 for _, stamp in keys if stamp == stamps[-1]) >= 1
    assert int(said(robot)[1]["transforms withheld"]) >= 1


def stamp_of(message: object) -> int:
    header = message.header if hasattr(message, "header") else message.transforms[0].header
    return stamp_of_header(header)


def stamp_of_header(header: object) -> int:
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def test_an_image_without_a_frame_has_hands_but_no_transforms(robot: Robot, image: np.ndarray) -> None:
    robot.got["/tf"].clear()
    answer = robot.hands_of(image_message(image, stamped(200, frame_id="")))
    assert answer.hands and answer.header.frame_id == ""
    robot.spin(0.5)
    assert robot.got["/tf"] == []


def test_images_that_are_lost_before_the_node_are_counted(robot: Robot, image: np.ndarray) -> None:
    before = said(robot)[1]
    sent = [index for index in range(300, 400) if index < 330 or index % 5 in (0, 1)]
    for index in sent:  # 10 Hz, of which from the third second on three in five are lost
        robot.image.publish(image_message(image, stamped(index)))
        robot.spin(0.03)

    def since(key: str) -> int:
        return int(said(robot)[1][key]) - int(before[key])

    robot.until(lambda: since("images received") + since("images lost before the node") >= 94)
    lost = since("images lost before the node")
    assert since("images received") + lost <= 106 and lost >= 30
    assert float(said(robot)[1]["rate of the images' stamps (Hz)"]) == pytest.approx(10, rel=0.02)


def depth_message(index: int, value: float, encoding: str = "16UC1", shape: tuple[int, ...] = (480, 640)) -> Image:
    kind = "<u2" if encoding == "16UC1" else "<f4"
    data = np.full(shape, value, kind)
    return Image(
        header=stamped(index), height=shape[0], width=shape[1], encoding=encoding, step=data.strides[0],
        data=array("B", data.tobytes()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "encoding", "reason"),
    [
        (None, "", "no depth image on /habits/depth"),
        (0, "16UC1", "there is no measurement at the hand"),
        (500.0, "32FC1", "are the units right"),
        (4000, "16UC1", "is it registered to the colour image"),
    ],
)
def test_depth_that_never_helps_is_said_with_its_reason(
    robot: Robot, image: np.ndarray, value: float | None, encoding: str, reason: str
) -> None:
    first = 1000 * (1 + ["", "16UC1", "32FC1"].index(encoding) + (value == 4000) * 4)
    index = first

    def doubted() -> bool:
        nonlocal index
        index += 1
        if value is not None:
            robot.depth.publish(depth_message(index, value, encoding))
            robot.spin(0.05)
        robot.image.publish(image_message(image, stamped(index)))
        robot.spin(0.15)
        message = robot.got["/diagnostics"][-1].status[0]
        return reason in message.message and message.level != b"\0"

    robot.until(doubted)


@pytest.mark.parametrize(
    ("encoding", "value", "reason"), [("16UC1", 800, "encoding 16UC1"), ("mono16", 4095, "nearly black")]
)
def test_an_image_that_can_show_no_hands_is_said(robot: Robot, encoding: str, value: int, reason: str) -> None:
    message = depth_message(9000, value)
    message.encoding = encoding
    index = 9000

    def doubted() -> bool:
        nonlocal index
        index += 1
        message.header = stamped(index)
        robot.image.publish(message)
        robot.spin(0.2)
        return reason in robot.got["/diagnostics"][-1].status[0].message

    robot.until(doubted)


@pytest.mark.parametrize(
    "remappings",
    [
        {"image": "/cam/image_raw"},
        {"image": "/other/image", "image/compressed": "/cam/image_raw/compressed"},
    ],
)
def test_compressed_images_are_heard_where_image_transport_sends_them(
    image: np.ndarray, remappings: dict[str, str]
) -> None:
    rules = [part for pair in remappings.items() for part in ("-r", ":=".join(pair))]
    with NodeProcess("hands_node", *rules, "-r", "__ns:=/packed", *parameters(threads=1, compressed=True)) as node:
        robot = Robot("packed")
        robot.compressed = robot.create_publisher(CompressedImage, "/cam/image_raw/compressed", 1)
        robot.meet()
        jpeg = cv2.imencode(".jpg", image[:, :, ::-1])[1].tobytes()
        assert robot.hands_of(CompressedImage(header=stamped(0), format="jpeg", data=jpeg)).width == 640
        endless = b"P6" + b" " * 40 + b"x"  # a pattern that goes back would look at it for days
        robot.compressed.publish(CompressedImage(header=stamped(1), format="ppm", data=endless))
        assert robot.hands_of(CompressedImage(header=stamped(2), format="jpeg", data=jpeg)).width == 640
        robot.destroy_node()
        assert node.stop()[0] == 0


def test_a_topic_of_another_type_is_said() -> None:
    """As when `image` is remapped to compressed images."""
    remapped = ["-r", "__ns:=/types", "-r", "image:=cam/compressed", "-r", "depth:=cam/compressed"]
    fusing = ["-r", "__ns:=/types", *parameters(topics="cam/compressed", frame="world")]
    with (
        NodeProcess("hands_node", *remapped, *parameters(threads=1, use_depth=True)) as node,
        NodeProcess("fusion_node", *fusing) as fusion,
    ):
        robot = Robot("types")
        robot.create_publisher(CompressedImage, "cam/compressed", 1)
        carries = "it carries sensor_msgs/msg/CompressedImage, not"

        def found() -> bool:
            said = " ".join(message.status[0].message for message in robot.got["/diagnostics"])
            image = f"nothing comes on /types/cam/compressed (publishers: 1): {carries} sensor_msgs/msg/Image"
            hands = f"nothing comes on cam/compressed (publishers: 1): {carries} handos_ros/msg/HandArray"
            depth = rf"no depth image on /types/cam/compressed for \d+ s: {carries} sensor_msgs/msg/Image"
            return image in said and hands in said and re.search(depth, said) is not None

        robot.until(found, 60.0)
        robot.destroy_node()
        for process in (node, fusion):
            process.end()
