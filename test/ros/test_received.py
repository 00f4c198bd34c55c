"""Messages back as hands and cameras."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from made_hand import CAMERA, make_hand

pytest.importorskip("rclpy", reason="needs ROS 2")
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.hand import Hand
from handos_ros.conversions import camera_from, hands_from
from handos_ros.conversions.hands import hand_array
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray


def received(hands: list[Hand], camera: Camera = CAMERA, vertices: bool = True) -> HandArray:
    sent = hand_array(hands, Header(), camera, HandArray.SCALE_PRIOR, vertices=vertices)
    return deserialize_message(serialize_message(sent), HandArray)


def same(found: Hand, hand: Hand) -> None:
    for field in fields(Hand):
        said, was = getattr(found, field.name), getattr(hand, field.name)
        if isinstance(was, np.ndarray):
            assert said.dtype == np.float32
            np.testing.assert_array_equal(said, was)
        else:
            assert said == (np.float32(was) if isinstance(was, float) else was), field.name


def test_hands_come_back() -> None:
    hands = [
        replace(make_hand(number=4), scale_source="remembered"),
        replace(make_hand("left", 0.7, shape="left"), scale_source="depth"),
        make_hand("unknown", 0.3),
    ]
    for found, hand in zip(hands_from(received(hands)), hands, strict=True):
        same(found, hand)


def test_hands_without_a_mesh_come_back() -> None:
    hand = make_hand()
    (found,) = hands_from(received([hand], vertices=False))
    same(found, replace(hand, vertices=np.zeros((0, 3), np.float32)))


@pytest.mark.filterwarnings("error")
def test_numbers_that_are_too_large_for_a_hand_come_back_infinite() -> None:
    message = received([make_hand()])
    message.hands[0].joints_3d[3].x = message.hands[0].translation.z = 1e300
    (found,) = hands_from(message)
    assert np.isinf(found.joints_3d).sum() == 1 and found.translation[2] == np.inf


def test_no_hands() -> None:
    assert hands_from(received([])) == []


LENS = Camera.from_intrinsics(600, 590, 322, 241, 640, 480, "plumb_bob", (-0.2, 0.05, 0.001, 0, 0))


@pytest.mark.parametrize("camera", [CAMERA, Camera.from_fov(320, 200, 70), LENS])
def test_the_camera_comes_back(camera: Camera) -> None:
    assert camera_from(received([], camera)) == camera


def test_what_no_node_sends_is_refused() -> None:
    with pytest.raises(ValueError, match="the side 9 and the scale source 1, must be one of"):
        hands_from(HandArray(hands=[HandMessage(side=9, scale_source=1)]))
    with pytest.raises(ValueError, match="the scale source 0, must be"):
        hands_from(HandArray(hands=[HandMessage(side=HandMessage.LEFT)]))
    with pytest.raises(ValueError, match="vertices are 3 numbers, must be x, y, z of 778 vertices, or none"):
        hands_from(HandArray(hands=[HandMessage(side=HandMessage.LEFT, scale_source=1, vertices=[0.0, 0.0, 1.0])]))
    with pytest.raises(ValueError, match="focal lengths must be positive"):
        camera_from(HandArray(width=640, height=480))
