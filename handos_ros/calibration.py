"""CameraInfo from a calibration file, from a camera, or from a field of view."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from sensor_msgs.msg import CameraInfo

from handos_model.camera import Camera
from handos_model.io.calibration.calibration_file import read_calibration


def calibrated_info(path: Path) -> CameraInfo:
    """The message that a YAML file describes; raises what read_calibration raises."""
    return CameraInfo(**asdict(read_calibration(path)))


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
