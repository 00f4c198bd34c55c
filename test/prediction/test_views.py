"""Views: which pixel shows what, and the square of a hand whose joints are known."""

import cv2
import numpy as np
import pytest
from posed_hand import posed_hand

from handos_model.prediction.views import SIZE, cut_view, from_view, overlap, unclaimed, view_of_joints


def waves(x, y):
    return 127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7 + x / 31)


@pytest.mark.parametrize("view", [(300.2, 201.7, 224.0, 0.0), (310.0, 240.0, 150.0, 2.3), (330.5, 220.25, 300.0, -0.7)])
def test_a_pixel_of_the_view_shows_the_place_that_from_view_says(view):
    view = np.array(view)
    y, x = np.mgrid[0:480, 0:640].astype(np.float64)
    image = np.repeat(waves(x, y).round().astype(np.uint8)[..., None], 3, axis=2)
    v, u = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    places = from_view(np.stack([u, v], axis=-1), view)
    expected = waves(places[..., 0], places[..., 1])
    assert np.abs(cut_view(image, view)[..., 0] - expected).max() < 5


@pytest.mark.parametrize("size", [340.0, 700.0, 1500.0, 2600.0])
def test_a_large_view_is_shrunk_with_antialiasing_and_stays_in_place(size):
    image = np.zeros((2000, 3000, 3), np.uint8)
    image[::2] = 255  # stripes of one pixel, which sampling alone would show as black or white
    view = np.array([1400.0, 1000.0, size, 0.0])
    assert np.abs(cut_view(image, view)[20:-20, 20:-20].astype(float) - 127.5).max() < 40 or size < 350
    cv2.circle(image, (1450, 980), 40, (255, 0, 0), -1)
    image[..., 1:] = 0
    image[..., 0][image[..., 0] < 255] = 0
    blob = np.zeros_like(image)
    cv2.circle(blob, (1450, 980), 60, (255, 255, 255), -1)
    shown = cut_view(blob, view)[..., 0].astype(float)
    v, u = np.mgrid[0:SIZE, 0:SIZE]
    centre = np.array([(u * shown).sum(), (v * shown).sum()]) / shown.sum()
    np.testing.assert_allclose(from_view(centre, view), [1450, 980], atol=0.02 * size / SIZE + 0.2)


def test_outside_of_the_image_its_edge_goes_on():
    image = np.full((60, 80, 3), 90, np.uint8)
    for view in ((0.0, 0.0, 100.0, 0.4), (79.0, 59.0, 900.0, 0.0), (40.0, 30.0, 20.0, 1.0)):
        assert (cut_view(image, np.array(view)) == 90).all()
    assert cut_view(image[:1, :1], np.array([0.0, 0.0, 900.0, 0.0])).shape == (SIZE, SIZE, 3)


def test_a_view_of_an_image_longer_than_opencv_warps():
    hand = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    image = np.zeros((90, 40_000, 3), np.uint8)
    image[:, 35_000:35_120] = hand
    for size in (60.0, 100.0, 900.0):
        view = np.array([60.0, 45.0, size, 0.3])
        shown = cut_view(image[:, 34_000:36_000], view + (1000, 0, 0, 0))
        np.testing.assert_allclose(cut_view(image, view + (35_000, 0, 0, 0)), shown, atol=1)


@pytest.mark.parametrize("angle", [0.0, 0.9, -2.8])
def test_the_view_of_joints_turns_moves_and_grows_with_them(angle):
    joints = posed_hand(0.3)[1][:, :2]
    x, y, size, tilt = view_of_joints(joints)
    c, s = np.cos(angle), np.sin(angle)
    turned = 300 * joints @ np.array([[c, s], [-s, c]]) + (320, 200)
    place = 300 * np.array([x, y]) @ np.array([[c, s], [-s, c]]) + (320, 200)
    found = view_of_joints(turned)
    np.testing.assert_allclose(found[:3], [*place, 300 * size], atol=1e-9)
    assert np.isclose(np.exp(1j * (tilt + angle)), np.exp(1j * found[3]))


def test_fingers_point_up_in_the_view_of_joints():
    joints = posed_hand(0.0)[1][:, :2] * 500 + (200, 300)
    view = view_of_joints(joints)
    c, s = np.cos(view[3]), np.sin(view[3])
    in_view = (joints - view[:2]) @ np.array([[c, -s], [s, c]]) / view[2]
    ahead = (in_view[[5, 13]].mean(axis=0) + in_view[9]) / 2 - in_view[0]
    assert ahead[1] < 0 and abs(ahead[0]) < 1e-9
    assert np.abs(in_view).max() < 0.5  # all of the hand, its fingers included


def test_overlap_and_what_is_left():
    a, b = np.array([100.0, 100, 50, 0]), np.array([110.0, 100, 50, 1.0])
    assert overlap(a, a) == 1 and overlap(a, b) == pytest.approx(40 / 60)
    assert overlap(a, np.array([300.0, 100, 50, 0])) == 0
    assert unclaimed(np.array([a, b, [200.0, 100, 50, 0]]), [])[1][0] == 200
    assert unclaimed(np.array([a]), [b]) == []
    knuckle = np.array([105.0, 90, 15, 0.3])
    assert unclaimed(np.array([knuckle]), [a]) == [] and len(unclaimed(np.array([knuckle + (40, 0, 0, 0)]), [a])) == 1
    assert len(unclaimed(np.array([knuckle]), [], [a])) == 1 and unclaimed(np.array([b]), [], [a]) == []
    assert unclaimed(np.zeros((0, 4)), [a]) == []
