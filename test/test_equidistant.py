"""Fisheye lenses: every pixel that a ray reaches has that ray."""

import numpy as np
import pytest

from handos_model.camera import Camera
from handos_model.equidistant import EquidistantLens

PLUS = (0.1, 0.02, 0, 0)
REAL = (0.05, 0.03, -0.02, 0.006)
MINUS = (-0.2, 0, 0, 0)
"""theta_d stops growing at 74 degrees, where 1 - 0.6 theta^2 is 0."""
IDEAL = (0, 0, 0, 0)


def camera(coefficients) -> Camera:
    return Camera.from_intrinsics(400, 410, 800, 600, 1600, 1200, "equidistant", coefficients)


def rays_at(degrees) -> np.ndarray:
    """x / z and y / z (..., 2) of rays at these angles from the optical axis, in several directions about it."""
    angle = np.radians(degrees)
    turn = np.arange(angle.size).reshape(angle.shape)
    return np.stack([np.cos(turn), np.sin(turn)], axis=-1) * np.tan(angle)[..., None]


@pytest.mark.parametrize(
    "coefficients, widest", [(PLUS, 89.9), (REAL, 89.9), (MINUS, 73.7), (IDEAL, 89.9), ((0.13, -0.01, 0, 0), 89.9)]
)
def test_pixels_have_the_rays_that_lead_to_them_over_the_whole_model(coefficients, widest):
    lens = camera(coefficients)
    rays = rays_at(np.linspace(0, widest, 500).reshape(5, 100))
    found = lens.normalise(lens.project(np.insert(rays, 2, 1, axis=-1)))
    np.testing.assert_allclose(np.arctan(found), np.arctan(rays), atol=1e-6)


def test_an_ideal_lens_by_hand():
    np.testing.assert_allclose(
        EquidistantLens(np.zeros(4)).undistorted(np.array([[0.3, 0.4], [0, 0]])),
        [np.tan(0.5) * np.array([0.6, 0.8]), [0, 0]],
    )


def test_pixels_beyond_the_model_have_no_ray():
    quarter = np.pi / 2
    ends = {PLUS: quarter + 0.1 * quarter**3 + 0.02 * quarter**5, IDEAL: quarter, MINUS: (2 / 3) / np.sqrt(0.6)}
    for coefficients, end in ends.items():
        rays = camera(coefficients).normalise([[800 - 400 * (end - 0.001), 600], [800 - 400 * (end + 0.001), 600]])
        assert np.isfinite(rays[0]).all()
        assert rays[0, 0] < 0
        assert np.isnan(rays[1]).all()


def test_absent_pixels_have_no_ray():
    assert np.isnan(camera(PLUS).normalise([[np.nan, 3.0], [np.inf, 3.0]])).all()
    assert camera(PLUS).normalise(np.zeros((0, 4, 2))).shape == (0, 4, 2)
