"""Calibration files: which formats are read, and that others are refused by their names."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("yaml")
from handos_model.fusion.extrinsics import read_extrinsics
from handos_model.io.calibration.calibration_file import read_calibration
from handos_model.io.camera_info import full_camera

KALIBR = """
cam0:
  T_cam_imu:
  - [0.0, 1.0, 0.0, 0.0]
  - [-1.0, 0.0, 0.0, 0.0]
  - [0.0, 0.0, 1.0, 0.0]
  - [0.0, 0.0, 0.0, 1.0]
  cam_overlaps: []
  camera_model: pinhole
  distortion_coeffs: [-0.28, 0.07, 0.0001, 1e-05]
  distortion_model: radtan
  intrinsics: [458.6, 457.3, 367.2, 248.4]
  resolution: [752, 480]
  rostopic: /cam0/image_raw
"""
ROS = """
image_width: 752
image_height: 480
camera_matrix: {rows: 3, cols: 3, data: [458.6, 0, 367.2, 0, 457.3, 248.4, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.28, 0.07, 0.0001, 0.00001, 0]}
"""
CAMERA_INFO = """
width: 752
height: 480
distortion_model: plumb_bob
d: [-0.28, 0.07, 0.0001, 0.00001, 0.0]
k: [458.6, 0.0, 367.2, 0.0, 457.3, 248.4, 0.0, 0.0, 1.0]
"""
WANTED = "must be a file of camera_calibration or Kalibr: docs/command_line.md shows one"


def written(folder: Path, text: str) -> Path:
    (folder / "x.yaml").write_text(text)
    return folder / "x.yaml"


def refusal(path: Path, read: object = read_calibration) -> str:
    with pytest.raises(ValueError) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 500
    return str(caught.value).replace(str(path), "x.yaml")


def opencv(folder: Path) -> Path:
    """A file of OpenCV's FileStorage with the keys of camera_calibration."""
    path = folder / "opencv.yaml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", 752)
    storage.write("camera_matrix", np.eye(3))
    storage.release()
    return path


def test_a_camchain_says_what_camera_calibration_says(tmp_path: Path) -> None:
    assert read_calibration(written(tmp_path, KALIBR)) == read_calibration(written(tmp_path, ROS))


@pytest.mark.parametrize(
    ("lens", "coefficients", "model"),
    [
        ("radtan", [-0.28, 0.07, 0.0, 1e-5], "plumb_bob"),
        ("equidistant", [0.1, 0, 0, 0], "equidistant"),
        ("none", [], "none"),
    ],
)
def test_lenses_of_kalibr(tmp_path: Path, lens: str, coefficients: list[float], model: str) -> None:
    text = KALIBR.replace("radtan", lens).replace("[-0.28, 0.07, 0.0001, 1e-05]", str(coefficients))
    camera = full_camera(read_calibration(written(tmp_path, text)))
    assert (camera.distortion_model, (camera.width, camera.height)) == (model, (752, 480))
    given = np.pad(coefficients, (0, len(camera.distortion) - len(coefficients)))
    np.testing.assert_array_equal(camera.distortion, given)
    np.testing.assert_array_equal(camera.K, [[458.6, 0, 367.2], [0, 457.3, 248.4], [0, 0, 1]])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "pinhole",
            "omni",
            "cam0 in calibration file x.yaml is omni-radtan, must be one of pinhole-radtan, pinhole-equi",
        ),
        ("radtan", "fov", "is pinhole-fov, must be one of"),
        ("radtan", "[1]", "is pinhole-[1], must be one of"),
        ("458.6, ", "", "must have intrinsics [fx, fy, cx, cy], resolution [width, height] and"),
        ("resolution: [752, 480]", "", "must have intrinsics [fx, fy, cx, cy], resolution [width, height] and"),
        ("[752, 480]", "[wide, 480]", "image_width is 'wide' in calibration file x.yaml, must be 1 to 65535 pixels"),
        ("[-0.28, 0.07, 0.0001, 1e-05]", "3", "[width, height] and a list of distortion_coeffs"),
        ("-0.28", "much", "must hold numbers under data"),
    ],
)
def test_a_camchain_of_another_camera_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in refusal(written(tmp_path, KALIBR.replace(old, new)))


def test_a_camchain_of_several_cameras_is_refused(tmp_path: Path) -> None:
    said = "calibration file x.yaml has the cameras cam0, cam1: leave only that of the images in it"
    assert refusal(written(tmp_path, KALIBR + KALIBR.replace("cam0", "cam1"))) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CAMERA_INFO, "is a sensor_msgs/CameraInfo"),
        ("frame: table\ncameras: {}", "has another format"),
        ("", "has another format"),
        ("3", "has another format"),
        ("[1]", "has another format"),
        ("{1: 2}", "has another format"),
    ],
)
def test_other_formats_are_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    assert refusal(written(tmp_path, text)) == f"calibration file x.yaml {said}, {WANTED}"


def test_files_of_opencv_are_refused_by_name(tmp_path: Path) -> None:
    path = opencv(tmp_path)
    said = "x.yaml is of OpenCV's FileStorage, must be plain YAML"
    assert refusal(path) == f"calibration file {said}: docs/command_line.md shows one"
    assert refusal(path, read_extrinsics) == f"extrinsics file {said}: docs/cameras.md shows one"
    path.write_text(path.read_text().replace("%YAML:1.0\n---\n", ""))
    assert said in refusal(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (KALIBR, "is a camchain of Kalibr"),
        (ROS, "is a file of camera_calibration"),
        (CAMERA_INFO, "is a sensor_msgs/CameraInfo"),
        ("a: 1", "has another format"),
    ],
)
def test_extrinsics_in_other_formats_are_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    wanted = "must have the keys frame and cameras and no others: docs/cameras.md shows one"
    assert refusal(written(tmp_path, text), read_extrinsics) == f"extrinsics file x.yaml {said}, {wanted}"


def test_rectified_images_need_a_projection_matrix(tmp_path: Path) -> None:
    calibration = read_calibration(written(tmp_path, KALIBR))
    with pytest.raises(ValueError, match=r"x\.yaml has no projection matrix P, which rectified images need: calibrate"):
        full_camera(calibration, rectified=True, source="x.yaml")
