"""Calibration files: those of camera_calibration, and what of Kalibr's says the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.io.calibration.camchain import as_camera_calibration
from handos_model.io.calibration.known_formats import cameras_of_camchain, format_of
from handos_model.io.files import CALIBRATION, one_line, shown
from handos_model.io.yaml_file import read_yaml

MATRICES = {"camera_matrix": ("k", 9), "rectification_matrix": ("r", 9), "projection_matrix": ("p", 12)}
"""Keys of the file, with the field of the message and its number of values; camera_matrix is required."""
LARGEST_EDGE = 65_535
"""Largest width and height in px."""


@dataclass
class Calibration:
    """The fields of CameraInfo that a calibration file gives; matrices that it lacks are zero, as there."""

    width: int
    height: int
    distortion_model: str
    d: list[float]
    k: list[float]
    r: list[float] = field(default_factory=lambda: [0.0] * 9)
    p: list[float] = field(default_factory=lambda: [0.0] * 12)


def read_calibration(path: Path) -> Calibration:
    """Reads a YAML file of camera_calibration, or Kalibr's of one camera; ValueError with one sentence for any other.

    The distortion model may be any text.
    """
    about, where = read_yaml(path, CALIBRATION), f"calibration file {shown(path)}"
    if cameras := cameras_of_camchain(about):
        about = as_camera_calibration(cameras, where)
    if not isinstance(about, dict) or not about.keys() & {"image_width", *MATRICES}:
        hint = f"must be a file of camera_calibration or Kalibr: {CALIBRATION.hint}"
        raise ValueError(f"{where} {format_of(about)}, {hint}")
    width, height = (_size(about, key, where) for key in ("image_width", "image_height"))
    model = one_line(about.get("distortion_model", "plumb_bob"))
    lens = _numbers(about, "distortion_coefficients", None, where)
    wanted = {key: row for key, row in MATRICES.items() if key in about or key == "camera_matrix"}
    matrices = {name: _numbers(about, key, count, where) for key, (name, count) in wanted.items()}
    return Calibration(width, height, model, lens, **matrices)


def _size(about: dict[str, Any], key: str, where: str) -> int:
    value = about.get(key)
    if type(value) is not int or not 1 <= value <= LARGEST_EDGE:
        raise ValueError(f"{key} is {one_line(repr(value))} in {where}, must be 1 to {LARGEST_EDGE} pixels")
    return value


def _numbers(about: dict[str, Any], key: str, count: int | None, where: str) -> list[float]:
    """Values under `key: {data: [...]}`; count: how many there must be, None for any number."""
    entry = about.get(key)
    try:
        values = [float(value) for value in about[key]["data"]]
    except (TypeError, KeyError, ValueError, OverflowError):
        raise ValueError(f"{key} is {one_line(repr(entry))} in {where}, must hold numbers under data") from None
    if not np.isfinite(values).all() or (count is not None and len(values) != count):
        wanted = "finite" if count is None else f"{count} finite"
        raise ValueError(f"{key} is {one_line(values)} in {where}, must hold {wanted} numbers")
    return values
