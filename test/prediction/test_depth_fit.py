import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_cameras import BARREL
from posed_hand import posed_hand, rotation

from handos_model.camera import Camera
from handos_model.hand import Hand, joints_box, palm_length
from handos_model.prediction.depth_fit import NotMeasured, fit_to_depth
from handos_model.template.load import load_template

PLAIN = Camera.from_intrinsics(600, 590, 322, 241, 640, 480)
FACES = load_template().faces
VIEWS = [np.eye(3), rotation((1, 2, 0), 0.9), rotation((0, 1, 0), 2.5), rotation((1, 0, 0), 1.3)]


def make_hand(camera, place=(0.05, -0.02, 0.6), turn=VIEWS[0], curl=0.4) -> Hand:
    vertices, joints = posed_hand(curl, turn=turn)
    place = np.array(place)
    joints_2d = camera.project(joints + place)
    numbers = (joints_box(joints_2d), joints_2d, np.ones(21), joints + place, vertices + place, place)
    return Hand(0.9, "right", 0.9, *(values.astype(np.float32) for values in numbers), id=3)


def rendered(vertices: np.ndarray, camera: Camera, background=np.nan) -> np.ndarray:
    """Depth (H, W) m of a mesh: each face, the far ones first, filled with its mean depth."""
    depth = np.full((camera.height, camera.width), background, np.float32)
    pixels = np.rint(camera.project(vertices) * 16).astype(np.int32)
    z = vertices[FACES, 2].mean(axis=1)
    for face in np.argsort(-z):
        cv2.fillConvexPoly(depth, pixels[FACES[face]], float(z[face]), cv2.LINE_8, 4)
    return depth


@pytest.mark.parametrize("camera", [PLAIN, BARREL], ids=["plain", "barrel"])
@pytest.mark.parametrize("turn", VIEWS)
@pytest.mark.parametrize("factor", [0.8, 1.0, 1.3])
def test_the_hand_takes_on_the_measured_size(camera, turn, factor):
    hand = make_hand(camera, turn=turn)
    scaled = fit_to_depth(hand, rendered(factor * hand.vertices, camera, background=2.0), camera)
    for name in ("joints_3d", "vertices", "translation"):
        np.testing.assert_allclose(getattr(scaled, name), factor * getattr(hand, name), rtol=0.01, atol=2e-3)
    np.testing.assert_allclose(camera.project(scaled.joints_3d), camera.project(hand.joints_3d), atol=1.5)
    np.testing.assert_array_equal(scaled.joints_2d, hand.joints_2d)
    assert (scaled.id, scaled.side) == (3, "right")


