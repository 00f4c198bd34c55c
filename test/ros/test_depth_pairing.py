"""Which depth image belongs to a colour image."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image

from handos_model.io.depth_pairing import KEPT_DEPTHS
from handos_ros.conversions.stamps import seconds
from handos_ros.input.depth_frames import DepthFrames


def depth(stamp: float) -> Image:
    message = Image()
    message.header.stamp = Time(sec=int(stamp), nanosec=round(stamp % 1 * 1e9))
    return message


def test_a_stamp_is_seconds() -> None:
    assert seconds(Time(sec=3, nanosec=250_000_000)) == 3.25


def test_the_closest_stamp_is_taken() -> None:
    frames = DepthFrames()
    for stamp in (1.0, 1.033, 1.066):
        frames.keep(depth(stamp))
    assert seconds(frames.nearest(1.03, 0.05).header.stamp) == pytest.approx(1.033)
    assert seconds(frames.nearest(1.07, 0.05).header.stamp) == pytest.approx(1.066)


def test_none_and_too_far_away_are_one_sentence() -> None:
    frames = DepthFrames()
    with pytest.raises(ValueError, match="^there is no depth image yet$"):
        frames.nearest(1.0, 0.05)
    frames.keep(depth(1.0))
    with pytest.raises(ValueError, match=r"^the closest depth image is 0.500 s away from the colour image$"):
        frames.nearest(1.5, 0.05)


def test_it_waits_for_an_image_that_is_on_its_way() -> None:
    frames = DepthFrames()
    frames.keep(depth(1.0))
    late = threading.Timer(0.01, frames.keep, [depth(1.1)])
    late.start()
    assert seconds(frames.nearest(1.1, 0.02).header.stamp) == pytest.approx(1.1)


@pytest.mark.parametrize(("rate", "max_difference"), [(30, 0.05), (60, 0.02), (90, 0.02)])
def test_an_older_one_within_reach_does_not_end_the_wait(rate: int, max_difference: float) -> None:
    frames = DepthFrames()
    for tick in range(4):
        frames.keep(depth(100 + tick / rate))
    late = threading.Timer(0.005, frames.keep, [depth(100 + 4 / rate)])
    late.start()
    assert seconds(frames.nearest(100 + 4 / rate, max_difference).header.stamp) == pytest.approx(
        100 + 4 / rate, abs=1e-6
    )
    late.join()
    with_offset = frames.nearest(100 + 4.4 / rate, max_difference)
    assert seconds(with_offset.header.stamp) == pytest.approx(100 + 4 / rate, abs=1e-6)


def test_old_images_are_let_go() -> None:
    frames = DepthFrames()
    for number in range(KEPT_DEPTHS + 1):
        frames.keep(depth(1.0 + number))
    with pytest.raises(ValueError, match="1.000 s away"):
        frames.nearest(1.0, 0.1)
