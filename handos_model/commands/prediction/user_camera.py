"""The camera that --intrinsics gives to images: four numbers, or a calibration file with the lens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from handos_model.camera import Camera
from handos_model.io.calibration.calibration_file import read_calibration
from handos_model.io.camera_info import full_camera

UserCamera = Callable[[int, int], Camera]
"""The camera of images of a width and a height in px; ValueError for images that are not that camera's."""
LARGEST_FOCAL = 1e7  # px: no image that can be read needs more
FILES = (".yaml", ".yml")


def calibration_file(text: str | None) -> Path | None:
    """The file that --intrinsics names; None if it is not given, or is numbers."""
    return Path(text) if text and text.lower().endswith(FILES) else None


def user_camera(text: str | None, rectified: bool = False) -> UserCamera | None:
    """The camera of --intrinsics; None if it is not given; ValueError or OSError for anything but a camera.

    rectified: the images are, so the projection matrix of a file describes them.
    """
    if not text:
        return None
    if (path := calibration_file(text)) is None:
        return partial(_camera_of_numbers, _numbers(text))
    return partial(_camera_of_file, full_camera(read_calibration(path), rectified, text), text)


def _camera_of_file(camera: Camera, name: str, width: int, height: int) -> Camera:
    if (camera.width, camera.height) != (width, height):
        calibrated = f"{camera.width}x{camera.height}"
        raise ValueError(f"it has {width}x{height} px, the calibration of {name} {calibrated}: they must agree")
    return camera


def _camera_of_numbers(numbers: tuple[float, float, float, float], width: int, height: int) -> Camera:
    camera = Camera.from_intrinsics(*numbers, width, height)
    camera.check_plausible("--intrinsics")
    return camera


def _numbers(text: str) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in px from "fx,fy,cx,cy"; ValueError for anything else."""
    try:
        fx, fy, cx, cy = map(float, text.split(","))
    except ValueError:
        raise ValueError(
            f"--intrinsics takes four numbers fx,fy,cx,cy or a .yaml file of camera_calibration or Kalibr, got {text!r}"
        ) from None
    Camera.from_intrinsics(fx, fy, cx, cy, 1, 1)  # refuses numbers that no camera has
    if max(map(abs, (fx, fy, cx, cy))) > LARGEST_FOCAL:
        raise ValueError(f"--intrinsics are in pixels, and no image has that many: got {text!r}")
    return fx, fy, cx, cy
