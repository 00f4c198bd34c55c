"""A camera whose images are mirrored: sides and metres are those of the real hands, pixels those of the images."""

from __future__ import annotations

from itertools import count

import numpy as np
from node_process import NodeProcess, parameters
from robot import Robot, image_message, info_message, stamped

from handos_model import Camera, Hand, HandPredictor
from handos_model.tracking.follower import SETTLING
from handos_ros.conversions import hands_from
from handos_ros.msg import HandArray


def place(hand: Hand) -> float:
    return float(hand.translation[0])


def test_mirror_images_give_the_hands_of_the_images_before_the_mirror(image: np.ndarray) -> None:
    camera = Camera.from_intrinsics(560.0, 540.0, 300.0, 250.0, image.shape[1], image.shape[0])
    expected = HandPredictor(threads=1, passes=SETTLING).predict(image, camera)
    mirror_image, lens, stamps = np.ascontiguousarray(image[:, ::-1]), camera.mirrored(), count(-100)
    with NodeProcess("hands_node", "-r", "__ns:=/mirror", *parameters(threads=1, mirrored=True)) as node:
        robot = Robot("mirror", shown=True)
        robot.meet()

        def calibrated() -> HandArray | None:
            robot.camera_info.publish(info_message(lens))
            answer = robot.hands_of(image_message(np.full_like(image, 90), stamped(next(stamps))))
            return answer if answer.intrinsics_source == HandArray.INTRINSICS_CAMERA_INFO else None

        robot.until(calibrated)
        answer = robot.hands_of(image_message(mirror_image, stamped(0)))
        assert answer.mirrored
        assert [answer.fx, answer.cx, answer.width] == [lens.K[0, 0], lens.K[0, 2], lens.width]
        for hand, wanted in zip(*(sorted(hands, key=place) for hands in (hands_from(answer), expected)), strict=True):
            assert hand.side == wanted.side
            np.testing.assert_allclose(hand.joints_3d, wanted.joints_3d, atol=1e-4)
            np.testing.assert_allclose(hand.joints_2d, wanted.flipped(lens.width).joints_2d, atol=0.01)
        drawn = robot.until(
            lambda: next((shown for shown in robot.got["hands/debug_image"] if shown.header == answer.header), None)
        )
        pixels = np.array(drawn.data, np.uint8).reshape(image.shape)
        for x, y in np.rint(hands_from(answer)[0].joints_2d[:13:4]).astype(int):
            assert (pixels[y, x] != mirror_image[y, x]).any()
        node.end()
        robot.destroy_node()
