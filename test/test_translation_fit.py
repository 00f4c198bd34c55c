import numpy as np
import pytest
import scipy.optimize
from made_cameras import CAMERAS, PLAIN
from posed_hand import posed_hand, rotation

from handos_model.camera import Camera, ray_rotation
from handos_model.translation_fit import fit_translation

TRANSLATIONS = np.array([[0.0, 0.0, 0.4], [0.25, -0.15, 0.5], [-0.6, 0.4, 1.5]])


def hands_before(camera):
    _, joints = posed_hand(0.5, turn=rotation((1, 2, 0), 0.7))
    joints = np.tile(joints, (len(TRANSLATIONS), 1, 1))
    return joints, camera.normalise(camera.project(joints + TRANSLATIONS[:, None]))


@CAMERAS
def test_translation_is_exact_for_exact_joints(camera):
    joints, rays = hands_before(camera)
    t, solved = fit_translation(joints, rays, np.full(rays.shape[:2], 0.3))
    assert solved.all()
    np.testing.assert_allclose(t, TRANSLATIONS, atol=1e-6)


def test_joints_without_weight_or_ray_do_not_count():
    joints, rays = hands_before(PLAIN)
    weights = np.ones(rays.shape[:2])
    rays[:, 3] += 0.5
    weights[:, 3] = 0
    rays[:, 7] = np.nan
    t, solved = fit_translation(joints, rays, weights)
    assert solved.all()
    np.testing.assert_allclose(t, TRANSLATIONS, atol=1e-9)


def noisy_hands(rng):
    joints, rays = hands_before(PLAIN)
    return joints, rays + rng.normal(0, 0.002, rays.shape), rng.uniform(0.1, 1, rays.shape[:2])


def turned(rays, turn):
    directions = np.insert(rays, 2, 1, axis=-1) @ turn
    return directions[..., :2] / directions[..., 2:]


def test_translation_is_the_least_squares_solution_in_the_image_of_a_camera_that_looks_at_the_hand():
    joints, rays, weights = noisy_hands(np.random.default_rng(0))
    t, _ = fit_translation(joints, rays, weights)
    for i in range(len(joints)):
        directions = np.insert(rays[i], 2, 1, axis=1)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        centre = weights[i] @ directions
        turn = ray_rotation(centre[None, :2] / centre[2])[0]

        def error(t, i=i, turn=turn):
            placed = (joints[i] + t) @ turn
            return (np.sqrt(weights[i])[:, None] * (placed[:, :2] / placed[:, 2:] - turned(rays[i], turn))).ravel()

        expected = scipy.optimize.least_squares(error, TRANSLATIONS[i], xtol=1e-12, ftol=1e-12).x
        np.testing.assert_allclose(t[i], expected, atol=1e-4)


def test_in_the_middle_of_the_image_translation_is_the_least_squares_solution_there():
    joints, rays, weights = noisy_hands(np.random.default_rng(3))
    joints, weights = joints[:1] - joints[:1].mean(axis=1, keepdims=True), weights[:1]
    place = np.array([0, 0, 0.5])
    rays = (joints + place)[..., :2] / (joints + place)[..., 2:] + np.random.default_rng(4).normal(0, 0.002, (1, 21, 2))
    t, _ = fit_translation(joints, rays, weights)

    def error(t):
        placed = joints[0] + t
        return (np.sqrt(weights[0])[:, None] * (placed[:, :2] / placed[:, 2:] - rays[0])).ravel()

    expected = scipy.optimize.least_squares(error, place, xtol=1e-12, ftol=1e-12).x
    np.testing.assert_allclose(t[0], expected, atol=2e-4)


def test_a_camera_that_is_turned_sees_the_same_hand_in_the_same_place():
    joints, rays, weights = noisy_hands(np.random.default_rng(5))
    t, _ = fit_translation(joints, rays, weights)
    for axis, angle in (((0, 1, 0), 0.9), ((1, 0.3, 0), -0.6), ((0, 0, 1), 2.0)):
        turn = rotation(axis, angle)
        again, solved = fit_translation(joints @ turn, turned(rays, turn), weights)
        assert solved.all()
        np.testing.assert_allclose(again, t @ turn, atol=1e-9)


