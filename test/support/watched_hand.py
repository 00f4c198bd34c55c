"""A posed hand as several cameras would find it: projected, with noise, and with a size that each guesses wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from posed_hand import posed_hand, rotation

from handos_model.camera import Camera
from handos_model.fusion.extrinsics import Extrinsics
from handos_model.fusion.sighting import View
from handos_model.hand import Hand, joints_box
from handos_model.kinematics.frames import quaternion

CAMERA = Camera.from_intrinsics(600, 590, 322, 241, 640, 480)
PLACE = np.array([0.1, -0.2, 1.0])
"""m, of the hand's wrist in the world."""
PLACES = {"left": -30.0, "right": 30.0}
"""Degrees of `standing` of two cameras."""


def standing(degrees: float, distance: float = 0.6) -> Extrinsics:
    """A camera that looks at PLACE, turned about the vertical (y, downwards)."""
    turn = rotation((0, 1, 0), np.radians(degrees))
    return Extrinsics(turn, PLACE - turn @ [0.0, 0.0, distance])


def extrinsics_values(prefix: str = "") -> dict[str, Any]:
    """The values of an extrinsics file with the cameras of PLACES, their names after the prefix."""
    poses = {f"{prefix}{name}": standing(at) for name, at in PLACES.items()}
    cameras = {
        name: {"translation": pose.position.tolist(), "rotation": quaternion(pose.rotation).tolist()}
        for name, pose in poses.items()
    }
    return {"frame": "table", "cameras": cameras}


def true_hand(side: str = "right", shift=(0.0, 0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (778, 3) and joints (21, 3) m in the world."""
    vertices, joints = posed_hand(0.4, side, rotation((1, 2, 0), 0.5))
    return vertices + PLACE + shift, joints + PLACE + shift


def found_by(
    extrinsics: Extrinsics, hand=None, side: str = "right", number: int = 0, scale: float = 1.0,
    noise: float = 0.0, seed: int = 0,
) -> Hand:  # fmt: skip
    """The hand in a camera's frame; scale: of the distance and the size that are guessed; noise: px of joints_2d."""
    vertices, joints = (extrinsics.to_camera(points) for points in (true_hand(side) if hand is None else hand))
    joints_2d = CAMERA.project(joints) + np.random.default_rng(seed).normal(0, noise, (21, 2))
    numbers = (joints_box(joints_2d), joints_2d, np.full(21, 0.9), joints * scale, vertices * scale, joints[0] * scale)
    return Hand(0.9, side, 0.9, *(values.astype(np.float32) for values in numbers), id=number)


def view(name: str, degrees: float, *hands: Hand) -> View:
    """The view of a camera of that name that stands there."""
    return View(name, list(hands), CAMERA, standing(degrees))
