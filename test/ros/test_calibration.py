"""CameraInfo from a file of camera_calibration, or from a field of view."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="needs ROS 2")

from hostile_yaml import HOSTILE

from handos_model.camera import DISTORTION_COEFFICIENTS, Camera
from handos_ros.calibration import calibrated_info, field_of_view, info_of
from handos_ros.input.intrinsics import camera_from_info

FILE = """
image_width: 640
image_height: 480
camera_name: lens
camera_matrix: {rows: 3, cols: 3, data: [500.0, 0, 320, 0, 510, 240, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0.02, 0, 0, 0]}
projection_matrix: {rows: 3, cols: 4, data: [490, 0, 321, 0, 0, 505, 239, 0, 0, 0, 1, 0]}
"""


def test_a_file_of_camera_calibration(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(FILE)
    info = calibrated_info(path)
    assert (info.width, info.height, info.distortion_model) == (640, 480, "plumb_bob")
    np.testing.assert_array_equal(info.k, [500, 0, 320, 0, 510, 240, 0, 0, 1])
    np.testing.assert_array_equal(info.d, [0.1, 0.02, 0, 0, 0])
    assert info.p[0] == 490 and not info.r.any()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("image_width: 640", "image_width: 0", "image_width is 0 in calibration file"),
        ("image_width: 640", "image_width: wide", "image_width is 'wide' in calibration file"),
        ("0, 0, 1]}\ndist", "0, 0]}\ndist", "must hold 9 finite numbers"),
        ("0.1, 0.02", ".nan, 0.02", "must hold finite numbers"),
        ("data: [0.1, 0.02, 0, 0, 0]", "values: none", "must hold numbers under data"),
        ("image_width: 640", "image_width: [", "cannot be read"),
        ("image_width: 640", "image_width: 70000", "image_width is 70000 .* must be 1 to 65535 pixels"),
        ("[0.1, 0.02", f"[1{'0' * 400}, 0.02", "does not fit in 64 bits"),
        ("[0.1, 0.02", "[.inf, 0.02", "must hold finite numbers"),
        ("data: [0.1, 0.02, 0, 0, 0]", "data: [[" + "x, " * 9000 + "]]", "must hold numbers under data"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "camera.yaml"
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    with pytest.raises(ValueError, match=sentence) as caught:
        calibrated_info(path)
    assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "camera.yaml").write_text(HOSTILE[name][0])
    with pytest.raises(ValueError, match=HOSTILE[name][1]):
        calibrated_info(tmp_path / "camera.yaml")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no calibration file"):
        calibrated_info(tmp_path / "none.yaml")


def test_a_field_of_view_and_none() -> None:
    info = field_of_view(640, 480, 90.0)
    assert info.k[0] == pytest.approx(320) and info.k[2] == 319.5 and info.p[0] == info.k[0]
    assert not field_of_view(640, 480, 0.0).k.any()


@pytest.mark.parametrize(
    ("model", "count"), [(model, count) for model, counts in DISTORTION_COEFFICIENTS.items() for count in counts]
)
def test_the_message_of_a_camera_describes_it(model: str, count: int) -> None:
    lens = tuple(0.01 * (number + 1) for number in range(count))
    camera = Camera.from_intrinsics(500, 510, 320, 240, 640, 480, model, lens)
    found = camera_from_info(info_of(camera), 640, 480)
    assert (found.K == camera.K).all() and found.distortion_model == model
    assert found.distortion.tolist() == list(lens)
    assert (camera_from_info(info_of(camera), 640, 480, rectified=True).K == camera.K).all()
