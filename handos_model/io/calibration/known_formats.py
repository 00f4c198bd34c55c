"""Formats of YAML files about cameras, known by their keys, so that a file of another one is refused by its name."""

from __future__ import annotations

from typing import Any

FORMATS = {
    "a file of camera_calibration": {"image_width", "camera_matrix"},
    "a sensor_msgs/CameraInfo": {"width", "distortion_model"},
}
"""Formats, each with keys that occur together in no other."""


def format_of(about: Any) -> str:
    """The format of what a YAML file contains, as the predicate of a sentence."""
    if cameras_of_camchain(about):
        return "is a camchain of Kalibr"
    keys = set(about) if isinstance(about, dict) else set()
    return next((f"is {name}" for name, wanted in FORMATS.items() if wanted <= keys), "has another format")


def cameras_of_camchain(about: Any) -> dict[str, dict[str, Any]]:
    """The cameras of a camchain of Kalibr by their names, such as cam0; empty for anything else."""
    entries = about.items() if isinstance(about, dict) else ()
    return {str(name): entry for name, entry in entries if isinstance(entry, dict) and "distortion_coeffs" in entry}
