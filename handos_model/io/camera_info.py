"""sensor_msgs/CameraInfo to Camera, from plain values: those of bags, of messages in the node, and of files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from handos_model.camera import DISTORTION_COEFFICIENTS, Camera
from handos_model.io.files import one_line

_ALIASES = {"": "none", "fisheye": "equidistant", "kannala_brandt4": "equidistant"}


def is_calibrated(message: Any) -> bool:
    """Returns False for a CameraInfo with K[0] = 0, which tells that the driver's camera is not calibrated."""
    return bool(_intrinsics(message)[0] != 0)


def camera_of_info(message: Any, rectified: bool = False) -> Camera:
    """The camera of the images to which a sensor_msgs/CameraInfo belongs, whatever its source.

    K and D are those of the full resolution; roi is a window in it, all zeros meaning all of it; binning then makes one
    pixel of several, 0 meaning 1. rectified: the images were undistorted by image_proc, so P describes them;
    roi.do_rectify concerns only those. Raises ValueError for a message that is not calibrated, contains NaN or
    contradicts itself.
    """
    return _binned(_cropped(full_camera(message, rectified), message.roi), message)


def full_camera(message: Any, rectified: bool = False, source: str = "camera_info") -> Camera:
    """As camera_of_info, but of all pixels of the sensor; source: what the values come from, for errors."""
    if not is_calibrated(message):
        raise ValueError(f"{source} is not calibrated (its K is zero): calibrate the camera")
    width, height = int(message.width), int(message.height)
    if width < 1 or height < 1:
        raise ValueError(f"{source} has the size {width}x{height} px, must have the full resolution of the sensor")
    if rectified and not _projection(message).any():
        raise ValueError(f"{source} has no projection matrix P, which rectified images need: calibrate the camera")
    if rectified:
        camera = Camera(_projection(message)[:, :3], width, height)
    else:
        model, coefficients = _distortion(message)
        camera = Camera(_intrinsics(message).reshape(3, 3), width, height, model, coefficients)
    camera.check_plausible(source)
    return camera


def rectification_of_info(message: Any) -> np.ndarray | None:
    """R (3, 3) of a sensor_msgs/CameraInfo; None if it is not set, zero as many drivers leave it."""
    R = np.array(message.r if hasattr(message, "r") else message.R, np.float64).reshape(3, 3)
    return R if R.any() and np.isfinite(R).all() else None


def projection_of_info(message: Any) -> np.ndarray | None:
    """P (3, 4) of a sensor_msgs/CameraInfo, with its roi and binning applied as to K; None if it is not set."""
    P = _projection(message)
    if P[0, 0] == 0 or not np.isfinite(P).all():
        return None
    offsets = int(message.roi.x_offset), int(message.roi.y_offset)
    for row, offset, step in zip((0, 1), offsets, (message.binning_x, message.binning_y), strict=True):
        if offset or step > 1:  # otherwise as given, to the last bit
            P[row] = (P[row] + (0.5 - offset) * P[2]) / max(1, int(step)) - 0.5 * P[2]
    return P


def fitted_to_image(camera: Camera, width: int, height: int) -> Camera:
    """The camera with exactly the image's size: drivers differ in whether binning rounds an odd size up or down.

    Raises ValueError if the image cannot come from that camera.
    """
    if abs(camera.width - width) > 1 or abs(camera.height - height) > 1:
        raise ValueError(
            f"camera_info belongs to images of {camera.width}x{camera.height} px (after its roi and binning), "
            f"this one has {width}x{height}: use the camera_info of the same topic"
        )
    return replace(camera, width=width, height=height)


def _intrinsics(message: Any) -> np.ndarray:
    return np.array(message.k if hasattr(message, "k") else message.K, np.float64)


def _projection(message: Any) -> np.ndarray:
    return np.array(message.p if hasattr(message, "p") else message.P, np.float64).reshape(3, 4)


def _distortion(message: Any) -> tuple[str, np.ndarray]:
    """Model and coefficients; "none" if all are zero, unless the model is equidistant: without coefficients, it still
    maps angles to lengths, as ideal fisheye lenses of simulators do.

    Drivers differ in how many trailing zeros they send, so these are removed or added to fit the model.
    """
    coefficients = np.array(message.d if hasattr(message, "d") else message.D, np.float64)
    used = int(np.flatnonzero(coefficients).max(initial=-1)) + 1
    given = one_line(message.distortion_model, 100).lower()  # an unknown model is named in an error message
    model = _ALIASES.get(given, given)
    if not used and model != "equidistant":
        return "none", np.zeros(0)
    counts = DISTORTION_COEFFICIENTS.get(model, ())
    length = next((count for count in counts if count >= used), used)
    return model, np.append(coefficients[:used], np.zeros(length - used))


def _cropped(camera: Camera, roi: Any) -> Camera:
    x, y, width, height = int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)
    if not (x or y or width or height):
        return camera
    width, height = width or camera.width - x, height or camera.height - y
    if width < 1 or height < 1 or x + width > camera.width or y + height > camera.height:
        raise ValueError(
            f"camera_info has a roi of {width}x{height} px at ({x}, {y}), "
            f"must lie inside its {camera.width}x{camera.height} px"
        )
    return camera.cropped(x, y, width, height)


def _binned(camera: Camera, message: Any) -> Camera:
    x, y = max(1, int(message.binning_x)), max(1, int(message.binning_y))
    if x > camera.width or y > camera.height:
        raise ValueError(
            f"camera_info bins by {x}x{y} px, which leaves nothing of its {camera.width}x{camera.height} px"
        )
    return camera.binned(x, y)
