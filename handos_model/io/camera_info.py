"""sensor_msgs/CameraInfo to Camera, from plain values: those of bags, of messages in the node, and of files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.camera import DISTORTION_COEFFICIENTS, Camera
from handos_model.io.files import CALIBRATION, one_line, shown
from handos_model.io.yaml_file import read_yaml

MATRICES = {"camera_matrix": ("k", 9), "rectification_matrix": ("r", 9), "projection_matrix": ("p", 12)}
"""Keys of the file, with the field of the message and its number of values; camera_matrix is required."""
LARGEST_EDGE = 65_535
"""Largest width and height in px."""
_ALIASES = {"": "none", "fisheye": "equidistant", "kannala_brandt4": "equidistant"}


@dataclass
class Calibration:
    """The fields of CameraInfo that a file of camera_calibration gives; matrices that it lacks are zero, as there."""

    width: int
    height: int
    distortion_model: str
    d: list[float]
    k: list[float]
    r: list[float] = field(default_factory=lambda: [0.0] * 9)
    p: list[float] = field(default_factory=lambda: [0.0] * 12)


def read_calibration(path: Path) -> Calibration:
    """Reads a YAML file written by camera_calibration; raises ValueError with one sentence for any other file."""
    about = read_yaml(path, CALIBRATION)
    if not isinstance(about, dict):
        raise ValueError(f"calibration file {shown(path)} holds no keys, must be a file of camera_calibration")
    width, height = (_size(about, key, path) for key in ("image_width", "image_height"))
    model = one_line(about.get("distortion_model", "plumb_bob"))
    lens = _numbers(about, "distortion_coefficients", None, path)
    wanted = {key: row for key, row in MATRICES.items() if key in about or key == "camera_matrix"}
    matrices = {name: _numbers(about, key, count, path) for key, (name, count) in wanted.items()}
    return Calibration(width, height, model, lens, **matrices)


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
