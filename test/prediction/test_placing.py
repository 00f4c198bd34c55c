"""Where hands are placed that lie at the edge of what a lens shows, or beyond it."""

import numpy as np
import pytest

from handos_model.camera import Camera
from handos_model.prediction.placing import view_rotation

WIDE = Camera.from_intrinsics(400, 400, 800, 600, 1600, 1200, "equidistant", (0.1, 0.02, 0, 0))
FOLDED = Camera.from_intrinsics(400, 400, 800, 600, 1600, 1200, "equidistant", (-0.2, 0, 0, 0))
BARREL = Camera.from_intrinsics(400, 400, 320, 240, 640, 480, "plumb_bob", (-0.5, 0, 0, 0))


def looks(camera: Camera, pixel) -> np.ndarray:
    """The direction (3,) in which a view looks that has its centre at a pixel."""
    return view_rotation(np.array([[*pixel, 100.0, 0.4]]), camera)[0, :, 2]


def angle(direction: np.ndarray) -> float:
    return float(np.degrees(np.arccos(direction[2])))


@pytest.mark.parametrize("degrees", [60, 76, 80, 84])
def test_views_through_a_fisheye_lens_look_along_the_ray(degrees):
    direction = np.array(
        [0.6 * np.sin(np.radians(degrees)), 0.8 * np.sin(np.radians(degrees)), np.cos(np.radians(degrees))]
    )
    np.testing.assert_allclose(looks(WIDE, WIDE.project(direction)), direction, atol=1e-6)


@pytest.mark.parametrize(
    "camera, reach, last",
    [(WIDE, 900, 90), (FOLDED, 900, 73.95), (BARREL, 250, np.degrees(np.arctan(np.sqrt(2 / 3))))],
)
def test_views_beyond_the_model_look_along_its_last_ray_that_way(camera, reach, last):
    for towards in (np.array([0.6, 0.8]), np.array([-1.0, 0.0])):
        direction = looks(camera, camera.principal_point + reach * towards)
        assert angle(direction) == pytest.approx(last, abs=0.5)
        np.testing.assert_allclose(direction[:2] / np.linalg.norm(direction[:2]), towards, atol=1e-6)
