"""Which camera an image gets: the latest calibrated CameraInfo's, else an assumed one."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="needs ROS 2")

from sensor_msgs.msg import CameraInfo

from handos_ros.input.intrinsics import Intrinsics


def info(fx: float = 500.0, stamp: int = 0) -> CameraInfo:
    message = CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.1, 0.0, 0.0, 0.0, 0.0])
    message.k = np.array([fx, 0, 320, 0, 510, 240, 0, 0, 1.0])
    message.header.stamp.sec = stamp
    return message


def test_without_a_camera_info_the_field_of_view_is_assumed() -> None:
    intrinsics = Intrinsics()
    camera = intrinsics.camera(640, 480, 60.0, False)
    assert camera.assumed and camera.K[0, 0] == pytest.approx(320 / np.tan(np.radians(30)))
    assert intrinsics.describe(None, 60.0) == "none yet"
    assert intrinsics.describe(camera, 60.0).startswith("assumed: 60 degrees, fx 554.3")


def test_the_latest_camera_info_holds() -> None:
    intrinsics = Intrinsics()
    intrinsics.keep(info())
    camera = intrinsics.camera(640, 480, 60.0, False)
    assert not camera.assumed and camera.K[0, 0] == 500
    assert intrinsics.describe(camera, 60.0).startswith("camera_info: fx 500.0, fy 510.0, cx 320.0, cy 240.0 px")
    intrinsics.keep(info(fx=600.0))
    assert intrinsics.camera(640, 480, 60.0, False).K[0, 0] == 600


def test_the_same_camera_is_converted_once() -> None:
    intrinsics = Intrinsics()
    intrinsics.keep(info(stamp=1))
    camera = intrinsics.camera(640, 480, 60.0, False)
    intrinsics.keep(info(stamp=2))
    assert intrinsics.camera(640, 480, 60.0, False) is camera


def test_an_uncalibrated_camera_info_counts_as_none() -> None:
    intrinsics = Intrinsics()
    intrinsics.keep(info())
    intrinsics.keep(CameraInfo(width=640, height=480))
    assert intrinsics.camera(640, 480, 60.0, False).assumed


def test_an_image_of_another_size_is_refused() -> None:
    intrinsics = Intrinsics()
    intrinsics.keep(info())
    with pytest.raises(ValueError, match="640x480"):
        intrinsics.camera(320, 200, 60.0, False)
