"""Rays of equidistant (fisheye) lenses, over all of the angles that the lens model covers."""

from __future__ import annotations

import math

import numpy as np

WIDEST = math.radians(89.999)
"""Angle of the outermost ray; at 90 degrees, x / z has no value."""
SAMPLES = 1000
"""Angles at which a lens is tabulated: from there, one step of Newton's method ends within rounding of the solution."""


class EquidistantLens:
    """Inverts theta_d = theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8), theta being a ray's angle.

    OpenCV's inverse ends where theta_d reaches 90 degrees, where a lens with positive coefficients may see rays of
    70 degrees. This one ends at WIDEST, or where theta_d stops growing: farther out, no ray is the only one.
    """

    def __init__(self, coefficients: np.ndarray) -> None:
        k1, k2, k3, k4 = coefficients.tolist()
        self._k, self._slope_k = (k1, k2, k3, k4), (3 * k1, 5 * k2, 7 * k3, 9 * k4)
        theta = np.linspace(0, WIDEST, SAMPLES)
        ends = np.append(np.flatnonzero(_series(theta**2, self._slope_k) <= 0), SAMPLES)[0]
        self._theta = theta[:ends]
        self._theta_d = self._theta * _series(self._theta**2, self._k)

    def undistorted(self, points: np.ndarray) -> np.ndarray:
        """x / z and y / z (..., 2) of rays, from those (..., 2) that a pinhole camera would have; NaN for no ray."""
        theta_d = np.sqrt((points**2).sum(axis=-1))
        theta = np.interp(theta_d, self._theta_d, self._theta, right=np.nan)
        square = theta**2
        theta += (theta_d - theta * _series(square, self._k)) / _series(square, self._slope_k)
        theta = theta.clip(0, self._theta[-1])
        return points * (np.tan(theta) / np.maximum(theta_d, 1e-12))[..., None]


def _series(square: np.ndarray, k: tuple[float, float, float, float]) -> np.ndarray:
    """1 + k1 square + k2 square^2 + k3 square^3 + k4 square^4."""
    return 1 + square * (k[0] + square * (k[1] + square * (k[2] + square * k[3])))