def test_noise_holes_and_what_is_in_front_do_not_matter():
    rng = np.random.default_rng(1)
    hand = make_hand(PLAIN)
    depth = rendered(1.2 * hand.vertices, PLAIN, background=1.5) * rng.normal(1, 0.01, (480, 640)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.4] = np.nan
    x0, y0, x1, y1 = hand.box.astype(int)
    depth[y0 : y0 + (y1 - y0) // 4, x0:x1] = 0.35
    scaled = fit_to_depth(hand, depth, PLAIN)
    np.testing.assert_allclose(scaled.translation, 1.2 * hand.translation, rtol=0.01, atol=1e-3)


@pytest.mark.parametrize("share", [0.4, 0.7])
@pytest.mark.parametrize("hole", [0.0, -np.inf, -1.0])
def test_holes_may_be_zero_as_cameras_have_them_or_masked(hole, share):
    hand = make_hand(PLAIN)
    depth = rendered(1.2 * hand.vertices, PLAIN, background=1.5)
    holes = np.random.default_rng(1).random(depth.shape) < share
    expected = fit_to_depth(hand, np.where(holes, np.nan, depth), PLAIN)
    for given in (np.where(holes, hole, depth), np.ma.array(np.where(holes, 0.7, depth), mask=holes)):
        np.testing.assert_array_equal(fit_to_depth(hand, given, PLAIN).vertices, expected.vertices)


@pytest.mark.parametrize("distance", [0.5, 1.0])
def test_a_smooth_error_of_the_shape_is_measured_and_the_hand_looks_the_same(distance):
    true = make_hand(PLAIN, place=(0.05, -0.02, distance), turn=rotation((1, 2, 0), 0.9))
    points = np.concatenate([true.joints_3d, true.vertices])
    tilt = 1 + (0.2 * (points[:, 1] - true.translation[1]) + 0.01) / points[:, 2]  # 20 mm in a hand's length
    wrong = replace(true, joints_3d=true.joints_3d * tilt[:21, None], vertices=true.vertices * tilt[21:, None])
    depth = rendered(true.vertices, PLAIN, background=distance + 0.5)
    x0, _, x1, _ = true.box.astype(int)
    depth[:, x0 + (x1 - x0) // 3 : x0 + (x1 - x0) // 2] = 0.75 * distance
    found = fit_to_depth(wrong, depth, PLAIN)
    off, before = (np.linalg.norm(hand.joints_3d - true.joints_3d, axis=1) for hand in (found, wrong))
    assert off[0] < before[0] and np.median(off) < 0.4 * np.median(before)
    assert np.linalg.norm((found.joints_3d - true.joints_3d).mean(axis=0)) < 0.003  # from 0.007
    np.testing.assert_allclose(PLAIN.project(found.joints_3d), PLAIN.project(wrong.joints_3d), atol=1e-3)
    np.testing.assert_allclose(PLAIN.project(found.vertices), PLAIN.project(wrong.vertices), atol=1e-3)
    assert palm_length(found) == pytest.approx(palm_length(true), rel=0.015)  # from 0.06


@pytest.mark.parametrize(
    ("metres", "reason"),
    [
        (np.nan, "there is no measurement at the hand"),
        (0.0, "there is no measurement at the hand: the depth is 0 or NaN"),
        (0.05, "is it registered to the colour image?"),
        (20.0, "is it registered to the colour image?"),
        (600.0, "depth is 600 m where the hand is expected at 0."),
        (0.0006, "are the units right"),
    ],
)
def test_depth_that_says_nothing_of_the_hand_says_why(metres, reason):
    with pytest.raises(NotMeasured, match=re.escape(reason)):
        fit_to_depth(make_hand(PLAIN, place=(0, 0, 0.6)), np.full((480, 640), metres, np.float32), PLAIN)


def test_depth_that_contradicts_itself():
    rng = np.random.default_rng(2)
    with pytest.raises(NotMeasured, match="depth varies too much at the hand"):
        fit_to_depth(make_hand(PLAIN), rng.uniform(0.3, 1.4, (480, 640)).astype(np.float32), PLAIN)


def test_a_hand_outside_of_the_image():
    hand = make_hand(PLAIN, place=(3.0, 0.0, 0.6))
    with pytest.raises(NotMeasured, match="the hand lies outside the depth image"):
        fit_to_depth(hand, np.full((480, 640), 0.6, np.float32), PLAIN)


def test_a_hand_that_is_partly_outside_or_behind_is_measured_where_it_is_seen():
    hand = make_hand(PLAIN, place=(-0.3, 0.0, 0.6))
    scaled = fit_to_depth(hand, rendered(1.1 * hand.vertices, PLAIN), PLAIN)
    np.testing.assert_allclose(scaled.translation, 1.1 * hand.translation, rtol=0.01, atol=1e-3)


def test_a_depth_image_of_another_kind_or_size_is_refused():
    with pytest.raises(ValueError, match="depth image is list, must be a NumPy array"):
        fit_to_depth(make_hand(PLAIN), [[0.6]], PLAIN)
    with pytest.raises(ValueError, match="320x240, must be 640x480"):
        fit_to_depth(make_hand(PLAIN), np.ones((240, 320), np.float32), PLAIN)
