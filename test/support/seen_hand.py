"""Hands as a perfect predictor says them, for tests of what follows hands."""

from __future__ import annotations

from functools import cache

import numpy as np
from posed_hand import posed_hand

from handos_model.camera import Camera
from handos_model.hand import Hand, joints_box

CAMERA = Camera.from_fov(640, 480)
ARRAYS = ("box", "joints_2d", "joint_confidence", "joints_3d", "vertices", "translation")
STILL = cache(posed_hand)


def seen_hand(
    place: tuple[float, float, float] = (0, 0, 0.6), side: str = "right", curl: float = 0.4,
    turn: np.ndarray | None = None, noise: np.ndarray | None = None,
) -> Hand:  # fmt: skip
    """A hand with its wrist at `place` m, as a perfect predictor says it; noise (3,) m moves what it says."""
    vertices, joints = STILL(curl, side) if turn is None else posed_hand(curl, side, turn)
    wrist = np.asarray(place, np.float64) + (0 if noise is None else noise)
    joints_2d = CAMERA.project(joints + wrist)
    values = (joints_box(joints_2d), joints_2d, np.full(21, 0.8), joints + wrist, vertices + wrist, wrist)
    arrays = dict(zip(ARRAYS, (np.float32(value) for value in values), strict=True))
    return Hand(score=0.9, side=side, side_confidence=0.9, **arrays)
