import copy
import json
import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_cameras import BARREL, CAMERAS, PLAIN

from handos_model.camera import Camera, ray_rotation


@CAMERAS
def test_normalise_inverts_project_over_the_whole_image(camera):
    x, y = np.meshgrid(np.linspace(0, 639, 9), np.linspace(0, 479, 7))
    pixels = np.stack([x, y], axis=-1)
    rays = camera.normalise(pixels)
    back = camera.project(np.concatenate([2 * rays, np.full((7, 9, 1), 2.0)], axis=-1))
    np.testing.assert_allclose(back, pixels, atol=1e-3)


def test_project_by_hand():
    np.testing.assert_allclose(PLAIN.project([0.1, -0.2, 0.5]), [520 * 0.2 + 301.5, 480 * -0.4 + 260.25])


def test_project_agrees_with_opencv():
    points = np.array([[0.1, -0.05, 0.4], [-0.3, 0.2, 0.6]])
    expected = cv2.projectPoints(points, np.zeros(3), np.zeros(3), BARREL.K, BARREL.distortion)[0][:, 0]
    np.testing.assert_allclose(BARREL.project(points), expected, atol=1e-9)


@CAMERAS
def test_points_behind_the_camera_have_no_pixel(camera):
    seen = camera.project([[0.1, 0.1, -0.5], [0.1, 0.1, 0.0], [0.1, 0.1, 0.5]])
    assert np.isnan(seen[:2]).all()
    assert np.isfinite(seen[2]).all()


def test_pixels_outside_of_the_distortion_model_have_no_ray():
    barrel = Camera.from_intrinsics(400, 400, 320, 240, 640, 480, "plumb_bob", (-0.5, 0.0, 0.0, 0.0))
    rays = barrel.normalise([[320.0, 240.0], [3000.0, 240.0]])
    np.testing.assert_allclose(rays[0], [0, 0], atol=1e-12)
    assert np.isnan(rays[1]).all()


@pytest.mark.filterwarnings("error")
def test_a_lens_that_bends_beyond_all_numbers_has_rays_on_its_axis_alone():
    lens = Camera.from_intrinsics(400, 400, 320, 240, 640, 480, "plumb_bob", (1e300, 0.0, 0.0, 0.0))
    rays = lens.normalise([[320.0, 240.0], [400.0, 240.0]])
    assert rays[0].tolist() == [0, 0] and np.isnan(rays[1]).all()


@CAMERAS
def test_no_points_give_no_points(camera):
    assert camera.normalise(np.zeros((0, 2))).shape == (0, 2)
    assert camera.project(np.zeros((0, 3))).shape == (0, 2)


def test_a_guess_covers_its_field_of_view_along_the_long_edge():
    camera = Camera.from_fov(480, 640, 60)
    assert camera.assumed
    edges = camera.normalise([[239.5, -0.5], [239.5, 639.5]])
    np.testing.assert_allclose(np.degrees(np.arctan(edges)), [[0, -30], [0, 30]], atol=1e-9)


def test_crop_and_binning_keep_the_rays():
    pixel = np.array([413.0, 207.0])
    ray = PLAIN.normalise(pixel)
    cropped = PLAIN.cropped(100, 50, 400, 300)
    assert (cropped.width, cropped.height) == (400, 300)
    np.testing.assert_allclose(cropped.normalise(pixel - [100, 50]), ray)
    binned = PLAIN.binned(2, 4)
    assert (binned.width, binned.height) == (320, 120)
    np.testing.assert_allclose(binned.normalise((pixel + 0.5) / [2, 4] - 0.5), ray)


@pytest.mark.parametrize(
    "fx, fy, cx", [(np.nan, 500, 320), (0, 500, 320), (500, -1, 320), (500, 500, np.inf), (5e-315, 500, 320)]
)
def test_wrong_intrinsics_are_refused(fx, fy, cx):
    with pytest.raises(ValueError, match="must be"):
        Camera.from_intrinsics(fx, fy, cx, 240, 640, 480)


@pytest.mark.parametrize(
    "model, distortion, says",
    [
        ("kannala", (0, 0, 0, 0), "'kannala', must be one of none, plumb_bob"),
        ("plumb_bob", (0.1, 0.2), "takes 4 or 5 coefficients, got 2"),
        ("equidistant", (0, 0, 0, np.nan), "must be finite"),
        ("none", (0.1,), "takes 0 coefficients, got 1"),
    ],
)
def test_wrong_distortion_is_refused(model, distortion, says):
    with pytest.raises(ValueError, match=says):
        Camera.from_intrinsics(500, 500, 320, 240, 640, 480, model, distortion)


def test_other_wrong_values_are_refused():
    with pytest.raises(ValueError, match="3x3"):
        Camera(np.eye(2), 640, 480)
    with pytest.raises(ValueError, match=r"fx 0 cx"):
        Camera(np.array([[500, 1, 0], [0, 500, 0], [0, 0, 1]]), 640, 480)
    with pytest.raises(ValueError, match="between 0 and 180"):
        Camera.from_fov(640, 480, 180)
    with pytest.raises(ValueError, match="got 0 and 1"):
        PLAIN.binned(0, 1)


@pytest.mark.parametrize("edge", [0, -640, 640.5, np.nan, np.inf, None, "wide"])
def test_sizes_that_no_image_has_are_refused(edge):
    with pytest.raises(ValueError, match=f"width is {edge}, must be a whole number of px of 1 or more"):
        Camera.from_intrinsics(500, 500, 320, 240, edge, 480)
    with pytest.raises(ValueError, match=f"height is {edge}, must be"):
        Camera.from_intrinsics(500, 500, 320, 240, 640, edge)


@pytest.mark.parametrize("edge", [640.0, np.int64(640), np.float64(640)])
def test_sizes_are_whole_numbers_however_they_are_given(edge):  # cv2.VideoCapture.get returns floats
    for camera in (Camera.from_intrinsics(500, 500, 320, 240, edge, edge), Camera.from_fov(edge, edge)):
        assert (camera.width, camera.height) == (640, 640)
        assert json.dumps([camera.width, camera.height]) == "[640, 640]"


@CAMERAS
def test_cameras_with_the_same_values_are_equal(camera):
    camera.normalise(np.ones((1, 2)))
    for same in (replace(camera), copy.deepcopy(camera), pickle.loads(pickle.dumps(camera))):
        assert same == camera and hash(same) == hash(camera) and same in [camera]
        np.testing.assert_array_equal(same.normalise(np.ones((1, 2))), camera.normalise(np.ones((1, 2))))
    for other in (camera.cropped(1, 0, 640, 480), camera.cropped(0, 0, 640, 479), replace(camera, assumed=True), None):
        assert other != camera
    assert replace(BARREL, distortion=1.01 * BARREL.distortion) != BARREL


def test_ray_rotation_is_the_smallest_that_points_along_the_ray():
    rays = np.array([[0.0, 0.0], [0.7, -0.4], [-2.0, 1.0]])
    R = ray_rotation(rays)
    directions = np.concatenate([rays, np.ones((3, 1))], axis=1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(R @ [0, 0, 1], directions, atol=1e-12)
    np.testing.assert_allclose(R @ R.transpose(0, 2, 1), np.tile(np.eye(3), (3, 1, 1)), atol=1e-12)
    angle = np.arccos((np.trace(R, axis1=1, axis2=2) - 1) / 2)
    np.testing.assert_allclose(angle, np.arccos(directions[:, 2]), atol=1e-7)
