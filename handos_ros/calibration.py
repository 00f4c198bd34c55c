"""CameraInfo from a file written by camera_calibration, from a camera, or from a field of view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo

from handos_model.camera import Camera
from handos_model.io.files import CALIBRATION, one_line, shown
from handos_model.io.yaml_file import read_yaml

MATRICES = {"camera_matrix": ("k", 9), "rectification_matrix": ("r", 9), "projection_matrix": ("p", 12)}
"""Keys of the file, with the field of the message and its number of values; camera_matrix is required."""
LARGEST_EDGE = 65_535
"""Largest width and height in px."""


def read_calibration(path: Path) -> CameraInfo:
    """Reads a YAML file written by camera_calibration; raises ValueError with one sentence for any other file."""
    about = read_yaml(path, CALIBRATION)
    if not isinstance(about, dict):
        raise ValueError(f"calibration file {shown(path)} holds no keys, must be a file of camera_calibration")
    info = CameraInfo()
    info.width, info.height = (_size(about, key, path) for key in ("image_width", "image_height"))
    info.distortion_model = one_line(about.get("distortion_model", "plumb_bob"))
    info.d = _numbers(about, "distortion_coefficients", None, path)
    for key, (name, count) in MATRICES.items():
        if key in about or key == "camera_matrix":
            setattr(info, name, _numbers(about, key, count, path))
    return info


def info_of(camera: Camera, R: np.ndarray | None = None, P: np.ndarray | None = None) -> CameraInfo:
    """Returns the message of a camera.

    R (3, 3) and P (3, 4): how its images are rectified; by default they are only undistorted, with the same K.
    """
    model, d = camera.distortion_model, camera.distortion.tolist()
    if model in ("none", "plumb_bob"):
        model, d = "plumb_bob", d + [0.0] * (5 - len(d))  # as drivers write it
    info = CameraInfo(width=camera.width, height=camera.height, distortion_model=model, d=d)
    R = np.eye(3) if R is None else R
    P = np.append(camera.K, np.zeros((3, 1)), axis=1) if P is None else P
    info.k, info.r, info.p = camera.K.ravel(), R.ravel(), P.ravel()
    return info


def field_of_view(width: int, height: int, degrees: float) -> CameraInfo:
    """Returns a pinhole camera with `degrees` along its long edge; 0 leaves it uncalibrated, with K zero."""
    if degrees:
        return info_of(Camera.from_fov(width, height, degrees))
    return CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)


def _size(about: dict[str, Any], key: str, path: Path) -> int:
    value = about.get(key)
    if type(value) is not int or not 1 <= value <= LARGEST_EDGE:
        raise ValueError(
            f"{key} is {one_line(repr(value))} in calibration file {shown(path)}, must be 1 to {LARGEST_EDGE} pixels"
        )
    return value


def _numbers(about: dict[str, Any], key: str, count: int | None, path: Path) -> list[float]:
    """Values under `key: {data: [...]}`; count: how many there must be, None for any number."""
    entry = about.get(key)
    try:
        values = [float(value) for value in about[key]["data"]]
    except (TypeError, KeyError, ValueError, OverflowError):
        raise ValueError(
            f"{key} is {one_line(repr(entry))} in calibration file {shown(path)}, must hold numbers under data"
        ) from None
    if not np.isfinite(values).all() or (count is not None and len(values) != count):
        wanted = "finite" if count is None else f"{count} finite"
        raise ValueError(f"{key} is {one_line(values)} in calibration file {shown(path)}, must hold {wanted} numbers")
    return values
