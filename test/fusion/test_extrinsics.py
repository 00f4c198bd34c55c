"""The file that says where cameras stand."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from posed_hand import rotation

from handos_model.fusion.camera_poses import CameraPoses
from handos_model.fusion.extrinsics import Extrinsics, impossible, read_extrinsics
from handos_model.fusion.transform_tree import NoTransform
from handos_model.kinematics.frames import quaternion, rotation_matrix

GOOD = """
frame: world
cameras:
  left_optical_frame: {translation: [0.1, 0, 1.5], rotation: [0, 0, 0, 1]}
  right_optical_frame:
    translation: [1, 2, 3]
    rotation: [0.7071, 0, 0, 0.7071]
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "cameras.yaml").write_text(GOOD)
    frame, cameras = read_extrinsics(tmp_path / "cameras.yaml")
    assert frame == "world" and list(cameras) == ["left_optical_frame", "right_optical_frame"]
    np.testing.assert_allclose(cameras["left_optical_frame"].to_common(np.array([1.0, 2, 3])), [1.1, 2, 4.5])
    right = cameras["right_optical_frame"]
    np.testing.assert_allclose(right.to_common(np.array([0.0, 1, 0])), [1, 2, 4], atol=1e-9)
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(right.to_camera(right.to_common(points)), points, atol=1e-12)


def test_quaternions_are_those_of_the_rest() -> None:
    turn = rotation((1, -2, 0.5), 2.3)
    np.testing.assert_allclose(rotation_matrix(quaternion(turn)), turn, atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("frame: world", "", "must have the keys frame and cameras"),
        ("frame: world", "frame: 3", "frame is 3"),
        ("frame: world", "frame: world\nunits: mm", "must have the keys frame and cameras"),
        ("translation: [0.1, 0, 1.5]", "translation: [0.1, 0]", "left_optical_frame.*translation must be x, y, z"),
        ("translation: [0.1, 0, 1.5]", "translation: [0.1, 0, .nan]", "left_optical_frame.*finite"),
        ("translation: [0.1, 0, 1.5]", "translation: far", "lists of numbers"),
        ("rotation: [0, 0, 0, 1]", "rotation: [0, 0, 0, 0]", "length 1"),
        ("rotation: [0, 0, 0, 1]", "rotation: [0, 0, 90, 1]", "length 1"),
        ("rotation: [0, 0, 0, 1]", "rotation: [0, 0, 0]", "rotation x, y, z, w"),
        ("rotation: [0, 0, 0, 1]", "roll: 1", "left_optical_frame.*translation \\[x, y, z\\] and rotation"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    (tmp_path / "cameras.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=said) as error:
        read_extrinsics(tmp_path / "cameras.yaml")
    assert "cameras.yaml" in str(error.value) and "\n" not in str(error.value)


def test_names_of_frames_have_no_leading_slashes(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(GOOD.replace("frame: world", "frame: /world").replace("left_optical_frame", "/left_optical_frame"))
    frame, cameras = read_extrinsics(path)
    assert frame == "world" and "left_optical_frame" in cameras
    path.write_text(path.read_text() + "  left_optical_frame: {translation: [0, 0, 0], rotation: [0, 0, 0, 1]}\n")
    with pytest.raises(ValueError, match="holds a frame twice"):
        read_extrinsics(path)
    path.write_text(GOOD.replace("frame: world", "frame: /"))
    with pytest.raises(ValueError, match="frame is '/'"):
        read_extrinsics(path)


def test_a_camera_in_the_common_frame_needs_no_pose(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(GOOD.replace("world", "first"))
    poses = CameraPoses("", path)
    for name in ("first", "/first"):
        np.testing.assert_array_equal(poses.pose(name, 0.0).to_common(np.array([1.0, 2, 3])), [1, 2, 3])
    with pytest.raises(NoTransform, match=r"second is not in .*, which has left_optical_frame, right_optical_frame"):
        poses.pose("second", 0.0)
    path.write_text(GOOD.replace("world", "/left_optical_frame"))
    with pytest.raises(ValueError, match="left_optical_frame in .* has a pose in itself: leave it out"):
        read_extrinsics(path)
    path.write_text(path.read_text().replace("[0.1, 0, 1.5]", "[0, 0, 0]"))
    assert read_extrinsics(path)[0] == "left_optical_frame"


@pytest.mark.parametrize("text", ["", "3", "[]", "frame: a\ncameras: {}\n", "frame: a\ncameras: [1]\n"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cameras.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"cameras\.yaml"):
        read_extrinsics(tmp_path / "cameras.yaml")
    with pytest.raises(FileNotFoundError, match="no extrinsics file"):
        read_extrinsics(tmp_path / "none.yaml")


@pytest.mark.parametrize("wrong", ["scaled", "sheared", "rounded"])
def test_a_rotation_that_is_nearly_one_becomes_the_nearest(wrong: str) -> None:
    turn = rotation((1, -2, 0.5), 2.3)
    shear = np.eye(3)
    shear[0, 1] = 0.004
    given = {"scaled": turn * 1.0045, "sheared": turn @ shear, "rounded": turn.round(3)}[wrong]
    pose = Extrinsics(given, np.array([1.0, 2, 3]))
    np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(pose.rotation, turn, atol=1e-9 if wrong == "scaled" else 0.003)
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(pose.to_camera(pose.to_common(points)), points, atol=1e-12)
    lengths = np.linalg.norm(pose.to_common(points) - [1, 2, 3], axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(points, axis=1))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("far", [1e30, 1e308, np.inf, np.nan])
def test_numbers_of_any_size_are_refused_without_a_warning(far: float) -> None:
    with pytest.raises(ValueError, match=r"rotation is .*, must be a quaternion x, y, z, w of length 1"):
        Extrinsics.from_quaternion((0, 0, 0), (0, 0, -far, far))
    with pytest.raises(ValueError, match=r"position is .*, must be finite and within 10000 m"):
        Extrinsics.from_quaternion((far, 0, -far), (0, 0, 0, 1))


def test_what_is_not_impossible_is_a_pose() -> None:
    edges = (0.0, -0.0, 1e-310, 1e4, math.nextafter(1e4, 2e4), -1e4, math.inf, math.nan, 1e308)
    turns = [(0, 0, math.sin(angle) * size, math.cos(angle) * size) for angle in edges[:3] for size in (0.9901, 1.0099)]
    turns += [(x, 0.0, 1.0, y) for x in edges for y in edges]
    possible = 0
    for place in itertools.product(edges, repeat=3):
        for turn in turns[:: 1 if place[0] == place[1] == 0 else 20]:
            if why := impossible(place, turn):
                with pytest.raises(ValueError) as said:
                    Extrinsics.from_quaternion(place, turn)
                assert str(said.value) == why
            else:
                Extrinsics.from_quaternion(place, turn)
                possible += 1
    assert possible > 100


def test_a_mirror_is_no_rotation() -> None:
    with pytest.raises(ValueError, match="right-handed"):
        Extrinsics(np.diag([1, 1, -1]), np.zeros(3))
