"""Where cameras are: the pose of each in a common frame, from numbers or from a YAML file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.io.calibration.known_formats import format_of
from handos_model.io.files import EXTRINSICS, one_line, shown
from handos_model.io.frame import LONGEST_NAME
from handos_model.io.yaml_file import read_yaml
from handos_model.kinematics.frames import nearest_rotation, rotation_matrix

UNIT = 1e-2
"""Maximum difference of a quaternion's length from 1, since files give few digits."""
FARTHEST = 1e4
"""m: no camera that sees hands is farther from the origin."""
EXACT = 1e-9
"""A rotation is this close to orthonormal if nothing but floating point has rounded it."""


@dataclass(frozen=True, eq=False)
class Extrinsics:
    """The pose of a camera's optical frame in the common frame.

    Wrong shapes and numbers raise ValueError; a rotation that is only rounded becomes the nearest exact one.
    """

    rotation: np.ndarray
    """(3, 3), from the camera's axes to those of the common frame."""
    position: np.ndarray
    """(3,) m, of the camera in the common frame."""

    def __post_init__(self) -> None:
        rotation, position = np.array(self.rotation, np.float64), np.array(self.position, np.float64)
        if rotation.shape != (3, 3) or position.shape != (3,):
            raise ValueError(f"rotation is {rotation.shape}, position {position.shape}, must be (3, 3) and (3,)")
        off = np.abs(rotation @ rotation.T - np.eye(3)).max() if np.isfinite(rotation).all() else np.inf
        if not off < UNIT or np.linalg.det(rotation) < 0:
            raise ValueError(f"rotation is {rotation.tolist()}, must be orthonormal and right-handed")
        if why := _too_far(position.tolist()):
            raise ValueError(why)
        object.__setattr__(self, "rotation", nearest_rotation(rotation) if off > EXACT else rotation)
        object.__setattr__(self, "position", position)

    @classmethod
    def from_quaternion(cls, translation: Any, rotation: Any) -> Extrinsics:
        """translation (3,) m; rotation (4,) x, y, z, w as in ROS, of length 1."""
        try:
            q = np.array(rotation, np.float64)
            t = np.array(translation, np.float64)
        except (TypeError, ValueError):
            raise ValueError("translation and rotation must be lists of numbers") from None
        if t.shape != (3,) or q.shape != (4,):
            raise ValueError("translation must be x, y, z in metres, and rotation x, y, z, w")
        if why := _not_a_turn(q.tolist()):
            raise ValueError(why)
        return cls(rotation_matrix(q / math.hypot(*q)), t)

    def to_common(self, points: np.ndarray) -> np.ndarray:
        """Transforms points (..., 3) m from the camera frame to the common frame."""
        return points @ self.rotation.T + self.position

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Transforms points (..., 3) m from the common frame to the camera frame."""
        return (points - self.position) @ self.rotation


def impossible(translation: Sequence[float], rotation: Sequence[float]) -> str:
    """Why Extrinsics.from_quaternion refuses these numbers; empty if it takes them.

    It needs a hundredth of the time: transforms come by the thousand, and few of them are ever asked for.
    """
    return _not_a_turn(rotation) or _too_far(translation)


def _not_a_turn(rotation: Sequence[float]) -> str:
    if abs(math.hypot(*rotation) - 1) < UNIT:
        return ""
    return f"rotation is {list(rotation)}, must be a quaternion x, y, z, w of length 1"


def _too_far(position: Sequence[float]) -> str:
    x, y, z = position
    if abs(x) <= FARTHEST and abs(y) <= FARTHEST and abs(z) <= FARTHEST:
        return ""
    return f"position is {list(position)}, must be finite and within {FARTHEST:g} m"


def read_extrinsics(path: Path) -> tuple[str, dict[str, Extrinsics]]:
    """The common frame's name, and the poses of cameras by the names of their optical frames (docs/cameras.md).

    Names have no leading slashes, which ROS 1 had and tf2 has not. Raises FileNotFoundError, and ValueError with one
    sentence for a file that contains anything else.
    """
    about = read_yaml(path, EXTRINSICS)
    where = f"extrinsics file {shown(path)}"
    if not isinstance(about, dict) or set(about) != {"frame", "cameras"}:
        hint = f"must have the keys frame and cameras and no others: {EXTRINSICS.hint}"
        raise ValueError(f"{where} {format_of(about)}, {hint}")
    frame, cameras = about["frame"], about["cameras"]
    if not _is_name(frame):
        raise ValueError(f"frame is {one_line(repr(frame))} in {where}, must be the name of the common frame")
    if not isinstance(cameras, dict) or not cameras:
        raise ValueError(f"cameras in {where} must hold the pose of each camera under the name of its frame")
    poses = {str(name).lstrip("/"): _pose(name, pose, where) for name, pose in cameras.items()}
    if len(poses) < len(cameras):
        raise ValueError(f"cameras in {where} holds a frame twice, with and without a leading slash")
    common = frame.lstrip("/")
    if common in poses and not _is_origin(poses[common]):
        raise ValueError(f"{common} in {where} has a pose in itself: leave it out, or give another common frame")
    return common, poses


def _pose(name: Any, pose: Any, where: str) -> Extrinsics:
    if not _is_name(name) or not isinstance(pose, dict) or set(pose) != {"translation", "rotation"}:
        raise ValueError(
            f"{one_line(repr(name))} in {where} must be the name of a camera's frame, with translation [x, y, z] and "
            "rotation [x, y, z, w], and nothing else"
        )
    try:
        return Extrinsics.from_quaternion(pose["translation"], pose["rotation"])
    except ValueError as error:
        raise ValueError(f"{one_line(name)} in {where}: {one_line(error)}") from error


def _is_origin(pose: Extrinsics) -> bool:
    return np.allclose(pose.rotation, np.eye(3), atol=UNIT) and np.allclose(pose.position, 0.0)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and len(name) <= LONGEST_NAME and name.strip("/") != ""
