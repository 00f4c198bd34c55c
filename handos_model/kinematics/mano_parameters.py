"""MANO's theta and beta for a hand, for those who have MANO's files: pose and shape nearest to its mesh or joints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from handos_model.hand import KNOWN_SIDES, KNUCKLES, Hand
from handos_model.kinematics.frames import nearest_rotation
from handos_model.template.mano_layer import ManoLayer

NOISE = 0.003
"""m, standard deviation of what is seen, which weighs it against the prior for pose and shape."""
SPREAD = np.concatenate([np.full(3, 1e3), np.full(45, 0.7), np.ones(10), np.full(3, 1e3)])
"""Usual deviations from MANO's mean hand: of the wrist (any), fingers (rad), shape (MANO's unit) and place (any)."""
STEPS = 30
_ENOUGH = 1e-4  # fraction of the cost that a step must still save
_PALM = [0, *KNUCKLES]


@dataclass(frozen=True, eq=False)
class ManoParameters:
    """Parameters for which ManoLayer returns the hand in the camera's frame: layer(pose, shape, translation)."""

    pose: np.ndarray
    """(48,) rad, theta: axis-angles of the whole hand, then of MANO's 15 joints, from the flat hand."""
    shape: np.ndarray
    """(10,) beta."""
    translation: np.ndarray
    """(3,) m. This is not the wrist: MANO turns a hand about its wrist joint, which is not its origin."""
    error: float
    """m, mean distance to the mesh or joints that were given."""


def mano_parameters(hand: Hand, layer: ManoLayer, mesh: bool = False) -> ManoParameters:
    """The nearest MANO hand, by Levenberg and Marquardt's method from MANO's mean hand.

    layer: that of the hand's side. mesh: the hand has MANO's mesh, as from networks trained on MANO; otherwise only its
    joints are fitted, and the turn of a finger about its own axis is the usual one. Takes a tenth of a second. Raises
    ValueError for an unknown side and for a hand that is not finite.
    """
    if hand.side not in KNOWN_SIDES:
        raise ValueError(f"side is {hand.side!r}, must be left or right: MANO has one model per side")
    seen = (hand.vertices if mesh else hand.joints_3d).astype(np.float64)
    if not np.isfinite(seen).all():
        raise ValueError("the hand holds NaN or infinity, must be finite")
    mean = np.concatenate([np.zeros(3), layer.mean_pose, np.zeros(13)])

    def residuals(x: np.ndarray) -> np.ndarray:
        offset = (_points(layer, x, mesh) - seen) / NOISE
        return np.concatenate([offset.reshape(*x.shape[:-1], -1), (x - mean) / SPREAD], axis=-1)

    x = _minimised(residuals, _start(layer, mean, hand.joints_3d.astype(np.float64)))
    error = float(np.linalg.norm(_points(layer, x, mesh) - seen, axis=1).mean())
    return ManoParameters(x[:48], x[48:58], x[58:], error)


class ManoFitter:
    """Finds mano_parameters for hands of both sides, as plain numbers for a file."""

    def __init__(self, folder: Path, mesh: bool) -> None:
        """folder: that of MANO_RIGHT.pkl and MANO_LEFT.pkl; mesh: see mano_parameters. Errors are ManoLayer.load's."""
        self._layers = {side: ManoLayer.load(folder, side) for side in KNOWN_SIDES}
        self._mesh = mesh

    def record(self, hand: Hand) -> dict[str, list[float]] | None:
        """pose, shape and translation, as in ManoParameters; None for a hand whose side is unknown."""
        if hand.side not in self._layers:
            return None
        found = mano_parameters(hand, self._layers[hand.side], self._mesh)
        return {name: getattr(found, name).round(5).tolist() for name in ("pose", "shape", "translation")}


def _points(layer: ManoLayer, x: np.ndarray, mesh: bool) -> np.ndarray:
    """Vertices or joints (..., N, 3) m for parameters (..., 61)."""
    vertices, joints = layer(x[..., :48], x[..., 48:58], x[..., 58:])
    return vertices if mesh else joints


def _start(layer: ManoLayer, mean: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """The mean hand (61,), with its palm moved onto that of the joints (21, 3)."""
    rest = layer(mean[:48], mean[48:58])[1]
    palm, target = rest[_PALM] - rest[_PALM].mean(axis=0), joints[_PALM] - joints[_PALM].mean(axis=0)
    axis_angle = cv2.Rodrigues(nearest_rotation(target.T @ palm))[0].ravel()
    return np.concatenate([axis_angle, mean[3:58], joints[0] - rest[0]])


def _minimised(residuals: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """The parameters that minimise the sum of squares, starting from x."""
    now = residuals(x)
    damping = 1e-2
    for _ in range(STEPS):
        step = 1e-6
        slopes = (residuals(x + step * np.eye(len(x))) - now).T / step
        normal, downhill = slopes.T @ slopes, -slopes.T @ now
        while damping < 1e8:
            tried = x + np.linalg.solve(normal + damping * np.diag(np.diag(normal)), downhill)
            then = residuals(tried)
            if then @ then < now @ now:
                break
            damping *= 10
        else:
            break
        gained = 1 - (then @ then) / (now @ now)
        x, now, damping = tried, then, damping / 10
        if gained < _ENOUGH:
            break
    return x
