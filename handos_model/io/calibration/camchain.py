"""Kalibr's camchain of one camera, as the keys of camera_calibration."""

from __future__ import annotations

from typing import Any

from handos_model.io.files import one_line

LENSES = {
    "pinhole-radtan": ("plumb_bob", 5),
    "pinhole-equidistant": ("equidistant", 4),
    "pinhole-none": ("plumb_bob", 5),
}
"""Kalibr's camera and distortion models, with those of sensor_msgs/CameraInfo that begin with the same coefficients,
and the numbers of these."""


def as_camera_calibration(cameras: dict[str, dict[str, Any]], where: str) -> dict[str, Any]:
    """The only camera as camera_calibration would have written it; ValueError for several, and for other lenses.

    cameras: those of the camchain by their names; where: the file, for errors.
    """
    if len(cameras) > 1:
        raise ValueError(f"{where} has the cameras {one_line(', '.join(cameras))}: leave only that of the images in it")
    ((name, about),) = cameras.items()
    lens = f"{about.get('camera_model')}-{about.get('distortion_model')}"
    if lens not in LENSES:
        known = ", ".join(LENSES)
        raise ValueError(f"{one_line(name)} in {where} is {one_line(lens)}, must be one of {known}: calibrate it so")
    try:
        (fx, fy, cx, cy), (width, height) = about["intrinsics"], about["resolution"]
        given = [*about["distortion_coeffs"]]
    except (KeyError, TypeError, ValueError):
        wanted = "intrinsics [fx, fy, cx, cy], resolution [width, height] and a list of distortion_coeffs"
        raise ValueError(f"{one_line(name)} in {where} must have {wanted}") from None
    model, count = LENSES[lens]
    return {
        "image_width": width,
        "image_height": height,
        "camera_matrix": {"data": [fx, 0, cx, 0, fy, cy, 0, 0, 1]},
        "distortion_model": model,
        "distortion_coefficients": {"data": given + [0.0] * (count - len(given))},
    }
