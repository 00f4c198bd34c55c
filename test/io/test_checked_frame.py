"""Demands of HandPredictor, HandFollower and draw_hands on an image's camera."""

import numpy as np
import pytest
from made_cameras import PLAIN

from handos_model import Camera, draw_hands
from handos_model.io.frame import checked_frame

IMAGE = np.zeros((480, 640, 3), np.uint8)


@pytest.mark.parametrize("camera", [PLAIN.K, "camera.yaml", (500, 500, 320, 240)])
def test_what_is_no_camera_is_refused(camera):
    with pytest.raises(ValueError, match=f"camera is {type(camera).__name__}, must be a Camera"):
        checked_frame(IMAGE, camera)


@pytest.mark.parametrize("focal", [0.9, 1.93])  # of the width, and mm
def test_focal_lengths_that_are_not_in_pixels_are_refused(focal):
    camera = Camera.from_intrinsics(focal, focal, 320, 240, 640, 480)
    with pytest.raises(ValueError, match=f"fx = {focal}, fy = {focal}, must be 6.4 px or more"):
        draw_hands(IMAGE, [], camera)


def test_a_small_part_of_an_image_keeps_its_focal_length():
    camera = PLAIN.cropped(600, 400, 4, 2)
    assert checked_frame(IMAGE[:2, :4], camera)[1] is camera
