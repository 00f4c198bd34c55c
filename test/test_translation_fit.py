import numpy as np
import pytest
import scipy.optimize
from made_cameras import CAMERAS, PLAIN
from posed_hand import posed_hand, rotation

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


def test_translation_is_the_least_squares_solution_in_the_image():
    rng = np.random.default_rng(0)
    joints, rays = hands_before(PLAIN)
    rays = rays + rng.normal(0, 0.002, rays.shape)
    weights = rng.uniform(0.1, 1, rays.shape[:2])
    t, _ = fit_translation(joints, rays, weights)
    for i in range(len(joints)):

        def error(t, i=i):
            placed = joints[i] + t
            return (np.sqrt(weights[i])[:, None] * (placed[:, :2] / placed[:, 2:] - rays[i])).ravel()

        expected = scipy.optimize.least_squares(error, TRANSLATIONS[i], xtol=1e-12, ftol=1e-12).x
        np.testing.assert_allclose(t[i], expected, atol=1e-4)


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