FISHEYE = Camera.from_intrinsics(400, 400, 800, 600, 1600, 1200, "equidistant", (-0.007, 0.001, 0, 0))
RATIONAL = Camera.from_intrinsics(
    600, 600, 800, 600, 1600, 1200, "rational_polynomial", (8.0, 5.4, 0, 0, 0.28, 8.35, 8.0, 1.6)
)


@pytest.mark.parametrize("camera, degrees, most", [(FISHEYE, 60, 1.0), (FISHEYE, 80, 1.0), (RATIONAL, 55, 1.2)])
def test_a_hand_far_off_the_axis_is_placed_as_well_as_one_on_it(camera, degrees, most):
    rng = np.random.default_rng(2)
    errors = []
    for angle in (0.0, np.radians(degrees)):
        _, joints = posed_hand(0.5)
        joints = (joints - joints.mean(axis=0)) @ rotation((0, 1, 0), angle).T  # looks alike from the camera
        place = 0.6 * np.array([np.sin(angle), 0, np.cos(angle)])
        pixels = camera.project(joints + place) + rng.normal(0, 3, (300, 21, 2))
        t, _ = fit_translation(np.tile(joints, (300, 1, 1)), camera.normalise(pixels), np.ones((300, 21)))
        errors.append(np.sqrt(np.mean((t - place) ** 2)))
    assert errors[1] < most * errors[0]


def test_a_joint_beside_the_camera_as_seen_from_the_hand_does_not_count():
    joints, _ = hands_before(PLAIN)
    place = np.array([0.9, 0.1, 0.3])
    rays = (joints + place)[..., :2] / (joints + place)[..., 2:]
    rays[:, 3] = -5, 0
    t, solved = fit_translation(joints, rays, np.ones(rays.shape[:2]))
    assert solved.all()
    np.testing.assert_allclose(t, np.tile(place, (len(t), 1)), atol=1e-9)


def test_hands_at_the_plane_of_the_camera_are_not_solved():
    joints, _ = hands_before(PLAIN)
    depth = 0.03 - joints[:1, :, 2].min()
    for nearer, expected in ((0.0, True), (0.02, False)):
        place = np.array([0.6, 0, depth - nearer])
        rays = (joints[:1] + place)[..., :2] / (joints[:1] + place)[..., 2:]
        assert fit_translation(joints[:1], rays, np.ones((1, 21)))[1].tolist() == [expected]


def test_noise_does_not_pull_hands_nearer():
    rng = np.random.default_rng(1)
    joints, rays = hands_before(PLAIN)
    joints, rays = np.repeat(joints[:1], 400, axis=0), np.repeat(rays[:1], 400, axis=0)
    noisy = rays + rng.normal(0, 0.05 * np.ptp(rays[0], axis=0).max(), rays.shape)
    t, solved = fit_translation(joints, noisy, np.ones(rays.shape[:2]))
    assert solved.all()
    assert np.median(t[:, 2]) == pytest.approx(TRANSLATIONS[0, 2], rel=0.01)


def test_degenerate_hands_are_not_solved():
    joints, rays = hands_before(PLAIN)
    weights = np.ones(rays.shape[:2])
    weights[0] = 0  # nothing is known
    rays[1] = rays[1].mean(axis=0)  # all joints in one point
    joints[2] = -joints[2]  # point-mirrored: only a place behind the camera explains it
    t, solved = fit_translation(joints, rays, weights)
    assert solved.tolist() == [False, False, False]
    assert np.isfinite(t).all()


def test_no_hands_give_no_translations():
    t, solved = fit_translation(np.zeros((0, 21, 3)), np.zeros((0, 21, 2)), np.zeros((0, 21)))
    assert t.shape == (0, 3)
    assert solved.shape == (0,)
