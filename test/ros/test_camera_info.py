import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from handos_model.camera import Camera
from handos_ros.input.intrinsics import camera_from_info

HUGE = 2**32 - 1


def info(width=640, height=480, model="plumb_bob", d=(), k=(600, 0, 322, 0, 590, 241, 0, 0, 1), **others) -> CameraInfo:
    """A CameraInfo; P is another camera's than K."""
    p = [500.0, 0, 310, 0, 0, 500, 230, 0, 0, 0, 1, 0]
    d, k = [float(x) for x in d], [float(x) for x in k]
    return CameraInfo(width=width, height=height, distortion_model=model, d=d, k=k, p=p, **others)


def intrinsics(camera: Camera) -> list[float]:
    return [camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2]]


def test_a_plain_camera():
    camera = camera_from_info(info(d=(0.1, -0.2, 0.001, 0.002, 0.03)), 640, 480)
    assert intrinsics(camera) == [600, 590, 322, 241]
    assert (camera.distortion_model, camera.assumed) == ("plumb_bob", False)
    assert camera.distortion.tolist() == [0.1, -0.2, 0.001, 0.002, 0.03]


@pytest.mark.parametrize(
    "model, d, expected, count",
    [
        ("", (), "none", 0),
        ("", (0, 0, 0, 0, 0), "none", 0),
        ("plumb_bob", (0, 0, 0, 0, 0), "none", 0),
        ("plumb_bob", (), "none", 0),
        ("plumb_bob", (0.1, 0.2, 0, 0), "plumb_bob", 4),
        ("plumb_bob", (0.1, 0, 0, 0, 0, 0, 0, 0), "plumb_bob", 4),
        ("rational_polynomial", (0.1,) * 8, "rational_polynomial", 8),
        ("rational_polynomial", (0.1, 0.2, 0, 0, 0.1), "rational_polynomial", 8),
        ("rational_polynomial", (0.1,) * 12 + (0, 0), "rational_polynomial", 12),
        ("equidistant", (0.1, 0.01, 0, 0), "equidistant", 4),
        ("fisheye", (0.1, 0.01, 0.2, 0.1), "equidistant", 4),
        ("equidistant", (0, 0, 0, 0), "equidistant", 4),
        ("Fisheye", (), "equidistant", 4),
        ("rational_polynomial", (0,) * 8, "none", 0),
    ],
)
def test_distortion_models(model, d, expected, count):
    camera = camera_from_info(info(model=model, d=d), 640, 480)
    assert (camera.distortion_model, len(camera.distortion)) == (expected, count)
    kept = min(len(d), count)
    np.testing.assert_array_equal(camera.distortion[:kept], d[:kept])


@pytest.mark.parametrize(
    "model, d", [("equidistant", (0, 0, 0, 0)), ("kannala_brandt4", (0, 0, 0, 0, 0)), ("fisheye", ())]
)
def test_zeros_of_a_fisheye_lens_are_an_ideal_fisheye_lens(model, d):
    camera = camera_from_info(info(model=model, d=d), 640, 480)
    angle = np.radians(25)
    np.testing.assert_allclose(camera.project([np.sin(angle), 0, np.cos(angle)]), [322 + 600 * angle, 241], atol=1e-9)


def test_roi_and_binning_keep_the_rays():
    """A pixel of the sensor is seen along one ray, however the image of it was read out."""
    full = camera_from_info(info(d=(0.1, -0.2, 0, 0, 0)), 640, 480)
    roi = RegionOfInterest(x_offset=100, y_offset=40, width=400, height=300, do_rectify=True)
    camera = camera_from_info(info(d=(0.1, -0.2, 0, 0, 0), roi=roi, binning_x=2, binning_y=4), 200, 75)
    assert (camera.width, camera.height) == (200, 75)
    pixel = np.array([57.0, 31.0])
    on_sensor = (pixel + 0.5) * [2, 4] - 0.5 + [100, 40]
    np.testing.assert_allclose(camera.normalise(pixel), full.normalise(on_sensor), atol=1e-9)


def test_zeros_mean_the_whole_image_unbinned():
    camera = camera_from_info(info(binning_x=0, binning_y=1, roi=RegionOfInterest(do_rectify=True)), 640, 480)
    assert intrinsics(camera) == [600, 590, 322, 241]


def test_odd_sizes_may_be_binned_either_way():
    for width, height in ((320, 240), (321, 241)):
        camera = camera_from_info(info(641, 481, binning_x=2, binning_y=2), width, height)
        assert (camera.width, camera.height) == (width, height)


def test_rectified_images_have_the_camera_of_p():
    camera = camera_from_info(info(d=(0.1, 0, 0, 0, 0), roi=RegionOfInterest(x_offset=10, y_offset=5)), 630, 475, True)
    assert intrinsics(camera) == [500, 500, 300, 225]
    assert camera.distortion_model == "none"


NAN = float("nan")


@pytest.mark.parametrize(
    "message, width, height, says",
    [
        (info(k=[0] * 9), 640, 480, "not calibrated"),
        (info(k=[NAN] * 9), 640, 480, "finite"),
        (info(k=(600, 0, NAN, 0, 590, 241, 0, 0, 1)), 640, 480, "finite"),
        (info(k=(600, 0, 322, 0, 0, 241, 0, 0, 1)), 640, 480, "fy = 0"),
        (info(k=(-600, 0, 322, 0, 590, 241, 0, 0, 1)), 640, 480, "fx = -600"),
        (info(k=(1e300, 0, 322, 0, 590, 241, 0, 0, 1)), 640, 480, "fx = 1e\\+300"),
        (info(k=(600, 0, -1e9, 0, 590, 241, 0, 0, 1)), 640, 480, "cx = -1e\\+09"),
        (info(d=(NAN, 0, 0, 0, 0)), 640, 480, "must be finite"),
        (info(d=(1,) * 9), 640, 480, "takes 4 or 5 coefficients, got 9"),
        (info(model="ds", d=(1, 2)), 640, 480, "'ds', must be one of none, plumb_bob"),
        (info(), 320, 240, "images of 640x480 px .* this one has 320x240"),
        (info(binning_x=2, binning_y=2), 640, 480, "images of 320x240 px"),
        (info(0, 0), 640, 480, "0x0 px"),
        (info(roi=RegionOfInterest(x_offset=600, width=100, height=100)), 100, 100, "must lie inside its 640x480"),
        (info(roi=RegionOfInterest(x_offset=HUGE)), 100, 100, "must lie inside"),
        (info(binning_x=HUGE), 1, 480, "leaves nothing"),
    ],
)
def test_wrong_camera_infos_are_refused(message, width, height, says):
    with pytest.raises(ValueError, match=says):
        camera_from_info(message, width, height)


def test_a_distortion_model_without_end_is_told_in_a_line():
    with pytest.raises(ValueError, match="distortion model is 'xxx") as caught:
        camera_from_info(info(model="X" * 20_000_000, d=(0.1,)), 640, 480)
    assert len(str(caught.value)) < 500
