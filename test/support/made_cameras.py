"""Cameras of every distortion model."""

import pytest

from handos_model.camera import Camera

PLAIN = Camera.from_intrinsics(520, 480, 301.5, 260.25, 640, 480)
BARREL = Camera.from_intrinsics(420, 400, 310, 250, 640, 480, "plumb_bob", (-0.31, 0.12, 0.001, -0.0005, -0.02))
RATIONAL = Camera.from_intrinsics(
    420, 400, 310, 250, 640, 480, "rational_polynomial", (0.48, -2.61, 1e-4, 2e-4, 1.54, 0.36, -2.43, 1.46)
)
FISHEYE = Camera.from_intrinsics(260, 262, 318, 243, 640, 480, "equidistant", (0.01, -0.004, 0.002, -0.0005))
CAMERAS = pytest.mark.parametrize("camera", [PLAIN, BARREL, RATIONAL, FISHEYE], ids=lambda c: c.distortion_model)
